"""Lists the machine of a run and the version of every program."""

import os
import platform
import shlex
from pathlib import Path

from .encoders import Encoder
from .measure import run_for_text

SHARP = "const {versions: v} = require(process.argv[1]); console.log(`sharp ${v.sharp}, libvips ${v.vips}, libaom ${v.aom}`)"
PILLOW = """
from PIL import Image, _avif, features
print("Pillow", Image.__version__, "libavif", features.version("avif"), _avif.codec_versions())
"""


def list_facts(tools: Path, encoders: list[Encoder], scorer: str) -> list[str]:
    programs = dict.fromkeys(shlex.split(encoder.command)[0] for encoder in encoders if encoder.tool.startswith("avif-lambda"))
    facts = [
        f"{processor_name()}, {os.cpu_count()} cores, {platform.system()} {platform.release()} {platform.machine()}",
        run_for_text(["node", "--eval", SHARP, str(tools.absolute() / "node_modules/sharp")]),
        run_for_text([f"{tools}/python/bin/python", "-c", PILLOW]),
        "cavif " + run_for_text([f"{tools}/bin/cavif", "--version"]).split()[-1],
        *(run_for_text([program, "--version"]) for program in programs),
        "decoded by avifdec " + run_for_text(["avifdec", "--version"]).splitlines()[0].removeprefix("Version: "),
        f"SSIMULACRA2 by {Path(shlex.split(scorer)[0]).name}",
    ]
    return [" ".join(fact.split()) for fact in facts]


def processor_name() -> str:
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
