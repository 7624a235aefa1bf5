"""What a run was made with: the machine, and everybody's version."""

import os
import platform
import shlex
from pathlib import Path

from .measure import run_for_text
from .peers import Entrant

SHARP = "const {versions: v} = require(process.argv[1]); console.log(`sharp ${v.sharp}, libvips ${v.vips}, libaom ${v.aom}`)"
PILLOW = """
from PIL import Image, _avif, features
print("Pillow", Image.__version__, "libavif", features.version("avif"), _avif.codec_versions())
"""


def facts(tools: Path, entrants: list[Entrant], scorer: str) -> list[str]:
    ours = dict.fromkeys(
        shlex.split(entrant.command)[0] for entrant in entrants if entrant.peer.startswith("avif-lambda")
    )
    answers = [
        f"{processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()} {platform.machine()}",
        run_for_text(["node", "--eval", SHARP, str(tools.absolute() / "node_modules/sharp")]),
        run_for_text([f"{tools}/python/bin/python", "-c", PILLOW]),
        "cavif " + run_for_text([f"{tools}/bin/cavif", "--version"]).split()[-1],
        *(run_for_text([binary, "--version"]) for binary in ours),
        "read back by avifdec " + run_for_text(["avifdec", "--version"]).splitlines()[0].removeprefix("Version: "),
        f"SSIMULACRA2 by {Path(shlex.split(scorer)[0]).name}",
    ]
    return [" ".join(answer.split()) for answer in answers]


def processor() -> str:
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
