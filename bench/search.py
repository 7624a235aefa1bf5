"""Searches for the lowest quality at which an image reaches a score."""

from math import exp, log

# The range of qualities. Quality 0 is too low for use, and 100 is lossless with some encoders.
LOWEST, HIGHEST = 1, 99
# Between two qualities with at most this difference, the score is approximately linear.
NEAR = 4


class Search:
    """Narrows down the interval of qualities in which the score passes the target.

    It interpolates between the nearest quality above the target and the nearest below. If it knows only one of them, it
    extrapolates.
    """

    def __init__(self, target: float, start: int):
        self.target = target
        self.start = start
        self.scores: dict[int, float] = {}

    @property
    def above(self) -> int | None:
        """The lowest tried quality that reaches the target; None if there is none."""
        return min((quality for quality, score in self.scores.items() if score >= self.target), default=None)

    @property
    def below(self) -> int | None:
        """The highest tried quality under `above`, which misses the target; None if there is none."""
        above = HIGHEST + 1 if self.above is None else self.above
        return max((quality for quality in self.scores if quality < above), default=None)

    def next(self, distance: int = NEAR) -> int | None:
        """Returns the next quality to try; None if `below` and `above` are close (`distance`), or at the end of the range."""
        above, below = self.above, self.below
        if above is None and below is None:
            return self.start
        if above is None:
            # One step of quality changes the score by about one point. The stride is a little longer, to pass the target.
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

    @property
    def quality(self) -> float | None:
        """The quality at which the image exactly reaches the target, interpolated; None if no quality reaches it."""
        above, below = self.above, self.below
        if above is None or below is None:
            return above
        part = (self.target - self.scores[below]) / (self.scores[above] - self.scores[below])
        return below + part * (above - below)

    def interpolate(self, values: dict[int, float]) -> float | None:
        """Returns the value at the target score; None if no quality reaches it."""
        return None if self.quality is None else interpolate(values, self.quality)


def interpolate(values: dict[int, float], quality: float) -> float:
    """Returns the value at a quality: interpolates its logarithm linearly between the two nearest tried qualities.

    Outside of the tried qualities, it returns the value at the nearest one.
    """
    below = max((tried for tried in values if tried <= quality), default=min(values))
    above = min((tried for tried in values if tried >= quality), default=max(values))
    if above <= below:
        return values[below]
    part = (quality - below) / (above - below)
    return exp(log(values[below]) * (1 - part) + log(values[above]) * part)
