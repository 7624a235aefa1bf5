"""Draws the dashboard of docs/dashboard.json as an SVG, with the metrics in a log of `avif local --extension`:

python3 docs/dashboard.py <log >docs/dashboard.svg
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterable
from html import escape
from math import ceil, log10
from pathlib import Path

# All values of a metric, by minute.
Minutes = dict[int, list[float]]

# The size of a grid cell, in pixels.
WIDE, HIGH = 58, 46
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 34, 84
# One color for each metric of a widget. The line of p99 is dashed.
COLORS = ["#0369a1", "#c2410c", "#047857", "#7c3aed", "#a16207"]


def read(log: Iterable[str]) -> dict[str, Minutes]:
    """The metrics in the lines of a log that have CloudWatch's embedded metric format."""
    metrics: dict[str, Minutes] = defaultdict(lambda: defaultdict(list))
    for line in log:
        if not line.startswith('{"_aws":'):
            continue
        document = json.loads(line)
        minute = document["_aws"]["Timestamp"] // 60_000
        for directive in document["_aws"]["CloudWatchMetrics"]:
            for metric in directive["Metrics"]:
                values = document[metric["Name"]]
                metrics[metric["Name"]][minute] += values if isinstance(values, list) else [values]
    return metrics


def statistic(name: str, values: list[float]) -> float:
    if name == "Sum":
        return sum(values)
    share = float(name.removeprefix("p")) / 100
    return sorted(values)[ceil(share * len(values)) - 1]


def draw(widgets: list[dict], metrics: dict[str, Minutes]) -> str:
    minutes = sorted({minute for metric in metrics.values() for minute in metric})
    body = [part for widget in widgets for part in panel(widget, metrics, minutes[0], minutes[-1])]
    width = WIDE * max(widget["x"] + widget["width"] for widget in widgets)
    height = HIGH * max(widget["y"] + widget["height"] for widget in widgets)
    head = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' font-family='sans-serif' font-size='11'>"
    return "\n".join([head, "<rect width='100%' height='100%' fill='#fff'/>", *body, "</svg>", ""])


def panel(widget: dict, metrics: dict[str, Minutes], first: int, last: int) -> list[str]:
    left, right = widget["x"] * WIDE + LEFT, (widget["x"] + widget["width"]) * WIDE - RIGHT
    top, bottom = widget["y"] * HIGH + TOP, (widget["y"] + widget["height"]) * HIGH - BOTTOM
    lines = []
    for _, name, *_, shown in widget["properties"]["metrics"]:
        points = {minute: statistic(shown["stat"], values) for minute, values in metrics[name].items()}
        lines.append((name, shown, points))
    most = ceiling(max((value for *_, points in lines for value in points.values()), default=0))
    across = lambda minute: left + (minute - first) / max(last - first, 1) * (right - left)
    down = lambda value: bottom - value / most * (bottom - top)

    parts = [text(left, top - 14, widget["properties"]["title"], "font-size='13' font-weight='bold'")]
    for share in (0, 0.5, 1):
        y = down(share * most)
        parts.append(f"<path d='M{left} {y:.1f}H{right}' stroke='#ddd'/>")
        parts.append(text(left - 6, y + 4, short(share * most), "text-anchor='end' fill='#666'"))
    for minute, anchor in ((first, "start"), (last, "end")):
        parts.append(text(across(minute), bottom + 15, f"minute {minute - first}", f"text-anchor='{anchor}' fill='#666'"))
    colors = dict(zip(dict.fromkeys(name for name, *_ in lines), COLORS))
    for number, (name, shown, points) in enumerate(lines):
        color, dashes = colors[name], "4 2" if shown["stat"] == "p99" else "none"
        stroke = f"fill='none' stroke='{color}' stroke-width='1.5' stroke-dasharray='{dashes}'"
        places = [(across(minute), down(value)) for minute, value in sorted(points.items())]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        if path:
            parts.append(f"<path d='M{path}' {stroke}/>")
        parts += [f"<circle cx='{x:.1f}' cy='{y:.1f}' r='2' fill='{color}'/>" for x, y in places]
        x, y = left + number % 3 * (right - left) / 3, bottom + 32 + number // 3 * 14
        parts += [f"<path d='M{x:.1f} {y - 4}h16' {stroke}/>", text(x + 20, y, shown["label"])]
    return parts


def ceiling(value: float) -> float:
    """The smallest round number that is not less than the value."""
    if value <= 0:
        return 1
    power = 10 ** (ceil(log10(value)) - 1)
    return next(digit * power for digit in (1, 2, 4, 6, 8, 10) if digit * power >= value)


def short(value: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g} {letter}"
    return f"{value:g}"


def text(x: float, y: float, content: str, attributes: str = "") -> str:
    return f"<text x='{x:.1f}' y='{y:.1f}' {attributes}>{escape(content)}</text>"


if __name__ == "__main__":
    dashboard = json.loads(Path(__file__).with_suffix(".json").read_text())
    print(draw(dashboard["widgets"], read(sys.stdin)), end="")
