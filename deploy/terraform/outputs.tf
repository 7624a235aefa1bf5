output "function_name" {
  description = "The name of the function."
  value       = aws_lambda_function.this.function_name
}

output "function_arn" {
  description = "The ARN of the function, without a version."
  value       = aws_lambda_function.this.arn
}

output "alias_arn" {
  description = "The ARN of the alias, for invocations and for `avif backfill --function`."
  value       = aws_lambda_alias.this.arn
}

output "alias_name" {
  description = "The name of the alias."
  value       = aws_lambda_alias.this.name
}

output "version" {
  description = "The version that the alias points to."
  value       = aws_lambda_function.this.version
}

output "role_arn" {
  description = "The ARN of the function's role, for bucket policies and key policies that you manage."
  value       = aws_iam_role.this.arn
}

output "role_name" {
  description = "The name of the function's role, to attach more policies."
  value       = aws_iam_role.this.name
}

output "policy" {
  description = "The policy of the function's role, as JSON."
  value       = local.policy
}

output "manifest_event_pattern" {
  description = "The event pattern of a rule of your own, as JSON. It matches the manifests, which are written when all variants of a source are stored. settings.manifest = \"always\" writes one for each source; EventBridge must be on for the output bucket."
  value       = jsonencode(local.manifest_event_pattern)
}

output "function_url" {
  description = "The function URL, which only accepts signed requests; null unless trigger is \"url\"."
  value       = one(aws_lambda_function_url.this[*].function_url)
}

output "log_group_name" {
  description = "The name of the log group."
  value       = aws_cloudwatch_log_group.this.name
}

output "queue_arn" {
  description = "The ARN of the trigger's queue, for the bucket's notifications; null unless trigger is \"sqs\"."
  value       = one(aws_sqs_queue.this[*].arn)
}

output "queue_url" {
  description = "The URL of the trigger's queue, for `avif backfill --queue`; null unless trigger is \"sqs\"."
  value       = one(aws_sqs_queue.this[*].url)
}

output "failures_queue_arn" {
  description = "The ARN of the failure queue; null if trigger is \"url\"."
  value       = one(aws_sqs_queue.failures[*].arn)
}

output "failures_queue_url" {
  description = "The URL of the failure queue; null if trigger is \"url\"."
  value       = one(aws_sqs_queue.failures[*].url)
}
