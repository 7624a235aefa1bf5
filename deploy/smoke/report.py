"""Prints times and cost of a run, and the lines for docs/performance.md."""

import datetime
from dataclasses import dataclass
from statistics import median

from bench.cost import GB_SECOND, REQUEST, compute_price

from .log import Conversion, Log
from .steps import KEYS

STAGES = ["fetch", "decode", "transform", "encode", "store"]
# The stages that need CPU time and do not wait for S3.
CPU_STAGES = ["decode", "transform", "encode"]


@dataclass(frozen=True)
class Run:
    """The data of a run that the report uses."""

    region: str
    architecture: str
    log: Log

    @property
    def memory(self) -> int:
        return self.log.invocations[0]["metrics"]["memorySizeMB"]

    @property
    def cold_starts(self) -> list[float]:
        """The seconds of each initialization of an execution environment."""
        return [record["metrics"]["initDurationMs"] / 1000 for record in self.log.invocations if "initDurationMs" in record["metrics"]]

    @property
    def images(self) -> list[Conversion]:
        return [conversion for conversion in self.log.conversions if conversion.key in KEYS]


def format_times(run: Run) -> str:
    rows = [format_row("time", "median", "lowest", "highest")]
    rows.append(
        format_seconds(f"cold start (Lambda's init), {len(run.cold_starts)} of {len(run.log.invocations)} invocations", run.cold_starts)
    )
    rows.append(format_seconds(f"invocation for one image, {len(run.images)} images", [image.duration / 1000 for image in run.images]))
    for stage in STAGES:
        rows.append(format_seconds(f"  {stage}", [image.report["timings"][f"{stage}_ms"] / 1000 for image in run.images]))
    return "\n".join(rows)


def format_seconds(name: str, seconds: list[float]) -> str:
    if not seconds:
        return format_row(name, "none", "", "")
    return format_row(name, *(f"{value:.3f} s" for value in (median(seconds), min(seconds), max(seconds))))


def format_row(name: str, *values: str) -> str:
    return f"{name:<56}" + "".join(f"{value:>11}" for value in values)


def format_cost(run: Run) -> str:
    """The cost of Lambda. Lambda bills the init of a cold start, too: it is part of the billed duration."""
    billed = sum(record["metrics"]["billedDurationMs"] for record in run.log.invocations) / 1000
    dollars = billed * run.memory / 1024 * GB_SECOND[run.architecture] + len(run.log.invocations) * REQUEST
    return (
        f"cost of Lambda: ${dollars:.4f} for {len(run.log.invocations)} invocations, {billed:.1f} s billed, {run.memory:,} MB, "
        f"{run.architecture}\n"
        "  (prices of us-east-1 in bench/cost.py; S3, SQS, EventBridge and CloudWatch cost less than $0.01 in addition)"
    )


def format_lines(run: Run) -> str:
    """A section for docs/performance.md."""
    image = run.images[0].report["image"]
    megapixels = image["width"] * image["height"] / 1e6
    processor = {"arm64": "arm64 (Graviton)", "x86_64": "x86-64"}[run.architecture]
    seconds = [conversion.duration / 1000 for conversion in run.images]
    work = [sum(conversion.report["timings"][f"{stage}_ms"] for stage in CPU_STAGES) / 1000 for conversion in run.images]
    rows = {
        "invocation": format_cells(seconds, "{:.2f} s"),
        "decode, transform and encode, for each megapixel": format_cells([value / megapixels for value in work], "{:.2f} s"),
        "price for 1,000 images": format_cells([compute_price(run.memory, value, run.architecture) for value in seconds], "${:.3f}"),
        "peak memory of the function": format_cells([conversion.peak_memory for conversion in run.images], "{:.0f} MiB"),
        f"cold start (Lambda's init), number: {len(run.cold_starts)}": format_cells(run.cold_starts, "{:.2f} s"),
    }
    lines = [
        f"### Measured on Lambda, {processor}",
        "",
        f"`make smoke` converted one photo {len(run.images)} times, in {run.region}, {datetime.date.today():%B %Y}. The photo has",
        f"{megapixels:.2f} megapixels ({image['width']}x{image['height']}, {image['format'].upper()}, {image['bytes']:,} bytes).",
        f"The function had {run.memory:,} MB, the default settings, and {run.log.library}:",
        "",
        "| | median | lowest | highest |",
        "|---|---:|---:|---:|",
        *(f"| {name} | {cells} |" for name, cells in rows.items()),
    ]
    return "\n".join(lines)


def format_cells(values: list[float], form: str) -> str:
    """The median, the lowest and the highest value, as cells of a table."""
    return " | ".join(form.format(value) for value in (median(values), min(values), max(values))) if values else " | | "
