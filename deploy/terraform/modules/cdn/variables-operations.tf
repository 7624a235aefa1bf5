variable "access_logs_arn" {
  description = "The ARN of the bucket, log group or Firehose stream that receives the access logs (standard logging v2); null writes none. A log group must be in us-east-1."
  type        = string
  default     = null

  validation {
    condition     = var.access_logs_arn == null || can(regex("^arn:[a-z-]+:(s3:::|logs:us-east-1:|firehose:)", var.access_logs_arn))
    error_message = "Write the ARN of a bucket, of a log group in us-east-1, or of a Firehose stream."
  }
}

variable "create_alarms" {
  description = "Whether the module creates alarms for the function, and in us-east-1 for the distribution."
  type        = bool
  default     = true
  nullable    = false
}

variable "alarm_actions" {
  description = "ARNs that CloudWatch notifies about the alarms of the function, for example SNS topics in its region. At most 5."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.alarm_actions) <= 5 && alltrue([for action in var.alarm_actions : startswith(action, "arn:")])
    error_message = "Expected at most 5 ARNs."
  }
}

variable "global_alarm_actions" {
  description = "ARNs that CloudWatch notifies about the alarms of the distribution, which are in us-east-1: SNS topics of this region. At most 5."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.global_alarm_actions) <= 5 && alltrue([for action in var.global_alarm_actions : can(regex("^arn:[a-z-]+:[a-z]+:us-east-1:", action))])
    error_message = "Expected at most 5 ARNs of us-east-1: CloudWatch notifies only topics in the region of the alarm."
  }
}

variable "create_dashboard" {
  description = "Whether the module creates a CloudWatch dashboard for the function."
  type        = bool
  default     = true
  nullable    = false
}

variable "log_retention_in_days" {
  description = "Retention of the function's log in days; 0 keeps it forever."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.log_retention_in_days >= 0
    error_message = "Expected a retention of CloudWatch Logs, for example 30."
  }
}

variable "log_kms_key_arn" {
  description = "The ARN of the KMS key that encrypts the function's log; null uses CloudWatch's own key."
  type        = string
  default     = null

  validation {
    condition     = var.log_kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:", var.log_kms_key_arn))
    error_message = "Write the ARN of the key."
  }
}
