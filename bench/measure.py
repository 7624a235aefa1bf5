"""One encode: its CPU time, peak memory, bytes and SSIMULACRA2."""

import os
import shlex
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import NamedTuple

from .peers import Entrant


@dataclass(frozen=True)
class Picture:
    source: Path
    reference: Path
    megapixels: float


class Job(NamedTuple):
    entrant: Entrant
    picture: Picture
    quality: int | str


@dataclass
class Encode:
    bytes: int
    score: float
    # One for each time that it was run.
    cpu: list[float] = field(default_factory=list)
    memory: int = 0

    @property
    def seconds(self) -> float:
        return median(self.cpu)


class Usage(NamedTuple):
    # User and system seconds of all its threads and children.
    cpu: float
    # Bytes resident at most.
    memory: int


class Bench:
    """Runs encodes one at a time, so that none disturbs another's caches; scores them on every core afterwards."""

    def __init__(self, scorer: str):
        self.scorer = scorer
        self.encodes: dict[Job, Encode] = {}

    def run(self, jobs: list[Job], again: bool = False) -> None:
        """Runs each job that has not been run, or every one `again` for its CPU time, picture by picture, so that what the
        machine does besides hits all entrants alike."""
        jobs = [job for job in dict.fromkeys(jobs) if again or job not in self.encodes]
        jobs.sort(key=lambda job: job.picture.source)
        with tempfile.TemporaryDirectory(prefix="bench") as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
            outputs = [Path(folder) / f"{number}.avif" for number in range(len(jobs))]
            usages = [run(command(job, output)) for job, output in zip(jobs, outputs)]
            new = [(job, output) for job, output in zip(jobs, outputs) if job not in self.encodes]
            scores = pool.map(lambda pair: self.score(pair[0].picture, pair[1]), new)
            for (job, output), score in zip(new, scores):
                self.encodes[job] = Encode(output.stat().st_size, score)
        for job, usage in zip(jobs, usages):
            encode = self.encodes[job]
            encode.cpu.append(usage.cpu)
            encode.memory = max(encode.memory, usage.memory)

    def score(self, picture: Picture, output: Path) -> float:
        decoded = output.with_suffix(".png")
        # Profiles aside: the reference has none either. Chroma is laid out in full precision, not by the fast path that
        # there is for eight bits alone.
        run(["avifdec", "--ignore-icc", "--upsampling", "best", "--png-compress", "0", str(output), str(decoded)])
        answer = run_for_text([*shlex.split(self.scorer), str(picture.reference), str(decoded)])
        decoded.unlink()
        return float(answer.split()[-1])


def command(job: Job, output: Path) -> list[str]:
    words = shlex.split(job.entrant.command)
    return [word.format(source=job.picture.source, output=output, quality=job.quality) for word in words]


def run(words: list[str]) -> Usage:
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            said.seek(0)
            raise SystemExit(f"bench: {shlex.join(words)}\n{said.read().decode(errors='replace')}")
    return Usage(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def run_for_text(words: list[str]) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout
