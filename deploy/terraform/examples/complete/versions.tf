terraform {
  # The first whose validations may look at other variables.
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # The first in which a region is told by `region`, and in which each resource may have its own.
      version = ">= 6.0"
    }
  }
}
