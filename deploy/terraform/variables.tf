variable "name" {
  description = "The function's name, and what everything else here is called after. Another name is another function: it replaces all, the queues with what is in them and the log too."
  type        = string
  default     = "avif"
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9-]{1,38}$", var.name))
    error_message = "A name has 1 to 38 letters, digits and hyphens."
  }
}

variable "image_uri" {
  description = "The image in ECR as REPOSITORY@sha256:DIGEST, which is what `push` prints. It is the one thing that passes from the application to the infrastructure."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.[a-z0-9.]+/[a-z0-9][a-z0-9._/-]*@sha256:[0-9a-f]{64}$", var.image_uri))
    error_message = "Name the image in ECR by its digest, REPOSITORY@sha256:…, never by a tag: Lambda looks a tag up once, and a moved tag changes nothing."
  }
}

variable "architecture" {
  description = "The processor that the image is for: arm64 costs a fifth less."
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "Lambda has arm64 and x86_64."
  }
}

variable "memory_size" {
  description = "Memory in MB, 128 to 10,240. 1,769 MB are one whole processor: less saves nothing."
  type        = number
  default     = 1769
  nullable    = false

  validation {
    condition     = var.memory_size >= 128 && var.memory_size <= 10240 && floor(var.memory_size) == var.memory_size
    error_message = "Lambda gives 128 to 10240 MB, in whole megabytes."
  }
}

variable "ephemeral_storage_size" {
  description = "Room in /tmp in MB, 512 to 10,240. The function writes nothing there."
  type        = number
  default     = 512
  nullable    = false

  validation {
    condition     = var.ephemeral_storage_size >= 512 && var.ephemeral_storage_size <= 10240
    error_message = "Lambda gives 512 to 10240 MB."
  }
}

variable "timeout" {
  description = "Seconds that one event may take, 1 to 900."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.timeout >= 1 && var.timeout <= 900 && floor(var.timeout) == var.timeout
    error_message = "Lambda gives 1 to 900 whole seconds."
  }
}

variable "reserved_concurrent_executions" {
  description = "The most instances that run at a time, which Lambda reserves for this function; -1 for no limit but the account's. Null is 50, but -1 with the trigger \"sqs\", which maximum_concurrency limits already. Lambda leaves at least 100 of the account's quota unreserved: if the apply fails with \"UnreservedConcurrentExecution below its minimum value\", as in a new account, set -1 or have the quota raised."
  type        = number
  default     = null

  validation {
    condition     = var.reserved_concurrent_executions == null || try(var.reserved_concurrent_executions == -1 || var.reserved_concurrent_executions >= 1, false)
    error_message = "Write -1, or 1 and more: with 0 the function never runs."
  }
}

variable "alias" {
  description = "The alias that every event goes to. It names the version published last."
  type        = string
  default     = "live"
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9_-]{1,128}$", var.alias)) && !can(regex("^[0-9]+$", var.alias))
    error_message = "An alias has 1 to 128 letters, digits, hyphens and underscores, and is no number."
  }
}

variable "network" {
  description = "The subnets and security groups to run in; null runs outside of any VPC, as suits a function that needs S3 alone. In a VPC S3 is reached by a gateway endpoint."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null

  validation {
    condition     = var.network == null || try(length(var.network.subnet_ids) > 0 && length(var.network.security_group_ids) > 0, false)
    error_message = "A network has at least one subnet and one security group."
  }
}

variable "environment_kms_key_arn" {
  description = "The KMS key that encrypts the function's settings at rest; null takes Lambda's own. They hold no secrets but telemetry_headers."
  type        = string
  default     = null

  validation {
    condition     = var.environment_kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:", var.environment_kms_key_arn))
    error_message = "Name the key by its ARN."
  }
}

variable "permissions_boundary" {
  description = "The ARN of the permissions boundary of the function's role; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary == null || can(regex("^arn:[a-z-]+:iam:", var.permissions_boundary))
    error_message = "Name the policy by its ARN."
  }
}

variable "tags" {
  description = "Tags of everything that can have some."
  type        = map(string)
  default     = {}
  nullable    = false
}
