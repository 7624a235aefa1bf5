"""What a run found, in rows."""

from .measure import Encode
from .peers import Entrant
from .run import Run

# More than a rounding of the score.
SHORT = 0.5


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
    sizes = {entrant: run.equal(entrant, lambda encode: encode.bytes) for entrant in run.entrants if entrant.default}
    free = sizes.pop(base)
    rows = []
    for number, picture in enumerate(run.pictures):
        row = [picture.source.name, f"{picture.megapixels:.1f}"]
        row += [f"{ceiling[number].bytes:,}" if ceiling else "", f"{free[number]:,.0f}" if free else ""]
        for entrant, found in sizes.items():
            row.append(ratio(found[number], free[number]) if found and free else "")
            if entrant.chooses:
                row.append(f"{run.encodes(entrant, entrant.quality)[number].score:.2f}")
        rows.append(row)
    return rows


def pictures_head(run: Run) -> str:
    others = [f"{e} | score" if e.chooses else str(e) for e in run.entrants if e.default and e != run.base]
    return " | ".join(["picture", "MP", f"{run.base}, one quality", "its own", *others])


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
