"""Images of known colors as PNG, and the color of a screenshot, with the standard library only."""

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def png(width: int, height: int, left: tuple, right: tuple) -> bytes:
    """An image whose halves have these colors (RGBA), with darker stripes."""

    def row(y: int) -> bytes:
        dark = y // 50 % 4 == 0
        halves = [bytes([*(level * 3 // 4 if dark else level for level in color[:3]), color[3]]) for color in (left, right)]
        return b"\0" + halves[0] * (width // 2) + halves[1] * (width - width // 2)

    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    pixels = zlib.compress(b"".join(map(row, range(height))), 9)
    return SIGNATURE + b"".join(chunk(*named) for named in [(b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")])


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def first_pixel(image: bytes) -> tuple:
    """The color of the first pixel of a PNG. No filter changes this pixel, because it has no neighbors before it."""
    at, content = len(SIGNATURE), b""
    while at < len(image):
        [length], name = struct.unpack(">I", image[at : at + 4]), image[at + 4 : at + 8]
        content += image[at + 8 : at + 8 + length] if name == b"IDAT" else b""
        at += 12 + length
    return tuple(zlib.decompress(content)[1:4])
