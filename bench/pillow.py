"""Pillow on one picture: python pillow.py SOURCE OUTPUT QUALITY SPEED. All else is as Pillow has it by default."""

import sys

from PIL import Image

source, output, quality, speed = sys.argv[1:]
Image.open(source).save(output, quality=int(quality), speed=int(speed))
