# The alarms of docs/operations.md, which tells what each means and what to do about it.

locals {
  of_function = { FunctionName = var.name }
  of_failures = { QueueName = local.failures_name }
  of_queue    = { QueueName = local.queue_name }

  # Each over one metric: it goes off above `most` in every one of `periods` periods of five minutes.
  alarms = {
    failures = {
      when = true, namespace = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum", of = local.of_failures
      most = 0, periods = 1, means = "Pictures failed for good"
    }
    dropped = {
      when = local.is_asynchronous, namespace = "AWS/Lambda", metric = "AsyncEventsDropped", statistic = "Sum", of = local.of_function
      most = 0, periods = 1, means = "Events were lost"
    }
    undelivered = {
      when = local.is_asynchronous, namespace = "AWS/Lambda", metric = "DestinationDeliveryFailures", statistic = "Sum", of = local.of_function
      most = 0, periods = 1, means = "The role may not write to the failures' queue"
    }
    # In milliseconds, which Lambda counts it in.
    late = {
      when = local.is_asynchronous, namespace = "AWS/Lambda", metric = "AsyncEventAge", statistic = "Maximum", of = local.of_function
      most = 900000, periods = 1, means = "The function does not keep up: raise its concurrency"
    }
    # In seconds.
    queued = {
      when = var.trigger == "sqs", namespace = "AWS/SQS", metric = "ApproximateAgeOfOldestMessage", statistic = "Maximum", of = local.of_queue
      most = 900, periods = 1, means = "The function does not keep up: raise its concurrency"
    }
    throttled = {
      when = true, namespace = "AWS/Lambda", metric = "Throttles", statistic = "Sum", of = local.of_function
      most = 0, periods = 3, means = "The function's concurrency is too small"
    }
    slow = {
      when = true, namespace = "AWS/Lambda", metric = "Duration", statistic = "Maximum", of = local.of_function
      most = 800 * var.timeout, periods = 1, means = "Large pictures come near the time-out: more memory, which is more CPU"
    }
    recursive = {
      when = true, namespace = "AWS/Lambda", metric = "RecursiveInvocationsDropped", statistic = "Sum", of = local.of_function
      most = 0, periods = 1, means = "Another function and this one feed each other"
    }
    # The extension counts it. Where it writes no metrics, docs/operations.md has a metric filter.
    rejected = {
      when = local.has_metrics, namespace = local.namespace, metric = "RejectedRecords", statistic = "Sum", of = local.of_function
      most = 0, periods = 1, means = "Events arrived that the function cannot use: they name no object, or ask for something else"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = { for name, alarm in local.alarms : name => alarm if alarm.when && var.create_alarms }

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "${each.value.means}. See docs/operations.md."
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.of
  statistic           = each.value.statistic
  period              = 300
  evaluation_periods  = each.value.periods
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.most
  # Where nothing happens nothing is wrong.
  treat_missing_data = "notBreaching"
  alarm_actions      = var.alarm_actions
  ok_actions         = var.alarm_actions
  tags               = var.tags
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  count = var.create_alarms ? 1 : 0

  alarm_name          = "${var.name}-errors"
  alarm_description   = "More than 5 % of the invocations failed for 15 minutes: S3's permissions, the codec, a bad release. See docs/operations.md."
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags

  metric_query {
    id          = "share"
    label       = "Errors of 100 invocations"
    expression  = "100 * errors / invocations"
    return_data = true
  }
  dynamic "metric_query" {
    for_each = { errors = "Errors", invocations = "Invocations" }
    content {
      id = metric_query.key
      metric {
        namespace   = "AWS/Lambda"
        metric_name = metric_query.value
        dimensions  = local.of_function
        period      = 300
        stat        = "Sum"
      }
    }
  }
}
