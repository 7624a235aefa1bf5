# What the function's role allows: docs/iam.md with the reasons, word for word. A test compares the two, and docs/iam.md
# is compared with the calls that the function makes.

locals {
  # Names and not attributes of resources, so that the policy is known before anything is made.
  log_group_name = "/aws/lambda/${var.name}"
  queue_name     = var.name
  failures_name  = "${var.name}-failures"
  here           = "${local.region}:${local.account}"
  function_arn   = "arn:${local.partition}:lambda:${local.here}:function:${var.name}"
  queue_arn      = "arn:${local.partition}:sqs:${local.here}:${local.queue_name}"
  failures_arn   = "arn:${local.partition}:sqs:${local.here}:${local.failures_name}"

  source_account = var.source_account_id == null ? local.account : var.source_account_id
  # Variants beside their sources are in the sources' bucket, so its owner is the same.
  own_output     = local.output_bucket == var.source_bucket ? local.source_account : local.account
  output_account = var.output_account_id == null ? local.own_output : var.output_account_id
  source_arn     = "arn:${local.partition}:s3:::${var.source_bucket}"
  output_arn     = "arn:${local.partition}:s3:::${local.output_bucket}"
  source_objects = "${local.source_arn}/${var.source_prefix}*"
  # The keys of outputs end in nothing else (crates/transfer/src/layout.rs), so a source cannot be overwritten or deleted.
  output_objects = [for suffix in [".avif", ".avif.json"] : "${local.output_arn}/${local.output_prefix}${var.source_prefix}*${suffix}"]

  # A bucket's name is free for others once the bucket is deleted.
  in_sources = { "aws:ResourceAccount" = local.source_account }
  in_outputs = { "aws:ResourceAccount" = local.output_account }
  # A KMS key is in the region of the bucket that it encrypts, so the key's ARN names that region. The bucket for variants
  # may be in another region than the function.
  by_s3 = {
    for use, key in { sources = var.source_kms_key_arn, outputs = var.output_kms_key_arn } :
    use => { for arn in key == null ? [] : [key] : "kms:ViaService" => "s3.${split(":", arn)[3]}.${local.dns_suffix}" }
  }

  # Lambda sends what failed asynchronously by this role; a queue moves its own failures by itself.
  is_asynchronous = contains(["eventbridge", "notification"], var.trigger)

  # `only`: the values of condition keys that it is restricted to.
  permissions = {
    ReadSources   = { when = true, actions = ["s3:GetObject"], on = local.source_objects, only = local.in_sources }
    ListSources   = { when = true, actions = ["s3:ListBucket"], on = local.source_arn, only = local.in_sources }
    LookAtOutputs = { when = true, actions = ["s3:GetObject"], on = local.output_objects, only = local.in_outputs }
    ListOutputs   = { when = true, actions = ["s3:ListBucket"], on = local.output_arn, only = local.in_outputs }
    WriteOutputs  = { when = true, actions = ["s3:PutObject"], on = local.output_objects, only = local.in_outputs }
    RemoveOutputs = { when = true, actions = ["s3:DeleteObject"], on = local.output_objects, only = local.in_outputs }

    ReadTags = {
      when    = local.copies_tags
      actions = ["s3:GetObjectTagging", "s3:GetObjectVersionTagging"]
      on      = local.source_objects
      only    = local.in_sources
    }
    WriteTags = { when = local.copies_tags, actions = ["s3:PutObjectTagging"], on = local.output_objects, only = local.in_outputs }

    KeepCatalogue = {
      when    = local.has_catalogue
      actions = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"]
      on      = "arn:${local.partition}:dynamodb:${local.here}:table/${local.catalogue_table}"
      only    = {}
    }

    DecryptSources = { when = var.source_kms_key_arn != null, actions = ["kms:Decrypt"], on = var.source_kms_key_arn, only = local.by_s3.sources }
    EncryptOutputs = { when = var.output_kms_key_arn != null, actions = ["kms:GenerateDataKey"], on = var.output_kms_key_arn, only = local.by_s3.outputs }

    WriteLog = {
      when    = true
      actions = ["logs:CreateLogStream", "logs:PutLogEvents"]
      on      = "arn:${local.partition}:logs:${local.here}:log-group:${local.log_group_name}:*"
      only    = {}
    }
    TakeFromQueue = {
      when    = var.trigger == "sqs"
      actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
      on      = local.queue_arn
      only    = {}
    }
    KeepFailures = { when = local.is_asynchronous, actions = ["sqs:SendMessage"], on = local.failures_arn, only = {} }
    # For the event source mapping that sends failed events to the function again: docs/operations.md, "Redrive".
    ReceiveFailures = {
      when    = local.is_asynchronous
      actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
      on      = local.failures_arn
      only    = {}
    }
  }

  # The credentials of the function's code carry its ARN. Lambda's own requests to SQS and EC2 do not.
  by_code = { ArnEquals = { "lambda:SourceFunctionArn" = local.function_arn } }
  no_queues_for_code = {
    Sid       = "NoQueuesForCode"
    Effect    = "Deny"
    Action    = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:SendMessage"]
    Resource  = [local.queue_arn, local.failures_arn]
    Condition = local.by_code
  }

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        for sid, permission in local.permissions : merge(
          { Sid = sid, Effect = "Allow", Action = permission.actions, Resource = permission.on },
          { for only in length(permission.only) > 0 ? [permission.only] : [] : "Condition" => { StringEquals = only } },
        ) if permission.when
      ],
      [for statement in [local.no_queues_for_code] : statement if var.trigger != "none"],
    )
  })
}
