"""python3 -m unittest bench.test_search"""

import unittest

from .search import LEAST, MOST, Search


def searched(curve, start: int, distance: int) -> Search:
    search = Search(75, start)
    while (quality := search.next(distance)) is not None:
        assert quality not in search.scores, "no quality is tried twice"
        search.scores[quality] = curve(quality)
    return search


class TheLeastQualityThatReachesAScore(unittest.TestCase):
    def test_is_found_from_any_start_in_few_steps(self):
        for start in (LEAST, 30, 62, MOST):
            search = searched(lambda quality: 40 + 45 * (quality / 100) ** 0.6, start, 1)
            self.assertEqual((search.below, search.above), (65, 66))
            self.assertLessEqual(len(search.scores), 8)

    def test_may_be_none(self):
        search = searched(lambda quality: quality / 2, 50, 1)
        self.assertIsNone(search.above)
        self.assertIsNone(search.between({}))

    def test_may_be_the_least_of_all(self):
        search = searched(lambda quality: 80 + quality / 10, 50, 1)
        self.assertEqual((search.below, search.above), (None, LEAST))

    def test_is_only_neared_where_that_is_enough(self):
        search = searched(lambda quality: quality + 0.5, 50, 4)
        self.assertLessEqual(search.above - search.below, 4)
        self.assertAlmostEqual(
            search.between({quality: 2.0**quality for quality in search.scores}), 2.0**74.5, delta=2.0**50
        )


if __name__ == "__main__":
    unittest.main()
