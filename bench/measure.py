"""Measures the CPU time, peak memory, bytes and SSIMULACRA2 score of each encode."""

import json
import os
import shlex
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import NamedTuple

from .encoders import Encoder


@dataclass(frozen=True)
class Image:
    source: Path
    # A PNG that every encode of this image is compared with.
    reference: Path
    megapixels: float


class Job(NamedTuple):
    encoder: Encoder
    image: Image
    quality: int | str


@dataclass
class Encode:
    bytes: int
    score: float
    # CPU seconds of each run.
    cpu: list[float] = field(default_factory=list)
    memory: int = 0
    # The score that the program itself reported, or None.
    reported: float | None = None

    @property
    def seconds(self) -> float:
        return median(self.cpu)


class Usage(NamedTuple):
    # User and system time in seconds, of the process with its threads and children.
    cpu: float
    # Peak resident memory in bytes.
    memory: int
    # What the process printed.
    output: str


class Bench:
    """Runs encodes one at a time, so that they do not share CPU caches. Then computes the scores on all cores."""

    def __init__(self, scorer: str):
        self.scorer = scorer
        self.encodes: dict[Job, Encode] = {}

    def run(self, jobs: list[Job], repeat: bool = False) -> None:
        """Runs each job that has not run yet. With `repeat` it runs every job once more, to measure the CPU time.

        It runs all encodes of one image before those of the next, so that other load on the machine affects all encoders
        equally.
        """
        jobs = [job for job in dict.fromkeys(jobs) if repeat or job not in self.encodes]
        jobs.sort(key=lambda job: job.image.source)
        with tempfile.TemporaryDirectory(prefix="bench") as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
            outputs = [Path(folder) / f"{number}.avif" for number in range(len(jobs))]
            usages = [run(build_command(job, output)) for job, output in zip(jobs, outputs)]
            new = [(job, output) for job, output in zip(jobs, outputs) if job not in self.encodes]
            scores = pool.map(lambda pair: self.measure_score(pair[0].image, pair[1]), new)
            for (job, output), score in zip(new, scores):
                self.encodes[job] = Encode(output.stat().st_size, score)
        for job, usage in zip(jobs, usages):
            encode = self.encodes[job]
            encode.cpu.append(usage.cpu)
            encode.memory = max(encode.memory, usage.memory)
            encode.reported = find_reported_score(usage.output)

    def measure_score(self, image: Image, output: Path) -> float:
        decoded = output.with_suffix(".png")
        # The reference has no ICC profile, so the profile is also ignored here. "best" upsamples chroma in full precision; the
        # default is faster and less precise, but only with 8 bits.
        run(["avifdec", "--ignore-icc", "--upsampling", "best", "--png-compress", "0", str(output), str(decoded)])
        answer = run_for_text([*shlex.split(self.scorer), str(image.reference), str(decoded)])
        decoded.unlink()
        return float(answer.split()[-1])


def build_command(job: Job, output: Path) -> list[str]:
    words = shlex.split(job.encoder.command)
    return [word.format(source=job.image.source, output=output, quality=job.quality) for word in words]


def run(words: list[str]) -> Usage:
    with tempfile.TemporaryFile() as messages:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=messages, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        messages.seek(0)
        output = messages.read().decode(errors="replace")
    if process.returncode != 0:
        raise SystemExit(f"bench: failed: {shlex.join(words)}\n{output}")
    return Usage(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, output)


def find_reported_score(output: str) -> float | None:
    """Returns the score in the report of `avif convert --json`; None for other programs."""
    lines = [line for line in output.splitlines() if line.startswith('{"input"')]
    return json.loads(lines[-1])["outputs"][0].get("score") if lines else None


def run_for_text(words: list[str]) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout
