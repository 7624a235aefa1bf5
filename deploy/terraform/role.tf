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

# Network interfaces have no ARN before they are made, so that what allows making them names none. It is AWS's own policy.
resource "aws_iam_role_policy_attachment" "network" {
  count = var.network == null ? 0 : 1

  role       = aws_iam_role.this.name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AWSLambdaENIManagementAccess"

  # Removed after the function's update and not before: by this role Lambda removes the interfaces of a network that is left.
  lifecycle {
    create_before_destroy = true
  }
}
