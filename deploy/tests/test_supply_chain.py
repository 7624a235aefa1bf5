"""Checks whose code the workflows run, and with which credentials."""

import json
import re
import unittest

from samtranslator.yaml_helper import yaml_parse
from terraform import ROOT

WORKFLOWS = {file.name: file.read_text() for file in (ROOT / ".github/workflows").glob("*.yml")}
MAKEFILE = (ROOT / "Makefile").read_text()
# The folders with requirements of Python packages.
REQUIREMENTS = [ROOT / "deploy/tests", ROOT / "browser"]
# Actions that a job with credentials for AWS may use: GitHub's own, and AWS's.
TRUSTED = {"actions/checkout", "actions/download-artifact", "aws-actions/configure-aws-credentials"}


def jobs():
    """Each job, with the name of its workflow and its own name."""
    for name, text in WORKFLOWS.items():
        for job, content in yaml_parse(text)["jobs"].items():
            yield name, job, content


class Workflows(unittest.TestCase):
    def test_actions_are_pinned_to_a_commit_with_its_version(self):
        for name, text in WORKFLOWS.items():
            used = re.findall(r"uses: (.*)", text)
            self.assertTrue(used, name)
            for action in used:
                self.assertRegex(action, r"^[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+(\.\d+)*$", name)

    def test_only_the_deployment_job_can_assume_a_role_and_it_runs_only_trusted_code(self):
        with_identity = []
        for name, job, content in jobs():
            self.assertEqual(yaml_parse(WORKFLOWS[name])["permissions"], {}, name)
            if "id-token" in content["permissions"]:
                with_identity.append((name, job))
                self.assertEqual((content["environment"], content["needs"]), ("production", "build"))
                self.assertLessEqual({step["uses"].partition("@")[0] for step in content["steps"] if "uses" in step}, TRUSTED)
                self.assertEqual([step["run"].split()[0] for step in content["steps"] if "run" in step], ["deploy/image/run.sh"])
            else:
                self.assertLessEqual(content["permissions"].items(), {"contents": "read"}.items(), (name, job))
        self.assertEqual(with_identity, [("release.yml", "deploy")])

    def test_checkouts_do_not_store_the_token(self):
        for name, job, content in jobs():
            for step in content["steps"]:
                if step.get("uses", "").startswith("actions/checkout@"):
                    self.assertEqual(step["with"], {"persist-credentials": False}, (name, job))

    def test_pull_requests_get_no_secret(self):
        for name, text in WORKFLOWS.items():
            for expression in re.findall(r"\$\{\{(.*secrets\..*)\}\}", text):
                self.assertRegex(expression, r"^ github\.event_name == 'push' && secrets\.\w+ \|\| '' $", name)
        # A pull request can change the workflow, so only the rules of an environment protect a secret.
        for name, job, content in jobs():
            if "secrets." in str(content):
                self.assertEqual(content["environment"], "${{ github.event_name == 'push' && 'cache' || '' }}", (name, job))

    def test_images_are_built_again_without_a_cache_and_compared(self):
        ci = yaml_parse(WORKFLOWS["ci.yml"])["jobs"]
        self.assertNotIn("cachix-action", str(ci["again"]))
        self.assertEqual(ci["compare"]["needs"], ["nix", "again"])

    def test_documented_role_trusts_only_the_deployment_environment(self):
        section = (ROOT / "docs/deploy.md").read_text().partition("\n## Releases from GitHub\n")[2].partition("\n## ")[0]
        trust, permissions = (json.loads(text) for text in re.findall(r"```json\n(.*?)```", section, re.DOTALL))
        [statement] = trust["Statement"]
        [environment] = [content["environment"] for _, _, content in jobs() if "id-token" in content["permissions"]]
        issuer = "token.actions.githubusercontent.com"
        expected = {f"{issuer}:aud": "sts.amazonaws.com", f"{issuer}:sub": f"repo:OWNER/NAME:environment:{environment}"}
        self.assertEqual(statement["Condition"], {"StringEquals": expected})
        everywhere = [one["Action"] for one in permissions["Statement"] if "*" in one["Resource"]]
        self.assertEqual(everywhere, ["ecr:GetAuthorizationToken"])


class Tools(unittest.TestCase):
    def test_every_python_package_has_a_version_and_hashes(self):
        for file in [file for folder in REQUIREMENTS for file in folder.glob("*.txt")]:
            for line in file.read_text().splitlines():
                self.assertRegex(line, r"^#|^[\w.\[\]-]+==[\w.]+( ; .*)? \\$|^    --hash=sha256:[0-9a-f]{64}( \\)?$", file.name)

    def test_direct_requirements_are_locked(self):
        for file in [file for folder in REQUIREMENTS for file in folder.glob("*.in")]:
            locked = file.with_suffix(".txt").read_text()
            for line in file.read_text().splitlines():
                if not line.startswith("#"):
                    # The lock file names the packages of an extra, not the extra.
                    name, version = re.sub(r"\[.*?\]", "", line).split("==")
                    self.assertRegex(locked, rf"(?m)^{name}=={version} ", file.name)

    def test_make_installs_pinned_versions_only(self):
        installed = re.findall(r"pip install (.*)", MAKEFILE)
        self.assertEqual(len(installed), 4)
        for options in installed:
            self.assertRegex(options, r"^\$\(PIP_FLAGS\) (--no-deps )?--requirement \S+$")
        self.assertIn("PIP_FLAGS := --quiet --require-hashes --only-binary :all:\n", MAKEFILE)
        installed = re.findall(r"cargo install (.*)", MAKEFILE)
        self.assertEqual(len(installed), 3)
        for options in installed:
            self.assertIn("--locked", options)
            for name in [word for word in options.split() if not word.startswith(("-", "$"))]:
                self.assertRegex(name, r"^[\w-]+@\d+\.\d+\.\d+$")
