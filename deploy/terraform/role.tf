# The execution role of the function.

resource "aws_iam_role" "this" {
  # Roles are global in an account, so the name contains the region.
  name                 = "${var.name}-${local.region}"
  description          = "Execution role of the Lambda function ${var.name} in ${local.region}"
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name   = "avif"
  role   = aws_iam_role.this.name
  policy = local.policy
}
