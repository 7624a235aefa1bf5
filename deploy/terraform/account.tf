# Where this is. The tests put fixed values in this file's place, and evaluate the files that have no resources.

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_region" "this" {}

locals {
  account   = data.aws_caller_identity.this.account_id
  partition = data.aws_partition.this.partition
  region    = data.aws_region.this.region
  # What the names of AWS's servers end in: amazonaws.com, but for China and the like.
  dns_suffix = data.aws_partition.this.dns_suffix
}
