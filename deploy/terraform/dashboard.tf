# What happens, at a glance. Each entry is one graph: a title and its metrics as CloudWatch writes them.

locals {
  graphs = [
    { title = "Invocations", statistic = "Sum", metrics = [for metric in ["Invocations", "Errors", "Throttles"] : ["AWS/Lambda", metric, "FunctionName", var.name]] },
    { title = "Duration, ms", statistic = "Maximum", metrics = [["AWS/Lambda", "Duration", "FunctionName", var.name]] },
    { title = "Instances at a time", statistic = "Maximum", metrics = [["AWS/Lambda", "ConcurrentExecutions", "FunctionName", var.name]] },
    { title = "Failures kept", statistic = "Maximum", metrics = [["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", local.failures_name]] },
    { title = "Waiting in the queue", statistic = "Maximum", metrics = [["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", local.queue_name]] },
    { title = "Asynchronous events' age, ms", statistic = "Maximum", metrics = [["AWS/Lambda", "AsyncEventAge", "FunctionName", var.name]] },
  ]

  # Two in a row, on CloudWatch's grid of 24 columns.
  widgets = [
    for at, graph in local.graphs : {
      type       = "metric", width = 12, height = 6, x = 12 * (at % 2), y = 6 * floor(at / 2)
      properties = { title = graph.title, metrics = graph.metrics, stat = graph.statistic, period = 300, region = local.region, view = "timeSeries" }
    }
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  count = var.create_dashboard ? 1 : 0

  dashboard_name = var.name
  dashboard_body = jsonencode({ widgets = local.widgets })
}
