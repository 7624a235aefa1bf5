output "function_name" {
  description = "The function's name."
  value       = aws_lambda_function.this.function_name
}

output "function_arn" {
  description = "The function's ARN, without a version."
  value       = aws_lambda_function.this.arn
}

output "alias_arn" {
  description = "The alias's ARN: what to invoke, and what S3 Batch Operations is given."
  value       = aws_lambda_alias.this.arn
}

output "version" {
  description = "The version that the alias names."
  value       = aws_lambda_function.this.version
}

output "role_arn" {
  description = "The ARN of the function's role, for bucket and key policies elsewhere."
  value       = aws_iam_role.this.arn
}

output "role_name" {
  description = "The role's name, to attach more to it."
  value       = aws_iam_role.this.name
}

output "policy" {
  description = "The role's policy, as JSON."
  value       = local.policy
}

output "log_group_name" {
  description = "Where the log is."
  value       = aws_cloudwatch_log_group.this.name
}

output "queue_arn" {
  description = "The ARN of the queue of the trigger \"sqs\", for the bucket's notifications; else null."
  value       = one(aws_sqs_queue.this[*].arn)
}

output "queue_url" {
  description = "Its URL, for `avif backfill`; else null."
  value       = one(aws_sqs_queue.this[*].url)
}

output "failures_queue_arn" {
  description = "The ARN of the queue that keeps what failed."
  value       = aws_sqs_queue.failures.arn
}

output "failures_queue_url" {
  description = "Its URL."
  value       = aws_sqs_queue.failures.url
}
