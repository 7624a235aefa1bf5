# The events that invoke the function, for each trigger.

locals {
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
          ? jsonencode({ anything-but = { suffix = [".avif", ".avif.json"] } })
          : jsonencode({ prefix = var.source_prefix })
        )]
      }
    }
  })

  # The events of S3's own notifications. An archived source is rejected when it is uploaded and converted when it is restored.
  notification_events = concat(["s3:ObjectCreated:*", "s3:ObjectRestore:Completed"], local.follows ? ["s3:ObjectRemoved:*", "s3:LifecycleExpiration:*"] : [])
}
