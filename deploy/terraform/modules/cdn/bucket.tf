# The permission of the distribution to read variants: only the keys of variants below the served prefixes, never a source or a
# manifest. There is no permission to list: S3 then answers 403 for a missing variant, and the request goes to the function.

locals {
  output_prefix = local.resolve_settings.output_prefix
  served_keys   = [for prefix in var.serve_prefixes : "${local.output_prefix}${prefix == "*" ? "" : prefix}*"]
  bucket_arn    = "arn:${data.aws_partition.this.partition}:s3:::${local.bucket}"
  bucket_statement = {
    Sid       = "ReadVariants"
    Effect    = "Allow"
    Principal = { Service = "cloudfront.amazonaws.com" }
    Action    = "s3:GetObject"
    Resource = flatten([
      for keys in local.served_keys : [for suffix in [".avif", ".avif.jpg", ".avif.webp"] : "${local.bucket_arn}/${keys}${suffix}"]
    ])
    Condition = { StringEquals = { "AWS:SourceArn" = aws_cloudfront_distribution.this.arn } }
  }
}

# A bucket has only one policy, so this replaces the whole policy.
resource "aws_s3_bucket_policy" "this" {
  count = var.replace_bucket_policy ? 1 : 0

  bucket = local.bucket
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "HttpsOnly"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = "s3:*"
        Resource  = [local.bucket_arn, "${local.bucket_arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      local.bucket_statement,
    ]
  })
}
