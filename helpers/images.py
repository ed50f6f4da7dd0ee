"""Open what people really have (rotated, transparent, animated, huge, grey or broken pictures), and send it off."""

from __future__ import annotations

import base64
import contextlib
import io
import warnings
from collections.abc import Sequence
from pathlib import Path

from .errors import BadImage

MAX_PIXELS = 100_000_000  # more is refused before it is decoded: a small file can unpack to gigabytes
WORKING_SIDE = 2048  # larger pictures are scaled down: no model of the course looks closer
#: Pillow knows about forty formats, one of which starts another program (EPS). These are what cameras and the web use.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")


def open_image(source, background: tuple[int, int, int] = (255, 255, 255), largest_side: int = WORKING_SIDE):
    """A clean RGB PIL image from a path, bytes, a file object or a PIL image (which is left as it was).

    EXIF rotation is applied, transparency is laid over ``background``, of an animation the first frame is taken, grey
    and 16-bit pictures become RGB, and a longer side than ``largest_side`` pixels is scaled down.

    Raises BadImage, saying what to do, for a missing or empty file, a file that is no picture, a damaged or
    truncated one, one of more than MAX_PIXELS pixels, and one narrower than 2 pixels.
    """
    from PIL import Image, UnidentifiedImageError

    name = str(source) if isinstance(source, (str, Path)) else "The picture"
    stream = _stream(source, name)
    try:
        # Pillow warns of odd metadata, and of sizes that _check_size judges itself
        with warnings.catch_warnings(action="ignore"), _opened(stream) as picture:
            _check_size(*picture.size, name)
            if picture is not source:  # a JPEG of ours: decode it at reduced size. (Of other formats nothing changes.)
                picture.draft("RGB", (largest_side, largest_side))
            return _clean(picture, background, largest_side)
    except BadImage:
        raise
    except UnidentifiedImageError as error:
        raise BadImage(f"{name} cannot be read as a picture. Save it as PNG or JPEG first.") from error
    except Image.DecompressionBombError as error:
        raise BadImage(_too_large(name)) from error
    except PermissionError as error:
        raise BadImage(f"{name} may not be read. Check its permissions, or copy it somewhere else.") from error
    except Exception as error:  # decoders trip over foreign bytes in every possible way; all of them mean this
        raise BadImage(f"{name} is damaged or cut off ({error}). Save or download it again.") from error


def _stream(source, name: str):
    """What Pillow can open, or BadImage for what is missing, empty or nothing of the kind."""
    from PIL import Image

    if isinstance(source, (str, Path)):
        path = Path(source)
        if not path.is_file():
            raise BadImage(f"There is no file {name}. Check the path; relative paths start at {Path.cwd()}.")
        if path.stat().st_size == 0:
            raise BadImage(f"{name} is empty (0 bytes). Save or download it again.")
        return path
    if isinstance(source, (bytes, bytearray, memoryview)):
        source = io.BytesIO(source)
    if isinstance(source, io.BytesIO) and not source.getbuffer().nbytes:
        raise BadImage(f"{name} is empty (0 bytes). Choose another one.")
    if not isinstance(source, Image.Image) and not hasattr(source, "read"):
        kind = type(source).__name__
        raise BadImage(f"A picture is a path, the bytes of a file, an open file or a PIL image, not a {kind}.")
    return source


def _opened(stream):
    """A context manager with the picture, not decoded yet. A picture that the caller opened stays open."""
    from PIL import Image

    if isinstance(stream, Image.Image):
        return contextlib.nullcontext(stream)
    Image.init()
    readable = [name for name in FORMATS if name in Image.OPEN]  # not every Pillow is built with AVIF
    return Image.open(stream, formats=readable)


def _check_size(width: int, height: int, name: str) -> None:
    if width * height > MAX_PIXELS:
        raise BadImage(_too_large(name))
    if min(width, height) < 2:
        raise BadImage(f"{name} is only {width} × {height} pixels: there is nothing to see in it. Choose a larger one.")


def _too_large(name: str) -> str:
    return f"{name} has more than {MAX_PIXELS // 10**6} megapixels. Scale it down first."


def _clean(picture, background: tuple[int, int, int], largest_side: int):
    """Decode, turn upright, flatten, and reduce to an RGB picture of a workable size."""
    from PIL import Image, ImageOps

    picture.load()
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I") or picture.mode == "F":
        picture = _to_eight_bits(picture)
    if picture.has_transparency_data:
        rgba = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", rgba.size, (*background, 255)), rgba)
    picture = picture.convert("RGB")
    picture.thumbnail((largest_side, largest_side))
    return picture


def _to_eight_bits(picture):
    """Scale a 16-bit or floating-point grey picture to 0-255 by its own range."""
    import numpy as np
    from PIL import Image

    pixels = np.nan_to_num(np.asarray(picture, dtype=np.float64), posinf=0, neginf=0)
    low, high = float(pixels.min()), float(pixels.max())
    return Image.fromarray(((pixels - low) / (high - low or 1.0) * 255).round().astype("uint8"))


def to_data_url(image, format: str = "PNG") -> str:
    """A PIL image as a data URL, as OpenAI-compatible servers take pictures. PNG keeps every pixel; JPEG is shorter."""
    buffer = io.BytesIO()
    image.save(buffer, format)
    return f"data:image/{format.lower()};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def picture_message(text: str, *images, max_pixels: int | None = None) -> dict:
    """A user's chat message: pictures in their order, then the text. Without pictures the content is the text alone.

    Args:
        images: PIL images, or addresses that ``helpers.world_pictures`` draws from when they are sent.
        max_pixels: a limit for each, width times height; None leaves it to the server. DashScope and this course's
            server know it, others may not.
    """
    if not images:
        return {"role": "user", "content": text}
    limit = {} if max_pixels is None else {"max_pixels": max_pixels}
    urls = [image if isinstance(image, str) else to_data_url(image) for image in images]
    pictures = [{"type": "image_url", "image_url": {"url": url}} | limit for url in urls]
    return {"role": "user", "content": [*pictures, {"type": "text", "text": text}]}


def video_message(text: str, frames: Sequence | str, fps: float = 2.0, max_pixels: int | None = None) -> dict:
    """A user's chat message: a video, given as its frames, then the text.

    Args:
        frames: PIL images or arrays (height, width, 3) of one size, e.g. ``clips.frames(clip)``; or the address of a
            clip that ``helpers.world_pictures`` draws.
        fps: frames per second.
        max_pixels: a limit for each frame, as in ``picture_message``.
    """
    import numpy as np
    from PIL import Image

    if not isinstance(frames, str):
        frames = [to_data_url(Image.fromarray(np.asarray(frame))) for frame in frames]
    limit = {} if max_pixels is None else {"max_pixels": max_pixels}
    video = {"type": "video", "video": frames, "fps": fps} | limit
    return {"role": "user", "content": [video, {"type": "text", "text": text}]}
