# What the cache distinguishes, what an origin receives, and which headers a browser receives.

resource "aws_cloudfront_cache_policy" "this" {
  name    = var.name
  comment = "The path alone: resolve.js replaces query and Accept by the key of a variant"
  # With a minimum above 0, CloudFront would also cache responses with no-store.
  min_ttl = 0
  # For variants without Cache-Control; the same as in the answer of the function (crates/function/src/http/respond.rs).
  default_ttl = 3600
  max_ttl     = 31536000

  parameters_in_cache_key_and_forwarded_to_origin {
    enable_accept_encoding_brotli = false
    enable_accept_encoding_gzip   = false

    cookies_config {
      cookie_behavior = "none"
    }
    headers_config {
      header_behavior = "none"
    }
    query_strings_config {
      query_string_behavior = "none"
    }
  }
}

# Without Host: the signature of the request to the function contains the host name of the function URL.
resource "aws_cloudfront_origin_request_policy" "this" {
  name    = var.name
  comment = "For browsers that accept none of the formats: the function decides, and its response is not cached"

  cookies_config {
    cookie_behavior = "none"
  }
  headers_config {
    header_behavior = "whitelist"
    headers {
      items = ["Accept"]
    }
  }
  query_strings_config {
    query_string_behavior = "whitelist"
    query_strings {
      items = ["size", "width"]
    }
  }
}

locals {
  # The provenance that the function stores with each output (crates/transfer/src/provenance.rs). CloudFront removes at most 10.
  provenance = [
    "avif-event-etag", "avif-focus", "avif-left-out", "avif-recipe", "avif-search", "avif-sha256", "avif-source-etag",
    "avif-source-sequencer", "avif-source-version", "avif-tool",
  ]
}

resource "aws_cloudfront_response_headers_policy" "this" {
  #checkov:skip=CKV_AWS_259: the owner of the domain name decides about its subdomains and the preload list
  name    = var.name
  comment = "An image cannot run anything, and every site may show it"

  security_headers_config {
    content_type_options {
      override = true
    }
    content_security_policy {
      content_security_policy = "default-src 'none'; sandbox"
      override                = true
    }
    strict_transport_security {
      access_control_max_age_sec = 31536000
      override                   = true
    }
    referrer_policy {
      referrer_policy = "no-referrer"
      override        = true
    }
  }

  custom_headers_config {
    items {
      header   = "Cross-Origin-Resource-Policy"
      value    = "cross-origin"
      override = true
    }
  }

  remove_headers_config {
    dynamic "items" {
      for_each = local.provenance
      content {
        header = "x-amz-meta-${items.value}"
      }
    }
  }
}
