# The ECR repository of the image. It is a separate module because it must exist before the function.

resource "aws_ecr_repository" "this" {
  #checkov:skip=CKV_AWS_136: the image contains no secret; a customer-managed key would need a policy for Lambda
  name = var.name
  # Tags are immutable, so an image never loses its tag.
  image_tag_mutability = "IMMUTABLE"
  # Terraform does not delete a repository with images: Lambda pulls the image of an idle function again.
  force_delete = false
  tags         = var.tags

  image_scanning_configuration {
    scan_on_push = true
  }
}

# Lambda may pull the image of an old version at any time. `push` gives every image its own tag, and this policy never expires
# an image with a tag. So the images of all published versions remain. Images without a tag come from incomplete pushes.
resource "aws_ecr_lifecycle_policy" "this" {
  repository = aws_ecr_repository.this.name
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Expire images without a tag"
      selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = var.untagged_days }
      action       = { type = "expire" }
    }]
  })
}

# The Lambda service pulls the image and needs this permission. If it is missing, Lambda adds it when a function is created, and
# the next plan would remove it. So the policy contains it from the beginning.
resource "aws_ecr_repository_policy" "this" {
  repository = aws_ecr_repository.this.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid       = "LambdaECRImageRetrievalPolicy"
        Effect    = "Allow"
        Principal = { Service = "lambda.amazonaws.com" }
        Action    = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        Condition = {
          StringLike = {
            "aws:SourceArn" = [
              for account in concat([data.aws_caller_identity.this.account_id], var.pulling_account_ids) :
              "arn:${data.aws_partition.this.partition}:lambda:${data.aws_region.this.region}:${account}:function:*"
            ]
          }
        }
      }],
      # The creator of a function in another account also needs to read the image.
      [for account in var.pulling_account_ids : {
        Sid       = "LookFrom${account}"
        Effect    = "Allow"
        Principal = { AWS = "arn:${data.aws_partition.this.partition}:iam::${account}:root" }
        Action    = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      }],
    )
  })
}

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_region" "this" {}
