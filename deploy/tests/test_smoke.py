"""Runs the smoke test (deploy/smoke) against a simulated account, in which the real function converts the images."""

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest
from pathlib import Path

from sam import REGION
from simulation import Simulation
from terraform import DIGEST, ROOT

REPOSITORY = f"123456789012.dkr.ecr.{REGION}.amazonaws.com/avif"
# deploy/image/test.sh tests the real `push` with a registry.
PUSH = f"""#!/bin/sh
[ "$1" = {REPOSITORY} ] || {{ echo "name unknown: $1" >&2; exit 1; }}
echo "$1@sha256:{DIGEST}"
"""


def write_archive(path: Path):
    """A Docker archive for arm64 with one empty layer."""
    layer = bytes(1024)
    config = json.dumps(
        {"architecture": "arm64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]}}
    )
    manifest = json.dumps([{"Config": "config.json", "RepoTags": ["avif-lambda:0.1.0"], "Layers": ["layer.tar"]}])
    with tarfile.open(path, "w") as archive:
        for name, content in {"manifest.json": manifest.encode(), "config.json": config.encode(), "layer.tar": layer}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


class Smoke(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.account = Simulation()
        cls.addClassCleanup(cls.account.close)
        work = tempfile.TemporaryDirectory()
        cls.addClassCleanup(work.cleanup)
        Path(work.name, "push").write_text(PUSH)
        Path(work.name, "push").chmod(0o755)
        write_archive(Path(work.name, "image.tar"))
        cls.environment = {
            "PATH": f"{work.name}:{os.environ['PATH']}",
            "HOME": work.name,
            "AVIF_IMAGE": f"{work.name}/image.tar",
            "AWS_ENDPOINT_URL": cls.account.endpoint,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def setUp(self):
        self.account.delivers, self.account.on_upload, self.account.denied = True, None, set()

    def start(self, *options: str, repository: str = REPOSITORY, **variables: str) -> subprocess.Popen:
        environment = {name: value for name, value in (self.environment | variables).items() if value}
        command = [sys.executable, "-B", "-m", "deploy.smoke", repository, *options]
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def finish(self, smoke: subprocess.Popen) -> str:
        """The output of a run that leaves the account empty."""
        output, _ = smoke.communicate(timeout=300)
        self.assertEqual(self.account.contents(), {}, output)
        return output

    def fail_with(self, *options: str, **variables: str) -> str:
        """The output of a run that fails."""
        smoke = self.start(*options, **variables)
        output = self.finish(smoke)
        self.assertEqual(smoke.returncode, 1, output)
        self.assertNotIn("Traceback", output)
        return output

    def test_whole_run_passes_and_prints_times_cost_and_lines_for_the_documentation(self):
        smoke = self.start()
        output = self.finish(smoke)
        self.assertEqual(smoke.returncode, 0, output)
        self.assertIn("10 AVIF files", output)
        self.assertIn("version 1 -> 2", output)
        self.assertIn("in the failure queue after 3 attempts", output)
        self.assertRegex(output, r"cold start \(Lambda's init\), 1 of \d+ invocations +0\.200 s")
        self.assertRegex(output, r"cost of Lambda: \$0\.00\d\d for \d+ invocations")
        self.assertIn("### Measured on Lambda, arm64 (Graviton)\n", output)
        self.assertRegex(output, r"\| invocation \| \d+\.\d\d s \| \d+\.\d\d s \| \d+\.\d\d s \|\n")
        self.assertIn(f"--repository-name avif --image-ids imageDigest=sha256:{DIGEST}", output)

    def test_missing_variant_is_named_and_everything_is_removed(self):
        self.account.delivers = False
        output = self.fail_with("--limit", "2")
        self.assertRegex(output, r"smoke: s3://avif-smoke-\w+/first\.jpg has no variant")
        self.assertIn("no event started the function", output)

    def test_terminated_run_removes_everything(self):
        def terminate():
            smoke.send_signal(signal.SIGTERM)
            # The signal arrives while the program waits for the response of S3.
            time.sleep(0.5)

        self.account.on_upload = terminate
        smoke = self.start()
        output = self.finish(smoke)
        self.assertEqual(smoke.returncode, 1, output)
        self.assertIn("received SIGTERM", output)

    def test_denied_permission_is_named_and_everything_is_removed(self):
        self.account.denied = {"CreateChangeSet"}
        output = self.fail_with()
        self.assertIn("is not authorized to perform: cloudformation:CreateChangeSet", output)
        self.assertIn("add the permission for the action", output)

    def test_resource_that_cannot_be_removed_is_named_with_a_command(self):
        self.account.denied, self.account.delivers = {"DeleteStack"}, False
        smoke = self.start("--limit", "1")
        output, _ = smoke.communicate(timeout=300)
        self.assertEqual(smoke.returncode, 1)
        [stack] = self.account.stacks.describe_stacks()["Stacks"]
        self.assertIn(f"cannot remove the stack {stack['StackName']}", output)
        self.assertIn(f"to remove it: aws cloudformation delete-stack --stack-name {stack['StackName']}", output)
        self.account.denied = set()
        self.account.stacks.delete_stack(StackName=stack["StackName"])
        self.assertEqual(self.account.contents(), {}, output)

    def test_missing_condition_is_named_before_anything_is_created(self):
        other = REPOSITORY.replace(REGION, "us-east-1")
        cases = [
            ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "cannot use AWS credentials"),
            ({"AWS_REGION": ""}, "no AWS region is configured"),
            ({"AVIF_IMAGE": ""}, "AVIF_IMAGE is not set"),
            ({"AVIF_IMAGE": "/missing.tar"}, "cannot read the image /missing.tar"),
            ({"repository": other}, f"{other} is in us-east-1, but the test runs in {REGION}"),
            ({"repository": "avif"}, "REPOSITORY is 'avif'"),
            ({"repository": f"{REPOSITORY}-missing"}, "name unknown"),
        ]
        for variables, expected in cases:
            with self.subTest(expected):
                output = self.fail_with(**variables)
                self.assertIn(expected, output)
                self.assertNotIn("create bucket", output)

    def test_dry_run_creates_nothing(self):
        smoke = self.start("--dry-run")
        output = self.finish(smoke)
        self.assertEqual(smoke.returncode, 0, output)
        self.assertIn("nothing was pushed or created", output)
