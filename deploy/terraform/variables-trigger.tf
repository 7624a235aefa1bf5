variable "trigger" {
  description = "What wakes the function: \"eventbridge\" leaves the bucket's notifications alone; \"sqs\" is for much traffic; \"notification\" invokes directly, and replaces the bucket's notifications; \"none\" leaves it to S3 Batch Operations and to you."
  type        = string
  default     = "eventbridge"
  nullable    = false

  validation {
    condition     = contains(["eventbridge", "sqs", "notification", "none"], var.trigger)
    error_message = "There are eventbridge, sqs, notification and none."
  }
}

variable "replace_bucket_notifications" {
  description = "Whether the bucket's notification configuration is this module's. A bucket has one, which is written as a whole: whatever it holds already is lost. With the trigger \"sqs\" it is what makes S3 tell the queue; without it, S3 has to be told elsewhere."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = var.trigger != "notification" || var.replace_bucket_notifications
    error_message = "The trigger \"notification\" replaces every notification that the bucket has, and its EventBridge switch: set replace_bucket_notifications = true if that is what you want, or take \"eventbridge\"."
  }
  validation {
    condition     = !var.replace_bucket_notifications || contains(["sqs", "notification"], var.trigger)
    error_message = "Only the triggers \"sqs\" and \"notification\" write the bucket's notifications."
  }
  validation {
    condition     = !var.replace_bucket_notifications || var.topic_arn == null
    error_message = "Where a topic feeds the queue, the bucket's notifications are the topic's affair."
  }
}

variable "topic_arn" {
  description = "The SNS topic that S3 tells, where one feeds the queue of the trigger \"sqs\"; null where S3 tells the queue itself."
  type        = string
  default     = null

  validation {
    condition     = var.topic_arn == null || can(regex("^arn:[a-z-]+:sns:", var.topic_arn))
    error_message = "Name the topic by its ARN."
  }
  validation {
    condition     = var.topic_arn == null || var.trigger == "sqs"
    error_message = "A topic feeds the queue of the trigger \"sqs\"."
  }
}

variable "suffixes" {
  description = "The ends of keys that S3 tells of, where replace_bucket_notifications is set; at most 100. S3 minds the case."
  type        = list(string)
  default = [
    ".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp",
    ".JPG", ".JPEG", ".PNG", ".WEBP", ".GIF", ".TIF", ".TIFF", ".BMP",
  ]
  nullable = false

  validation {
    condition     = length(var.suffixes) >= 1 && length(var.suffixes) <= 100
    error_message = "A bucket has 1 to 100 notifications."
  }
  validation {
    condition     = alltrue([for suffix in var.suffixes : !endswith(lower(suffix), ".avif") && !endswith(lower(suffix), ".json") && suffix != ""])
    error_message = "An AVIF is an output and never an input: its events would only cost."
  }
}

variable "batch_size" {
  description = "Messages that the queue hands over at a time, 1 to 10."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.batch_size >= 1 && var.batch_size <= 10
    error_message = "1 to 10: a larger batch would have to be done within one time-out, too."
  }
}

variable "maximum_concurrency" {
  description = "Batches of the queue under way at a time, 2 to 1,000: what keeps a sudden million from taking the account's whole concurrency."
  type        = number
  default     = 20
  nullable    = false

  validation {
    condition     = var.maximum_concurrency >= 2 && var.maximum_concurrency <= 1000
    error_message = "Lambda takes 2 to 1000."
  }
  validation {
    condition     = var.trigger != "sqs" || local.reserved == -1 || var.maximum_concurrency <= local.reserved
    error_message = "More batches than reserved_concurrent_executions lets run are throttled, and end among the failures though nothing is wrong with them."
  }
}
