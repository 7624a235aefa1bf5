"""Searches for the lowest quality at which an image reaches a score."""

from math import exp, log

# The range of qualities that is tried. Quality 0 is useless, and 100 is lossless with some encoders.
LOWEST, HIGHEST = 1, 99
# Within this distance, the score depends on the quality linearly.
NEAR = 4


class Search:
    """Narrows down the interval of qualities in which the score passes the target.

    It interpolates between the nearest quality above the target and the nearest below. As long as it knows only one of them,
    it extrapolates.
    """

    def __init__(self, target: float, start: int):
        self.target = target
        self.start = start
        self.scores: dict[int, float] = {}

    @property
    def above(self) -> int | None:
        """The lowest quality known to reach the target."""
        return min((quality for quality, score in self.scores.items() if score >= self.target), default=None)

    @property
    def below(self) -> int | None:
        """The highest quality under `above` known to miss the target."""
        above = HIGHEST + 1 if self.above is None else self.above
        return max((quality for quality in self.scores if quality < above), default=None)

    def next(self, distance: int = NEAR) -> int | None:
        """The quality to try next. None if `below` and `above` are at most `distance` apart, or the range has no other."""
        above, below = self.above, self.below
        if above is None and below is None:
            return self.start
        if above is None:
            # One step of quality changes the score by about one point. Go a little farther, to pass the target.
            guess = min(HIGHEST, below + self.stride(below))
            return None if guess == below else guess
        if below is None:
            guess = max(LOWEST, above - self.stride(above))
            return None if guess == above else guess
        if above - below <= distance:
            return None
        slope = (self.scores[above] - self.scores[below]) / (above - below)
        guess = below + (self.target - self.scores[below]) / slope
        return min(above - 1, max(below + 1, round(guess)))

    def stride(self, quality: int) -> int:
        return 2 + round(abs(self.scores[quality] - self.target))

    def interpolate(self, values: dict[int, float]) -> float | None:
        """The value at the target score, with its logarithm interpolated linearly between `below` and `above`."""
        above, below = self.above, self.below
        if above is None:
            return None
        if below is None:
            return values[above]
        part = (self.target - self.scores[below]) / (self.scores[above] - self.scores[below])
        return exp(log(values[below]) * (1 - part) + log(values[above]) * part)
