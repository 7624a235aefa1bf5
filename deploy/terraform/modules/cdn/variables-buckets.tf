variable "output_region" {
  description = "The region of the bucket with the variants; null if it is the region of the function."
  type        = string
  default     = null

  validation {
    condition     = var.output_region == null || can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.output_region))
    error_message = "Expected the code of a region, for example eu-central-1."
  }
}

variable "replace_bucket_policy" {
  description = "Whether the module writes the policy of the bucket with the variants. A bucket has only one policy, so the present one is lost. If false, add the output bucket_statement to the policy yourself."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.replace_bucket_policy || try(length(var.settings.output_bucket) > 0, false)
    error_message = "The variants are in the source bucket, whose policy the module does not replace. Add the output bucket_statement to its policy, or set settings.output_bucket."
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
  description = "The ARN of the KMS key that encrypts the variants; null if they are not encrypted with your own key. Add the output key_statement to the policy of the key, because CloudFront must decrypt them, too."
  type        = string
  default     = null

  validation {
    condition     = var.output_kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/", var.output_kms_key_arn))
    error_message = "Write the ARN of the key, not an alias."
  }
}
