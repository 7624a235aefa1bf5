"""Makes the pictures of the HEIC tests with libheif and x265: python3 make.py (needs numpy and pillow_heif)."""

import numpy
import pillow_heif


def gradient(width: int, height: int) -> numpy.ndarray:
    """The gradient of `gradient_image` in fixtures.rs."""
    y, x = numpy.mgrid[:height, :width]
    corner = numpy.where((x < width // 3) & (y < height // 4), 30, 0)
    level = lambda at, of: 20 + at * 200 // of
    return numpy.dstack([level(x, width), level(y, height), level(x + 2 * y, width + 2 * height) // 2 + corner])


def save(name: str, mode: str, pixels: numpy.ndarray) -> None:
    kind = numpy.uint16 if "16" in mode else numpy.uint8
    height, width = pixels.shape[:2]
    image = pillow_heif.from_bytes(mode, (width, height), pixels.astype(kind).tobytes())
    image.save(f"{name}.heic", quality=95, chroma="420")


whole = gradient(120, 100)
padded = numpy.pad(whole, ((0, 28), (0, 8), (0, 0)), mode="edge")
save("color", "RGB", gradient(128, 96))
for row in range(2):
    for column in range(2):
        save(f"tile-{row}{column}", "RGB", padded[64 * row : 64 * row + 64, 64 * column : 64 * column + 64])
save("ten-bits", "RGB;16", gradient(128, 96) * 257)
save("gray", "L", numpy.tile(numpy.arange(128) * 2, (96, 1)))
