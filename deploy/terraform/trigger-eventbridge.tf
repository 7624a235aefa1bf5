# The trigger "eventbridge". The bucket must send its events to EventBridge. docs/deploy.md describes how to turn this on
# without losing other notifications of the bucket.

resource "aws_cloudwatch_event_rule" "this" {
  count = var.trigger == "eventbridge" ? 1 : 0

  name          = var.name
  description   = "Created, restored and deleted objects in s3://${var.source_bucket}/${var.source_prefix}"
  event_pattern = local.event_pattern
  tags          = var.tags
}

resource "aws_cloudwatch_event_target" "this" {
  count = var.trigger == "eventbridge" ? 1 : 0

  rule = aws_cloudwatch_event_rule.this[0].name
  arn  = aws_lambda_alias.this.arn

  # The queue receives events that EventBridge cannot deliver to Lambda.
  dead_letter_config {
    arn = aws_sqs_queue.failures[0].arn
  }

  depends_on = [aws_lambda_permission.eventbridge]
}

resource "aws_lambda_permission" "eventbridge" {
  count = var.trigger == "eventbridge" ? 1 : 0

  statement_id  = "eventbridge"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  qualifier     = aws_lambda_alias.this.name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.this[0].arn
}
