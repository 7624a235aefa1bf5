"""What a README.md says of a module."""

import unittest

from tables import READMES, written


class Readme(unittest.TestCase):
    def test_has_every_variable_and_output(self):
        for readme in READMES:
            self.assertEqual(readme.read_text(), written(readme), "python deploy/tests/tables.py writes it anew")
