"""Writes the results of a run: the report in Markdown, its chart, and a table of all encodes."""

from datetime import date
from pathlib import Path

from . import chart, subsets, tables
from .run import Run

FOLDER = Path(__file__).parent


def write(run: Run, tools: Path, facts: list[str], rounds: int, hidden: dict[str, str]) -> None:
    """Writes all files. Replaces each path in `hidden`, which exists only on this machine, by its variable."""
    text = "\n".join(
        [
            "# Benchmark",
            *write_introduction(run, facts, rounds),
            "\n![Bytes and CPU time](report.svg)\n",
            "## Default settings\n",
            *write_table("encoder, quality | bytes | CPU s/MP | mean score | lowest score | peak memory", tables.list_defaults(run)),
            f"\n## Every image reaches {run.target:g}\n",
            f"Each encoder uses one quality for all images: the lowest at which every image scores {run.target:g} or more.",
            f"`visual:{run.target:g}` chooses a quality for each image itself. The last two columns are about a single image:",
            f"the one whose file is largest compared with {run.baseline}.\n",
            f"- `worst image`: {run.baseline} at its one quality for all images.",
            f"- `worst image, own quality`: {run.baseline} at the quality at which the image exactly reaches {run.target:g}.\n",
            *write_table(
                "encoder | quality | bytes | against sharp | CPU s/MP | lowest score | "
                f"images more than {tables.TOLERANCE} below {run.target:g} | worst image | worst image, own quality",
                tables.list_common_qualities(run),
            ),
            f"\n## Each image just reaches {run.target:g}\n",
            f"Each encoder uses the quality at which the image exactly reaches {run.target:g}. Bytes and CPU time are",
            "interpolated between two nearby qualities, one above that score and one below it.",
            f"`visual:{run.target:g}` is not interpolated.\n",
            *write_table("encoder | bytes | against sharp | worst image | CPU s/MP", tables.list_equal_scores(run)),
            "\n## Other sets of images\n",
            "How much do the results depend on the images? This table compares the bytes for "
            f"{subsets.SUBSETS:,} random subsets of {subsets.IMAGES}",
            f"of the images with {run.baseline}. It contains the 5th percentile, the median and the 95th percentile.\n",
            f"- `one`: each encoder, and also {run.baseline}, uses one quality for all images of the subset: the lowest at which each",
            f"  of them reaches {run.target:g}. The bytes are interpolated between nearby qualities.",
            f"- `own`: each image exactly reaches {run.target:g}.\n",
            *write_table("encoder | one, 5th | one, median | one, 95th | own, 5th | own, median | own, 95th", tables.list_subsets(run)),
            "\n## The quality search\n",
            "- `mean` and `lowest`: the real score minus the target score.",
            "- `reported - real`: the score in the report of `avif convert --json` minus the real score, for each image.",
            f"- `wrong`: the images for which these two scores differ by more than {tables.TOLERANCE}.",
            "- `CPU`: the CPU time of the whole search divided by the CPU time of one encode at the same speed with a fixed",
            "  quality that results in the target score.\n",
            *write_table("encoder | mean | lowest | reported - real | wrong | CPU", tables.list_searches(run)),
            "\n## Process start\n",
            "A new process encodes each image. This is its CPU time for an image of 16x16 pixels. All other CPU times",
            "include it.\n",
            *write_table("encoder | CPU ms", [[tables.format_name(e), f"{s * 1000:.0f}"] for e, s in run.starts.items()]),
            "\n## Results for each image\n",
            f"The first two columns of bytes are {run.baseline}: at the one quality for all images, and at this image's own",
            "quality. The percentages compare with the second of these columns.\n",
            *write_table(tables.format_images_head(run), tables.list_images(run)),
            "\n## Commands\n",
            *(f"    {encoder.command}" for encoder in run.encoders),
            "",
        ]
    )
    for variable, path in hidden.items():
        text = text.replace(path, f"${variable}")
    (FOLDER / "report.md").write_text(text)
    (FOLDER / "report.svg").write_text(chart.draw(run))
    (tools / "encodes.tsv").write_text(write_encodes(run))


def write_introduction(run: Run, facts: list[str], rounds: int) -> list[str]:
    times = "once" if rounds == 1 else f"{rounds} times; the tables have the median"
    return [
        f"\n`make bench` wrote this report on {date.today()}. The test images are {len(run.images)} photographs with",
        f"{run.megapixels:.3g} megapixels together. A new process encodes each image. All encoders encode one image",
        "before they begin the next.\n",
        "- The score is SSIMULACRA2 of the whole image, as avifdec decodes it. avifdec writes a PNG of 8 bits for an AVIF of",
        "  8 bits, and a PNG of 16 bits for an AVIF of 10 bits. This avoids a rounding error of up to half a point.",
        "- CPU time is the user and system time of all threads, in seconds per megapixel (s/MP).",
        f"- Default settings are in bold. Their CPU time was measured {times}.",
        "- Programs and machine:",
        *(f"  - {fact}" for fact in facts),
    ]


def write_encodes(run: Run) -> str:
    """Returns a table of all encodes, for further analysis."""
    lines = [
        (encoder, image.source.name, quality, encode.bytes, f"{encode.score:.3f}", f"{encode.seconds:.3f}")
        for (encoder, image, quality), encode in run.bench.encodes.items()
    ]
    return "".join("\t".join(map(str, line)) + "\n" for line in [("encoder", "image", "quality", "bytes", "score", "cpu"), *lines])


def write_table(head: str, rows: list[list[str]]) -> list[str]:
    columns = head.split(" | ")
    return [f"| {head} |", "|---|" + "---:|" * (len(columns) - 1), *(f"| {' | '.join(row)} |" for row in rows)]
