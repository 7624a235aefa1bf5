# A complete deployment in an empty account: repository, source bucket, output bucket, catalog, alarms by mail and the function.
# The first `apply` has no image, so it creates everything except the function. See docs/deploy.md.

variable "region" {
  description = "The AWS region of all resources."
  type        = string
  default     = "eu-central-1"
}

variable "image_uri" {
  description = "The image as REPOSITORY@sha256:DIGEST, as `push` prints it; null before the first push."
  type        = string
  default     = null
}

variable "mail" {
  description = "The mail address that receives alarms; null for none."
  type        = string
  default     = null
}

variable "reserved_concurrent_executions" {
  description = "The maximum number of concurrent instances; -1 in an account with a small quota, as docs/deploy.md describes."
  type        = number
  default     = null
}

provider "aws" {
  region = var.region

  default_tags {
    tags = { application = "avif" }
  }
}

data "aws_caller_identity" "this" {}

module "repository" {
  source = "../../modules/repository"

  name = "avif"
}

module "avif" {
  source = "../.."
  # This condition depends on a variable, not on a resource attribute, so no apply needs -target.
  count = var.image_uri == null ? 0 : 1

  name          = "avif"
  image_uri     = var.image_uri
  source_bucket = aws_s3_bucket.photographs.bucket
  settings = merge(jsondecode(file("${path.module}/../settings.json")), {
    output_bucket = aws_s3_bucket.variants.bucket
    catalog_table = aws_dynamodb_table.catalog.name
  })
  alarm_actions = aws_sns_topic.alarms[*].arn

  reserved_concurrent_executions = var.reserved_concurrent_executions
}

# Bucket names are global. The account ID makes these names unique.
resource "aws_s3_bucket" "photographs" {
  #checkov:skip=CKV_AWS_18: an example: access logs need another bucket
  #checkov:skip=CKV_AWS_144: an example: it uses one region
  #checkov:skip=CKV_AWS_145: an example: S3 encrypts by default; docs/deploy.md describes KMS keys
  bucket = "photographs-${data.aws_caller_identity.this.account_id}-${var.region}"
}

resource "aws_s3_bucket" "variants" {
  #checkov:skip=CKV_AWS_18: an example: access logs need another bucket
  #checkov:skip=CKV_AWS_21: variants can be created again from the sources
  #checkov:skip=CKV_AWS_144: variants can be created again from the sources
  #checkov:skip=CKV_AWS_145: an example: S3 encrypts by default; docs/deploy.md describes KMS keys
  #checkov:skip=CKV2_AWS_62: nothing needs events of variants
  bucket = "variants-${data.aws_caller_identity.this.account_id}-${var.region}"
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = { photographs = aws_s3_bucket.photographs.bucket, variants = aws_s3_bucket.variants.bucket }

  bucket                  = each.value
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# S3 accepts plain HTTP unless the bucket policy denies it.
resource "aws_s3_bucket_policy" "this" {
  for_each = { photographs = aws_s3_bucket.photographs, variants = aws_s3_bucket.variants }

  bucket = each.value.bucket
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "HttpsOnly"
      Effect    = "Deny"
      Principal = { AWS = "*" }
      Action    = "s3:*"
      Resource  = [each.value.arn, "${each.value.arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })

  # S3 rejects concurrent changes of the policy and the public access block.
  depends_on = [aws_s3_bucket_public_access_block.this]
}

# Versioning can restore a source that was overwritten by mistake.
resource "aws_s3_bucket_versioning" "photographs" {
  bucket = aws_s3_bucket.photographs.bucket

  versioning_configuration {
    status = "Enabled"
  }
}

# Deletes incomplete uploads after 7 days and replaced versions after 90 days.
resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = { photographs = aws_s3_bucket.photographs.bucket, variants = aws_s3_bucket.variants.bucket }

  bucket = each.value

  rule {
    id     = "cleanup"
    status = "Enabled"
    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
    noncurrent_version_expiration {
      noncurrent_days = 90
    }
  }
}

# The bucket is new, so there are no other notifications to replace.
resource "aws_s3_bucket_notification" "photographs" {
  bucket      = aws_s3_bucket.photographs.bucket
  eventbridge = true
}

moved {
  from = aws_dynamodb_table.catalogue
  to   = aws_dynamodb_table.catalog
}

resource "aws_dynamodb_table" "catalog" {
  #checkov:skip=CKV_AWS_119: an example: DynamoDB encrypts by default
  # Earlier versions of this example use the same name. Another name would replace the table.
  name                        = "avif-catalogue"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "source"
  deletion_protection_enabled = true

  attribute {
    name = "source"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }
}

resource "aws_sns_topic" "alarms" {
  #checkov:skip=CKV_AWS_26: CloudWatch cannot publish to a topic that the AWS managed key for SNS encrypts; an alarm contains no secret
  count = var.mail == null ? 0 : 1

  name = "avif-alarms"
}

resource "aws_sns_topic_subscription" "alarms" {
  count = var.mail == null ? 0 : 1

  topic_arn = aws_sns_topic.alarms[0].arn
  protocol  = "email"
  endpoint  = var.mail
}

output "repository_url" {
  description = "The argument of `push`."
  value       = module.repository.repository_url
}

output "bucket" {
  description = "The source bucket."
  value       = aws_s3_bucket.photographs.bucket
}

output "variants" {
  description = "The bucket with the variants."
  value       = aws_s3_bucket.variants.bucket
}

output "function" {
  description = "All outputs of the module; null before the function exists."
  value       = one(module.avif)
}
