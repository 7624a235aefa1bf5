variable "source_bucket" {
  description = "The name of the bucket with the photographs. It is not made here."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.source_bucket))
    error_message = "Name the bucket, without s3:// or an ARN."
  }
}

variable "source_prefix" {
  description = "What the photographs' keys begin with; empty for the whole bucket. The role reads nothing else."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = !can(regex("[*?]", var.source_prefix)) && !startswith(var.source_prefix, "/") && length(var.source_prefix) <= 150
    error_message = "A prefix has neither * nor ? nor more than 150 characters, and a key begins with no slash."
  }
}

variable "source_account_id" {
  description = "The account that the bucket belongs to; null where it is this one."
  type        = string
  default     = null

  validation {
    condition     = var.source_account_id == null || can(regex("^[0-9]{12}$", var.source_account_id))
    error_message = "An account's id has 12 digits."
  }
  validation {
    condition     = var.source_account_id == null || var.trigger != "eventbridge"
    error_message = "EventBridge tells the bucket's own account alone: have a rule there send to this account's bus, or take the trigger \"sqs\"."
  }
}

variable "output_account_id" {
  description = "The account that owns the bucket for variants; null if it is this one, or if the variants are in the bucket of the sources."
  type        = string
  default     = null

  validation {
    condition     = var.output_account_id == null || can(regex("^[0-9]{12}$", var.output_account_id))
    error_message = "An account's id has 12 digits."
  }
  validation {
    condition     = var.output_account_id == null || local.output_bucket != var.source_bucket
    error_message = "The variants are in the bucket of the sources, whose account is source_account_id: set that, or settings.output_bucket."
  }
}

variable "source_kms_key_arn" {
  description = "The KMS key that the photographs are encrypted with; null where none is, or S3's own."
  type        = string
  default     = null

  validation {
    condition     = var.source_kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/", var.source_kms_key_arn))
    error_message = "Name the key by its ARN, not by an alias."
  }
}

variable "output_kms_key_arn" {
  description = "The KMS key that encrypts the variants, by settings.kms_key or by the default of their bucket. It is in the region of that bucket, which the role's policy takes from this ARN. Null if S3's own keys encrypt them."
  type        = string
  default     = null

  validation {
    condition     = var.output_kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/", var.output_kms_key_arn))
    error_message = "Name the key by its ARN, not by an alias."
  }
}
