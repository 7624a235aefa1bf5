# The permissions that Lambda needs for a function in a VPC. docs/iam.md has the same statements and the reasons.

locals {
  interfaces = "arn:${local.partition}:ec2:${local.here}:network-interface/*"

  network_policy = var.network == null ? null : jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "CreateInterfaces"
        Effect = "Allow"
        Action = "ec2:CreateNetworkInterface"
        # The ARN of a shared subnet contains the account that shares it.
        Resource = concat(
          [local.interfaces],
          [for subnet in var.network.subnet_ids : "arn:${local.partition}:ec2:${local.region}:*:subnet/${subnet}"],
          [for group in var.network.security_group_ids : "arn:${local.partition}:ec2:${local.region}:*:security-group/${group}"],
        )
      },
      {
        Sid      = "ChangeInterfaces"
        Effect   = "Allow"
        Action   = ["ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"]
        Resource = local.interfaces
      },
      {
        # EC2 supports no resources for these actions.
        Sid      = "DescribeNetwork"
        Effect   = "Allow"
        Action   = ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"]
        Resource = "*"
      },
      {
        Sid    = "NoNetworkForCode"
        Effect = "Deny"
        Action = [
          "ec2:CreateNetworkInterface",
          "ec2:DeleteNetworkInterface",
          "ec2:DescribeNetworkInterfaces",
          "ec2:DescribeSubnets",
          "ec2:DetachNetworkInterface",
          "ec2:AssignPrivateIpAddresses",
          "ec2:UnassignPrivateIpAddresses",
        ]
        Resource  = "*"
        Condition = local.by_code
      },
    ]
  })
}

resource "aws_iam_role_policy" "network" {
  count = var.network == null ? 0 : 1

  name   = "network"
  role   = aws_iam_role.this.name
  policy = local.network_policy

  # Delete the policy only after the update of the function: Lambda uses it to delete the interfaces of the previous network.
  lifecycle {
    create_before_destroy = true
  }
}
