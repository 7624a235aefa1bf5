# The image's repository in ECR. It lives longer than any function, so it is a module of its own.

resource "aws_ecr_repository" "this" {
  #checkov:skip=CKV_AWS_136: the image holds no secret; a key of one's own would have to be opened to Lambda
  name = var.name
  # A tag stays what it was, so that an image that has one is never the one left over.
  image_tag_mutability = "IMMUTABLE"
  # Not with images in it: a function that was idle for long fetches its image anew.
  force_delete = false
  tags         = var.tags

  image_scanning_configuration {
    scan_on_push = true
  }
}

# Lambda pulls the image of a version as it needs it, of an old one as well. Every image that `push` leaves has a tag of its
# own for good, and a tagged image is never expired here: whatever a published version uses stays. What has no tag is what
# a push left half-way.
resource "aws_ecr_lifecycle_policy" "this" {
  repository = aws_ecr_repository.this.name
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "What has no tag is in no version"
      selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = var.untagged_days }
      action       = { type = "expire" }
    }]
  })
}

# Lambda pulls by its own service, of this account too. Where that is not allowed, it writes it into the policy by itself while
# a function is made, and the next plan would take it out again: so all of it is here.
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
      # Whoever creates a function in another account looks at its image, too.
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
