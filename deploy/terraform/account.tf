# The account and region of the deployment. The tests replace this file by fixed values and evaluate the other files.

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_region" "this" {}

locals {
  account   = data.aws_caller_identity.this.account_id
  partition = data.aws_partition.this.partition
  region    = data.aws_region.this.region
  # The domain of AWS's endpoints: amazonaws.com, except in other partitions, for example China.
  dns_suffix = data.aws_partition.this.dns_suffix
}
