# Access logs, alarms and the rate limit. CloudFront sends its metrics to us-east-1, and its web ACLs and log deliveries are there.

locals {
  of_distribution = { DistributionId = aws_cloudfront_distribution.this.id, Region = "Global" }
  of_resolve      = { FunctionName = aws_cloudfront_function.resolve.name, Region = "Global" }

  # Each alarm has one metric. CloudWatch raises it if the metric is above `most` in `periods` successive periods of 5 minutes.
  alarms = {
    errors = {
      metric = "5xxErrorRate", statistic = "Average", of = local.of_distribution
      most   = 5, periods = 3, means = "More than 5 % of the requests failed for 15 minutes"
    }
    resolve = {
      metric = "FunctionExecutionErrors", statistic = "Sum", of = local.of_resolve
      most   = 0, periods = 1, means = "resolve.js failed: compare its settings with those of the function"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = var.create_alarms ? local.alarms : {}
  region   = "us-east-1"

  alarm_name          = "${var.name}-cdn-${each.key}"
  alarm_description   = "${each.value.means}. See docs/serving.md."
  namespace           = "AWS/CloudFront"
  metric_name         = each.value.metric
  dimensions          = each.value.of
  statistic           = each.value.statistic
  period              = 300
  evaluation_periods  = each.value.periods
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.most
  # No data means no requests, which is not an error.
  treat_missing_data = "notBreaching"
  alarm_actions      = var.global_alarm_actions
  ok_actions         = var.global_alarm_actions
  tags               = var.tags
}

resource "aws_wafv2_web_acl" "this" {
  #checkov:skip=CKV_AWS_192: the function does not use Log4j
  #checkov:skip=CKV2_AWS_31: CloudWatch counts the blocked requests; full logs cost more than the requests
  count  = var.rate_limit == null ? 0 : 1
  region = "us-east-1"

  name        = var.name
  description = "Limits the requests of one IP address"
  scope       = "CLOUDFRONT"
  tags        = var.tags

  default_action {
    allow {}
  }

  rule {
    name     = "rate-limit"
    priority = 0

    action {
      block {}
    }
    statement {
      rate_based_statement {
        limit                 = var.rate_limit
        aggregate_key_type    = "IP"
        evaluation_window_sec = 300
      }
    }
    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${var.name}-rate-limit"
      sampled_requests_enabled   = true
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = var.name
    sampled_requests_enabled   = true
  }
}

resource "aws_cloudwatch_log_delivery_source" "this" {
  count  = var.access_logs_arn == null ? 0 : 1
  region = "us-east-1"

  name         = "${var.name}-access"
  log_type     = "ACCESS_LOGS"
  resource_arn = aws_cloudfront_distribution.this.arn
  tags         = var.tags
}

resource "aws_cloudwatch_log_delivery_destination" "this" {
  count  = var.access_logs_arn == null ? 0 : 1
  region = "us-east-1"

  name          = "${var.name}-access"
  output_format = "json"
  tags          = var.tags

  delivery_destination_configuration {
    destination_resource_arn = var.access_logs_arn
  }
}

resource "aws_cloudwatch_log_delivery" "this" {
  count  = var.access_logs_arn == null ? 0 : 1
  region = "us-east-1"

  delivery_source_name     = aws_cloudwatch_log_delivery_source.this[0].name
  delivery_destination_arn = aws_cloudwatch_log_delivery_destination.this[0].arn
  tags                     = var.tags
}
