# What happens, at a glance: the pictures, as the extension counts them, then the function and its queues, as AWS does.

locals {
  # The graphs of docs/dashboard.json, which is made from the extension's list of metrics. A test compares the two.
  graphs_of_pictures = [
    { title = "Invocations", statistics = ["Sum"], metrics = ["Invocations", "Errors", "Timeouts", "ColdStarts", "RejectedRecords"] },
    { title = "Pictures", statistics = ["Sum"], metrics = ["Converted", "Refused", "Failed", "Skipped", "Removed"] },
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
    { title = "Lambda: instances at a time", statistics = ["Maximum"], metrics = ["ConcurrentExecutions"], of = ["AWS/Lambda", "FunctionName", var.name] },
    { title = "Lambda: events' age, ms", statistics = ["Maximum"], metrics = ["AsyncEventAge"], of = ["AWS/Lambda", "FunctionName", var.name] },
    { title = "Failures kept", statistics = ["Maximum"], metrics = ["ApproximateNumberOfMessagesVisible"], of = ["AWS/SQS", "QueueName", local.failures_name] },
    { title = "Waiting in the queue", statistics = ["Maximum"], metrics = ["ApproximateNumberOfMessagesVisible"], of = ["AWS/SQS", "QueueName", local.queue_name] },
    { title = "The oldest in the queue, s", statistics = ["Maximum"], metrics = ["ApproximateAgeOfOldestMessage"], of = ["AWS/SQS", "QueueName", local.queue_name] },
  ]
  graphs = concat(
    [for graph in local.graphs_of_pictures : merge(graph, { of = [local.namespace, "FunctionName", var.name] }) if local.has_metrics],
    local.graphs_of_aws,
  )

  # Three in a row, on CloudWatch's grid of 24 columns.
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
