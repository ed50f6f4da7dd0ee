"""Open what people really have: rotated, transparent, animated, huge, grey or broken pictures."""

from __future__ import annotations

import io
from pathlib import Path

from .errors import BadImage

MAX_PIXELS = 100_000_000  # more is refused before it is decoded: a small file can unpack to gigabytes
WORKING_SIDE = 2048  # larger pictures are scaled down: no model of the course looks closer


def open_image(source, background: tuple[int, int, int] = (255, 255, 255)):
    """A clean RGB PIL image from a path, bytes, a file object or a PIL image.

    EXIF rotation is applied, transparency is laid over ``background``, of an animation the first frame is taken, grey
    and 16-bit pictures become RGB, and a longer side than WORKING_SIDE pixels is scaled down.

    Raises BadImage, saying what to do, for a missing or empty file, a file that is no picture, a damaged or
    truncated one, one of more than MAX_PIXELS pixels, and one narrower than 2 pixels.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    name = str(source) if isinstance(source, (str, Path)) else "the picture"
    try:
        picture = source if isinstance(source, Image.Image) else Image.open(_stream(source, name))
        width, height = picture.size
        if width * height > MAX_PIXELS:
            raise BadImage(f"{name} has {width} × {height} pixels; scale it below {MAX_PIXELS // 10**6} megapixels first.")
        if min(width, height) < 2:
            raise BadImage(f"{name} is only {width} × {height} pixels: there is nothing to see in it.")
        picture.draft("RGB", (WORKING_SIDE, WORKING_SIDE))  # JPEG: decode at reduced size, a no-op otherwise
        picture.load()
    except UnidentifiedImageError as error:
        raise BadImage(f"{name} is no picture this course can read. Use PNG, JPEG, WebP or GIF.") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BadImage(f"{name} is damaged or cut off ({error}). Save or download it again.") from error
    picture = ImageOps.exif_transpose(picture)
    if picture.mode in ("I", "I;16", "I;16B", "F"):
        picture = _to_eight_bits(picture)
    if picture.has_transparency_data:
        rgba = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", rgba.size, (*background, 255)), rgba)
    picture = picture.convert("RGB")
    picture.thumbnail((WORKING_SIDE, WORKING_SIDE))
    return picture


def _stream(source, name: str):
    if isinstance(source, (bytes, bytearray, memoryview)):
        source = io.BytesIO(bytes(source))
    if isinstance(source, (str, Path)):
        path = Path(source)
        if not path.is_file():
            raise BadImage(f"There is no file {name}. Check the path; relative paths start at {Path.cwd()}.")
        if path.stat().st_size == 0:
            raise BadImage(f"{name} is empty (0 bytes). Save or download it again.")
        return path
    if isinstance(source, io.BytesIO) and not source.getbuffer().nbytes:
        raise BadImage(f"{name} is empty (0 bytes). Choose another one.")
    return source


def _to_eight_bits(picture):
    """Scale a 16-bit or floating-point grey picture to 0-255 by its own range."""
    import numpy as np
    from PIL import Image

    pixels = np.asarray(picture, dtype=np.float64)
    low, high = float(pixels.min()), float(pixels.max())
    return Image.fromarray(((pixels - low) / (high - low or 1.0) * 255).round().astype("uint8"))
