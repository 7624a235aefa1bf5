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

# Lambda pulls by its own service: in this account with the rights of whoever creates the function, in another by this.
resource "aws_ecr_repository_policy" "this" {
  count = length(var.pulling_account_ids) > 0 ? 1 : 0

  repository = aws_ecr_repository.this.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "LookForFunctions"
        Effect    = "Allow"
        Principal = { AWS = [for account in var.pulling_account_ids : "arn:${data.aws_partition.this.partition}:iam::${account}:root"] }
        Action    = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      },
      {
        Sid       = "PullForFunctions"
        Effect    = "Allow"
        Principal = { Service = "lambda.amazonaws.com" }
        Action    = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        Condition = { StringEquals = { "aws:SourceAccount" = var.pulling_account_ids } }
      },
    ]
  })
}

data "aws_partition" "this" {}
