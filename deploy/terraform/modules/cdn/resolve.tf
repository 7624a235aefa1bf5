# The CloudFront Function that turns a request into the key of a variant. The settings are part of its code.

locals {
  resolve_settings = {
    prefixes      = var.serve_prefixes
    output_prefix = try(coalesce(var.settings.output_prefix), "")
    sizes         = [for size in split(",", local.sizes) : trimspace(size)]
    formats       = [for format in split(",", local.formats) : trimspace(format)]
    rules = [
      for rule in try(var.settings.rules, null) == null ? [] : var.settings.rules : {
        for name, value in {
          prefix = try(rule.prefix, null)
          suffix = try(rule.suffix, null)
          # A list of objects with different attributes has the type map(string).
          skip    = try(tobool(rule.skip), false) ? true : null
          sizes   = try([for size in split(",", rule.sizes) : trimspace(size)], null)
          formats = try([for format in split(",", rule.formats) : trimspace(format)], null)
        } : name => value if value != null
      }
    ]
  }
  # The defaults of the function.
  sizes   = try(coalesce(try(var.settings.sizes, null), try(var.settings.widths, null)), "full")
  formats = try(coalesce(var.settings.formats), "avif")

  # Without comments, which count towards the size of the code.
  resolve_code = replace(
    trimspace(replace(file("${path.module}/resolve.js"), "/(?m)^ *//.*\\n/", "")),
    "\"SETTINGS\"", jsonencode(local.resolve_settings),
  )
  resolve_bytes = floor(length(base64encode(local.resolve_code)) / 4) * 3
}

resource "aws_cloudfront_function" "resolve" {
  name    = "${var.name}-resolve"
  comment = "Replaces query and Accept by the key of a variant"
  runtime = "cloudfront-js-2.0"
  publish = true
  code    = local.resolve_code

  lifecycle {
    precondition {
      # Amazon CloudFront developer guide, "Quotas on CloudFront Functions".
      condition     = local.resolve_bytes <= 10240
      error_message = "A CloudFront Function has at most 10,240 bytes, but with these settings it has ${local.resolve_bytes}. Use fewer or shorter settings.rules, settings.sizes or serve_prefixes."
    }
  }
}
