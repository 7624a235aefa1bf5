"""Encodes photographs with avif-lambda, sharp, Pillow and cavif, and writes bench/report.md and bench/report.svg.

The other encoders are installed into target/bench at pinned versions. target/bench/encodes.tsv lists every encode.
"""

import argparse
import json
import os
from pathlib import Path

from . import install, report
from .encoders import list_encoders
from .machine import list_facts
from .measure import Bench, Image, run_for_text
from .run import Run

TOOLS = Path("target/bench")
REFERENCES = TOOLS / "references"
SUFFIXES = {".jpg", ".jpeg", ".png"}


def main() -> None:
    arguments = parse_arguments()
    install.install_encoders(TOOLS)
    scorer = arguments.scorer or install.install_scorer(TOOLS)
    encoders = [
        encoder
        for encoder in list_encoders(TOOLS, arguments.avif, arguments.system, arguments.target_score)
        if not arguments.only or any(text in str(encoder) for text in arguments.only)
    ]
    images, omitted = load_images(arguments.images or install.download_photographs(TOOLS))
    facts = list_facts(TOOLS, encoders, scorer) + omitted
    run = Run(Bench(scorer), encoders, images, arguments.target_score)
    run.measure_start(Image(REFERENCES / "dot.png", REFERENCES / "dot.png", 0))
    run.encode_with_defaults(arguments.rounds)
    run.search_equal_scores()
    run.search_common_quality(arguments.rounds)
    paths = {"BENCH_AVIF": arguments.avif, "BENCH_SYSTEM": arguments.system, "BENCH_SCORER": arguments.scorer}
    hidden = {name: str(path) for name, path in paths.items() if path and Path(path).is_absolute()}
    report.write(run, TOOLS, facts, arguments.rounds, hidden)
    print(f"bench/report.md bench/report.svg {TOOLS}/encodes.tsv")


def parse_arguments() -> argparse.Namespace:
    default = os.environ.get
    parser = argparse.ArgumentParser(
        prog="python3 -m bench",
        description=__doc__,
        epilog="A name in brackets is the environment variable (or variable of `make bench`) that sets the same value.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--images",
        type=Path,
        metavar="DIR",
        default=default("BENCH_IMAGES"),
        help=f"folder with JPEG and PNG files [BENCH_IMAGES; default: photographs of Debian's package {install.PACKAGE}]",
    )
    parser.add_argument(
        "--avif",
        metavar="FILE",
        default=default("BENCH_AVIF", "target/release/avif"),
        help="the program `avif` to measure [BENCH_AVIF; default: target/release/avif]",
    )
    parser.add_argument(
        "--system",
        metavar="FILE",
        default=default("BENCH_SYSTEM"),
        help="a second program `avif`, built with the feature `system` [BENCH_SYSTEM; default: none]",
    )
    parser.add_argument(
        "--scorer",
        metavar="COMMAND",
        default=default("BENCH_SCORER"),
        help="command that prints the SSIMULACRA2 score of two PNG files [BENCH_SCORER; default: ssimulacra2]",
    )
    parser.add_argument(
        "--target-score",
        type=float,
        default=75,
        metavar="N",
        help="the SSIMULACRA2 score that every image must reach [default: %(default)s]",
    )
    parser.add_argument(
        "--rounds",
        type=int,
        default=3,
        metavar="N",
        help="how many times each encode with default settings runs; its CPU time is the median [default: %(default)s]",
    )
    parser.add_argument(
        "--only",
        action="append",
        metavar="TEXT",
        help="run only encoders whose names contain TEXT; can be repeated",
    )
    return parser.parse_args()


def load_images(folder: Path) -> tuple[list[Image], list[str]]:
    """Returns the images of a folder that all encoders interpret in the same way, and a reason for each omitted image."""
    if not folder.is_dir():
        raise SystemExit(f"bench: {folder} is not a folder")
    sources = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    REFERENCES.mkdir(exist_ok=True)
    output = run_for_text([f"{TOOLS}/python/bin/python", "bench/reference.py", str(REFERENCES), *map(str, sources)])
    lines = [json.loads(line) for line in output.splitlines()]
    images = [
        Image(Path(line["source"]), Path(line["reference"]), line["width"] * line["height"] / 1e6) for line in lines if not line["problem"]
    ]
    if not images:
        raise SystemExit(f"bench: {folder} has no suitable JPEG or PNG file (8-bit RGB, upright, sRGB)")
    return images, [f"omitted: {Path(line['source']).name}: {line['problem']}" for line in lines if line["problem"]]


main()
