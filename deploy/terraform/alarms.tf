# The alarms of docs/operations.md, which describes what each alarm means and what to do.

locals {
  of_function = { FunctionName = var.name }
  of_failures = { QueueName = local.failures_name }
  of_queue    = { QueueName = local.queue_name }

  # Each alarm has one metric. CloudWatch raises it if the metric is above `most` in `periods` successive periods of 5 minutes.
  alarms = {
    failures = {
      when = !local.serves, namespace = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum", of = local.of_failures
      most = 0, periods = 1, means = "Images failed after the last attempt"
    }
    dropped = {
      when = local.is_asynchronous, namespace = "AWS/Lambda", metric = "AsyncEventsDropped", statistic = "Sum", of = local.of_function
      most = 0, periods = 1, means = "Events were lost: there is no failure destination, or Lambda could not send the events there"
    }
    undelivered = {
      when = local.is_asynchronous, namespace = "AWS/Lambda", metric = "DestinationDeliveryFailures", statistic = "Sum", of = local.of_function
      most = 0, periods = 1, means = "The role may not write to the failure queue"
    }
    # In milliseconds, the unit of this metric.
    late = {
      when = local.is_asynchronous, namespace = "AWS/Lambda", metric = "AsyncEventAge", statistic = "Maximum", of = local.of_function
      most = 900000, periods = 1, means = "The function is too slow for the number of events: raise its concurrency"
    }
    # In seconds, the unit of this metric.
    queued = {
      when = var.trigger == "sqs", namespace = "AWS/SQS", metric = "ApproximateAgeOfOldestMessage", statistic = "Maximum", of = local.of_queue
      most = 900, periods = 1, means = "The function is too slow for the number of events: raise its concurrency"
    }
    throttled = {
      when = true, namespace = "AWS/Lambda", metric = "Throttles", statistic = "Sum", of = local.of_function
      most = 0, periods = 3, means = "The function's concurrency is too small"
    }
    slow = {
      when = true, namespace = "AWS/Lambda", metric = "Duration", statistic = "Maximum", of = local.of_function
      most = 800 * var.timeout, periods = 1, means = "Large images need almost the whole timeout: add memory, which adds CPU"
    }
    # A client whose request Lambda throttles gets the status 429.
    busy = {
      when = local.serves && local.reserved > 0, namespace = "AWS/Lambda", metric = "ConcurrentExecutions", statistic = "Maximum", of = local.of_function
      most = floor(0.8 * local.reserved), periods = 3, means = "The function needs almost its whole reserved concurrency: stop the attack, or raise the concurrency"
    }
    recursive = {
      when = true, namespace = "AWS/Lambda", metric = "RecursiveInvocationsDropped", statistic = "Sum", of = local.of_function
      most = 0, periods = 1, means = "Another function and this function invoke each other"
    }
    # The extension writes this metric. If it writes no metrics, use the metric filter of docs/operations.md.
    rejected = {
      when = local.has_metrics, namespace = local.namespace, metric = "RejectedRecords", statistic = "Sum", of = local.of_function
      most = 0, periods = 1, means = "Events arrive that the function cannot use: they name no object, or request an unknown operation"
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
  # No data means no events, which is not an error.
  treat_missing_data = "notBreaching"
  alarm_actions      = var.alarm_actions
  ok_actions         = var.alarm_actions
  tags               = var.tags
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  count = var.create_alarms ? 1 : 0

  alarm_name          = "${var.name}-errors"
  alarm_description   = "More than 5 % of the invocations failed for 15 minutes: check the permissions for S3, the codec, and the last release. See docs/operations.md."
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags

  metric_query {
    id          = "share"
    label       = "Errors per 100 invocations"
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
