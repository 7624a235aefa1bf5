"""The encoders that are compared, and their settings."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Encoder:
    """A program with one of its speed settings."""

    tool: str
    # The speed or target score, as the report shows it.
    setting: str
    # The command line, with the placeholders {source}, {output} and {quality}.
    command: str
    # The tool's default quality, or a target score as text, with which the tool chooses a quality for each image.
    quality: int | str
    # Whether this setting is the tool's default.
    is_default: bool

    @property
    def has_target_score(self) -> bool:
        """Whether the tool itself chooses a quality for each image."""
        return isinstance(self.quality, str)

    def __str__(self) -> str:
        return f"{self.tool}, {self.setting}"


def list_encoders(tools: Path, avif: str, system: str | None, target: float) -> list[Encoder]:
    sharp = f"node {tools}/sharp.mjs {{source}} {{output}} {{quality}}"
    pillow = f"{tools}/python/bin/python bench/pillow.py {{source}} {{output}} {{quality}}"
    cavif = f"{tools}/bin/cavif --quiet --overwrite --output {{output}} --quality {{quality}}"
    encoders = [
        *(Encoder("sharp", f"effort {n}", f"{sharp} {n}", 50, n == 4) for n in (0, 3, 4)),
        *(Encoder("Pillow", f"speed {n}", f"{pillow} {n}", 75, n == 6) for n in (8, 6)),
        *(Encoder("cavif", f"speed {n}", f"{cavif} --speed {n} {{source}}", 80, n == 4) for n in (8, 4)),
    ]
    for tool, program in (("avif-lambda, bundled", avif), ("avif-lambda, system", system)):
        if program:
            convert = f"{program} convert --json --overwrite --keep-larger --output {{output}} --quality {{quality}}"
            visual = f"visual:{target:g}"
            encoders += [Encoder(tool, f"{visual}, speed {n}", f"{convert} --speed {n} {{source}}", visual, n == 6) for n in (6, 4)]
            encoders += [Encoder(tool, f"speed {n}", f"{convert} --speed {n} {{source}}", 60, n == 6) for n in (8, 6, 4)]
    return encoders
