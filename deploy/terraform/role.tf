# The role that the function runs by.

resource "aws_iam_role" "this" {
  # Roles are the account's and not a region's, so the name tells the region.
  name                 = "${var.name}-${local.region}"
  description          = "What the Lambda function ${var.name} in ${local.region} may do"
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
