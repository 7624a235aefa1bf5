"""python3 -m unittest bench.test_search"""

import unittest

from .search import HIGHEST, LOWEST, Search


def search_to_the_end(curve, start: int, distance: int) -> Search:
    search = Search(75, start)
    while (quality := search.next(distance)) is not None:
        assert quality not in search.scores, f"quality {quality} is tried twice"
        search.scores[quality] = curve(quality)
    return search


class SearchTests(unittest.TestCase):
    def test_search_from_any_start_finds_the_lowest_quality_in_at_most_8_steps(self):
        for start in (LOWEST, 30, 62, HIGHEST):
            search = search_to_the_end(lambda quality: 40 + 45 * (quality / 100) ** 0.6, start, 1)
            self.assertEqual((search.below, search.above), (65, 66))
            self.assertLessEqual(len(search.scores), 8)

    def test_unreachable_target_results_in_no_quality(self):
        search = search_to_the_end(lambda quality: quality / 2, 50, 1)
        self.assertIsNone(search.above)
        self.assertIsNone(search.interpolate({}))

    def test_target_that_every_quality_reaches_results_in_the_lowest_quality(self):
        search = search_to_the_end(lambda quality: 80 + quality / 10, 50, 1)
        self.assertEqual((search.below, search.above), (None, LOWEST))

    def test_search_ends_within_the_given_distance(self):
        search = search_to_the_end(lambda quality: quality + 0.5, 50, 4)
        self.assertLessEqual(search.above - search.below, 4)
        self.assertAlmostEqual(search.interpolate({quality: 2.0**quality for quality in search.scores}), 2.0**74.5, delta=2.0**50)


if __name__ == "__main__":
    unittest.main()
