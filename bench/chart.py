"""What a run found, as a drawing: bytes against CPU time, at equal quality and at a guaranteed floor."""

from math import ceil, floor, log10
from typing import NamedTuple

from .peers import Entrant
from .run import Run

WIDTH, HEIGHT = 560, 420
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 56, 56
COLOURS = ["#c2410c", "#7c3aed", "#6b7280", "#0369a1", "#047857"]


class Point(NamedTuple):
    entrant: Entrant
    # CPU seconds per megapixel.
    cpu: float
    # Bytes, as a multiple of sharp's default.
    size: float


class Scale(NamedTuple):
    """Puts values from `least` to `most` between two places on the paper."""

    least: int
    most: int
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.least) / (self.most - self.least) * (self.end - self.start)


class Axes(NamedTuple):
    # Of the decades of CPU time.
    across: Scale
    # Of the tenths of sharp's bytes.
    down: Scale

    def place(self, point: Point) -> tuple[float, float]:
        return self.across(log10(point.cpu)), self.down(point.size * 10)


def draw(run: Run) -> str:
    panels = [
        (f"each picture just reaches SSIMULACRA2 {run.floor:g}", at_equal_quality(run)),
        (f"every picture reaches at least {run.floor:g}", at_the_floor(run)),
    ]
    points = [point for _, points in panels for point in points]
    decades = [bound(log10(end(point.cpu for point in points))) for bound, end in ((floor, min), (ceil, max))]
    tenths = [bound(end(point.size for point in points) * 10) for bound, end in ((floor, min), (ceil, max))]
    colours = dict(zip(dict.fromkeys(entrant.peer for entrant in run.entrants), COLOURS))
    body = []
    for x, (title, points) in zip((0, WIDTH), panels):
        axes = Axes(Scale(*decades, x + LEFT, x + WIDTH - RIGHT), Scale(*tenths, HEIGHT - BOTTOM, TOP))
        body += grid(axes, f"Bytes against CPU time: {title}")
        for peer, colour in colours.items():
            body += [
                f"<g fill='{colour}' stroke='{colour}'>",
                *line(axes, [p for p in points if p.entrant.peer == peer]),
                "</g>",
            ]
    for number, (peer, colour) in enumerate(colours.items()):
        x, y = LEFT + number * 190, HEIGHT + 14
        body += [f"<path d='M{x} {y}h20' stroke='{colour}' stroke-width='2'/>", text(x + 26, y + 4, peer)]
    width, height = 2 * WIDTH, HEIGHT + 32
    head = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' font-family='sans-serif' font-size='12'>"
    return "\n".join([head, "<rect width='100%' height='100%' fill='#fff'/>", *body, "</svg>", ""])


def grid(axes: Axes, title: str) -> list[str]:
    across, down = axes
    middle = (across.start + across.end) / 2
    parts = [
        text(across.start, 28, title, "font-size='15'"),
        text(across.start, TOP - 10, "bytes, of sharp's default", "fill='#666'"),
        text(middle, down.start + 38, "CPU seconds per megapixel", "text-anchor='middle'"),
    ]
    for tenth in range(down.least, down.most + 1):
        y = down(tenth)
        parts.append(f"<path d='M{across.start} {y:.1f}H{across.end}' stroke='{'#888' if tenth == 10 else '#ddd'}'/>")
        parts.append(text(across.start - 8, y + 4, f"{tenth * 10} %", "text-anchor='end'"))
    for decade in range(across.least, across.most + 1):
        for digit in (1, 2, 5) if decade < across.most else (1,):
            x = across(decade + log10(digit))
            parts.append(f"<path d='M{x:.1f} {down.start}V{down.end}' stroke='#eee'/>")
            parts.append(text(x, down.start + 18, f"{digit * 10.0**decade:g}", "text-anchor='middle'"))
    return parts


def line(axes: Axes, points: list[Point]) -> list[str]:
    """A peer's settings: a dot each, a large one for the default, and a triangle where it chooses the quality itself."""
    fixed = sorted((point for point in points if not point.entrant.chooses), key=lambda point: point.cpu)
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in map(axes.place, fixed))
    parts = [f"<path d='M{path}' fill='none' stroke-width='2'/>"] if fixed else []
    for point in points:
        x, y = axes.place(point)
        dot = "M-7 5 0-8 7 5z" if point.entrant.chooses else circle(5 if point.entrant.default else 3)
        told = f"<title>{point.entrant}: {point.cpu:.3f} s/MP, {point.size:.1%}</title>"
        parts.append(f"<path transform='translate({x:.1f} {y:.1f})' d='{dot}'>{told}</path>")
        parts.append(text(x + 8, y - 6, point.entrant.setting, "font-size='10' stroke='none'"))
    return parts


def circle(radius: int) -> str:
    return f"M-{radius} 0a{radius} {radius} 0 1 0 {2 * radius} 0a{radius} {radius} 0 1 0-{2 * radius} 0"


def text(x: float, y: float, content: str, attributes: str = "") -> str:
    return f"<text x='{x:.1f}' y='{y:.1f}' {attributes}>{content}</text>"


def at_equal_quality(run: Run) -> list[Point]:
    return points(run, lambda entrant, value: run.equal(entrant, value))


def at_the_floor(run: Run) -> list[Point]:
    def values(entrant: Entrant, value):
        encodes = run.encodes(entrant, run.qualities[entrant])
        return None if encodes is None else list(map(value, encodes))

    return points(run, values)


def points(run: Run, values) -> list[Point]:
    """Of those that reach what is asked for with every picture."""
    sizes = {entrant: values(entrant, lambda encode: encode.bytes) for entrant in run.entrants}
    seconds = {entrant: values(entrant, lambda encode: encode.seconds) for entrant in run.entrants}
    base = sum(sizes[run.base] or [1])
    return [
        Point(entrant, sum(seconds[entrant]) / run.megapixels, sum(sizes[entrant]) / base)
        for entrant in run.entrants
        if sizes[entrant] is not None
    ]
