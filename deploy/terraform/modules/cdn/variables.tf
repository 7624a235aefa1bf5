variable "name" {
  description = "The name of the function that serves, and the beginning of the names of all other resources. It must differ from the name of the function that converts uploads."
  type        = string
  default     = "avif-serve"
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9-]{1,38}$", var.name))
    error_message = "A name has 1 to 38 letters, digits and hyphens."
  }
}

variable "image_uri" {
  description = "The image in ECR as REPOSITORY@sha256:DIGEST, the same as of the function that converts uploads."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image_uri))
    error_message = "Name the image in ECR by its digest, REPOSITORY@sha256:…, not by a tag."
  }
}

variable "source_bucket" {
  description = "The name of the bucket with the sources."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.source_bucket))
    error_message = "Write only the name of the bucket, without s3:// and not as an ARN."
  }
}

variable "serve_prefixes" {
  description = "The key prefixes of the sources whose variants become public, for example [\"photos/\"]; [\"*\"] makes all sources public. All other keys have the status 404."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.serve_prefixes) > 0
    error_message = "Expected at least one prefix."
  }
}

variable "settings" {
  description = "The settings of the function that converts uploads, the same object as its variable settings. With other settings, every variant would be made twice."
  type        = any
  default     = {}
  nullable    = false

  validation {
    condition     = can(keys(var.settings))
    error_message = "Expected an object, as in the module that converts uploads."
  }
}

variable "telemetry" {
  description = "The settings of the telemetry extension, the same object as in the module that converts uploads."
  type        = any
  default     = {}
  nullable    = false

  validation {
    condition     = can(keys(var.telemetry))
    error_message = "Expected an object, as in the module that converts uploads."
  }
}

variable "telemetry_headers" {
  description = "OTEL_EXPORTER_OTLP_HEADERS: name=value pairs separated by commas; null for none."
  type        = string
  default     = null
  sensitive   = true

  validation {
    condition     = var.telemetry_headers == null || can(regex("=", var.telemetry_headers))
    error_message = "telemetry_headers: expected name=value pairs separated by commas."
  }
}

variable "architecture" {
  description = "The CPU architecture of the image: arm64 or x86_64."
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "Expected arm64 or x86_64."
  }
}

variable "memory_size" {
  description = "Memory of the function in MB, 128 to 10,240. The default, 1,769 MB, gives one full vCPU; 3,538 MB give two, which almost halves the time of a miss."
  type        = number
  default     = 1769
  nullable    = false

  validation {
    condition     = var.memory_size >= 128 && var.memory_size <= 10240 && floor(var.memory_size) == var.memory_size
    error_message = "Expected 128 to 10240 whole megabytes."
  }
}

variable "timeout" {
  description = "Timeout of a request to the function in seconds, 1 to 120, the maximum of CloudFront."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.timeout >= 1 && var.timeout <= 120 && floor(var.timeout) == var.timeout
    error_message = "Expected 1 to 120 whole seconds, because CloudFront waits no longer."
  }
}

variable "reserved_concurrent_executions" {
  description = "The maximum number of variants that are made at the same time. It limits what an attack can cost: docs/serving.md. Further requests get the status 429. -1 reserves nothing, so an attack can use the whole concurrency of the account."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.reserved_concurrent_executions == -1 || var.reserved_concurrent_executions >= 1
    error_message = "Expected -1, or at least 1: with 0 the function never runs."
  }
}

variable "permissions_boundary" {
  description = "The ARN of the permissions boundary of the function's role; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary == null || can(regex("^arn:[a-z-]+:iam:", var.permissions_boundary))
    error_message = "Write the ARN of the policy."
  }
}

variable "tags" {
  description = "Tags of all resources that support tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
