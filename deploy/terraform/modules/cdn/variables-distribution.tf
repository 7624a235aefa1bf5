variable "enabled" {
  description = "Whether the distribution answers requests. false stops everything, also the requests for stored variants."
  type        = bool
  default     = true
  nullable    = false
}

variable "domain_names" {
  description = "Your own domain names of the distribution, for example [\"images.example.org\"]. They need certificate_arn, and a DNS record that points to the output domain_name."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = (length(var.domain_names) > 0) == (var.certificate_arn != null)
    error_message = "Set both domain_names and certificate_arn, or neither."
  }
}

variable "certificate_arn" {
  description = "The ARN of an ACM certificate in us-east-1 for domain_names; null uses the domain name of CloudFront."
  type        = string
  default     = null

  validation {
    condition     = var.certificate_arn == null || can(regex("^arn:[a-z-]+:acm:us-east-1:[0-9]{12}:certificate/", var.certificate_arn))
    error_message = "Write the ARN of a certificate in us-east-1: CloudFront uses only certificates of this region."
  }
}

variable "price_class" {
  description = "The edge locations: PriceClass_100, PriceClass_200 or PriceClass_All, as in CloudFront's price list."
  type        = string
  default     = "PriceClass_All"
  nullable    = false

  validation {
    condition     = contains(["PriceClass_100", "PriceClass_200", "PriceClass_All"], var.price_class)
    error_message = "Expected PriceClass_100, PriceClass_200 or PriceClass_All."
  }
}

variable "origin_shield_region" {
  description = "The region of Origin Shield; null uses the region of the function. Choose the nearest region that has Origin Shield."
  type        = string
  default     = null

  validation {
    condition     = var.origin_shield_region == null || can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.origin_shield_region))
    error_message = "Expected the code of a region, for example eu-central-1."
  }
}

variable "not_found_seconds" {
  description = "How long CloudFront remembers that an image does not exist, in seconds, 0 to 3,600. During this time, a new source is not found if somebody requested it before its upload."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.not_found_seconds >= 0 && var.not_found_seconds <= 3600 && floor(var.not_found_seconds) == var.not_found_seconds
    error_message = "Expected 0 to 3600 whole seconds."
  }
}

variable "rate_limit" {
  description = "The maximum number of requests of one IP address in 5 minutes, at least 10; null for no limit. It creates a web ACL of AWS WAF, which costs extra."
  type        = number
  default     = null

  validation {
    condition     = var.rate_limit == null || try(var.rate_limit >= 10 && floor(var.rate_limit) == var.rate_limit, false)
    error_message = "Expected a whole number of at least 10."
  }
}

variable "web_acl_arn" {
  description = "The ARN of your own web ACL of AWS WAF, with the scope CLOUDFRONT; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.web_acl_arn == null || can(regex("^arn:[a-z-]+:wafv2:us-east-1:[0-9]{12}:global/webacl/", var.web_acl_arn))
    error_message = "Write the ARN of a web ACL with the scope CLOUDFRONT, which is in us-east-1."
  }
  validation {
    condition     = var.web_acl_arn == null || var.rate_limit == null
    error_message = "A distribution has one web ACL: add a rate-based rule to your own web ACL, and remove rate_limit."
  }
}
