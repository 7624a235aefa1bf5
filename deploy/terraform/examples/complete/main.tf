# Everything, from an empty account: the repository, a bucket for photographs and one for variants, the catalogue, alarms by
# mail. The first `apply` comes without an image and makes the repository alone; see docs/deploy.md.

variable "region" {
  description = "Where all of this is to be."
  type        = string
  default     = "eu-central-1"
}

variable "image_uri" {
  description = "REPOSITORY@sha256:DIGEST, as `push` printed it; null as long as nothing was pushed."
  type        = string
  default     = null
}

variable "mail" {
  description = "Who is told of alarms; null for nobody."
  type        = string
  default     = null
}

variable "reserved_concurrent_executions" {
  description = "The most instances that run at a time; -1 in an account with a small quota, as docs/deploy.md describes."
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
  # Known before anything is made: no part of this ever needs -target.
  count = var.image_uri == null ? 0 : 1

  name          = "avif"
  image_uri     = var.image_uri
  source_bucket = aws_s3_bucket.photographs.bucket
  settings = merge(jsondecode(file("${path.module}/../settings.json")), {
    output_bucket = aws_s3_bucket.variants.bucket
    catalog_table = aws_dynamodb_table.catalogue.name
  })
  alarm_actions = aws_sns_topic.alarms[*].arn

  reserved_concurrent_executions = var.reserved_concurrent_executions
}

# Names of buckets are everybody's: the account's number makes these one's own.
resource "aws_s3_bucket" "photographs" {
  #checkov:skip=CKV_AWS_18: an example: access logs want a bucket of their own
  #checkov:skip=CKV_AWS_144: an example: one region
  #checkov:skip=CKV_AWS_145: an example: S3 encrypts by itself, and docs/deploy.md tells of keys
  bucket = "photographs-${data.aws_caller_identity.this.account_id}-${var.region}"
}

resource "aws_s3_bucket" "variants" {
  #checkov:skip=CKV_AWS_18: an example: access logs want a bucket of their own
  #checkov:skip=CKV_AWS_21: variants can be made again
  #checkov:skip=CKV_AWS_144: variants can be made again
  #checkov:skip=CKV_AWS_145: an example: S3 encrypts by itself, and docs/deploy.md tells of keys
  #checkov:skip=CKV2_AWS_62: nothing waits for variants
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

# S3 answers plain HTTP, too, unless the policy of the bucket denies it.
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

  # S3 changes one of the two at a time.
  depends_on = [aws_s3_bucket_public_access_block.this]
}

# An original that was replaced by mistake can be had back.
resource "aws_s3_bucket_versioning" "photographs" {
  bucket = aws_s3_bucket.photographs.bucket

  versioning_configuration {
    status = "Enabled"
  }
}

# What was uploaded half-way goes, and in the end what an upload replaced.
resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = { photographs = aws_s3_bucket.photographs.bucket, variants = aws_s3_bucket.variants.bucket }

  bucket = each.value

  rule {
    id     = "leftovers"
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

# The bucket is new, so there are no other notifications that this could replace.
resource "aws_s3_bucket_notification" "photographs" {
  bucket      = aws_s3_bucket.photographs.bucket
  eventbridge = true
}

resource "aws_dynamodb_table" "catalogue" {
  #checkov:skip=CKV_AWS_119: an example: DynamoDB encrypts by itself
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
  #checkov:skip=CKV_AWS_26: CloudWatch cannot write to a topic under the key that AWS keeps for SNS; an alarm holds no secret
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
  description = "What `push` is given."
  value       = module.repository.repository_url
}

output "bucket" {
  description = "Where photographs go."
  value       = aws_s3_bucket.photographs.bucket
}

output "variants" {
  description = "Where their AVIFs are."
  value       = aws_s3_bucket.variants.bucket
}

output "function" {
  description = "What the module tells of the function; null as long as there is none."
  value       = one(module.avif)
}
