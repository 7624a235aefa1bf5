"""The tables of the modules' README.md files and of the flake's packages, and the links of the documentation."""

import re
import unittest

from blocks import PAGES
from checks import packages
from tables import READMES, written
from terraform import ROOT


class Readme(unittest.TestCase):
    def test_tables_contain_every_variable_and_output(self):
        for readme in READMES:
            self.assertEqual(readme.read_text(), written(readme), "run python deploy/tests/tables.py to update the tables")


class Nix(unittest.TestCase):
    def test_table_contains_every_package(self):
        outputs = (ROOT / "docs/nix.md").read_text().partition("\n## Outputs\n")[2].partition("\n## ")[0]
        rows = re.findall(r"^\| (`.*?) \|", outputs, re.MULTILINE)
        self.assertEqual({name for row in rows for name in re.findall(r"`([\w-]+)`", row)}, packages())


class Links(unittest.TestCase):
    def test_every_link_has_a_target(self):
        for page in PAGES:
            for path, heading in re.findall(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", page.read_text()):
                with self.subTest(page=page.name, path=path, heading=heading):
                    target = page.parent / path if path else page
                    self.assertTrue(target.exists())
                    if heading:
                        self.assertIn(heading, anchors(target.read_text()))


def anchors(text: str) -> set:
    """The anchors that GitHub creates for the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
