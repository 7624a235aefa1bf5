"""Encodes photographs by us and by our peers, and writes bench/report.md and bench/report.svg from that one run."""

import argparse
import json
import os
from pathlib import Path

from . import install, report
from .machine import facts
from .measure import Bench, Picture, run_for_text
from .peers import entrants
from .run import Run

TOOLS = Path("target/bench")
REFERENCES = TOOLS / "references"
KINDS = {".jpg", ".jpeg", ".png"}


def main() -> None:
    arguments = parse()
    install.peers(TOOLS)
    scorer = arguments.scorer or install.scorer(TOOLS)
    everyone = [
        entrant
        for entrant in entrants(TOOLS, arguments.avif, arguments.system, arguments.floor)
        if not arguments.only or any(part in str(entrant) for part in arguments.only)
    ]
    fit, unfit = pictures(arguments.pictures or install.photographs(TOOLS))
    made_with = facts(TOOLS, everyone, scorer) + unfit
    run = Run(Bench(scorer), everyone, fit, arguments.floor)
    run.start_up(Picture(REFERENCES / "dot.png", REFERENCES / "dot.png", 0))
    run.defaults(arguments.rounds)
    run.equal_quality()
    run.guaranteed(arguments.rounds)
    given = {"BENCH_AVIF": arguments.avif, "BENCH_SYSTEM": arguments.system, "BENCH_SCORER": arguments.scorer}
    hidden = {name: str(value) for name, value in given.items() if value and Path(value).is_absolute()}
    report.write(run, TOOLS, made_with, arguments.rounds, hidden)
    print(f"bench/report.md bench/report.svg {TOOLS}/encodes.tsv")


def parse() -> argparse.Namespace:
    default = os.environ.get
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument(
        "--pictures",
        type=Path,
        metavar="DIR",
        default=default("BENCH_PICTURES"),
        help=f"a folder of JPEG and PNG files [BENCH_PICTURES; else Debian's {install.PACKAGE}]",
    )
    parser.add_argument(
        "--system",
        metavar="FILE",
        default=default("BENCH_SYSTEM"),
        help="`avif` built with the feature `system`, to take part as well [BENCH_SYSTEM]",
    )
    parser.add_argument(
        "--avif",
        metavar="FILE",
        default=default("BENCH_AVIF", "target/release/avif"),
        help="`avif` as it is built [%(default)s]",
    )
    parser.add_argument(
        "--scorer",
        metavar="COMMAND",
        default=default("BENCH_SCORER"),
        help="prints the SSIMULACRA2 of two PNG files [BENCH_SCORER; else `ssimulacra2`]",
    )
    parser.add_argument("--floor", type=float, default=75, help="the SSIMULACRA2 to guarantee [%(default)s]")
    parser.add_argument(
        "--rounds", type=int, default=3, help="how often what has its CPU time compared is run [%(default)s]"
    )
    parser.add_argument(
        "--only", action="append", metavar="PART", help="entrants whose names have PART in them; repeatable"
    )
    return parser.parse_args()


def pictures(folder: Path) -> tuple[list[Picture], list[str]]:
    """The folder's pictures that all entrants take to mean the same, and what is wrong with the others."""
    if not folder.is_dir():
        raise SystemExit(f"bench: {folder} is no folder")
    sources = sorted(path for path in folder.iterdir() if path.suffix.lower() in KINDS)
    REFERENCES.mkdir(exist_ok=True)
    told = run_for_text([f"{TOOLS}/python/bin/python", "bench/reference.py", str(REFERENCES), *map(str, sources)])
    lines = [json.loads(line) for line in told.splitlines()]
    fit = [
        Picture(Path(line["source"]), Path(line["reference"]), line["width"] * line["height"] / 1e6)
        for line in lines
        if not line["objection"]
    ]
    if not fit:
        raise SystemExit(f"bench: no JPEG or PNG files to compare by in {folder}")
    return fit, [f"left out: {Path(line['source']).name}, {line['objection']}" for line in lines if line["objection"]]


main()
