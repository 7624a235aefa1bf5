"""What a README.md says of a module, and that links lead somewhere."""

import re
import unittest

from blocks import PAGES
from tables import READMES, written


class Readme(unittest.TestCase):
    def test_has_every_variable_and_output(self):
        for readme in READMES:
            self.assertEqual(readme.read_text(), written(readme), "python deploy/tests/tables.py writes it anew")


class Links(unittest.TestCase):
    def test_every_link_leads_to_a_file_and_a_heading(self):
        for page in PAGES:
            for path, heading in re.findall(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", page.read_text()):
                with self.subTest(page=page.name, path=path, heading=heading):
                    target = page.parent / path if path else page
                    self.assertTrue(target.exists())
                    if heading:
                        self.assertIn(heading, anchors(target.read_text()))


def anchors(text: str) -> set:
    """The names that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
