# Images behind a URL: a CloudFront distribution that answers with stored variants from S3, and a function of its own that makes a
# missing variant. docs/serving.md describes the deployment.

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_region" "this" {}

# The same image as the function that converts uploads, but with a role for the served prefixes alone, and with its own concurrency.
module "function" {
  source = "../.."

  name                           = var.name
  image_uri                      = var.image_uri
  architecture                   = var.architecture
  memory_size                    = var.memory_size
  timeout                        = var.timeout
  reserved_concurrent_executions = var.reserved_concurrent_executions
  source_bucket                  = var.source_bucket
  trigger                        = "url"
  settings                       = merge(var.settings, { serve_prefixes = var.serve_prefixes })
  telemetry                      = var.telemetry
  telemetry_headers              = var.telemetry_headers
  source_kms_key_arn             = var.source_kms_key_arn
  output_kms_key_arn             = var.output_kms_key_arn
  log_retention_in_days          = var.log_retention_in_days
  log_kms_key_arn                = var.log_kms_key_arn
  create_alarms                  = var.create_alarms
  alarm_actions                  = var.alarm_actions
  create_dashboard               = var.create_dashboard
  permissions_boundary           = var.permissions_boundary
  tags                           = var.tags
}

# CloudFront signs its requests. A function URL needs both permissions (Amazon CloudFront developer guide, "Restrict access to an AWS
# Lambda function URL origin"), and the condition allows them to this distribution alone.
resource "aws_lambda_permission" "this" {
  for_each = { url = "lambda:InvokeFunctionUrl", function = "lambda:InvokeFunction" }

  statement_id  = "cloudfront-${each.key}"
  action        = each.value
  function_name = module.function.function_name
  qualifier     = module.function.alias_name
  principal     = "cloudfront.amazonaws.com"
  source_arn    = aws_cloudfront_distribution.this.arn
}
