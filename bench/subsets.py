"""How much the results depend on the images: the bytes of many random subsets of the images."""

from math import ceil
from random import Random
from statistics import median, quantiles
from typing import NamedTuple

from .encoders import Encoder
from .measure import Image
from .run import Run
from .search import interpolate

SUBSETS = 1000
IMAGES = 10
# The same subsets in each run.
SEED = 1


class Spread(NamedTuple):
    """The bytes of an encoder relative to the baseline: the 5th percentile, the median and the 95th percentile."""

    low: float
    middle: float
    high: float


def compare_own_qualities(run: Run, encoder: Encoder) -> Spread | None:
    """Compares the bytes at the qualities at which each image exactly reaches the target."""

    def count_bytes(encoder: Encoder) -> dict[Image, float]:
        sizes = run.interpolate(encoder, lambda encode: encode.bytes)
        return dict(zip(run.images, sizes)) if sizes else {}

    sizes, bases = count_bytes(encoder), count_bytes(run.baseline)
    return spread(run, lambda subset: sum(sizes[i] for i in subset) / sum(bases[i] for i in subset)) if sizes and bases else None


def compare_common_qualities(run: Run, encoder: Encoder) -> Spread | None:
    """Compares the bytes at the one quality of each encoder at which every image of the subset reaches the target."""
    if run.qualities[encoder] is None or run.qualities[run.baseline] is None:
        return None
    return spread(run, lambda subset: count_at_common_quality(run, encoder, subset) / count_at_common_quality(run, run.baseline, subset))


def count_at_common_quality(run: Run, encoder: Encoder, subset: list[Image]) -> float:
    if encoder.has_target_score:
        return sum(run.encode_of(encoder, image, encoder.quality).bytes for image in subset)
    quality = ceil(max(run.searches[encoder, image].quality for image in subset))
    return sum(interpolate(run.values(encoder, image, lambda encode: encode.bytes), quality) for image in subset)


def spread(run: Run, compare) -> Spread | None:
    """Returns the spread of a ratio over random subsets; None if there are too few images."""
    if len(run.images) <= IMAGES:
        return None
    random = Random(SEED)
    ratios = [compare(random.sample(run.images, IMAGES)) for _ in range(SUBSETS)]
    # The 19 values that divide the ratios into 20 parts of the same length.
    parts = quantiles(ratios, n=20)
    return Spread(parts[0], median(ratios), parts[-1])
