output "domain_name" {
  description = "The domain name of the distribution: https://DOMAIN/KEY answers with an image."
  value       = aws_cloudfront_distribution.this.domain_name
}

output "hosted_zone_id" {
  description = "The Route 53 zone of the distribution, for an alias record of your own domain name."
  value       = aws_cloudfront_distribution.this.hosted_zone_id
}

output "distribution_id" {
  description = "The ID of the distribution, for invalidations."
  value       = aws_cloudfront_distribution.this.id
}

output "distribution_arn" {
  description = "The ARN of the distribution."
  value       = aws_cloudfront_distribution.this.arn
}

output "bucket_statement" {
  description = "The statement for the policy of the bucket with the variants, as JSON. Without it, every request invokes the function."
  value       = jsonencode(local.bucket_statement)
}

output "key_statement" {
  description = "The statement for the policy of the KMS key that encrypts the variants, as JSON; null without output_kms_key_arn."
  value = var.output_kms_key_arn == null ? null : jsonencode({
    Sid       = "DecryptVariants"
    Effect    = "Allow"
    Principal = { Service = "cloudfront.amazonaws.com" }
    Action    = "kms:Decrypt"
    Resource  = var.output_kms_key_arn
    Condition = { StringEquals = { "AWS:SourceArn" = aws_cloudfront_distribution.this.arn } }
  })
}

output "function_name" {
  description = "The name of the function that serves."
  value       = module.function.function_name
}

output "policy" {
  description = "The policy of the function's role, as JSON."
  value       = module.function.policy
}
