"""python3 -m unittest bench.test_subsets"""

import unittest
from pathlib import Path

from . import subsets
from .encoders import Encoder
from .measure import Encode, Image, Job
from .run import Run

SHARP = Encoder("sharp", "effort 4", "", 50, True)
VISUAL = Encoder("avif-lambda", "visual:75", "", "visual:75", True)


class FakeBench:
    def __init__(self):
        self.encodes: dict[Job, Encode] = {}


class SubsetTests(unittest.TestCase):
    def setUp(self):
        # At quality q, image n scores q - n and has 100 * (n + 1) bytes for each quality, so it needs the quality 75 + n.
        images = [Image(Path(f"{number}.png"), Path(f"{number}.png"), 1.0) for number in range(12)]
        self.run_ = Run(FakeBench(), [SHARP, VISUAL], images, 75)
        for number, image in enumerate(images):
            for quality in (70, 99):
                self.run_.bench.encodes[Job(SHARP, image, quality)] = Encode(round(100 * 1.1**quality), quality - number)
                self.run_.searches[SHARP, image].scores[quality] = quality - number
            self.run_.bench.encodes[Job(VISUAL, image, "visual:75")] = Encode(round(50 * 1.1 ** (75 + number)), 75)
        self.run_.qualities = {SHARP: 86, VISUAL: "visual:75"}

    def test_every_image_at_its_own_quality_has_the_same_ratio(self):
        for ratio in subsets.compare_own_qualities(self.run_, VISUAL):
            self.assertAlmostEqual(ratio, 0.5, places=3)

    def test_subset_needs_the_quality_of_its_most_difficult_image(self):
        spread = subsets.compare_common_qualities(self.run_, VISUAL)
        # Of 10 images among 12, the most difficult one is the last, the last but one or the last but two.
        ratio = sum(0.5 * 1.1 ** (n - 11) for n in range(2, 12)) / 10
        self.assertLess(spread.low, ratio)
        self.assertLess(spread.low, spread.middle)
        self.assertLess(spread.high, 0.5)

    def test_few_images_have_no_subsets(self):
        self.run_.images = self.run_.images[:10]
        self.assertIsNone(subsets.compare_own_qualities(self.run_, VISUAL))


if __name__ == "__main__":
    unittest.main()
