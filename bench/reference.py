"""Writes the PNG files that every AVIF is compared with: python reference.py OUTPUT-FOLDER SOURCE...

Prints a line of JSON for each source. The benchmark uses only images that all encoders interpret in the same way: 8-bit RGB,
upright, in sRGB. For every other image, `problem` contains the reason.
"""

import json
import sys
from pathlib import Path

from PIL import Image

ORIENTATION = 0x0112


def find_problem(image: Image.Image) -> str | None:
    profile = image.info.get("icc_profile") or b""
    if image.mode != "RGB":
        return f"its pixel format is {image.mode}, not RGB"
    if image.getexif().get(ORIENTATION, 1) != 1:
        return "its Exif orientation is not upright"
    if profile and not (b"sRGB" in profile or "sRGB".encode("utf-16-be") in profile):
        return "its ICC profile is not sRGB"
    return None


folder = Path(sys.argv[1])
# With so few pixels, the time of an encode is the time in which its process starts.
Image.new("RGB", (16, 16)).save(folder / "dot.png")
for source in map(Path, sys.argv[2:]):
    image = Image.open(source)
    line = {"source": str(source), "width": image.width, "height": image.height, "problem": find_problem(image)}
    if line["problem"] is None:
        pixels = Image.frombytes("RGB", image.size, image.tobytes())  # without metadata
        line["reference"] = str(folder / f"{source.name}.png")
        pixels.save(line["reference"], compress_level=1)
    print(json.dumps(line))
