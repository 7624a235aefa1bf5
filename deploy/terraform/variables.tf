variable "name" {
  description = "The name of the function, and the beginning of the names of all other resources. A change of the name replaces all resources: the messages in the queues and the log are lost."
  type        = string
  default     = "avif"
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9-]{1,38}$", var.name))
    error_message = "A name has 1 to 38 letters, digits and hyphens."
  }
}

variable "image_uri" {
  description = "The image in ECR as REPOSITORY@sha256:DIGEST, as `push` prints it. It is the only value that the infrastructure needs from a build."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.[a-z0-9.]+/[a-z0-9][a-z0-9._/-]*@sha256:[0-9a-f]{64}$", var.image_uri))
    error_message = "Name the image in ECR by its digest, REPOSITORY@sha256:…, not by a tag. Lambda resolves a tag only once, so a moved tag would not update the function."
  }
}

variable "architecture" {
  description = "The CPU architecture of the image: arm64 or x86_64. arm64 costs 20 % less."
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "Expected arm64 or x86_64."
  }
}

variable "memory_size" {
  description = "Memory of the function in MB, 128 to 10,240. The default, 1,769 MB, gives one full vCPU: less memory does not reduce the cost."
  type        = number
  default     = 1769
  nullable    = false

  validation {
    condition     = var.memory_size >= 128 && var.memory_size <= 10240 && floor(var.memory_size) == var.memory_size
    error_message = "Expected 128 to 10240 whole megabytes."
  }
}

variable "ephemeral_storage_size" {
  description = "Size of /tmp in MB, 512 to 10,240. The function does not use /tmp."
  type        = number
  default     = 512
  nullable    = false

  validation {
    condition     = var.ephemeral_storage_size >= 512 && var.ephemeral_storage_size <= 10240
    error_message = "Expected 512 to 10240 MB."
  }
}

variable "timeout" {
  description = "Timeout of an invocation in seconds, 1 to 900."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.timeout >= 1 && var.timeout <= 900 && floor(var.timeout) == var.timeout
    error_message = "Expected 1 to 900 whole seconds."
  }
}

variable "reserved_concurrent_executions" {
  description = "The maximum number of concurrent instances, which Lambda reserves for this function; -1 reserves nothing. null means 50, or 10 with the trigger \"url\", or -1 with the trigger \"sqs\", where maximum_concurrency is the limit. Lambda keeps at least 100 of the account's quota unreserved. If the apply fails with \"UnreservedConcurrentExecution below its minimum value\", set -1 or request a larger quota."
  type        = number
  default     = null

  validation {
    condition     = var.reserved_concurrent_executions == null || try(var.reserved_concurrent_executions == -1 || var.reserved_concurrent_executions >= 1, false)
    error_message = "Expected -1, or at least 1: with 0 the function never runs."
  }
}

variable "alias" {
  description = "The name of the alias that receives all events. It points to the latest published version."
  type        = string
  default     = "live"
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9_-]{1,128}$", var.alias)) && !can(regex("^[0-9]+$", var.alias))
    error_message = "An alias has 1 to 128 letters, digits, hyphens and underscores, and is not a number."
  }
}

variable "network" {
  description = "The subnets and security groups of the function; null runs it outside of a VPC, which is sufficient for S3. In a VPC, the function needs a gateway endpoint for S3."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null

  validation {
    condition     = var.network == null || try(length(var.network.subnet_ids) > 0 && length(var.network.security_group_ids) > 0, false)
    error_message = "Expected at least one subnet and one security group."
  }
}

variable "environment_kms_key_arn" {
  description = "The ARN of the KMS key that encrypts the environment variables of the function; null uses Lambda's own key. Only telemetry_headers is a secret."
  type        = string
  default     = null

  validation {
    condition     = var.environment_kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:", var.environment_kms_key_arn))
    error_message = "Write the ARN of the key."
  }
}

variable "permissions_boundary" {
  description = "The ARN of the permissions boundary of the function's role and of the backfill role; null for none."
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
