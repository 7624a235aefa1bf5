"""Installs the tools of the benchmark into a folder, at pinned versions. It skips tools that are already installed."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

SHARP = "0.35.5"
PILLOW = "13.0.0"
CAVIF = "1.8.0"
SSIMULACRA2_RS = "0.5.2"
# A Debian package with photographs under free licenses. Its copyright file names the photographers.
# The benchmark uses only the photographs of PHOTOGRAPHERS.
PACKAGE = "lomiri-wallpapers-16.04"
PHOTOGRAPHERS = ("freespace", "Aitzol_Berasategi", "Jakkub_Mede")


def run(*command: str | Path, **options) -> None:
    words = [str(word) for word in command]
    if subprocess.run(words, check=False, stdout=sys.stderr, **options).returncode != 0:
        raise SystemExit(f"bench: failed: {shlex.join(words)}")


def install_encoders(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / f"sharp-{SHARP}").exists():
        require("npm", "nodejs npm")
        run("npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", folder, f"sharp@{SHARP}")
        (folder / f"sharp-{SHARP}").touch()
    # Node searches for modules in the script's folder.
    shutil.copyfile(Path(__file__).with_name("sharp.mjs"), folder / "sharp.mjs")
    if not (folder / f"pillow-{PILLOW}").exists():
        run(sys.executable, "-m", "venv", folder / "python")
        run(folder / "python/bin/pip", "install", "--quiet", f"pillow=={PILLOW}")
        (folder / f"pillow-{PILLOW}").touch()
    install_crate(folder, "cavif", CAVIF)


def install_scorer(folder: Path) -> str:
    """Returns the command of libjxl's `ssimulacra2` if it is installed, or of its Rust port. Both read two PNG files."""
    if shutil.which("ssimulacra2"):
        return "ssimulacra2"
    install_crate(folder, "ssimulacra2_rs", SSIMULACRA2_RS, "--no-default-features")
    return f"{folder / 'bin/ssimulacra2_rs'} image"


def download_photographs(folder: Path) -> Path:
    images = folder / PACKAGE
    if not images.exists():
        if not shutil.which("apt-get"):
            raise SystemExit("bench: cannot download photographs without apt-get; use your own: make bench BENCH_IMAGES=DIR")
        run("apt-get", "download", PACKAGE, cwd=folder)
        [package] = folder.glob(f"{PACKAGE}_*.deb")
        run("dpkg-deb", "--extract", package, folder / "package")
        images.mkdir()
        for image in (folder / "package/usr/share/backgrounds").glob("*_by_*"):
            if image.stem.endswith(PHOTOGRAPHERS):
                image.rename(images / image.name)
        shutil.rmtree(folder / "package")
        package.unlink()
    return images


def install_crate(folder: Path, crate: str, version: str, *options: str) -> None:
    # Cargo does nothing if this version is already installed.
    run("cargo", "install", "--quiet", "--locked", "--root", folder, "--version", version, *options, crate)


def require(command: str, packages: str) -> None:
    if not shutil.which(command):
        raise SystemExit(f"bench: {command} is not installed; on Debian: apt-get install {packages}")
