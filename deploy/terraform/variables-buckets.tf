variable "source_bucket" {
  description = "The name of the source bucket. The bucket must exist: the module does not create it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.source_bucket))
    error_message = "Write only the name of the bucket, without s3:// and not as an ARN."
  }
}

variable "source_prefix" {
  description = "The key prefix of the sources; empty for the whole bucket. The role can read only keys with this prefix."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = !can(regex("[*?]", var.source_prefix)) && !startswith(var.source_prefix, "/") && length(var.source_prefix) <= 150
    error_message = "A prefix has at most 150 characters, contains neither * nor ?, and does not begin with a slash."
  }
  validation {
    condition     = var.trigger != "url" || var.source_prefix == ""
    error_message = "With the trigger \"url\", settings.serve_prefixes limits the keys: remove source_prefix."
  }
}

variable "source_account_id" {
  description = "The account that owns the source bucket; null if it is this account."
  type        = string
  default     = null

  validation {
    condition     = var.source_account_id == null || can(regex("^[0-9]{12}$", var.source_account_id))
    error_message = "An account ID has 12 digits."
  }
  validation {
    condition     = var.source_account_id == null || var.trigger != "eventbridge"
    error_message = "EventBridge delivers events only to the account that owns the bucket. Use the trigger \"sqs\", or let a rule in that account forward the events."
  }
}

variable "output_account_id" {
  description = "The account that owns the output bucket; null if it is this account, or if the variants are in the source bucket."
  type        = string
  default     = null

  validation {
    condition     = var.output_account_id == null || can(regex("^[0-9]{12}$", var.output_account_id))
    error_message = "An account ID has 12 digits."
  }
  validation {
    condition     = var.output_account_id == null || local.output_bucket != var.source_bucket
    error_message = "The variants are in the source bucket, so set source_account_id instead, or set settings.output_bucket."
  }
}

variable "source_kms_key_arn" {
  description = "The ARN of the KMS key that encrypts the sources; null if they are not encrypted with your own key."
  type        = string
  default     = null

  validation {
    condition     = var.source_kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/", var.source_kms_key_arn))
    error_message = "Write the ARN of the key, not an alias."
  }
}

variable "output_kms_key_arn" {
  description = "The ARN of the KMS key that encrypts the variants, through settings.kms_key or the default encryption of the output bucket. The policy of the role takes the bucket's region from this ARN. null if they are not encrypted with your own key."
  type        = string
  default     = null

  validation {
    condition     = var.output_kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/", var.output_kms_key_arn))
    error_message = "Write the ARN of the key, not an alias."
  }
}
