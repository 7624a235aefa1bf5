terraform {
  # The first version in which a validation can refer to other variables.
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # The first version with the attribute `region`, in the data source and in each resource.
      version = ">= 6.0"
    }
  }
}
