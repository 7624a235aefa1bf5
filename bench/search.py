"""Which quality makes a picture just reach a score."""

from math import exp, log

# Encoders' own limits; 0 is no picture worth having, and 100 is lossless with some.
LEAST, MOST = 1, 99
# So near to each other, qualities lie on a straight line.
NEAR = 4


class Search:
    """Brackets the target: guesses along the line through the nearest misses, and strides where there is one side only."""

    def __init__(self, target: float, start: int):
        self.target = target
        self.start = start
        self.scores: dict[int, float] = {}

    @property
    def above(self) -> int | None:
        """The least quality known to reach the target."""
        return min((quality for quality, score in self.scores.items() if score >= self.target), default=None)

    @property
    def below(self) -> int | None:
        """The greatest quality under that known to miss it."""
        above = MOST + 1 if self.above is None else self.above
        return max((quality for quality in self.scores if quality < above), default=None)

    def next(self, distance: int = NEAR) -> int | None:
        """What to try next; nothing where the target lies between two qualities no farther apart than `distance`."""
        above, below = self.above, self.below
        if above is None and below is None:
            return self.start
        if above is None:
            # A point of quality is about a point of score; a little more, to get to the other side.
            guess = min(MOST, below + self.stride(below))
            return None if guess == below else guess
        if below is None:
            guess = max(LEAST, above - self.stride(above))
            return None if guess == above else guess
        if above - below <= distance:
            return None
        slope = (self.scores[above] - self.scores[below]) / (above - below)
        guess = below + (self.target - self.scores[below]) / slope
        return min(above - 1, max(below + 1, round(guess)))

    def stride(self, quality: int) -> int:
        return 2 + round(abs(self.scores[quality] - self.target))

    def between(self, values: dict[int, float]) -> float | None:
        """A value where the score is the target's, by its logarithm on the line between the two nearest qualities."""
        above, below = self.above, self.below
        if above is None:
            return None
        if below is None:
            return values[above]
        part = (self.target - self.scores[below]) / (self.scores[above] - self.scores[below])
        return exp(log(values[below]) * (1 - part) + log(values[above]) * part)
