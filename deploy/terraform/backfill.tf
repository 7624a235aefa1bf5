# The role of S3 Batch Operations, for `avif backfill`, which converts existing objects.

variable "backfill_bucket" {
  description = "The bucket for the manifests and reports of `avif backfill`, under backfill/. null if you do not use S3 Batch Operations."
  type        = string
  default     = null

  validation {
    condition     = var.backfill_bucket == null || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.backfill_bucket))
    error_message = "Write only the name of the bucket, without s3:// and not as an ARN."
  }
}

output "backfill_role_arn" {
  description = "The ARN of the role for `avif backfill --role`; null without backfill_bucket."
  value       = one(aws_iam_role.backfill[*].arn)
}

locals {
  in_backfill = { StringEquals = { "aws:ResourceAccount" = local.account } }
  # The same statements as in docs/iam.md. They use names, not resource attributes, so that plans show them before the first apply.
  backfill_policy = var.backfill_bucket == null ? null : jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Invoke"
        Effect   = "Allow"
        Action   = "lambda:InvokeFunction"
        Resource = "arn:${local.partition}:lambda:${local.here}:function:${var.name}:${var.alias}"
      },
      {
        Sid       = "ReadManifest"
        Effect    = "Allow"
        Action    = ["s3:GetObject", "s3:GetObjectVersion"]
        Resource  = "arn:${local.partition}:s3:::${var.backfill_bucket}/backfill/manifests/*"
        Condition = local.in_backfill
      },
      {
        Sid       = "WriteReport"
        Effect    = "Allow"
        Action    = "s3:PutObject"
        Resource  = "arn:${local.partition}:s3:::${var.backfill_bucket}/backfill/reports/*"
        Condition = local.in_backfill
      },
    ]
  })
}

resource "aws_iam_role" "backfill" {
  count = var.backfill_bucket == null ? 0 : 1

  name                 = "${var.name}-${local.region}-backfill"
  description          = "For S3 Batch Operations jobs that invoke the Lambda function ${var.name} in ${local.region}"
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "batchoperations.s3.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
}

resource "aws_iam_role_policy" "backfill" {
  count = var.backfill_bucket == null ? 0 : 1

  name   = "backfill"
  role   = aws_iam_role.backfill[0].name
  policy = local.backfill_policy
}
