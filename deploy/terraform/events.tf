# The events that invoke the function, for each trigger.

locals {
  # Matches the manifests, whose events mean that all variants of a source are stored.
  manifest_event_pattern = {
    source        = ["aws.s3"]
    "detail-type" = ["Object Created"]
    detail = {
      bucket = { name = [local.output_bucket] }
      object = { key = [{ suffix = ".avif.json" }] }
    }
  }

  # The ends of the keys of all outputs (crates/transfer/src/layout.rs).
  other_formats   = { webp = ".avif.webp", jpeg = ".avif.jpg" }
  output_suffixes = concat([".avif", ".avif.json"], values(local.other_formats))

  # The suffixes of the keys under source_prefix that invoke the function. The empty suffix matches every key. With the trigger
  # "none", the module does not know which keys you invoke the function for.
  trigger_suffixes = lookup({
    eventbridge  = var.source_prefix == "" ? [] : [""]
    notification = var.suffixes
    sqs          = var.suffixes
  }, var.trigger, [])

  # The event pattern for EventBridge. Several conditions on one field are alternatives (OR), so a rule cannot match "begins
  # with this prefix and does not end in .avif". With a source prefix, an output under this prefix causes an invocation that
  # does nothing.
  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = concat(["Object Created", "Object Restore Completed"], local.follows ? ["Object Deleted"] : [])
    detail = {
      bucket = { name = [var.source_bucket] }
      object = {
        key = [jsondecode(
          var.source_prefix == ""
          ? jsonencode({ anything-but = { suffix = local.output_suffixes } })
          : jsonencode({ prefix = var.source_prefix })
        )]
      }
    }
  })

  # The events of S3's own notifications. An archived source is rejected when it is uploaded and converted when it is restored.
  notification_events = concat(["s3:ObjectCreated:*", "s3:ObjectRestore:Completed"], local.follows ? ["s3:ObjectRemoved:*", "s3:LifecycleExpiration:*"] : [])
}
