# The trigger "sqs": a queue that receives events from S3 or from an SNS topic.

resource "aws_sqs_queue" "this" {
  count = var.trigger == "sqs" ? 1 : 0

  name = local.queue_name
  # Six times the function's timeout, as AWS recommends. A throttled batch must not become visible again while Lambda retries it.
  visibility_timeout_seconds = 6 * var.timeout
  # Four days. SQS counts the age of a message from its arrival in this queue, so a message stays at least ten days in the
  # failure queue.
  message_retention_seconds = 345600
  sqs_managed_sse_enabled   = true
  redrive_policy            = jsonencode({ deadLetterTargetArn = aws_sqs_queue.failures[0].arn, maxReceiveCount = 5 })
  tags                      = var.tags
}

resource "aws_sqs_queue_policy" "this" {
  count = var.trigger == "sqs" ? 1 : 0

  queue_url = aws_sqs_queue.this[0].url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      local.https_only.trigger,
      {
        Sid       = "TakeEvents"
        Effect    = "Allow"
        Principal = { Service = var.topic_arn == null ? "s3.amazonaws.com" : "sns.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.this[0].arn
        Condition = merge(
          { ArnEquals = { "aws:SourceArn" = var.topic_arn == null ? local.source_arn : var.topic_arn } },
          # The ARN of a bucket does not contain the account. After a bucket is deleted, another account may create a bucket
          # with the same name.
          { for account in var.topic_arn == null ? [local.source_account] : [] : "StringEquals" => { "aws:SourceAccount" = account } },
        )
      },
    ]
  })
}

resource "aws_sns_topic_subscription" "this" {
  count = var.topic_arn == null ? 0 : 1

  topic_arn = var.topic_arn
  protocol  = "sqs"
  endpoint  = aws_sqs_queue.this[0].arn

  depends_on = [aws_sqs_queue_policy.this]
}

resource "aws_lambda_event_source_mapping" "this" {
  count = var.trigger == "sqs" ? 1 : 0

  event_source_arn = aws_sqs_queue.this[0].arn
  function_name    = aws_lambda_alias.this.arn
  batch_size       = var.batch_size
  # Required: without it, Lambda also deletes the failed messages of a batch, so these images are lost.
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = var.tags

  scaling_config {
    maximum_concurrency = var.maximum_concurrency
  }

  # Lambda checks that the role may read the queue.
  depends_on = [aws_iam_role_policy.this]
}
