# The extension's own settings: docs/telemetry.md tells what each does and which default it has. The image carries the
# extension already. A test compares the two lists.

variable "telemetry" {
  description = "The settings of the extension that measures the function, named as its variables are, in small letters. What is left out or null has the extension's own default, which is metrics in CloudWatch and nothing else."
  type = object({
    telemetry_emf                  = optional(bool)
    telemetry_namespace            = optional(string)
    telemetry_file                 = optional(string)
    otel_exporter_otlp_endpoint    = optional(string)
    otel_exporter_otlp_timeout     = optional(number)
    otel_exporter_otlp_compression = optional(string)
    otel_exporter_otlp_protocol    = optional(string)
    otel_metrics_exporter          = optional(string)
    otel_traces_exporter           = optional(string)
    otel_logs_exporter             = optional(string)
    otel_sdk_disabled              = optional(bool)
    otel_service_name              = optional(string)
    otel_resource_attributes       = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.telemetry.telemetry_namespace == null || can(regex("^[A-Za-z0-9._/#:-]{1,255}$", var.telemetry.telemetry_namespace))
    error_message = "telemetry.telemetry_namespace: letters, digits and . - _ / # :, up to 255."
  }
  validation {
    condition     = var.telemetry.telemetry_file == null || startswith(coalesce(var.telemetry.telemetry_file, "-"), "/tmp/")
    error_message = "telemetry.telemetry_file: a file under /tmp, for nothing else can be written to."
  }
  validation {
    condition     = var.telemetry.otel_exporter_otlp_endpoint == null || can(regex("^https?://[^/]", var.telemetry.otel_exporter_otlp_endpoint))
    error_message = "telemetry.otel_exporter_otlp_endpoint: an address that begins with http:// or https://."
  }
  validation {
    condition     = var.telemetry.otel_exporter_otlp_timeout == null || try(var.telemetry.otel_exporter_otlp_timeout >= 1 && floor(var.telemetry.otel_exporter_otlp_timeout) == var.telemetry.otel_exporter_otlp_timeout, false)
    error_message = "telemetry.otel_exporter_otlp_timeout: milliseconds, a whole number from 1."
  }
  validation {
    condition     = contains(["gzip", "none"], coalesce(var.telemetry.otel_exporter_otlp_compression, "none"))
    error_message = "telemetry.otel_exporter_otlp_compression: gzip or none."
  }
  validation {
    condition     = coalesce(var.telemetry.otel_exporter_otlp_protocol, "http/protobuf") == "http/protobuf"
    error_message = "telemetry.otel_exporter_otlp_protocol: http/protobuf alone is spoken, which a backend takes at a port of its own, 4318 as a rule."
  }
  validation {
    condition     = contains(["otlp", "none"], coalesce(var.telemetry.otel_metrics_exporter, "otlp"))
    error_message = "telemetry.otel_metrics_exporter: otlp or none."
  }
  validation {
    condition     = contains(["otlp", "none"], coalesce(var.telemetry.otel_traces_exporter, "otlp"))
    error_message = "telemetry.otel_traces_exporter: otlp or none."
  }
  validation {
    condition     = contains(["otlp", "none"], coalesce(var.telemetry.otel_logs_exporter, "otlp"))
    error_message = "telemetry.otel_logs_exporter: otlp or none."
  }
  validation {
    condition     = var.telemetry.otel_resource_attributes == null || can(regex("^ *[^=,]+=[^,]*(,[^=,]+=[^,]*)*$", var.telemetry.otel_resource_attributes))
    error_message = "telemetry.otel_resource_attributes: name=value, with commas between."
  }
}

# By itself, because one sensitive attribute would hide all of `telemetry` in plans, and could decide on no resource.
variable "telemetry_headers" {
  description = "OTEL_EXPORTER_OTLP_HEADERS, which often holds a token: name=value, with commas between; null for none. Plans do not show it. The state and the function's configuration contain it."
  type        = string
  default     = null
  sensitive   = true

  validation {
    condition     = var.telemetry_headers == null || can(regex("^ *[^=,]+=[^,]*(,[^=,]+=[^,]*)*$", var.telemetry_headers))
    error_message = "telemetry_headers: name=value, with commas between."
  }
}

locals {
  # That there are headers is no secret.
  has_headers           = nonsensitive(var.telemetry_headers != null)
  telemetry_secrets     = { for name in local.has_headers ? ["OTEL_EXPORTER_OTLP_HEADERS"] : [] : name => var.telemetry_headers }
  telemetry_environment = { for name, value in var.telemetry : upper(name) => tostring(value) if value != null }

  # What the dashboard has to know of them. The extension has a default of its own for each.
  has_metrics = var.telemetry.telemetry_emf != false
  namespace   = coalesce(var.telemetry.telemetry_namespace, "avif-lambda")
}
