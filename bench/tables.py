"""Creates the rows of the report's tables."""

from . import subsets
from .encoders import Encoder
from .measure import Encode
from .run import Run

# In points of the score. It is larger than the rounding error of the score.
TOLERANCE = 0.5


def list_defaults(run: Run) -> list[list[str]]:
    rows = []
    for encoder in run.encoders:
        if encoder.is_default:
            encodes = run.list_encodes(encoder, encoder.quality)
            scores = [encode.score for encode in encodes]
            rows.append(
                [
                    format_name(encoder) + ("" if encoder.has_target_score else f", quality {encoder.quality}"),
                    format_bytes(encodes),
                    format_cpu(run, encodes),
                    f"{sum(scores) / len(scores):.1f}",
                    f"{min(scores):.1f}",
                    f"{max(encode.memory for encode in encodes) / 1e6:.0f} MB",
                ]
            )
    return rows


def list_common_qualities(run: Run) -> list[list[str]]:
    baseline = run.list_encodes(run.baseline, run.qualities[run.baseline])
    own = run.interpolate(run.baseline, lambda encode: encode.bytes)
    rows = []
    for encoder in run.encoders:
        encodes = run.list_encodes(encoder, run.qualities[encoder])
        if encodes is None:
            rows.append([format_name(encoder), "none is enough", *[""] * 7])
            continue
        sizes = [encode.bytes for encode in encodes]
        scores = [encode.score for encode in encodes]
        rows.append(
            [
                format_name(encoder),
                "" if encoder.has_target_score else str(run.qualities[encoder]),
                format_bytes(encodes),
                format_ratio(sum(sizes), sum(encode.bytes for encode in baseline)) if baseline else "",
                format_cpu(run, encodes),
                f"{min(scores):.2f}",
                str(sum(score < run.target - TOLERANCE for score in scores)),
                format_worst(sizes, [encode.bytes for encode in baseline]) if baseline else "",
                format_worst(sizes, own) if own else "",
            ]
        )
    return rows


def list_equal_scores(run: Run) -> list[list[str]]:
    own = run.interpolate(run.baseline, lambda encode: encode.bytes)
    rows = []
    for encoder in run.encoders:
        sizes = run.interpolate(encoder, lambda encode: encode.bytes)
        seconds = run.interpolate(encoder, lambda encode: encode.seconds)
        rows.append(
            [format_name(encoder), "an image never reaches it", "", "", ""]
            if sizes is None
            else [
                format_name(encoder),
                f"{sum(sizes):,.0f}",
                format_ratio(sum(sizes), sum(own)) if own else "",
                format_worst(sizes, own) if own else "",
                f"{sum(seconds) / run.megapixels:.3f}",
            ]
        )
    return rows


def list_searches(run: Run) -> list[list[str]]:
    rows = []
    for encoder in run.encoders:
        if not encoder.has_target_score:
            continue
        encodes = run.list_encodes(encoder, encoder.quality)
        scores = [encode.score for encode in encodes]
        errors = [encode.reported - encode.score for encode in encodes if encode.reported is not None]
        # The same program at the same speed with a fixed quality.
        single = next((e for e in run.encoders if e.tool == encoder.tool and encoder.setting.endswith(f", {e.setting}")), None)
        seconds = run.interpolate(single, lambda encode: encode.seconds) if single else None
        rows.append(
            [
                format_name(encoder),
                f"{sum(scores) / len(scores) - run.target:+.2f}",
                f"{min(scores) - run.target:+.2f}",
                f"{min(errors):+.2f} to {max(errors):+.2f}" if errors else "",
                f"{sum(abs(error) > TOLERANCE for error in errors)} of {len(errors)}",
                f"{sum(encode.seconds for encode in encodes) / sum(seconds):.1f}" if seconds else "",
            ]
        )
    return rows


def list_subsets(run: Run) -> list[list[str]]:
    rows = []
    for encoder in run.encoders:
        if encoder.is_default and encoder != run.baseline:
            spreads = (subsets.compare_common_qualities(run, encoder), subsets.compare_own_qualities(run, encoder))
            rows.append([format_name(encoder), *(cell for spread in spreads for cell in format_spread(spread))])
    return rows


def list_images(run: Run) -> list[list[str]]:
    baseline = run.list_encodes(run.baseline, run.qualities[run.baseline])
    sizes = {encoder: run.interpolate(encoder, lambda encode: encode.bytes) for encoder in run.encoders if encoder.is_default}
    own = sizes.pop(run.baseline)
    rows = []
    for number, image in enumerate(run.images):
        row = [image.source.name, f"{image.megapixels:.1f}"]
        row += [f"{baseline[number].bytes:,}" if baseline else "", f"{own[number]:,.0f}" if own else ""]
        for encoder, values in sizes.items():
            row.append(format_ratio(values[number], own[number]) if values and own else "")
            if encoder.has_target_score:
                row.append(f"{run.list_encodes(encoder, encoder.quality)[number].score:.2f}")
        rows.append(row)
    return rows


def format_images_head(run: Run) -> str:
    others = [encoder for encoder in run.encoders if encoder.is_default and encoder != run.baseline]
    columns = [f"{encoder} | its score" if encoder.has_target_score else str(encoder) for encoder in others]
    return " | ".join(["image", "MP", f"{run.baseline}, one quality", f"{run.baseline}, own quality", *columns])


def format_name(encoder: Encoder) -> str:
    return f"**{encoder}**" if encoder.is_default else str(encoder)


def format_bytes(encodes: list[Encode]) -> str:
    return f"{sum(encode.bytes for encode in encodes):,}"


def format_cpu(run: Run, encodes: list[Encode]) -> str:
    return f"{sum(encode.seconds for encode in encodes) / run.megapixels:.3f}"


def format_ratio(value: float, base: float) -> str:
    return f"{(value / base - 1) * 100:+.1f} %"


def format_spread(spread: subsets.Spread | None) -> list[str]:
    return [format_ratio(ratio, 1) for ratio in spread] if spread else [""] * 3


def format_worst(values: list[float], bases: list[float]) -> str:
    return max((value / base, format_ratio(value, base)) for value, base in zip(values, bases))[1]
