# The distribution. A request goes to the bucket with the variants first. If the variant is not there, S3 answers 403, because
# CloudFront may not list the bucket, and the same request goes to the function.

locals {
  bucket   = try(coalesce(var.settings.output_bucket), var.source_bucket)
  region   = coalesce(var.output_region, data.aws_region.this.region)
  shield   = coalesce(var.origin_shield_region, data.aws_region.this.region)
  variants = "variants"
  function = "function"
}

resource "aws_cloudfront_origin_access_control" "this" {
  for_each = { (local.variants) = "s3", (local.function) = "lambda" }

  name                              = "${var.name}-${each.key}"
  description                       = "Signs the requests of the distribution ${var.name}"
  origin_access_control_origin_type = each.value
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

resource "aws_cloudfront_distribution" "this" {
  #checkov:skip=CKV_AWS_86: access_logs_arn turns on the access logs (standard logging v2, logs.tf); this check only knows the older ones
  #checkov:skip=CKV_AWS_68: rate_limit or web_acl_arn attaches a web ACL; without it, the reserved concurrency limits the cost
  #checkov:skip=CKV2_AWS_47: the function does not use Log4j
  #checkov:skip=CKV_AWS_305: there is no page at the root
  #checkov:skip=CKV_AWS_374: images are for every country; restrict countries with your own web ACL
  #checkov:skip=CKV_AWS_174: certificate_arn sets TLSv1.2_2021; CloudFront does not allow it for its own domain name
  #checkov:skip=CKV2_AWS_42: domain_names and certificate_arn set a custom certificate
  #checkov:skip=CKV_AWS_310: the origin group is the failover
  comment         = "Images of s3://${var.source_bucket}"
  enabled         = var.enabled
  is_ipv6_enabled = true
  http_version    = "http2and3"
  price_class     = var.price_class
  aliases         = var.domain_names
  web_acl_id      = var.rate_limit == null ? var.web_acl_arn : one(aws_wafv2_web_acl.this[*].arn)
  tags            = var.tags

  origin {
    origin_id                = local.variants
    domain_name              = "${local.bucket}.s3.${local.region}.${data.aws_partition.this.dns_suffix}"
    origin_access_control_id = aws_cloudfront_origin_access_control.this[local.variants].id

    origin_shield {
      enabled              = true
      origin_shield_region = local.shield
    }
  }

  origin {
    origin_id                = local.function
    domain_name              = trimsuffix(trimprefix(module.function.function_url, "https://"), "/")
    origin_access_control_id = aws_cloudfront_origin_access_control.this[local.function].id
    # CloudFront would repeat a request that takes too long, and the function would do the work again.
    connection_attempts = 1

    custom_origin_config {
      http_port                = 80
      https_port               = 443
      origin_protocol_policy   = "https-only"
      origin_ssl_protocols     = ["TLSv1.2"]
      origin_read_timeout      = var.timeout
      origin_keepalive_timeout = 5
    }

    # Simultaneous requests for one missing variant become one request to the function.
    origin_shield {
      enabled              = true
      origin_shield_region = local.shield
    }
  }

  origin_group {
    origin_id = "images"

    failover_criteria {
      status_codes = [403, 404]
    }
    member {
      origin_id = local.variants
    }
    member {
      origin_id = local.function
    }
  }

  default_cache_behavior {
    target_origin_id           = "images"
    viewer_protocol_policy     = "redirect-to-https"
    allowed_methods            = ["GET", "HEAD"]
    cached_methods             = ["GET", "HEAD"]
    cache_policy_id            = aws_cloudfront_cache_policy.this.id
    origin_request_policy_id   = aws_cloudfront_origin_request_policy.this.id
    response_headers_policy_id = aws_cloudfront_response_headers_policy.this.id
    # The images are compressed already.
    compress = false

    function_association {
      event_type   = "viewer-request"
      function_arn = aws_cloudfront_function.resolve.arn
    }
  }

  # A missing source is looked up again after some seconds. An error of the function is repeated for the next request.
  dynamic "custom_error_response" {
    for_each = { 403 = var.not_found_seconds, 404 = var.not_found_seconds, 500 = 1, 502 = 1, 503 = 1, 504 = 1 }
    content {
      error_code            = custom_error_response.key
      error_caching_min_ttl = custom_error_response.value
    }
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    cloudfront_default_certificate = var.certificate_arn == null
    acm_certificate_arn            = var.certificate_arn
    minimum_protocol_version       = var.certificate_arn == null ? "TLSv1" : "TLSv1.2_2021"
    ssl_support_method             = var.certificate_arn == null ? null : "sni-only"
  }

  lifecycle {
    precondition {
      condition     = var.origin_shield_region != null || contains(local.shield_regions, data.aws_region.this.region)
      error_message = "Origin Shield does not exist in the region of the function. Set origin_shield_region to the nearest of these: ${join(", ", local.shield_regions)}."
    }
  }
}

locals {
  # Amazon CloudFront developer guide, "Choosing the AWS Region for Origin Shield".
  shield_regions = [
    "us-east-1", "us-east-2", "us-west-2", "ap-south-1", "ap-northeast-1", "ap-northeast-2", "ap-southeast-1", "ap-southeast-2",
    "eu-central-1", "eu-west-1", "eu-west-2", "sa-east-1", "me-central-1",
  ]
}
