# The failure queue: events of every trigger that failed after the last attempt. The trigger "url" has no events: each request has
# a response.

resource "aws_sqs_queue" "failures" {
  count = local.serves ? 0 : 1

  name = local.failures_name
  # 14 days, the maximum of SQS.
  message_retention_seconds = 1209600
  # For a redrive, Lambda requires at least the function's timeout. AWS recommends six times the timeout.
  visibility_timeout_seconds = 6 * var.timeout
  sqs_managed_sse_enabled    = true
  tags                       = var.tags
}

locals {
  # SQS accepts plain HTTP unless the queue policy denies it.
  https_only = {
    for queue, arn in { failures = local.failures_arn, trigger = local.queue_arn } : queue => {
      Sid                        = "HttpsOnly"
      Effect                     = "Deny"
      Principal                  = { AWS = "*" }
      Action                     = "sqs:*"
      Resource                   = arn
      Condition                  = { Bool = { "aws:SecureTransport" = "false" } }
    }
  }
}

resource "aws_sqs_queue_policy" "failures" {
  count = local.serves ? 0 : 1

  queue_url = aws_sqs_queue.failures[0].url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([local.https_only.failures], [
      for rule in aws_cloudwatch_event_rule.this : {
        Sid       = "SendUndelivered"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.failures[0].arn
        Condition = { ArnEquals = { "aws:SourceArn" = rule.arn } }
      }
    ])
  })
}

# EventBridge and S3 invoke the function asynchronously. Lambda retries twice before it sends the event to this destination.
resource "aws_lambda_function_event_invoke_config" "this" {
  count = local.is_asynchronous ? 1 : 0

  function_name          = aws_lambda_function.this.function_name
  qualifier              = aws_lambda_alias.this.name
  maximum_retry_attempts = 2

  destination_config {
    on_failure {
      destination = aws_sqs_queue.failures[0].arn
    }
  }

  # Lambda checks that the role may send messages to the queue.
  depends_on = [aws_iam_role_policy.this]
}
