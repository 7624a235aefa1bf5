"""Encodes one image with Pillow: python pillow.py SOURCE OUTPUT QUALITY SPEED. Everything else is Pillow's default."""

import sys

from PIL import Image

source, output, quality, speed = sys.argv[1:]
Image.open(source).save(output, quality=int(quality), speed=int(speed))
