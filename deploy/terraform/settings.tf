# The settings of the function. The README.md in the root folder describes each setting and its default. A test compares both
# lists.

variable "settings" {
  description = "The settings of the function. The names are those of its environment variables, in lower case and without AVIF_. Omitted or null: the function's default. `avif local --settings FILE` reads the same object as JSON."
  type = object({
    sizes      = optional(string)
    widths     = optional(string)
    quality    = optional(string)
    speed      = optional(number)
    metadata   = optional(string)
    chroma     = optional(string)
    color      = optional(string)
    damaged    = optional(string)
    formats    = optional(string)
    background = optional(string)
    rules = optional(list(object({
      prefix     = optional(string)
      suffix     = optional(string)
      skip       = optional(bool)
      sizes      = optional(string)
      quality    = optional(string)
      speed      = optional(number)
      metadata   = optional(string)
      chroma     = optional(string)
      color      = optional(string)
      damaged    = optional(string)
      formats    = optional(string)
      background = optional(string)
    })))
    output_bucket        = optional(string)
    output_prefix        = optional(string)
    manifest             = optional(string)
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
    serve_prefixes       = optional(list(string))
    serve_bucket         = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.settings.sizes == null || can(regex("^ *(full|[1-9][0-9]{0,4}(x[1-9][0-9]{0,4}(:cover)?)?) *(, *(full|[1-9][0-9]{0,4}(x[1-9][0-9]{0,4}(:cover)?)?) *)*$", var.settings.sizes))
    error_message = "settings.sizes: expected \"full\", widths, boxes to fit into, and boxes to cover, separated by commas: \"full,640,640x360,256x256:cover\"."
  }
  validation {
    condition     = var.settings.widths == null || can(regex("^ *(full|[1-9][0-9]{0,4}(x[1-9][0-9]{0,4}(:cover)?)?) *(, *(full|[1-9][0-9]{0,4}(x[1-9][0-9]{0,4}(:cover)?)?) *)*$", var.settings.widths))
    error_message = "settings.widths: expected pixels or \"full\", separated by commas: \"full,1280,640\". The new name of this setting is sizes."
  }
  validation {
    condition     = var.settings.widths == null || var.settings.sizes == null
    error_message = "settings.widths: this is the old name of settings.sizes, which is set, too. Remove settings.widths."
  }
  validation {
    condition     = var.settings.quality == null || can(regex("^(visual:([3-8][0-9](\\.[0-9])?|9[0-4](\\.[0-9])?|95(\\.0)?)|[0-9]{1,2}|100)$", var.settings.quality))
    error_message = "settings.quality: expected a target score, \"visual:30\" to \"visual:95\", or a quality of the encoder, \"0\" to \"100\"."
  }
  validation {
    condition     = var.settings.speed == null || contains(range(11), try(var.settings.speed, -1))
    error_message = "settings.speed: expected a whole number from 0 to 10."
  }
  validation {
    condition     = var.settings.metadata == null || contains(["strip", "copyright", "keep"], coalesce(var.settings.metadata, "-"))
    error_message = "settings.metadata: expected \"strip\", \"copyright\" or \"keep\"."
  }
  validation {
    condition     = var.settings.chroma == null || contains(["auto", "420", "444"], coalesce(var.settings.chroma, "-"))
    error_message = "settings.chroma: expected \"auto\", \"420\" or \"444\"."
  }
  validation {
    condition     = var.settings.color == null || contains(["keep", "compact", "srgb"], coalesce(var.settings.color, "-"))
    error_message = "settings.color: expected \"keep\", \"compact\" or \"srgb\"."
  }
  validation {
    condition     = var.settings.damaged == null || contains(["reject", "convert"], coalesce(var.settings.damaged, "-"))
    error_message = "settings.damaged: expected \"reject\" or \"convert\"."
  }
  validation {
    condition     = var.settings.formats == null || can(regex("^ *(avif|webp|jpeg) *(, *(avif|webp|jpeg) *)*$", var.settings.formats))
    error_message = "settings.formats: expected \"avif\", \"webp\" or \"jpeg\", separated by commas: \"avif,webp,jpeg\"."
  }
  # The function checks only that a bucket or a prefix is set. It does not know the trigger.
  validation {
    condition = alltrue([
      for formats in compact(concat([var.settings.formats], try(var.settings.rules[*].formats, []))) :
      !can(regex("webp|jpeg", formats)) || alltrue([
        try(length(var.settings.output_bucket) > 0, false) || try(length(var.settings.output_prefix) > 0, false),
        anytrue([
          coalesce(var.settings.output_bucket, var.source_bucket) != var.source_bucket,
          !startswith("${var.settings.output_prefix == null ? "" : var.settings.output_prefix}${var.source_prefix}", var.source_prefix),
          alltrue([
            for key in [for format, suffix in local.other_formats : suffix if can(regex(format, formats))] :
            alltrue([for suffix in local.trigger_suffixes : !endswith(key, suffix)])
          ]),
        ]),
      ])
    ])
    error_message = "settings.formats: in this location, each WebP or JPEG variant would invoke the function again, because its key ends like the key of a source. Set settings.output_bucket to another bucket. Or set source_prefix to the prefix of the sources, for example \"originals/\", and settings.output_prefix to a prefix that does not begin with it, for example \"variants/\". With the trigger \"eventbridge\" and no source_prefix, every settings.output_prefix is possible."
  }
  validation {
    condition     = var.settings.background == null || can(regex("^#?[0-9A-Fa-f]{6}$", var.settings.background))
    error_message = "settings.background: expected six hexadecimal digits, for example \"ffffff\" for white."
  }
  validation {
    condition     = var.settings.manifest == null || contains(["several", "always", "never"], coalesce(var.settings.manifest, "-"))
    error_message = "settings.manifest: expected \"several\", \"always\" or \"never\"."
  }
  validation {
    condition     = var.settings.storage_class == null || contains(["STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"], coalesce(var.settings.storage_class, "-"))
    error_message = "settings.storage_class: expected STANDARD, STANDARD_IA, ONEZONE_IA, INTELLIGENT_TIERING or GLACIER_IR."
  }
  validation {
    condition = alltrue([
      for limit in [var.settings.max_bytes, var.settings.max_pixels, var.settings.max_animation_pixels, var.settings.max_seconds] :
      limit == null || try(limit >= 1 && floor(limit) == limit, false)
    ])
    error_message = "settings.max_bytes, max_pixels, max_animation_pixels and max_seconds: expected whole numbers of at least 1."
  }
  validation {
    condition     = var.settings.kms_key == null || var.output_kms_key_arn != null
    error_message = "settings.kms_key encrypts the variants, and the role needs a permission for it: set output_kms_key_arn to the ARN of the same key."
  }
  validation {
    condition = var.settings.serve_prefixes == null || try(
      length(var.settings.serve_prefixes) > 0 && alltrue([
        for prefix in var.settings.serve_prefixes :
        prefix == "*" ? length(var.settings.serve_prefixes) == 1 : can(regex("^[^/*?,\\s][^*?,]{0,149}$", prefix)) && trimspace(prefix) == prefix
      ]),
      false,
    )
    error_message = "settings.serve_prefixes: expected key prefixes such as [\"photos/\"], or [\"*\"] to make every source public. A prefix has at most 150 characters, contains none of * ? and comma, and does not begin with a slash or a space."
  }
  # A function that serves has a role of its own, which reads and writes only the served prefixes.
  validation {
    condition     = (var.settings.serve_prefixes != null) == (var.trigger == "url")
    error_message = "settings.serve_prefixes: the trigger \"url\" needs this setting, and other triggers do not allow it. Use a function of its own to serve, for example with the module modules/cdn."
  }
  validation {
    condition     = var.settings.serve_bucket == null || try(var.settings.serve_bucket == var.source_bucket && var.trigger == "url", false)
    error_message = "settings.serve_bucket: expected source_bucket, which is the default with the trigger \"url\". Other triggers do not allow this setting."
  }
}

locals {
  environment = merge(
    { for name, value in var.settings : "AVIF_${upper(name)}" => try(tostring(value), join(",", value)) if value != null && name != "rules" },
    { for bucket in local.serves ? [var.source_bucket] : [] : "AVIF_SERVE_BUCKET" => bucket },
    { for rules in var.settings.rules == null ? [] : [var.settings.rules] : "AVIF_RULES" => jsonencode([
      for rule in rules : { for name, value in rule : name => value if value != null }
    ]) },
    local.telemetry_environment,
    local.telemetry_secrets,
  )

  # The settings that other files of the module use, with the function's defaults.
  copies_tags   = try(tobool(var.settings.copy_tags), null) == true
  follows       = var.settings.follow_removals != false
  output_bucket = var.settings.output_bucket == null ? var.source_bucket : var.settings.output_bucket
  output_prefix = var.settings.output_prefix == null ? "" : var.settings.output_prefix
  has_catalog   = var.settings.catalog_table != null
  catalog_table = var.settings.catalog_table == null ? "" : var.settings.catalog_table
  # The trigger "url": the function answers HTTP requests, and has no events.
  serves = var.trigger == "url"
  # The prefixes of the keys that the function may serve. "*" is the empty prefix.
  served_prefixes = [for prefix in local.serves && var.settings.serve_prefixes != null ? var.settings.serve_prefixes : [] : prefix == "*" ? "" : prefix]
  # WebP or JPEG.
  has_other_formats = can(regex("webp|jpeg", join(",", compact(concat([var.settings.formats], try(var.settings.rules[*].formats, []))))))
}
