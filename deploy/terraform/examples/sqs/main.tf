# An example for heavy traffic: S3 sends events to a queue, and Lambda receives them in batches. The module writes all
# notifications of this bucket. If the bucket has other notifications, omit replace_bucket_notifications and add `queue_arn` to
# them, or use an SNS topic.

variable "bucket" {
  description = "The name of the bucket."
  type        = string
}

variable "image_uri" {
  description = "The image as REPOSITORY@sha256:DIGEST, as `push` prints it."
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
  description = "The URL of the queue, for `avif backfill --queue`."
  value       = module.avif.queue_url
}
