# The settings of the extension, which is in the image. docs/telemetry.md describes each setting and its default. A test
# compares both lists.

variable "telemetry" {
  description = "The settings of the telemetry extension. The names are those of its environment variables, in lower case. Omitted or null: the extension's default. Without settings, the extension writes only CloudWatch metrics."
  type = object({
    telemetry_emf                  = optional(bool)
    telemetry_namespace            = optional(string)
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
    error_message = "telemetry.telemetry_namespace: expected 1 to 255 letters, digits and the characters . - _ / # :."
  }
  validation {
    condition     = var.telemetry.otel_exporter_otlp_endpoint == null || can(regex("^https?://[^/]", var.telemetry.otel_exporter_otlp_endpoint))
    error_message = "telemetry.otel_exporter_otlp_endpoint: expected a URL that begins with http:// or https://."
  }
  validation {
    condition     = var.telemetry.otel_exporter_otlp_timeout == null || try(var.telemetry.otel_exporter_otlp_timeout >= 1 && floor(var.telemetry.otel_exporter_otlp_timeout) == var.telemetry.otel_exporter_otlp_timeout, false)
    error_message = "telemetry.otel_exporter_otlp_timeout: expected milliseconds, a whole number of at least 1."
  }
  validation {
    condition     = contains(["gzip", "none"], coalesce(var.telemetry.otel_exporter_otlp_compression, "none"))
    error_message = "telemetry.otel_exporter_otlp_compression: expected gzip or none."
  }
  validation {
    condition     = coalesce(var.telemetry.otel_exporter_otlp_protocol, "http/protobuf") == "http/protobuf"
    error_message = "telemetry.otel_exporter_otlp_protocol: expected http/protobuf, the only supported protocol. Backends usually receive it on port 4318."
  }
  validation {
    condition     = contains(["otlp", "none"], coalesce(var.telemetry.otel_metrics_exporter, "otlp"))
    error_message = "telemetry.otel_metrics_exporter: expected otlp or none."
  }
  validation {
    condition     = contains(["otlp", "none"], coalesce(var.telemetry.otel_traces_exporter, "otlp"))
    error_message = "telemetry.otel_traces_exporter: expected otlp or none."
  }
  validation {
    condition     = contains(["otlp", "none"], coalesce(var.telemetry.otel_logs_exporter, "otlp"))
    error_message = "telemetry.otel_logs_exporter: expected otlp or none."
  }
  validation {
    condition     = var.telemetry.otel_resource_attributes == null || can(regex("^ *[^=,]+=[^,]*(,[^=,]+=[^,]*)*$", var.telemetry.otel_resource_attributes))
    error_message = "telemetry.otel_resource_attributes: expected name=value pairs separated by commas."
  }
}

# A separate variable, because one sensitive attribute would hide all of `telemetry` in plans. Also, a sensitive value cannot
# decide whether a resource exists.
variable "telemetry_headers" {
  description = "OTEL_EXPORTER_OTLP_HEADERS, which often contains a token: name=value pairs separated by commas; null for none. Plans do not show it. The Terraform state and the configuration of the function contain it."
  type        = string
  default     = null
  sensitive   = true

  validation {
    condition     = var.telemetry_headers == null || can(regex("^ *[^=,]+=[^,]*(,[^=,]+=[^,]*)*$", var.telemetry_headers))
    error_message = "telemetry_headers: expected name=value pairs separated by commas."
  }
}

locals {
  # The value is secret, but it is not secret whether a value exists.
  has_headers           = nonsensitive(var.telemetry_headers != null)
  telemetry_secrets     = { for name in local.has_headers ? ["OTEL_EXPORTER_OTLP_HEADERS"] : [] : name => var.telemetry_headers }
  telemetry_environment = { for name, value in var.telemetry : upper(name) => tostring(value) if value != null }

  # The settings that the dashboard and the alarms use, with the extension's defaults.
  has_metrics = var.telemetry.telemetry_emf != false
  namespace   = coalesce(var.telemetry.telemetry_namespace, "avif-lambda")
}
