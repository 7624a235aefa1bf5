# Much traffic: S3 tells a queue, and Lambda takes from it in batches. This bucket's notifications are the module's alone;
# where others share them, leave replace_bucket_notifications out and name `queue_arn` there, or put a topic in between.

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
  trigger       = "sqs"

  replace_bucket_notifications = true
  maximum_concurrency          = 100
  timeout                      = 120
  memory_size                  = 3538
}

output "queue_url" {
  description = "What `avif backfill` may feed."
  value       = module.avif.queue_url
}
