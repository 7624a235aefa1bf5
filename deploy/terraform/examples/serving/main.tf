# Images behind a URL, in an empty account: repository, source bucket, output bucket, the function that converts uploads, and a
# CloudFront distribution with a function that makes missing variants. The first `apply` has no image, so it creates everything
# except the functions and the distribution. See docs/serving.md.

variable "region" {
  description = "The AWS region of all resources, except those that CloudFront needs in us-east-1."
  type        = string
  default     = "eu-central-1"
}

variable "image_uri" {
  description = "The image as REPOSITORY@sha256:DIGEST, as `push` prints it; null before the first push."
  type        = string
  default     = null
}

variable "reserved_concurrent_executions" {
  description = "The maximum number of concurrent instances of the function that converts uploads; -1 in an account with a small quota, as docs/deploy.md describes."
  type        = number
  default     = null
}

variable "serving_concurrency" {
  description = "The maximum number of variants that are made at the same time for requests; -1 in an account with a small quota."
  type        = number
  default     = 10
}

variable "rate_limit" {
  description = "The maximum number of requests of one IP address in 5 minutes; null for no limit."
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

locals {
  # Both functions have the same settings, so both make the same variants.
  settings = merge(jsondecode(file("${path.module}/../settings.json")), {
    formats = "avif,webp,jpeg"
    # After the public access block: S3 rejects concurrent changes of it and of the bucket policy.
    output_bucket = aws_s3_bucket_public_access_block.this["variants"].bucket
  })
}

module "repository" {
  source = "../../modules/repository"

  name = "avif"
}

# Converts uploads, and updates or deletes the variants of a source that is replaced or deleted.
module "avif" {
  source = "../.."
  # This condition depends on a variable, not on a resource attribute, so no apply needs -target.
  count = var.image_uri == null ? 0 : 1

  name          = "avif"
  image_uri     = var.image_uri
  source_bucket = aws_s3_bucket.photographs.bucket
  settings      = local.settings

  reserved_concurrent_executions = var.reserved_concurrent_executions
}

module "images" {
  source = "../../modules/cdn"
  count  = var.image_uri == null ? 0 : 1

  name           = "avif-serve"
  image_uri      = var.image_uri
  source_bucket  = aws_s3_bucket.photographs.bucket
  serve_prefixes = ["photos/"]
  settings       = local.settings
  rate_limit     = var.rate_limit
  # The bucket has no other policy.
  replace_bucket_policy = true

  reserved_concurrent_executions = var.serving_concurrency
}

# Bucket names are global. The account ID makes these names unique.
resource "aws_s3_bucket" "photographs" {
  #checkov:skip=CKV_AWS_18: an example: access logs need another bucket
  #checkov:skip=CKV_AWS_144: an example: it uses one region
  #checkov:skip=CKV_AWS_145: an example: S3 encrypts by default; docs/deploy.md describes KMS keys
  #checkov:skip=CKV2_AWS_61: an example: docs/deploy.md describes a lifecycle
  bucket = "photographs-${data.aws_caller_identity.this.account_id}-${var.region}"
}

resource "aws_s3_bucket" "variants" {
  #checkov:skip=CKV_AWS_18: an example: access logs need another bucket
  #checkov:skip=CKV_AWS_21: variants can be made again from the sources
  #checkov:skip=CKV_AWS_144: variants can be made again from the sources
  #checkov:skip=CKV_AWS_145: an example: S3 encrypts by default; docs/deploy.md describes KMS keys
  #checkov:skip=CKV2_AWS_61: an example: docs/deploy.md describes a lifecycle
  #checkov:skip=CKV2_AWS_62: nothing needs events of variants
  bucket = "variants-${data.aws_caller_identity.this.account_id}-${var.region}"
}

# Only the distribution reads the variants, by the policy of the bucket.
resource "aws_s3_bucket_public_access_block" "this" {
  for_each = { photographs = aws_s3_bucket.photographs.bucket, variants = aws_s3_bucket.variants.bucket }

  bucket                  = each.value
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# Versioning can restore a source that was overwritten by mistake.
resource "aws_s3_bucket_versioning" "photographs" {
  bucket = aws_s3_bucket.photographs.bucket

  versioning_configuration {
    status = "Enabled"
  }
}

# The bucket is new, so there are no other notifications to replace.
resource "aws_s3_bucket_notification" "photographs" {
  bucket      = aws_s3_bucket.photographs.bucket
  eventbridge = true
}

output "repository_url" {
  description = "The argument of `push`."
  value       = module.repository.repository_url
}

output "bucket" {
  description = "The source bucket."
  value       = aws_s3_bucket.photographs.bucket
}

output "domain_name" {
  description = "The domain name of the images; null before the distribution exists."
  value       = one(module.images[*].domain_name)
}

output "distribution_id" {
  description = "The ID of the distribution; null before it exists."
  value       = one(module.images[*].distribution_id)
}
