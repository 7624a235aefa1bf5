"""The pixels that every AVIF is compared with: python reference.py OUTPUT-FOLDER SOURCE...

Prints a line of JSON for each source. Only what all peers take to mean the same is compared: eight bits of red, green
and blue, upright, in sRGB.
"""

import json
import sys
from pathlib import Path

from PIL import Image

ORIENTATION = 0x0112


def objection(image: Image.Image) -> str | None:
    profile = image.info.get("icc_profile") or b""
    if image.mode != "RGB":
        return f"its pixels are {image.mode}"
    if image.getexif().get(ORIENTATION, 1) != 1:
        return "it is to be turned"
    if profile and not (b"sRGB" in profile or "sRGB".encode("utf-16-be") in profile):
        return "its colour profile is not sRGB"
    return None


folder = Path(sys.argv[1])
# Next to no picture: what is left is what it takes to start.
Image.new("RGB", (16, 16)).save(folder / "dot.png")
for source in map(Path, sys.argv[2:]):
    image = Image.open(source)
    line = {"source": str(source), "width": image.width, "height": image.height, "objection": objection(image)}
    if line["objection"] is None:
        pixels = Image.frombytes("RGB", image.size, image.tobytes())  # without what the file says of itself
        line["reference"] = str(folder / f"{source.name}.png")
        pixels.save(line["reference"], compress_level=1)
    print(json.dumps(line))
