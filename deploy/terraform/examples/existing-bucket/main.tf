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

module "avif" {
  source = "../.."

  image_uri     = var.image_uri
  source_bucket = var.bucket
  source_prefix = "originals/"
  settings = {
    # With a prefix of their own, variants lie outside of what wakes the function.
    output_prefix = "avif/"
  }
}

output "alias_arn" {
  description = "What S3 Batch Operations is given for what is in the bucket already."
  value       = module.avif.alias_arn
}
