variable "name" {
  description = "The repository's name. Another name is another repository, and this one is not deleted while it holds images."
  type        = string
  default     = "avif"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9._/-]{1,255}$", var.name))
    error_message = "ECR takes 2 to 256 small letters, digits, hyphens, underscores, full stops and slashes."
  }
}

variable "untagged_days" {
  description = "Days after which an image without a tag goes, 1 and more."
  type        = number
  default     = 14
  nullable    = false

  validation {
    condition     = var.untagged_days >= 1 && floor(var.untagged_days) == var.untagged_days
    error_message = "A whole number from 1."
  }
}

variable "pulling_account_ids" {
  description = "Other accounts whose functions run from this repository."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for account in var.pulling_account_ids : can(regex("^[0-9]{12}$", account))])
    error_message = "An account's id has 12 digits."
  }
}

variable "tags" {
  description = "The repository's tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
