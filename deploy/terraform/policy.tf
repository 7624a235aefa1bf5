# The policy of the function's role. docs/iam.md has the same statements and the reasons. One test compares both, and another
# test compares docs/iam.md with the requests of the function.

locals {
  # The ARNs contain names, not resource attributes, so that plans show the policy before the first apply.
  log_group_name = "/aws/lambda/${var.name}"
  queue_name     = var.name
  failures_name  = "${var.name}-failures"
  here           = "${local.region}:${local.account}"
  function_arn   = "arn:${local.partition}:lambda:${local.here}:function:${var.name}"
  queue_arn      = "arn:${local.partition}:sqs:${local.here}:${local.queue_name}"
  failures_arn   = "arn:${local.partition}:sqs:${local.here}:${local.failures_name}"

  source_account = var.source_account_id == null ? local.account : var.source_account_id
  # Without an output bucket, the variants are in the source bucket and have the same owner.
  own_output     = local.output_bucket == var.source_bucket ? local.source_account : local.account
  output_account = var.output_account_id == null ? local.own_output : var.output_account_id
  source_arn     = "arn:${local.partition}:s3:::${var.source_bucket}"
  output_arn     = "arn:${local.partition}:s3:::${local.output_bucket}"
  # The prefixes of the sources. A function that serves may use only those of settings.serve_prefixes.
  prefixes       = local.serves ? local.served_prefixes : [var.source_prefix]
  source_objects = [for prefix in local.prefixes : "${local.source_arn}/${prefix}*"]
  # All output keys end in these suffixes (crates/transfer/src/layout.rs), so the role cannot overwrite or delete a source.
  output_keys          = [for prefix in local.prefixes : "${local.output_arn}/${local.output_prefix}${prefix}*"]
  output_objects       = flatten([for keys in local.output_keys : [for suffix in [".avif", ".avif.json"] : "${keys}${suffix}"]])
  other_format_objects = flatten([for keys in local.output_keys : [for suffix in values(local.other_formats) : "${keys}${suffix}"]])

  # After a bucket is deleted, another account may create a bucket with the same name.
  in_sources = { "aws:ResourceAccount" = local.source_account }
  in_outputs = { "aws:ResourceAccount" = local.output_account }
  # A KMS key is in the region of its bucket, so the ARN of the key contains this region. The output bucket may be in another
  # region than the function.
  by_s3 = {
    for use, key in { sources = var.source_kms_key_arn, outputs = var.output_kms_key_arn } :
    use => { for arn in key == null ? [] : [key] : "kms:ViaService" => "s3.${split(":", arn)[3]}.${local.dns_suffix}" }
  }

  # Lambda uses the role to send failed asynchronous events to the failure queue. SQS moves the messages of a queue itself.
  is_asynchronous = contains(["eventbridge", "notification"], var.trigger)

  # `only` contains condition keys and their required values.
  permissions = {
    ReadSources   = { when = true, actions = ["s3:GetObject"], on = local.source_objects, only = local.in_sources }
    ListSources   = { when = true, actions = ["s3:ListBucket"], on = local.source_arn, only = local.in_sources }
    ReadOutputs   = { when = true, actions = ["s3:GetObject"], on = local.output_objects, only = local.in_outputs }
    ListOutputs   = { when = true, actions = ["s3:ListBucket"], on = local.output_arn, only = local.in_outputs }
    WriteOutputs  = { when = true, actions = ["s3:PutObject"], on = local.output_objects, only = local.in_outputs }
    DeleteOutputs = { when = true, actions = ["s3:DeleteObject"], on = local.output_objects, only = local.in_outputs }

    ReadTags = {
      when    = local.copies_tags
      actions = ["s3:GetObjectTagging", "s3:GetObjectVersionTagging"]
      on      = local.source_objects
      only    = local.in_sources
    }
    WriteTags = { when = local.copies_tags, actions = ["s3:PutObjectTagging"], on = local.output_objects, only = local.in_outputs }

    OtherFormats = {
      when    = local.has_other_formats
      actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
      on      = local.other_format_objects
      only    = local.in_outputs
    }
    TagOtherFormats = {
      when    = local.has_other_formats && local.copies_tags
      actions = ["s3:PutObjectTagging"]
      on      = local.other_format_objects
      only    = local.in_outputs
    }

    WriteCatalog = {
      when    = local.has_catalog
      actions = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"]
      on      = "arn:${local.partition}:dynamodb:${local.here}:table/${local.catalog_table}"
      only    = {}
    }

    DecryptSources = { when = var.source_kms_key_arn != null, actions = ["kms:Decrypt"], on = var.source_kms_key_arn, only = local.by_s3.sources }
    EncryptOutputs = { when = var.output_kms_key_arn != null, actions = ["kms:GenerateDataKey"], on = var.output_kms_key_arn, only = local.by_s3.outputs }

    # A function that serves also answers with variants that are stored.
    DecryptOutputs = {
      when    = local.serves && var.output_kms_key_arn != null
      actions = ["kms:Decrypt"]
      on      = var.output_kms_key_arn
      only    = local.by_s3.outputs
    }

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
    SendFailures = { when = local.is_asynchronous, actions = ["sqs:SendMessage"], on = local.failures_arn, only = {} }
    # For the event source mapping that sends failed events to the function again: docs/operations.md, "Redrive".
    ReceiveFailures = {
      when    = local.is_asynchronous
      actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
      on      = local.failures_arn
      only    = {}
    }
  }

  # The credentials of the function's code contain the function's ARN. Lambda's own requests to SQS and EC2 do not.
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
          {
            Sid    = sid
            Effect = "Allow"
            Action = permission.actions
            # IAM stores a list with one element as text, so a list would show a change in every plan.
            Resource = jsondecode(length(flatten([permission.on])) == 1 ? jsonencode(flatten([permission.on])[0]) : jsonencode(permission.on))
          },
          { for only in length(permission.only) > 0 ? [permission.only] : [] : "Condition" => { StringEquals = only } },
        ) if permission.when
      ],
      [for statement in [local.no_queues_for_code] : statement if !contains(["none", "url"], var.trigger)],
    )
  })
}
