"""What a run found, in Markdown."""

from datetime import date
from pathlib import Path

from . import chart, tables
from .run import Run

FOLDER = Path(__file__).parent


def write(run: Run, tools: Path, facts: list[str], rounds: int, hidden: dict[str, str]) -> None:
    """`hidden` are paths of this machine, by the names of the variables that gave them."""
    text = "\n".join(
        [
            "# Benchmark",
            *introduction(run, facts, rounds),
            "\n![Bytes against CPU time](report.svg)\n",
            "## Default settings\n",
            *table("entrant, quality | bytes | CPU s/MP | SSIMULACRA2, mean | least | peak memory", tables.fixed(run)),
            f"\n## Every picture reaches {run.floor:g}\n",
            f"With one quality for all pictures, the least that brings every one of them to {run.floor:g} or more;",
            f"`visual:{run.floor:g}` chooses for each picture itself. A picture alone is compared with sharp's default at that",
            "one quality, and with sharp's default at the quality that this picture would have needed.\n",
            *table(
                "entrant | quality | bytes | against sharp | CPU s/MP | least score | "
                f"short by over {tables.SHORT} | worst picture | worst, sharp at its own quality",
                tables.guaranteed(run),
            ),
            f"\n## Each picture just reaches {run.floor:g}\n",
            "Bytes and CPU time on the line between two qualities near to each other, above the score and below it.\n",
            *table("entrant | bytes | against sharp | worst picture | CPU s/MP", tables.equal(run)),
            "\n## Starting\n",
            "One process a picture for everybody. With 16x16 pixels that takes, and is in all figures above:\n",
            *table("entrant | CPU ms", [[tables.name(e), f"{s * 1000:.0f}"] for e, s in run.starts.items()]),
            "\n## Each picture\n",
            f"Bytes of {run.base} at the quality that all need and at the one that the picture needs; the others beside",
            "the latter.\n",
            *table(tables.pictures_head(run), tables.pictures(run)),
            "\n## Commands\n",
            *(f"    {entrant.command}" for entrant in run.entrants),
            "",
        ]
    )
    for variable, value in hidden.items():
        text = text.replace(value, f"${variable}")
    (FOLDER / "report.md").write_text(text)
    (FOLDER / "report.svg").write_text(chart.draw(run))
    (tools / "encodes.tsv").write_text(raw(run))


def introduction(run: Run, facts: list[str], rounds: int) -> list[str]:
    return [
        f"\nMade by `make bench` on {date.today()}: {len(run.pictures)} photographs of {run.megapixels:.3g} megapixels in",
        "all, one process a picture, the entrants in turn on each. CPU time is user and system time of all threads, of default",
        f"settings (in bold) the median of {rounds}. SSIMULACRA2 is measured on the whole picture, as avifdec reads it: one of",
        "8 bits as 8, one of 10 as 16, which spares it a rounding of up to half a point.\n",
        *(f"- {fact}" for fact in facts),
    ]


def raw(run: Run) -> str:
    """Every encode, for whoever wants to look closer."""
    lines = [
        (entrant, picture.source.name, quality, encode.bytes, f"{encode.score:.3f}", f"{encode.seconds:.3f}")
        for (entrant, picture, quality), encode in run.bench.encodes.items()
    ]
    return "".join(
        "\t".join(map(str, line)) + "\n"
        for line in [("entrant", "picture", "quality", "bytes", "score", "cpu"), *lines]
    )


def table(head: str, rows: list[list[str]]) -> list[str]:
    columns = head.split(" | ")
    return [f"| {head} |", "|---|" + "---:|" * (len(columns) - 1), *(f"| {' | '.join(row)} |" for row in rows)]
