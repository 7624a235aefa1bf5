variable "trigger" {
  description = "The trigger of the function. \"eventbridge\" does not change the bucket's notifications. \"sqs\" is for heavy traffic. \"notification\" lets S3 invoke the function directly, and replaces the bucket's notifications. \"none\" creates no trigger: S3 Batch Operations or you invoke the function. \"url\" creates a function URL instead, for the module modules/cdn: the function then only serves settings.serve_prefixes."
  type        = string
  default     = "eventbridge"
  nullable    = false

  validation {
    condition     = contains(["eventbridge", "sqs", "notification", "none", "url"], var.trigger)
    error_message = "Expected eventbridge, sqs, notification, none or url."
  }
}

variable "replace_bucket_notifications" {
  description = "Whether the module writes the bucket's notification configuration. A bucket has only one, so all other notifications of the bucket are lost. With the trigger \"sqs\", S3 then sends events to the queue. If false, add the queue to the notifications yourself."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = var.trigger != "notification" || var.replace_bucket_notifications
    error_message = "The trigger \"notification\" replaces every notification that the bucket has, and turns off its EventBridge notifications. If you accept this, set replace_bucket_notifications = true. Otherwise use the trigger \"eventbridge\"."
  }
  validation {
    condition     = !var.replace_bucket_notifications || contains(["sqs", "notification"], var.trigger)
    error_message = "Only the triggers \"sqs\" and \"notification\" write the bucket's notifications."
  }
  validation {
    condition     = !var.replace_bucket_notifications || var.topic_arn == null
    error_message = "With topic_arn, the bucket must notify the topic, so the module cannot write the bucket's notifications: set replace_bucket_notifications = false."
  }
}

variable "topic_arn" {
  description = "The ARN of an SNS topic that receives the bucket's events. The module subscribes the queue of the trigger \"sqs\" to it. null if S3 notifies the queue directly."
  type        = string
  default     = null

  validation {
    condition     = var.topic_arn == null || can(regex("^arn:[a-z-]+:sns:", var.topic_arn))
    error_message = "Write the ARN of the topic."
  }
  validation {
    condition     = var.topic_arn == null || var.trigger == "sqs"
    error_message = "topic_arn needs the trigger \"sqs\"."
  }
}

variable "suffixes" {
  description = "The key suffixes of the notifications, if replace_bucket_notifications is true; at most 100. S3 distinguishes upper and lower case. If you write the notifications of the trigger \"sqs\" yourself, the module uses the suffixes only to check settings.formats."
  type        = list(string)
  default = [
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".heic", ".heif", ".hif",
    ".JPG", ".JPEG", ".JPE", ".JFIF", ".PNG", ".APNG", ".WEBP", ".GIF", ".TIF", ".TIFF", ".BMP", ".HEIC", ".HEIF", ".HIF",
  ]
  nullable = false

  validation {
    condition     = length(var.suffixes) >= 1 && length(var.suffixes) <= 100
    error_message = "Expected 1 to 100 suffixes, because a bucket has at most 100 notifications."
  }
  validation {
    condition     = alltrue([for suffix in var.suffixes : !can(regex("(^|\\.avif|\\.json|\\.avif\\.webp|\\.avif\\.jpg)$", lower(suffix)))])
    error_message = "Suffixes must not be empty or end in .avif, .json, .avif.webp or .avif.jpg: the function never converts such keys."
  }
}

variable "batch_size" {
  description = "Maximum number of messages in a batch, 1 to 10."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.batch_size >= 1 && var.batch_size <= 10
    error_message = "Expected 1 to 10: the function must process a whole batch within one timeout."
  }
}

variable "maximum_concurrency" {
  description = "Maximum number of concurrent invocations by the queue, 2 to 1,000. It prevents many uploads from using the whole concurrency of the account."
  type        = number
  default     = 20
  nullable    = false

  validation {
    condition     = var.maximum_concurrency >= 2 && var.maximum_concurrency <= 1000
    error_message = "Expected 2 to 1000."
  }
  validation {
    condition     = var.trigger != "sqs" || local.reserved == -1 || var.maximum_concurrency <= local.reserved
    error_message = "maximum_concurrency must not exceed reserved_concurrent_executions. Otherwise Lambda throttles batches, and their messages can go to the failure queue without an error."
  }
}
