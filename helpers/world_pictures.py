"""Pictures of the worlds by address: a set of questions names its pictures, and they are drawn when they are sent.

    world://scenes/SPLIT/SEED/INDEX?side=448
    world://documents/SPLIT/SEED/INDEX?scale=4
    world://pairs/SPLIT/SEED/INDEX/first?side=448        (or /second)
    world://clips/SPLIT/SEED/INDEX/frame/3?side=448      (frames are counted from 0)

SPLIT, SEED and INDEX are those of the worlds: ``world://scenes/heldout/7/12`` is what
``scenes.scenes("heldout", 1, seed=7, start=12)`` yields. The same address is the same picture on every machine.
"""

from __future__ import annotations

import base64
import io
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from .errors import CourseError, unknown

if TYPE_CHECKING:
    from PIL import Image

SCHEME = "world://"
SIDES = (28, 2048)  # pixels
#: What stands after the index, and which of the two sizes a world has.
FORMS = {
    "scenes": ("", "side"),
    "documents": ("", "scale"),
    "pairs": ("/first or /second", "side"),
    "clips": ("/frame/NUMBER", "side"),
}
SPLITS = ("train", "heldout", "novel")
_ADDRESS = re.compile(
    r"world://(?P<world>\w+)/(?P<split>\w+)/(?P<seed>\d{1,9})/(?P<index>\d{1,9})(?P<part>/[^?#]*)?"
    r"\?(?P<unit>\w+)=(?P<size>\d{1,4}(?:\.\d{1,3})?)",
    re.ASCII,
)


def resolve(url: str) -> Image.Image:
    """Draw the picture that an address names, as an RGB image.

    Raises CourseError for a text that is no such address, and for a world, split, frame or size that does not exist.
    """
    match = _ADDRESS.fullmatch(url)
    if not match:
        raise CourseError(
            f"{url!r} is not the address of a picture. "
            "Write world://WORLD/SPLIT/SEED/INDEX?side=448 (for documents ?scale=4)."
        )
    world, split = match["world"], match["split"]
    if world not in FORMS:
        raise unknown("world", world, list(FORMS))
    if split not in SPLITS:
        raise unknown("split", split, list(SPLITS))
    part, unit = FORMS[world]
    if match["unit"] != unit:
        raise CourseError(f"{url}: the size of a picture of {world!r} is given as `{unit}`, not `{match['unit']}`.")
    size = _size(match["size"], unit, url)
    picture = _draw(world, split, int(match["seed"]), int(match["index"]), match["part"] or "", size)
    if picture is None:
        after = f"nothing but {part}" if part else "nothing"
        raise CourseError(f"{url}: after the index of {world!r} comes {after}, and only a part that exists.")
    return picture


def to_data_urls(messages: list[dict]) -> list[dict]:
    """Chat messages with every ``world://`` address replaced by a data URL of its picture (PNG).

    Everything else, other addresses of images included, stays as it is; the messages passed are not changed. Raises
    CourseError as ``resolve`` does.
    """
    return [
        {**message, "content": [_sent(part) for part in message["content"]]}
        if isinstance(message.get("content"), list)
        else message
        for message in messages
    ]


def _sent(part: dict) -> dict:
    image = part.get("image_url") if isinstance(part, dict) else None
    url = image.get("url") if isinstance(image, dict) else None
    if not isinstance(url, str) or not url.startswith(SCHEME):
        return part
    return {**part, "image_url": {**image, "url": _data_url(url)}}


@lru_cache(maxsize=64)  # several models and samples are asked about one picture
def _data_url(url: str) -> str:
    file = io.BytesIO()
    resolve(url).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def _size(text: str, unit: str, url: str) -> int | float:
    """A side in whole pixels, or a scale (whose limits the documents know)."""
    if unit == "scale":
        return float(text)
    if not text.isdigit() or not SIDES[0] <= int(text) <= SIDES[1]:
        raise CourseError(f"{url}: a side is a whole number of pixels from {SIDES[0]} to {SIDES[1]}.")
    return int(text)


def _draw(world: str, split: str, seed: int, index: int, part: str, size: int | float) -> Image.Image | None:
    """The picture, or None where the world has no such part."""
    from PIL import Image

    from .worlds import clips, documents, pairs, scenes

    if world in ("scenes", "documents") and part:
        return None
    if world == "scenes":
        return scenes.render(next(scenes.scenes(split, 1, seed, index)), size)
    if world == "documents":
        return documents.render(next(documents.documents(split, 1, seed, index)), size)
    if world == "pairs":
        shown = {"/first": 0, "/second": 1}.get(part)
        return None if shown is None else pairs.render(next(pairs.pairs(split, 1, seed, index)), size)[shown]
    frame = re.fullmatch(r"/frame/(\d{1,2})", part, re.ASCII)
    clip = next(clips.clips(split, 1, seed, index))
    if not frame or int(frame[1]) >= clip.n_frames:
        return None
    return Image.fromarray(clips.frames(clip, size)[int(frame[1])])
