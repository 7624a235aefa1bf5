"""python3 -m unittest bench.test_cost"""

import re
import unittest
from pathlib import Path

from . import cost

DOCUMENT = (Path(__file__).parent.parent / "docs/performance.md").read_text()


class CostTests(unittest.TestCase):
    def test_documented_table_equals_the_output_of_its_command(self):
        [words] = re.findall(r"python3 -m bench\.cost (.*)", DOCUMENT)
        for row in cost.format_rows(**vars(cost.parse_arguments(words.split()))):
            self.assertIn(row + "\n", DOCUMENT)

    def test_price_up_to_one_vcpu_does_not_depend_on_memory_without_waiting(self):
        for memory in (512, 1024):
            whole, part = (cost.compute_price(size, cost.compute_seconds(size, 4, 1, 0), "arm64") for size in (cost.VCPU, memory))
            self.assertAlmostEqual(whole, part)

    def test_second_vcpu_does_not_shorten_the_serial_part_and_the_waiting(self):
        self.assertAlmostEqual(cost.compute_seconds(2 * cost.VCPU, cpu=4, serial=1, waiting=0.5), 3)
        self.assertAlmostEqual(cost.compute_price(1024, 1, "x86_64"), 0.0168667)


if __name__ == "__main__":
    unittest.main()
