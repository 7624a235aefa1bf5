"""Runs the benchmark in steps. A step reuses the encodes of earlier steps, and stores the results for the report."""

from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from .encoders import Encoder
from .measure import Bench, Encode, Image, Job, build_command, run
from .search import HIGHEST, LOWEST, Search

# How many times the start of a process is measured.
STARTS = 7


class Run:
    def __init__(self, bench: Bench, encoders: list[Encoder], images: list[Image], target: float):
        self.bench = bench
        self.encoders = encoders
        self.images = images
        self.target = target
        self.megapixels = sum(image.megapixels for image in images)
        # All encoders are compared with sharp's default, or without sharp, with the first default.
        defaults = [encoder for encoder in encoders if encoder.is_default and not encoder.has_target_score]
        if not defaults:
            raise SystemExit("bench: --only must name at least one encoder with a default quality, such as sharp")
        self.baseline = next((encoder for encoder in defaults if encoder.tool == "sharp"), defaults[0])
        # CPU seconds of a process that encodes an image of 16x16 pixels.
        self.starts: dict[Encoder, float] = {}
        self.searches = {
            (encoder, image): Search(target, encoder.quality) for encoder in encoders if not encoder.has_target_score for image in images
        }
        # The lowest quality at which every image reaches the target; None if there is no such quality.
        self.qualities: dict[Encoder, int | str | None] = {}

    def measure_start(self, dot: Image) -> None:
        cpu: dict[Encoder, list[float]] = {encoder: [] for encoder in self.encoders if encoder.is_default}
        with TemporaryDirectory(prefix="bench") as folder:
            for _ in range(STARTS):
                for encoder, seconds in cpu.items():
                    job = Job(encoder, dot, encoder.quality)
                    seconds.append(run(build_command(job, Path(folder) / "dot.avif")).cpu)
        self.starts = {encoder: median(seconds) for encoder, seconds in cpu.items()}

    def encode_with_defaults(self, rounds: int) -> None:
        measured = [encoder for encoder in self.encoders if encoder.is_default or encoder.has_target_score]
        jobs = [job for encoder in measured for job in self.list_jobs(encoder, encoder.quality)]
        for _ in range(rounds):
            self.encode("default settings", jobs, repeat=True)

    def search_equal_scores(self) -> None:
        """Finds for each image two nearby qualities with the target score between them."""
        while jobs := [
            Job(encoder, image, quality) for (encoder, image), search in self.searches.items() if (quality := search.next()) is not None
        ]:
            self.encode("each image at the target score", jobs)

    def search_common_quality(self, rounds: int) -> None:
        """Finds the one quality at which every image reaches the target.

        Only images that may need the highest quality are searched to the last step.
        """
        encoders = [encoder for encoder in self.encoders if not encoder.has_target_score]
        while jobs := [job for encoder in encoders for job in self.list_next_jobs(encoder)]:
            self.encode("search for one quality", jobs)
        self.qualities = {encoder: encoder.quality for encoder in self.encoders}
        for encoder in encoders:
            needed = [search.above for search in self.list_searches(encoder)]
            self.qualities[encoder] = None if None in needed else max(needed)
        self.encode_at_common_quality(encoders)
        # An image may reach the target at a lower quality but miss it at this one. Then try the next quality.
        while missed := [encoder for encoder in encoders if self.misses_target(encoder)]:
            for encoder in missed:
                quality = self.qualities[encoder]
                self.qualities[encoder] = None if quality == HIGHEST else quality + 1
            self.encode_at_common_quality(missed)
        for _ in range(rounds - 1):
            defaults = [encoder for encoder in encoders if encoder.is_default]
            jobs = [job for encoder in defaults for job in self.list_jobs(encoder, self.qualities[encoder])]
            self.encode("one quality for all images", jobs, repeat=True)

    def list_next_jobs(self, encoder: Encoder) -> list[Job]:
        searches = {image: self.searches[encoder, image] for image in self.images}
        # The lowest quality that may be sufficient for all images.
        least = max(LOWEST if search.below is None else search.below + 1 for search in searches.values())
        return [
            Job(encoder, image, quality)
            for image, search in searches.items()
            if search.above is not None and search.above > least and (quality := search.next(1)) is not None
        ]

    def encode_at_common_quality(self, encoders: list[Encoder]) -> None:
        jobs = [job for encoder in encoders for job in self.list_jobs(encoder, self.qualities[encoder])]
        self.encode("one quality for all images", jobs)

    def misses_target(self, encoder: Encoder) -> bool:
        return any(encode.score < self.target for encode in self.list_encodes(encoder, self.qualities[encoder]) or [])

    def list_searches(self, encoder: Encoder) -> list[Search]:
        return [self.searches[encoder, image] for image in self.images]

    def list_jobs(self, encoder: Encoder, quality: int | str | None) -> list[Job]:
        return [] if quality is None else [Job(encoder, image, quality) for image in self.images]

    def list_encodes(self, encoder: Encoder, quality: int | str | None) -> list[Encode] | None:
        """Returns the encodes in the order of the images; None if there is no quality."""
        return None if quality is None else [self.bench.encodes[job] for job in self.list_jobs(encoder, quality)]

    def interpolate(self, encoder: Encoder, value) -> list[float] | None:
        """Returns a value for each image, interpolated at the quality at which the image exactly reaches the target score.

        The values of an encoder with a target score are not interpolated, because it chose the qualities itself. Returns None
        if an image never reaches the target.
        """
        if encoder.has_target_score:
            return [value(encode) for encode in self.list_encodes(encoder, encoder.quality)]
        values = [self.searches[encoder, image].interpolate(self.values(encoder, image, value)) for image in self.images]
        return None if None in values else values

    def values(self, encoder: Encoder, image: Image, value) -> dict[int, float]:
        """Returns a value for each tried quality."""
        return {quality: value(self.encode_of(encoder, image, quality)) for quality in self.searches[encoder, image].scores}

    def encode_of(self, encoder: Encoder, image: Image, quality: int | str) -> Encode:
        return self.bench.encodes[Job(encoder, image, quality)]

    def encode(self, step: str, jobs: list[Job], repeat: bool = False) -> None:
        print(f"{step}: {len(jobs)} encodes", flush=True)
        self.bench.run(jobs, repeat)
        for job in jobs:
            if search := self.searches.get((job.encoder, job.image)):
                search.scores[job.quality] = self.bench.encodes[job].score
