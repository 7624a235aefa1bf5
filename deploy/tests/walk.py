"""Runs the commands of the documentation in one shell, as a reader does, with a simulated AWS account (moto)."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

from blocks import Block, blocks
from sam import REGION, Account
from terraform import DIGEST, ROOT

# Substitutes for programs that cannot run here: `nix run .#push` prints the image, `nix build` writes a zip file, the others do
# nothing. test_commands.py checks their arguments.
SUBSTITUTES = {
    "nix": f"""case $1,$2 in
        run,.#push) echo "$4@sha256:{DIGEST}" ;;
        build,*) printf 'PK\\5\\6%018d' 0 | tr 0 '\\0' >"$4" ;;
        *) exit 1 ;;
    esac""",
    "avif": "",
    "cargo": "",
    "sleep": "",
    "terraform": "",
}
# PyPI has AWS CLI 1. Its SQS commands ignore AWS_ENDPOINT_URL, so the endpoint is an option.
AWS = f"""exec {Path(sys.executable).with_name("aws")} --endpoint-url "$AWS_ENDPOINT_URL" "$@" """
# The sections whose commands test_walkthrough.py runs, in this order.
RUN = [
    ("docs/deploy.md", "Before you start"),
    ("docs/deploy.md", "Test your settings locally (optional)"),
    ("docs/deploy.md", "AWS CLI"),
    ("docs/deploy.md", "Turn on EventBridge for the bucket"),
    ("docs/deploy.md", "Convert the first image"),
    ("docs/operations.md", "Redrive"),
    ("docs/operations.md", "Triggers"),
    ("docs/operations.md", "Connect a queue"),
    ("docs/operations.md", "Archived sources"),
    ("docs/operations.md", "Connect S3 notifications"),
    ("docs/operations.md", "Emergency stop"),
    ("docs/serving.md", "Stop an attack"),
    ("docs/serving.md", "Allow CloudFront to read the variants"),
    ("docs/operations.md", "Alarms"),
    ("docs/telemetry.md", "Metrics"),
    ("docs/deploy.md", "Zip package and extension layer"),
    ("docs/upgrade.md", "Zip package or extension layer"),
    ("docs/upgrade.md", "Change settings"),
    ("docs/upgrade.md", "Roll back"),
    ("docs/deploy.md", "Update and roll back"),
    ("docs/deploy.md", "Remove"),
]
# Operations that moto does not support. A block with one of them does not run, but parsers check its commands.
NOT_IN_MOTO = ["start-message-move-task", "s3control list-jobs"]


def is_run(block: Block) -> bool:
    """Whether test_walkthrough.py runs a block."""
    return (block.page, block.heading) in RUN and not any(operation in block.text for operation in NOT_IN_MOTO)


# Keeps variables and exports from one block to the next, as in one shell.
BLOCK = """set -eu -o pipefail
. "$STATE"
{code}
declare -p | grep -v '^declare -[a-zA-Z]*r' >"$STATE"
"""


class Walk:
    """A shell with its folder and its simulated account. `close` stops it."""

    def __init__(self):
        self.account = Account()
        # Without this, moto's Lambda needs Docker.
        body = json.dumps({"lambda": {"use_docker": False}}).encode()
        urllib.request.urlopen(
            urllib.request.Request(f"{self.account.endpoint}/moto-api/config", body, {"Content-Type": "application/json"})
        )
        self.work = tempfile.TemporaryDirectory()
        self.folder, self.state = Path(self.work.name, "project"), Path(self.work.name, "state")
        self.state.touch()
        programs, photos = Path(self.work.name, "bin"), Path(self.work.name, "home/Pictures")
        for folder in [self.folder, programs, photos]:
            folder.mkdir(parents=True)
        for name, code in (SUBSTITUTES | {"aws": AWS}).items():
            Path(programs, name).write_text(f"#!/bin/sh\n{code}\n")
            Path(programs, name).chmod(0o755)
        for name in ["deploy", "docs"]:
            Path(self.folder, name).symlink_to(ROOT / name)
        self.photo = Path(shutil.copy(ROOT / "crates/cli/assets/rocket.jpg", Path(photos, "photo.jpg")))
        # The sections that ran.
        self.done = []
        self.environment = {
            "PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(photos.parent),
            "STATE": str(self.state),
            "AWS_ENDPOINT_URL": self.account.endpoint,
            # AWS CLI 1 does not read AWS_REGION.
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }

    def read(self, page: str, heading: str, before: dict | None = None, **names: str):
        """Runs a section, and replaces `names` in it. `before` maps a text to a function that is called before a block with this text."""
        found = [block for block in blocks(ROOT / page) if block.heading == heading and is_run(block)]
        assert found, f"nothing to run in {page}, {heading}"
        for block in found:
            for word, call in (before or {}).items():
                if word in block.text:
                    call()
            self.run(block, **names)
        self.done.append((page, heading))

    def run(self, block: Block, **names: str):
        """Runs a block, and replaces `names` in it."""
        code = block.text
        for name, value in names.items():
            code = code.replace(name, value)
        shell = subprocess.run(
            ["bash", "--norc", "-c", BLOCK.format(code=code)], cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        assert shell.returncode == 0 and shell.stderr == "", f"{block} ended with {shell.returncode}:\n{shell.stderr}{shell.stdout}"
        return shell.stdout

    def client(self, service: str):
        return self.account.client(service)

    def close(self):
        self.account.close()
        self.work.cleanup()


assert REGION == "eu-central-1", "the documentation uses this region"
