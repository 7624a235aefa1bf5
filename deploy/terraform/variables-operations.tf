variable "log_retention_in_days" {
  description = "Retention of the log in days; 0 keeps it forever."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_in_days)
    error_message = "Expected a retention of CloudWatch Logs: 0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 and 3653 days."
  }
}

variable "log_kms_key_arn" {
  description = "The ARN of the KMS key that encrypts the log; null uses CloudWatch's own key."
  type        = string
  default     = null

  validation {
    condition     = var.log_kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:", var.log_kms_key_arn))
    error_message = "Write the ARN of the key."
  }
}

variable "log_format" {
  description = "The format of the log: JSON or Text. Metrics, alarms and queries need JSON. Text is easier to read."
  type        = string
  default     = "JSON"
  nullable    = false

  validation {
    condition     = contains(["JSON", "Text"], var.log_format)
    error_message = "Expected JSON or Text."
  }
}

variable "log_level" {
  description = "The minimum level that is logged if log_format is JSON: TRACE, DEBUG, INFO, WARN, ERROR or FATAL. The metrics of images need the level INFO or lower."
  type        = string
  default     = "INFO"
  nullable    = false

  validation {
    condition     = contains(["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"], var.log_level)
    error_message = "Expected TRACE, DEBUG, INFO, WARN, ERROR or FATAL."
  }
}

variable "create_alarms" {
  description = "Whether the module creates the alarms of docs/operations.md."
  type        = bool
  default     = true
  nullable    = false
}

variable "alarm_actions" {
  description = "ARNs that CloudWatch notifies when an alarm starts and when it ends, for example SNS topics. At most 5."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.alarm_actions) <= 5 && alltrue([for action in var.alarm_actions : startswith(action, "arn:")])
    error_message = "Expected at most 5 ARNs."
  }
}

variable "create_dashboard" {
  description = "Whether the module creates a CloudWatch dashboard. It has the function's name."
  type        = bool
  default     = true
  nullable    = false
}
