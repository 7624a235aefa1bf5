# The bucket's notifications to the function or to the queue. A bucket has only one notification configuration, and this
# resource replaces it. So the module creates the resource only if replace_bucket_notifications is true.

resource "aws_lambda_permission" "s3" {
  count = var.trigger == "notification" ? 1 : 0

  statement_id  = "s3"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  qualifier     = aws_lambda_alias.this.name
  principal     = "s3.amazonaws.com"
  source_arn    = local.source_arn
  # After a bucket is deleted, another account may create a bucket with the same name.
  source_account = local.source_account
}

resource "aws_s3_bucket_notification" "this" {
  count = var.replace_bucket_notifications ? 1 : 0

  bucket = var.source_bucket

  # One notification for each suffix, because a filter of S3 has only one suffix.
  dynamic "lambda_function" {
    for_each = var.trigger == "notification" ? var.suffixes : []
    content {
      id                  = "avif${lambda_function.value}"
      lambda_function_arn = aws_lambda_alias.this.arn
      events              = local.notification_events
      filter_prefix       = var.source_prefix
      filter_suffix       = lambda_function.value
    }
  }

  dynamic "queue" {
    for_each = var.trigger == "sqs" ? var.suffixes : []
    content {
      id            = "avif${queue.value}"
      queue_arn     = aws_sqs_queue.this[0].arn
      events        = local.notification_events
      filter_prefix = var.source_prefix
      filter_suffix = queue.value
    }
  }

  # S3 validates each destination when the configuration is written.
  depends_on = [aws_lambda_permission.s3, aws_sqs_queue_policy.this]
}
