"""Puts what the benchmark needs into a folder of its own, at pinned versions. What is there already stays."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

SHARP = "0.35.5"
PILLOW = "13.0.0"
CAVIF = "1.8.0"
SSIMULACRA2_RS = "0.5.2"
# A Debian package with photographs under free licences, which its copyright file names, and those that are taken of it.
PACKAGE = "lomiri-wallpapers-16.04"
PHOTOGRAPHERS = ("freespace", "Aitzol_Berasategi", "Jakkub_Mede")


def run(*command: str | Path, **options) -> None:
    words = [str(part) for part in command]
    if subprocess.run(words, check=False, stdout=sys.stderr, **options).returncode != 0:
        raise SystemExit(f"bench: failed: {shlex.join(words)}")


def peers(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / f"sharp-{SHARP}").exists():
        need("npm", "nodejs npm")
        run("npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", folder, f"sharp@{SHARP}")
        (folder / f"sharp-{SHARP}").touch()
    # A module is looked for beside the script that wants it.
    shutil.copyfile(Path(__file__).with_name("sharp.mjs"), folder / "sharp.mjs")
    if not (folder / f"pillow-{PILLOW}").exists():
        run(sys.executable, "-m", "venv", folder / "python")
        run(folder / "python/bin/pip", "install", "--quiet", f"pillow=={PILLOW}")
        (folder / f"pillow-{PILLOW}").touch()
    cargo(folder, "cavif", CAVIF)


def scorer(folder: Path) -> str:
    """libjxl's own `ssimulacra2`, or its port to Rust where there is none. Both are called with two PNG files."""
    if shutil.which("ssimulacra2"):
        return "ssimulacra2"
    cargo(folder, "ssimulacra2_rs", SSIMULACRA2_RS, "--no-default-features")
    return f"{folder / 'bin/ssimulacra2_rs'} image"


def photographs(folder: Path) -> Path:
    pictures = folder / PACKAGE
    if not pictures.exists():
        if not shutil.which("apt-get"):
            raise SystemExit("bench: there are no pictures; name a folder that has some: make bench BENCH_PICTURES=DIR")
        run("apt-get", "download", PACKAGE, cwd=folder)
        [package] = folder.glob(f"{PACKAGE}_*.deb")
        run("dpkg-deb", "--extract", package, folder / "package")
        pictures.mkdir()
        for picture in (folder / "package/usr/share/backgrounds").glob("*_by_*"):
            if picture.stem.endswith(PHOTOGRAPHERS):
                picture.rename(pictures / picture.name)
        shutil.rmtree(folder / "package")
        package.unlink()
    return pictures


def cargo(folder: Path, crate: str, version: str, *options: str) -> None:
    # Cargo itself sees whether that version is there already.
    run("cargo", "install", "--quiet", "--locked", "--root", folder, "--version", version, *options, crate)


def need(command: str, packages: str) -> None:
    if not shutil.which(command):
        raise SystemExit(f"bench: {command} is missing; on Debian: apt-get install {packages}")
