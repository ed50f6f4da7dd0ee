"""Pictures of the worlds by address: a set of questions names its pictures, and they are drawn when they are sent.

    world://scenes/SPLIT/SEED/INDEX?side=448
    world://documents/SPLIT/SEED/INDEX?scale=4
    world://pairs/SPLIT/SEED/INDEX/first?side=448        (or /second)
    world://clips/SPLIT/SEED/INDEX/frame/3?side=448      (frames are counted from 0)
    world://clips/SPLIT/SEED/INDEX?side=112              (all frames)

SPLIT, SEED and INDEX are those of the worlds: ``world://scenes/heldout/7/12`` is what
``scenes.scenes("heldout", 1, seed=7, start=12)`` yields. The same address is the same picture on every machine.

In a message an address stands where a data URL would, and that of a whole clip in place of the list of frames:

    {"type": "image_url", "image_url": {"url": "world://scenes/heldout/7/12?side=448"}}
    {"type": "video", "video": "world://clips/heldout/7/12?side=112", "fps": 2}
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from .errors import CourseError, unknown
from .images import to_data_url

if TYPE_CHECKING:
    from PIL import Image

SCHEME = "world://"
SIDES = (28, 2048)  # pixels
#: What may stand after the index, how to say that, and which of the two sizes a world has.
FORMS = {
    "scenes": ("", "nothing", "side"),
    "documents": ("", "nothing", "scale"),
    "pairs": ("/first|/second", "/first or /second", "side"),
    "clips": (r"(/frame/\d{1,2})?", "/frame/NUMBER, or nothing in a part of type video", "side"),
}
SPLITS = ("train", "heldout", "novel")
_ADDRESS = re.compile(
    r"world://(?P<world>\w+)/(?P<split>\w+)/(?P<seed>\d{1,9})/(?P<index>\d{1,9})(?P<part>/[^?#]*)?"
    r"\?(?P<unit>\w+)=(?P<size>\d{1,4}(?:\.\d{1,3})?)",
    re.ASCII,
)


class Address(NamedTuple):
    """What an address says. ``part`` is what stands after the index: "", "/first", "/second" or "/frame/3"."""

    world: str
    split: str
    seed: int
    index: int
    part: str
    size: int | float


def resolve(url: str) -> Image.Image:
    """Draw the picture that an address names, as an RGB image.

    Raises CourseError for a text that is no such address, and for a world, split, frame or size that does not exist.
    """
    return _draw(_picture(url))[0]


def frames(url: str) -> list[Image.Image]:
    """Draw all frames of the clip that an address names. Raises CourseError as ``resolve`` does."""
    return _draw(_clip(url))


def check(messages: list[dict]) -> None:
    """Raise CourseError, as ``resolve`` does, where an address in chat messages names nothing. Nothing is drawn."""
    _replaced(messages, _picture, _clip)


def to_data_urls(messages: list[dict]) -> list[dict]:
    """Chat messages with every ``world://`` address replaced by a data URL of its picture (PNG).

    Everything else, other addresses of images included, stays as it is; the messages passed are not changed. Raises
    CourseError as ``resolve`` does.
    """
    return _replaced(messages, _data_url, lambda url: list(_frames_data_urls(url)))


def _replaced(messages: list[dict], picture: Callable, clip: Callable) -> list[dict]:
    """The messages with ``picture`` applied to every address of one picture, and ``clip`` to those of whole clips."""

    def ours(url: object) -> bool:
        return isinstance(url, str) and url.startswith(SCHEME)

    def part_with(part: object) -> object:
        image, video = (part.get("image_url"), part.get("video")) if isinstance(part, dict) else (None, None)
        if isinstance(image, dict) and ours(image.get("url")):
            return {**part, "image_url": {**image, "url": picture(image["url"])}}
        if ours(video):
            return {**part, "video": clip(video)}
        if isinstance(video, list):
            return {**part, "video": [picture(url) if ours(url) else url for url in video]}
        return part

    return [
        {**message, "content": [part_with(part) for part in message["content"]]}
        if isinstance(message.get("content"), list)
        else message
        for message in messages
    ]


@lru_cache(maxsize=64)  # several models and samples are asked about one picture
def _data_url(url: str) -> str:
    return to_data_url(resolve(url))


@lru_cache(maxsize=16)
def _frames_data_urls(url: str) -> tuple[str, ...]:
    return tuple(to_data_url(frame) for frame in frames(url))


def _picture(url: str) -> Address:
    """The address of one picture, checked."""
    address = _parse(url)
    if address.world == "clips":
        from .worlds import clips

        n_frames = next(clips.clips(address.split, 1, address.seed, address.index)).n_frames
        if not address.part or int(address.part.rpartition("/")[2]) >= n_frames:
            raise CourseError(f"{url} is not one picture: name one of the clip's frames, /frame/0 to {n_frames - 1}.")
    return address


def _clip(url: str) -> Address:
    """The address of a whole clip, checked."""
    address = _parse(url)
    if address.world != "clips" or address.part:
        raise CourseError(f"{url} is no whole clip, which a video must be. Write world://clips/…/INDEX?side=112.")
    return address


def _parse(url: str) -> Address:
    match = _ADDRESS.fullmatch(url)
    if not match:
        raise CourseError(
            f"{url!r} is not the address of a picture. "
            "Write world://WORLD/SPLIT/SEED/INDEX?side=448 (for documents ?scale=4)."
        )
    world, split, part = match["world"], match["split"], match["part"] or ""
    if world not in FORMS:
        raise unknown("world", world, list(FORMS))
    if split not in SPLITS:
        raise unknown("split", split, list(SPLITS))
    pattern, expected, unit = FORMS[world]
    if match["unit"] != unit:
        raise CourseError(f"{url}: the size of a picture of {world!r} is given as `{unit}`, not `{match['unit']}`.")
    if not re.fullmatch(pattern, part, re.ASCII):
        raise CourseError(f"{url}: after the index of {world!r} comes {expected}.")
    return Address(world, split, int(match["seed"]), int(match["index"]), part, _size(match["size"], unit, url))


def _size(text: str, unit: str, url: str) -> int | float:
    """A side in whole pixels, or a scale."""
    if unit == "scale":
        from .worlds.documents.render import SCALES

        if not SCALES[0] <= float(text) <= SCALES[1]:
            raise CourseError(f"{url}: scale {text} is not one from {SCALES[0]} to {SCALES[1]}.")
        return float(text)
    if not text.isdigit() or not SIDES[0] <= int(text) <= SIDES[1]:
        raise CourseError(f"{url}: a side is a whole number of pixels from {SIDES[0]} to {SIDES[1]}.")
    return int(text)


def _draw(address: Address) -> list[Image.Image]:
    """The picture, or all frames of a whole clip."""
    from PIL import Image

    from .worlds import clips, documents, pairs, scenes

    world, split, seed, index, part, size = address
    if world == "scenes":
        return [scenes.render(next(scenes.scenes(split, 1, seed, index)), size)]
    if world == "documents":
        return [documents.render(next(documents.documents(split, 1, seed, index)), size)]
    if world == "pairs":
        return [pairs.render(next(pairs.pairs(split, 1, seed, index)), size)[part == "/second"]]
    shown = [Image.fromarray(frame) for frame in clips.frames(next(clips.clips(split, 1, seed, index)), size)]
    return [shown[int(part.rpartition("/")[2])]] if part else shown
