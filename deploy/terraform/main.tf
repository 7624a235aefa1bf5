# The function, its version and alias, and its log.

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338: log_retention_in_days decides; what is of lasting interest is in metrics
  name              = local.log_group_name
  retention_in_days = var.log_retention_in_days
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}

locals {
  # So that a flood of uploads does not take the concurrency of every other function in the account, 1,000 by default. The
  # mapping of the queue has its own limit, and needs nothing reserved.
  reserved = var.reserved_concurrent_executions != null ? var.reserved_concurrent_executions : var.trigger == "sqs" ? -1 : 50
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_116: failures go to the destination of failures.tf, which holds the error too, or by the queue
  #checkov:skip=CKV_AWS_272: Lambda signs no images; the digest is what is checked
  #checkov:skip=CKV_AWS_50: the function sends no traces, and a role for them would name every resource
  function_name = var.name
  description   = "Photographs in s3://${var.source_bucket}/${var.source_prefix} become AVIF"
  role          = aws_iam_role.this.arn

  package_type  = "Image"
  image_uri     = var.image_uri
  architectures = [var.architecture]
  # Every change of code or configuration becomes a version of its own, and an unchanged one none.
  publish = true

  memory_size                    = var.memory_size
  timeout                        = var.timeout
  reserved_concurrent_executions = local.reserved
  kms_key_arn                    = var.environment_kms_key_arn
  tags                           = var.tags

  ephemeral_storage {
    size = var.ephemeral_storage_size
  }

  # Lambda tells of no environment where there is nothing in it, and an empty block would be a change in every plan.
  dynamic "environment" {
    for_each = length(local.environment) > 0 ? [local.environment] : []
    content {
      variables = environment.value
    }
  }

  # What Lambda would fill in is named, so that a plan has nothing to find.
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

  # Lambda makes the network's interfaces while it makes the function, by the role.
  depends_on = [aws_iam_role_policy.this, aws_iam_role_policy.network]
}

# The one resource that looks at the version: everything else names the alias, which stays what it is.
resource "aws_lambda_alias" "this" {
  name             = var.alias
  description      = "What every event goes to"
  function_name    = aws_lambda_function.this.function_name
  function_version = aws_lambda_function.this.version
}
