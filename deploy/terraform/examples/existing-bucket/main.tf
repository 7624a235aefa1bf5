# An existing bucket. The example does not modify the bucket. docs/deploy.md describes how
# to turn on EventBridge for it.

variable "bucket" {
  description = "The name of the bucket."
  type        = string
}

variable "image_uri" {
  description = "The image as REPOSITORY@sha256:DIGEST, as `push` prints it."
  type        = string
}

variable "reserved_concurrent_executions" {
  description = "The maximum number of concurrent instances; -1 in an account with a small quota, as docs/deploy.md describes."
  type        = number
  default     = null
}

module "avif" {
  source = "../.."

  image_uri     = var.image_uri
  source_bucket = var.bucket
  source_prefix = "originals/"
  settings = {
    # With their own prefix, variants do not match the rule, so they do not invoke the function.
    output_prefix = "avif/"
  }

  reserved_concurrent_executions = var.reserved_concurrent_executions
}

output "alias_arn" {
  description = "The ARN of the alias, for `avif backfill --function`."
  value       = module.avif.alias_arn
}
