# The dashboard: first the metrics of the extension, then AWS's own metrics of the function and its queues.

locals {
  # The graphs of docs/dashboard.json, which is generated from the extension's list of metrics. A test compares both.
  graphs_of_images = [
    { title = "Invocations", statistics = ["Sum"], metrics = ["Invocations", "Errors", "Timeouts", "ColdStarts", "RejectedRecords"] },
    { title = "Images", statistics = ["Sum"], metrics = ["Converted", "Rejected", "Failed", "Skipped", "Deleted"] },
    { title = "Telemetry lost", statistics = ["Sum"], metrics = ["TelemetryDropped"] },
    { title = "Time", statistics = ["p50", "p99"], metrics = ["Duration", "BilledDuration", "InitDuration"] },
    { title = "Time per stage", statistics = ["p50", "p99"], metrics = ["FetchTime", "DecodeTime", "TransformTime", "EncodeTime", "StoreTime"] },
    { title = "Memory", statistics = ["p50", "p99"], metrics = ["MemoryUsed", "MemorySize"] },
    { title = "Bytes", statistics = ["p50", "p99"], metrics = ["BytesIn", "BytesOut"] },
    { title = "Saving", statistics = ["p50", "p99"], metrics = ["Saving"] },
    { title = "SSIMULACRA2", statistics = ["p50", "p99"], metrics = ["Score"] },
  ]
  graphs_of_aws = [
    { title = "Lambda: invocations", statistics = ["Sum"], metrics = ["Invocations", "Errors", "Throttles"], of = ["AWS/Lambda", "FunctionName", var.name] },
    { title = "Lambda: concurrent instances", statistics = ["Maximum"], metrics = ["ConcurrentExecutions"], of = ["AWS/Lambda", "FunctionName", var.name] },
    { title = "Lambda: age of events, ms", statistics = ["Maximum"], metrics = ["AsyncEventAge"], of = ["AWS/Lambda", "FunctionName", var.name] },
    { title = "Failure queue: messages", statistics = ["Maximum"], metrics = ["ApproximateNumberOfMessagesVisible"], of = ["AWS/SQS", "QueueName", local.failures_name] },
    { title = "Trigger queue: messages", statistics = ["Maximum"], metrics = ["ApproximateNumberOfMessagesVisible"], of = ["AWS/SQS", "QueueName", local.queue_name] },
    { title = "Trigger queue: age of the oldest message, s", statistics = ["Maximum"], metrics = ["ApproximateAgeOfOldestMessage"], of = ["AWS/SQS", "QueueName", local.queue_name] },
  ]
  graphs = concat(
    [for graph in local.graphs_of_images : merge(graph, { of = [local.namespace, "FunctionName", var.name] }) if local.has_metrics],
    local.graphs_of_aws,
  )

  # Three graphs in each row of CloudWatch's grid, which has 24 columns.
  widgets = [
    for at, graph in local.graphs : {
      type = "metric", width = 8, height = 6, x = 8 * (at % 3), y = 6 * floor(at / 3)
      properties = {
        title = graph.title, region = local.region, period = 60, view = "timeSeries"
        metrics = concat([
          for metric in graph.metrics : [
            for statistic in graph.statistics :
            [graph.of[0], metric, graph.of[1], graph.of[2], { stat = statistic, label = length(graph.statistics) == 1 ? metric : "${metric} ${statistic}" }]
          ]
        ]...)
      }
    }
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  count = var.create_dashboard ? 1 : 0

  dashboard_name = var.name
  dashboard_body = jsonencode({ widgets = local.widgets })
}
