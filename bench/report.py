"""What a run found, in Markdown."""

from datetime import date
from pathlib import Path

from . import chart
from .measure import Encode
from .peers import Entrant
from .run import Run

FOLDER = Path(__file__).parent
# More than a rounding of the score.
SHORT = 0.5


def write(run: Run, facts: list[str], rounds: int, hidden: dict[str, str]) -> None:
    """`hidden` are paths of this machine, by the names of the variables that gave them."""
    text = "\n".join(
        [
            "# Benchmark",
            *introduction(run, facts, rounds),
            "\n![Bytes against CPU time](report.svg)\n",
            "## Default settings\n",
            *table("entrant, quality | bytes | CPU s/MP | SSIMULACRA2, mean | least | peak memory", fixed(run)),
            f"\n## Every picture reaches {run.floor:g}\n",
            f"With one quality for all pictures, the least that brings every one of them to {run.floor:g} or more;",
            f"`visual:{run.floor:g}` chooses for each picture itself. A picture alone is compared with sharp's default at that one",
            "quality, and with sharp's default at the quality that this picture would have needed.\n",
            *table(
                "entrant | quality | bytes | against sharp | CPU s/MP | least score | "
                f"short by over {SHORT} | worst picture | worst, sharp at its own quality",
                guaranteed(run),
            ),
            f"\n## Each picture just reaches {run.floor:g}\n",
            "Bytes and CPU time on the line between two qualities near to each other, above the score and below it.\n",
            *table("entrant | bytes | against sharp | worst picture | CPU s/MP", equal(run)),
            "\n## Starting\n",
            "One process a picture for everybody. With 16x16 pixels that takes, and is in all figures above:\n",
            *table("entrant | CPU ms", [[name(e), f"{s * 1000:.0f}"] for e, s in run.starts.items()]),
            "\n## Each picture\n",
            *table(
                "picture | MP | sharp, one quality | sharp, its own"
                + "".join(f" | {entrant} | score" for entrant in run.entrants if entrant.chooses),
                pictures(run),
            ),
            "\n## Commands\n",
            *(f"    {entrant.command}" for entrant in run.entrants),
            "",
        ]
    )
    for variable, value in hidden.items():
        text = text.replace(value, f"${variable}")
    (FOLDER / "report.md").write_text(text)
    (FOLDER / "report.svg").write_text(chart.draw(run))


def introduction(run: Run, facts: list[str], rounds: int) -> list[str]:
    return [
        f"\nMade by `make bench` on {date.today()}: {len(run.pictures)} photographs of {run.megapixels:.3g} megapixels in",
        "all, one process a picture, the entrants in turn on each. CPU time is user and system time of all threads, of default",
        f"settings (in bold) the median of {rounds}. SSIMULACRA2 is measured on the whole picture, as avifdec reads it.\n",
        *(f"- {fact}" for fact in facts),
    ]


def fixed(run: Run) -> list[list[str]]:
    rows = []
    for entrant in run.entrants:
        if entrant.default:
            encodes = run.encodes(entrant, entrant.quality)
            scores = [encode.score for encode in encodes]
            rows.append(
                [
                    name(entrant) + ("" if entrant.chooses else f", quality {entrant.quality}"),
                    total(encodes),
                    cpu(run, encodes),
                    f"{sum(scores) / len(scores):.1f}",
                    f"{min(scores):.1f}",
                    f"{max(e.memory for e in encodes) / 1e6:.0f} MB",
                ]
            )
    return rows


def guaranteed(run: Run) -> list[list[str]]:
    base = run.base
    ceiling = run.encodes(base, run.qualities[base])
    free = run.equal(base, lambda encode: encode.bytes)
    rows = []
    for entrant in run.entrants:
        encodes = run.encodes(entrant, run.qualities[entrant])
        if encodes is None:
            rows.append([name(entrant), "none suffices", *[""] * 7])
            continue
        sizes = [encode.bytes for encode in encodes]
        scores = [encode.score for encode in encodes]
        rows.append(
            [
                name(entrant),
                "" if entrant.chooses else str(run.qualities[entrant]),
                total(encodes),
                ratio(sum(sizes), sum(e.bytes for e in ceiling)) if ceiling else "",
                cpu(run, encodes),
                f"{min(scores):.2f}",
                str(sum(score < run.floor - SHORT for score in scores)),
                worst(sizes, [e.bytes for e in ceiling]) if ceiling else "",
                worst(sizes, free) if free else "",
            ]
        )
    return rows


def equal(run: Run) -> list[list[str]]:
    free = run.equal(run.base, lambda encode: encode.bytes)
    rows = []
    for entrant in run.entrants:
        sizes = run.equal(entrant, lambda encode: encode.bytes)
        seconds = run.equal(entrant, lambda encode: encode.seconds)
        rows.append(
            [name(entrant), "not all reach it", "", "", ""]
            if sizes is None
            else [
                name(entrant),
                f"{sum(sizes):,.0f}",
                ratio(sum(sizes), sum(free)) if free else "",
                worst(sizes, free) if free else "",
                f"{sum(seconds) / run.megapixels:.3f}",
            ]
        )
    return rows


def pictures(run: Run) -> list[list[str]]:
    base = run.base
    ceiling = run.encodes(base, run.qualities[base])
    free = run.equal(base, lambda encode: encode.bytes)
    rows = []
    for number, picture in enumerate(run.pictures):
        row = [picture.source.name, f"{picture.megapixels:.1f}"]
        row += [f"{ceiling[number].bytes:,}" if ceiling else "", f"{free[number]:,.0f}" if free else ""]
        for entrant in run.entrants:
            if entrant.chooses:
                encode = run.encodes(entrant, entrant.quality)[number]
                row += [f"{encode.bytes:,}", f"{encode.score:.2f}"]
        rows.append(row)
    return rows


def name(entrant: Entrant) -> str:
    return f"**{entrant}**" if entrant.default else str(entrant)


def total(encodes: list[Encode]) -> str:
    return f"{sum(encode.bytes for encode in encodes):,}"


def cpu(run: Run, encodes: list[Encode]) -> str:
    return f"{sum(encode.seconds for encode in encodes) / run.megapixels:.3f}"


def ratio(value: float, base: float) -> str:
    return f"{(value / base - 1) * 100:+.1f} %"


def worst(values: list[float], bases: list[float]) -> str:
    return max((value / base, ratio(value, base)) for value, base in zip(values, bases))[1]


def table(head: str, rows: list[list[str]]) -> list[str]:
    columns = head.split(" | ")
    return [f"| {head} |", "|---|" + "---:|" * (len(columns) - 1), *(f"| {' | '.join(row)} |" for row in rows)]
