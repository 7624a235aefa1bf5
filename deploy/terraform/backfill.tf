# The role of S3 Batch Operations, by which `avif backfill` has the function go through what is in the bucket already.

variable "backfill_bucket" {
  description = "The bucket for the manifests and reports of `avif backfill`, under backfill/; null where S3 Batch Operations is not used."
  type        = string
  default     = null

  validation {
    condition     = var.backfill_bucket == null || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.backfill_bucket))
    error_message = "Name the bucket, without s3:// or an ARN."
  }
}

output "backfill_role_arn" {
  description = "The role for `avif backfill --role`; null without backfill_bucket."
  value       = one(aws_iam_role.backfill[*].arn)
}

locals {
  in_backfill = { StringEquals = { "aws:ResourceAccount" = local.account } }
  # docs/iam.md, word for word; by names, so that it is known before anything is made.
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
  description          = "What jobs of S3 Batch Operations for the function ${var.name} in ${local.region} may do"
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
