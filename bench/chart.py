"""Draws the bytes and CPU time of a run: with each image at the target score, and with one quality for all images."""

from math import ceil, floor, log10
from typing import NamedTuple

from .encoders import Encoder
from .run import Run

WIDTH, HEIGHT = 560, 420
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 56, 56
COLORS = ["#c2410c", "#7c3aed", "#6b7280", "#0369a1", "#047857"]


class Point(NamedTuple):
    encoder: Encoder
    # CPU seconds per megapixel.
    cpu: float
    # Bytes, relative to those of the baseline, which is sharp's default.
    size: float


class Scale(NamedTuple):
    """Maps values from `least` to `most` to coordinates from `start` to `end`."""

    least: int
    most: int
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.least) / (self.most - self.least) * (self.end - self.start)


class Axes(NamedTuple):
    # Logarithm of CPU time.
    x: Scale
    # Bytes, in tenths of the baseline's bytes.
    y: Scale

    def place(self, point: Point) -> tuple[float, float]:
        return self.x(log10(point.cpu)), self.y(point.size * 10)


def draw(run: Run) -> str:
    panels = [
        (f"each image just reaches SSIMULACRA2 {run.target:g}", list_points_at_equal_scores(run)),
        (f"every image reaches at least {run.target:g}", list_points_at_common_quality(run)),
    ]
    points = [point for _, points in panels for point in points]
    decades = [bound(log10(end(point.cpu for point in points))) for bound, end in ((floor, min), (ceil, max))]
    tenths = [bound(end(point.size for point in points) * 10) for bound, end in ((floor, min), (ceil, max))]
    colors = dict(zip(dict.fromkeys(encoder.tool for encoder in run.encoders), COLORS))
    body = []
    for x, (title, points) in zip((0, WIDTH), panels):
        axes = Axes(Scale(*decades, x + LEFT, x + WIDTH - RIGHT), Scale(*tenths, HEIGHT - BOTTOM, TOP))
        body += draw_grid(axes, f"Bytes and CPU time: {title}")
        for tool, color in colors.items():
            body += [
                f"<g fill='{color}' stroke='{color}'>",
                *draw_line(axes, [p for p in points if p.encoder.tool == tool]),
                "</g>",
            ]
    for number, (tool, color) in enumerate(colors.items()):
        x, y = LEFT + number * 190, HEIGHT + 14
        body += [f"<path d='M{x} {y}h20' stroke='{color}' stroke-width='2'/>", draw_text(x + 26, y + 4, tool)]
    width, height = 2 * WIDTH, HEIGHT + 32
    head = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' font-family='sans-serif' font-size='12'>"
    return "\n".join([head, "<rect width='100%' height='100%' fill='#fff'/>", *body, "</svg>", ""])


def draw_grid(axes: Axes, title: str) -> list[str]:
    x_scale, y_scale = axes
    middle = (x_scale.start + x_scale.end) / 2
    parts = [
        draw_text(x_scale.start, 28, title, "font-size='15'"),
        draw_text(x_scale.start, TOP - 10, "bytes, relative to sharp's default", "fill='#666'"),
        draw_text(middle, y_scale.start + 38, "CPU seconds per megapixel", "text-anchor='middle'"),
    ]
    for tenth in range(y_scale.least, y_scale.most + 1):
        y = y_scale(tenth)
        parts.append(f"<path d='M{x_scale.start} {y:.1f}H{x_scale.end}' stroke='{'#888' if tenth == 10 else '#ddd'}'/>")
        parts.append(draw_text(x_scale.start - 8, y + 4, f"{tenth * 10} %", "text-anchor='end'"))
    for decade in range(x_scale.least, x_scale.most + 1):
        for digit in (1, 2, 5) if decade < x_scale.most else (1,):
            x = x_scale(decade + log10(digit))
            parts.append(f"<path d='M{x:.1f} {y_scale.start}V{y_scale.end}' stroke='#eee'/>")
            parts.append(draw_text(x, y_scale.start + 18, f"{digit * 10.0**decade:g}", "text-anchor='middle'"))
    return parts


def draw_line(axes: Axes, points: list[Point]) -> list[str]:
    """Draws each setting of one tool: a large dot for the default, a triangle for a target score, a small dot for any other."""
    fixed = sorted((point for point in points if not point.encoder.has_target_score), key=lambda point: point.cpu)
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in map(axes.place, fixed))
    parts = [f"<path d='M{path}' fill='none' stroke-width='2'/>"] if fixed else []
    for point in points:
        x, y = axes.place(point)
        dot = "M-7 5 0-8 7 5z" if point.encoder.has_target_score else draw_circle(5 if point.encoder.is_default else 3)
        tooltip = f"<title>{point.encoder}: {point.cpu:.3f} s/MP, {point.size:.1%}</title>"
        parts.append(f"<path transform='translate({x:.1f} {y:.1f})' d='{dot}'>{tooltip}</path>")
        parts.append(draw_text(x + 8, y - 6, point.encoder.setting, "font-size='10' stroke='none'"))
    return parts


def draw_circle(radius: int) -> str:
    return f"M-{radius} 0a{radius} {radius} 0 1 0 {2 * radius} 0a{radius} {radius} 0 1 0-{2 * radius} 0"


def draw_text(x: float, y: float, content: str, attributes: str = "") -> str:
    return f"<text x='{x:.1f}' y='{y:.1f}' {attributes}>{content}</text>"


def list_points_at_equal_scores(run: Run) -> list[Point]:
    return list_points(run, run.interpolate)


def list_points_at_common_quality(run: Run) -> list[Point]:
    def values(encoder: Encoder, value):
        encodes = run.list_encodes(encoder, run.qualities[encoder])
        return None if encodes is None else list(map(value, encodes))

    return list_points(run, values)


def list_points(run: Run, values) -> list[Point]:
    """Returns a point for each encoder that reaches the target with every image."""
    sizes = {encoder: values(encoder, lambda encode: encode.bytes) for encoder in run.encoders}
    seconds = {encoder: values(encoder, lambda encode: encode.seconds) for encoder in run.encoders}
    baseline = sum(sizes[run.baseline] or [1])
    return [
        Point(encoder, sum(seconds[encoder]) / run.megapixels, sum(sizes[encoder]) / baseline)
        for encoder in run.encoders
        if sizes[encoder] is not None
    ]
