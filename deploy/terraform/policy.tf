# What the function's role allows: docs/iam.md with the reasons, word for word. A test compares the two, and docs/iam.md
# is compared with the calls that the function makes.

locals {
  # Names and not attributes of resources, so that the policy is known before anything is made.
  log_group_name = "/aws/lambda/${var.name}"
  queue_name     = var.name
  failures_name  = "${var.name}-failures"
  here           = "${local.region}:${local.account}"

  source_account = var.source_account_id == null ? local.account : var.source_account_id
  source_arn     = "arn:${local.partition}:s3:::${var.source_bucket}"
  output_arn     = "arn:${local.partition}:s3:::${local.output_bucket}"
  source_objects = "${local.source_arn}/${var.source_prefix}*"
  output_objects = "${local.output_arn}/${local.output_prefix}${var.source_prefix}*"

  # A KMS key is in the region of the bucket that it encrypts, so the key's ARN names that region. The bucket for variants
  # may be in another region than the function.
  by_s3 = {
    for use, key in { sources = var.source_kms_key_arn, outputs = var.output_kms_key_arn } :
    use => key == null ? [] : ["s3.${split(":", key)[3]}.${local.dns_suffix}"]
  }

  # Lambda sends what failed asynchronously by this role; a queue moves its own failures by itself.
  is_asynchronous = contains(["eventbridge", "notification"], var.trigger)

  # `by`: the service on whose behalf alone it is allowed.
  permissions = {
    ReadSources   = { when = true, actions = ["s3:GetObject"], on = local.source_objects, by = [] }
    ListSources   = { when = true, actions = ["s3:ListBucket"], on = local.source_arn, by = [] }
    LookAtOutputs = { when = true, actions = ["s3:GetObject"], on = local.output_objects, by = [] }
    ListOutputs   = { when = true, actions = ["s3:ListBucket"], on = local.output_arn, by = [] }
    WriteOutputs  = { when = true, actions = ["s3:PutObject"], on = local.output_objects, by = [] }
    RemoveOutputs = { when = true, actions = ["s3:DeleteObject"], on = local.output_objects, by = [] }

    ReadTags  = { when = local.copies_tags, actions = ["s3:GetObjectTagging", "s3:GetObjectVersionTagging"], on = local.source_objects, by = [] }
    WriteTags = { when = local.copies_tags, actions = ["s3:PutObjectTagging"], on = local.output_objects, by = [] }

    KeepCatalogue = {
      when    = local.has_catalogue
      actions = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"]
      on      = "arn:${local.partition}:dynamodb:${local.here}:table/${local.catalogue_table}"
      by      = []
    }

    DecryptSources = { when = var.source_kms_key_arn != null, actions = ["kms:Decrypt"], on = var.source_kms_key_arn, by = local.by_s3.sources }
    EncryptOutputs = { when = var.output_kms_key_arn != null, actions = ["kms:GenerateDataKey"], on = var.output_kms_key_arn, by = local.by_s3.outputs }

    WriteLog = {
      when    = true
      actions = ["logs:CreateLogStream", "logs:PutLogEvents"]
      on      = "arn:${local.partition}:logs:${local.here}:log-group:${local.log_group_name}:*"
      by      = []
    }
    TakeFromQueue = {
      when    = var.trigger == "sqs"
      actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
      on      = "arn:${local.partition}:sqs:${local.here}:${local.queue_name}"
      by      = []
    }
    KeepFailures = {
      when    = local.is_asynchronous
      actions = ["sqs:SendMessage"]
      on      = "arn:${local.partition}:sqs:${local.here}:${local.failures_name}"
      by      = []
    }
    # For the event source mapping that sends failed events to the function again: docs/operations.md, "Redrive".
    ReceiveFailures = {
      when    = local.is_asynchronous
      actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
      on      = "arn:${local.partition}:sqs:${local.here}:${local.failures_name}"
      by      = []
    }
  }

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      for sid, permission in local.permissions : merge(
        { Sid = sid, Effect = "Allow", Action = permission.actions, Resource = permission.on },
        { for service in permission.by : "Condition" => { StringEquals = { "kms:ViaService" = service } } },
      ) if permission.when
    ]
  })
}
