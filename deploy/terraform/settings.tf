# The function's own settings: README.md at the root of the repository tells what each does and which default it has. A
# test compares the two lists.

variable "settings" {
  description = "The function's settings, named as its variables are without AVIF_ and in small letters. What is left out or null has the function's own default. `avif local --settings FILE` takes the same object as JSON."
  type = object({
    widths               = optional(string)
    quality              = optional(string)
    speed                = optional(number)
    metadata             = optional(string)
    output_bucket        = optional(string)
    output_prefix        = optional(string)
    cache_control        = optional(string)
    copy_tags            = optional(bool)
    copy_headers         = optional(bool)
    storage_class        = optional(string)
    kms_key              = optional(string)
    catalog_table        = optional(string)
    keep_larger          = optional(bool)
    follow_removals      = optional(bool)
    max_bytes            = optional(number)
    max_pixels           = optional(number)
    max_animation_pixels = optional(number)
    max_seconds          = optional(number)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.settings.widths == null || can(regex("^ *(full|[1-9][0-9]{0,4}) *(, *(full|[1-9][0-9]{0,4}) *)*$", var.settings.widths))
    error_message = "settings.widths: pixels and \"full\", with commas: \"full,1280,640\"."
  }
  validation {
    condition     = var.settings.quality == null || can(regex("^(visual:([3-8][0-9](\\.[0-9])?|9[0-4](\\.[0-9])?|95(\\.0)?)|[0-9]{1,2}|100)$", var.settings.quality))
    error_message = "settings.quality: a score to reach, \"visual:30\" to \"visual:95\", or the encoder's own number, \"0\" to \"100\"."
  }
  validation {
    condition     = var.settings.speed == null || contains(range(11), try(var.settings.speed, -1))
    error_message = "settings.speed: a whole number from 0 to 10."
  }
  validation {
    condition     = var.settings.metadata == null || contains(["strip", "keep"], coalesce(var.settings.metadata, "-"))
    error_message = "settings.metadata: \"strip\" or \"keep\"."
  }
  validation {
    condition     = var.settings.storage_class == null || contains(["STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"], coalesce(var.settings.storage_class, "-"))
    error_message = "settings.storage_class: one that can be read at once, such as STANDARD_IA."
  }
  validation {
    condition = alltrue([
      for limit in [var.settings.max_bytes, var.settings.max_pixels, var.settings.max_animation_pixels, var.settings.max_seconds] :
      limit == null || try(limit >= 1 && floor(limit) == limit, false)
    ])
    error_message = "settings.max_bytes, max_pixels, max_animation_pixels and max_seconds: whole numbers from 1."
  }
  validation {
    condition     = var.settings.kms_key == null || var.output_kms_key_arn != null
    error_message = "settings.kms_key encrypts the variants: name the same key's ARN in output_kms_key_arn, which the role needs."
  }
}

locals {
  environment = merge(
    { for name, value in var.settings : "AVIF_${upper(name)}" => tostring(value) if value != null },
    local.telemetry_environment,
    local.telemetry_secrets,
  )

  # What the rest of the module has to know of them. The function has a default of its own for each.
  copies_tags     = try(tobool(var.settings.copy_tags), null) == true
  follows         = var.settings.follow_removals != false
  output_bucket   = var.settings.output_bucket == null ? var.source_bucket : var.settings.output_bucket
  output_prefix   = var.settings.output_prefix == null ? "" : var.settings.output_prefix
  has_catalogue   = var.settings.catalog_table != null
  catalogue_table = var.settings.catalog_table == null ? "" : var.settings.catalog_table
}
