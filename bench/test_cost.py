"""python3 -m unittest bench.test_cost"""

import re
import unittest
from pathlib import Path

from . import cost

DOCUMENT = (Path(__file__).parent.parent / "docs/performance.md").read_text()


class ACost(unittest.TestCase):
    def test_in_the_documentation_is_what_its_command_prints(self):
        [words] = re.findall(r"python3 -m bench\.cost (.*)", DOCUMENT)
        for row in cost.rows(**vars(cost.parse(words.split()))):
            self.assertIn(row + "\n", DOCUMENT)

    def test_is_the_same_for_any_part_of_a_processor_where_nothing_waits(self):
        for memory in (512, 1024):
            whole, part = (cost.thousand(size, cost.seconds(size, 4, 1, 0), "arm64") for size in (cost.VCPU, memory))
            self.assertAlmostEqual(whole, part)

    def test_counts_what_waits_at_full_price(self):
        self.assertAlmostEqual(cost.seconds(2 * cost.VCPU, cpu=4, alone=1, waiting=0.5), 3)
        self.assertAlmostEqual(cost.thousand(1024, 1, "x86_64"), 0.0168667)


if __name__ == "__main__":
    unittest.main()
