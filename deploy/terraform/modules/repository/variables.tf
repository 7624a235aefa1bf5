variable "name" {
  description = "The name of the repository. A change of the name creates another repository. Terraform cannot delete the old one while it contains images."
  type        = string
  default     = "avif"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9._/-]{1,255}$", var.name))
    error_message = "Expected 2 to 256 lower-case letters, digits, hyphens, underscores, periods and slashes."
  }
}

variable "untagged_days" {
  description = "Days after which ECR deletes an image without a tag, at least 1."
  type        = number
  default     = 14
  nullable    = false

  validation {
    condition     = var.untagged_days >= 1 && floor(var.untagged_days) == var.untagged_days
    error_message = "Expected a whole number of at least 1."
  }
}

variable "pulling_account_ids" {
  description = "Other accounts whose functions use images of this repository."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for account in var.pulling_account_ids : can(regex("^[0-9]{12}$", account))])
    error_message = "An account ID has 12 digits."
  }
}

variable "tags" {
  description = "The tags of the repository."
  type        = map(string)
  default     = {}
  nullable    = false
}
