"""The tables of the modules' README.md files, and the links of the documentation."""

import re
import unittest

from blocks import PAGES
from tables import READMES, written


class Readme(unittest.TestCase):
    def test_tables_contain_every_variable_and_output(self):
        for readme in READMES:
            self.assertEqual(readme.read_text(), written(readme), "run python deploy/tests/tables.py to update the tables")


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
