"""Who takes part, at which settings."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Entrant:
    peer: str
    # What is set besides the quality, as the report names it.
    setting: str
    # With {source}, {output} and {quality} in it.
    command: str
    # The peer's default.
    quality: int | str
    # Whether the setting is the peer's default, too.
    default: bool

    @property
    def chooses(self) -> bool:
        """Whether it picks the quality for each picture itself."""
        return isinstance(self.quality, str)

    def __str__(self) -> str:
        return f"{self.peer}, {self.setting}"


def entrants(tools: Path, avif: str, system: str | None, target: float) -> list[Entrant]:
    sharp = f"node {tools}/sharp.mjs {{source}} {{output}} {{quality}}"
    pillow = f"{tools}/python/bin/python bench/pillow.py {{source}} {{output}} {{quality}}"
    cavif = f"{tools}/bin/cavif --quiet --overwrite --output {{output}} --quality {{quality}}"
    everyone = [
        *(Entrant("sharp", f"effort {n}", f"{sharp} {n}", 50, n == 4) for n in (0, 3, 4)),
        *(Entrant("Pillow", f"speed {n}", f"{pillow} {n}", 75, n == 6) for n in (8, 6)),
        *(Entrant("cavif", f"speed {n}", f"{cavif} --speed {n} {{source}}", 80, n == 4) for n in (8, 4)),
    ]
    for peer, binary in (("avif-lambda, bundled", avif), ("avif-lambda, system", system)):
        if binary:
            ours = f"{binary} convert --overwrite --keep-larger --output {{output}} --quality {{quality}}"
            visual = f"visual:{target:g}"
            everyone += [Entrant(peer, visual, f"{ours} {{source}}", visual, True)]
            everyone += [Entrant(peer, f"speed {n}", f"{ours} --speed {n} {{source}}", 60, n == 6) for n in (8, 6, 4)]
    return everyone
