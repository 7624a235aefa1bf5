# The function, its version and alias, and its log.

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338: log_retention_in_days sets the retention; metrics keep the long-term data
  name              = local.log_group_name
  retention_in_days = var.log_retention_in_days
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}

locals {
  # Many uploads must not use the concurrency of all functions of the account (1,000 by default). With the trigger "sqs", the
  # event source mapping has its own limit, so nothing is reserved. With the trigger "url", the limit is the maximum cost of an
  # attack: docs/serving.md.
  reserved = var.reserved_concurrent_executions != null ? var.reserved_concurrent_executions : lookup({ sqs = -1, url = 10 }, var.trigger, 50)
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_116: failed events go to the on-failure destination of failures.tf, or to the dead-letter queue of the trigger's queue
  #checkov:skip=CKV_AWS_272: Lambda cannot sign images; the digest identifies the image
  #checkov:skip=CKV_AWS_50: the function sends no traces to X-Ray, and its permissions would need Resource *
  function_name = var.name
  description   = local.serves ? "Serves variants of images in s3://${var.source_bucket}" : "Converts images in s3://${var.source_bucket}/${var.source_prefix} to AVIF"
  role          = aws_iam_role.this.arn

  package_type  = "Image"
  image_uri     = var.image_uri
  architectures = [var.architecture]
  # Each change of code or configuration publishes a new version.
  publish = true

  memory_size                    = var.memory_size
  timeout                        = var.timeout
  reserved_concurrent_executions = local.reserved
  kms_key_arn                    = var.environment_kms_key_arn
  tags                           = var.tags

  ephemeral_storage {
    size = var.ephemeral_storage_size
  }

  # Lambda returns no environment if it has no variables, so an empty block would show a change in every plan.
  dynamic "environment" {
    for_each = length(local.environment) > 0 ? [local.environment] : []
    content {
      variables = environment.value
    }
  }

  # All arguments for which Lambda has a default are set here, so that a plan without changes is empty.
  logging_config {
    log_group             = aws_cloudwatch_log_group.this.name
    log_format            = var.log_format
    application_log_level = var.log_format == "JSON" ? var.log_level : null
    system_log_level      = var.log_format == "JSON" ? "INFO" : null
  }

  dynamic "vpc_config" {
    for_each = var.network == null ? [] : [var.network]
    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  # Lambda creates the network interfaces with the role when it creates the function.
  depends_on = [aws_iam_role_policy.this, aws_iam_role_policy.network]
}

# Only this resource depends on the version. All others refer to the alias, so a new image does not change them.
resource "aws_lambda_alias" "this" {
  name             = var.alias
  description      = "All events go to this alias"
  function_name    = aws_lambda_function.this.function_name
  function_version = aws_lambda_function.this.version
}
