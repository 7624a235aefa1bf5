variable "log_retention_in_days" {
  description = "Days that the log is kept; 0 keeps it for ever."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_in_days)
    error_message = "CloudWatch Logs knows 0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 and 3653 days."
  }
}

variable "log_kms_key_arn" {
  description = "The KMS key that encrypts the log; null takes CloudWatch's own."
  type        = string
  default     = null

  validation {
    condition     = var.log_kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:", var.log_kms_key_arn))
    error_message = "Name the key by its ARN."
  }
}

variable "log_format" {
  description = "JSON, which alarms and queries read, or Text for people."
  type        = string
  default     = "JSON"
  nullable    = false

  validation {
    condition     = contains(["JSON", "Text"], var.log_format)
    error_message = "Lambda writes JSON or Text."
  }
}

variable "log_level" {
  description = "The least level that is logged, in JSON: TRACE, DEBUG, INFO, WARN, ERROR or FATAL. The lines that metrics are made of are of level INFO: above it there are none of pictures."
  type        = string
  default     = "INFO"
  nullable    = false

  validation {
    condition     = contains(["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"], var.log_level)
    error_message = "The levels are TRACE, DEBUG, INFO, WARN, ERROR and FATAL."
  }
}

variable "create_alarms" {
  description = "Whether the alarms of docs/operations.md are made."
  type        = bool
  default     = true
  nullable    = false
}

variable "alarm_actions" {
  description = "ARNs that are told when an alarm goes off and when it is over: SNS topics, for instance. At most 5."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.alarm_actions) <= 5 && alltrue([for action in var.alarm_actions : startswith(action, "arn:")])
    error_message = "CloudWatch takes up to 5 ARNs."
  }
}

variable "create_dashboard" {
  description = "Whether a CloudWatch dashboard of the function's name is made."
  type        = bool
  default     = true
  nullable    = false
}
