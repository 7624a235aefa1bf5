"""The run: each step encodes what is not known yet, interleaved, and keeps what the report tells."""

from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from .measure import Bench, Encode, Job, Picture, command, run
from .peers import Entrant
from .search import LEAST, MOST, Search

STARTS = 7


class Run:
    def __init__(self, bench: Bench, entrants: list[Entrant], pictures: list[Picture], floor: float):
        self.bench = bench
        self.entrants = entrants
        self.pictures = pictures
        self.floor = floor
        self.megapixels = sum(picture.megapixels for picture in pictures)
        # What all are compared with: sharp's default, or the first where that takes no part.
        fixed = [entrant for entrant in entrants if entrant.default and not entrant.chooses]
        if not fixed:
            raise SystemExit("bench: of those who take part nobody has a default quality to compare the others with")
        self.base = next((entrant for entrant in fixed if entrant.peer == "sharp"), fixed[0])
        # CPU seconds for next to no picture: what one process a picture costs.
        self.starts: dict[Entrant, float] = {}
        self.searches = {
            (entrant, picture): Search(floor, entrant.quality)
            for entrant in entrants
            if not entrant.chooses
            for picture in pictures
        }
        # The least quality at which every picture reaches the floor; nothing where none does.
        self.qualities: dict[Entrant, int | str | None] = {}

    def start_up(self, dot: Picture) -> None:
        cpu: dict[Entrant, list[float]] = {entrant: [] for entrant in self.entrants if entrant.default}
        with TemporaryDirectory(prefix="bench") as folder:
            for _ in range(STARTS):
                for entrant, seconds in cpu.items():
                    job = Job(entrant, dot, entrant.quality)
                    seconds.append(run(command(job, Path(folder) / "dot.avif")).cpu)
        self.starts = {entrant: median(seconds) for entrant, seconds in cpu.items()}

    def defaults(self, rounds: int) -> None:
        jobs = [job for entrant in self.entrants if entrant.default for job in self.jobs(entrant, entrant.quality)]
        for _ in range(rounds):
            self.step("default settings", jobs, again=True)

    def equal_quality(self) -> None:
        """Finds for each picture two qualities near to each other with the floor between them."""
        while jobs := [
            Job(entrant, picture, quality)
            for (entrant, picture), search in self.searches.items()
            if (quality := search.next()) is not None
        ]:
            self.step("equal quality", jobs)

    def guaranteed(self, rounds: int) -> None:
        """Finds the one quality that all pictures need. Only those that might need the greatest are looked at closely."""
        fixed = [entrant for entrant in self.entrants if not entrant.chooses]
        while jobs := [job for entrant in fixed for job in self.contenders(entrant)]:
            self.step("the floor's quality", jobs)
        self.qualities = {entrant: entrant.quality for entrant in self.entrants}
        for entrant in fixed:
            needed = [search.above for search in self.of(entrant)]
            self.qualities[entrant] = None if None in needed else max(needed)
        self.everywhere(fixed)
        # A better quality may score less by a hair: then it is the next that is guaranteed.
        while missed := [entrant for entrant in fixed if self.misses(entrant)]:
            for entrant in missed:
                quality = self.qualities[entrant]
                self.qualities[entrant] = None if quality == MOST else quality + 1
            self.everywhere(missed)
        for _ in range(rounds - 1):
            jobs = [job for entrant in fixed if entrant.default for job in self.jobs(entrant, self.qualities[entrant])]
            self.step("the floor", jobs, again=True)

    def contenders(self, entrant: Entrant) -> list[Job]:
        searches = {picture: self.searches[entrant, picture] for picture in self.pictures}
        least = max(LEAST if search.below is None else search.below + 1 for search in searches.values())
        return [
            Job(entrant, picture, quality)
            for picture, search in searches.items()
            if search.above is not None and search.above > least and (quality := search.next(1)) is not None
        ]

    def everywhere(self, entrants: list[Entrant]) -> None:
        self.step("the floor", [job for entrant in entrants for job in self.jobs(entrant, self.qualities[entrant])])

    def misses(self, entrant: Entrant) -> bool:
        return any(encode.score < self.floor for encode in self.encodes(entrant, self.qualities[entrant]) or [])

    def of(self, entrant: Entrant) -> list[Search]:
        return [self.searches[entrant, picture] for picture in self.pictures]

    def jobs(self, entrant: Entrant, quality: int | str | None) -> list[Job]:
        return [] if quality is None else [Job(entrant, picture, quality) for picture in self.pictures]

    def encodes(self, entrant: Entrant, quality: int | str | None) -> list[Encode] | None:
        """In the order of the pictures."""
        return None if quality is None else [self.bench.encodes[job] for job in self.jobs(entrant, quality)]

    def equal(self, entrant: Entrant, value) -> list[float] | None:
        """A value of each picture's encode at the quality at which that picture just reaches the floor."""
        if entrant.chooses:
            return [value(encode) for encode in self.encodes(entrant, entrant.quality)]
        values = []
        for picture in self.pictures:
            search = self.searches[entrant, picture]
            encodes = {quality: self.bench.encodes[Job(entrant, picture, quality)] for quality in search.scores}
            values.append(search.between({quality: value(encode) for quality, encode in encodes.items()}))
        return None if None in values else values

    def step(self, name: str, jobs: list[Job], again: bool = False) -> None:
        print(f"{name}: {len(jobs)} encodes", flush=True)
        self.bench.run(jobs, again)
        for job in jobs:
            if search := self.searches.get((job.entrant, job.picture)):
                search.scores[job.quality] = self.bench.encodes[job].score
