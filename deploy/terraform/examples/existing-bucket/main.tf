# A bucket that is there already, whoever made it, and whose notifications are somebody else's. EventBridge is a switch
# beside them, which docs/deploy.md tells how to turn; here nothing of the bucket is changed.

variable "bucket" {
  description = "The bucket's name."
  type        = string
}

variable "image_uri" {
  description = "REPOSITORY@sha256:DIGEST, as `push` printed it."
  type        = string
}

variable "reserved_concurrent_executions" {
  description = "The most instances that run at a time; -1 in an account with a small quota, as docs/deploy.md describes."
  type        = number
  default     = null
}

module "avif" {
  source = "../.."

  image_uri     = var.image_uri
  source_bucket = var.bucket
  source_prefix = "originals/"
  settings = {
    # With a prefix of their own, variants lie outside of what wakes the function.
    output_prefix = "avif/"
  }

  reserved_concurrent_executions = var.reserved_concurrent_executions
}

output "alias_arn" {
  description = "What S3 Batch Operations is given for what is in the bucket already."
  value       = module.avif.alias_arn
}
