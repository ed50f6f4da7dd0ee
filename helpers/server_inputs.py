"""From the parts of a request to what a model reads: pictures and videos opened, brought to size, and counted.

A content is text or a list of parts, as DashScope's OpenAI-compatible mode takes them, so that one request serves the
hosted Qwen and this server:

    {"type": "text", "text": "What is this?"}
    {"type": "image_url", "image_url": {"url": "data:image/png;base64,…"}, "min_pixels": 12544, "max_pixels": 200704}
    {"type": "video", "video": ["data:image/png;base64,…", …], "fps": 2}

The limits may be left out; then the processor's own hold. A video is a list of frames, ``fps`` (2 by default) says how
many of them make a second, and its limits hold for each frame. Files of video (``video_url``) are not decoded here:
that takes a library of codecs which a laptop may not have.
https://www.alibabacloud.com/help/en/model-studio/vision and Qwen2.5-VL's and Qwen3-VL's cookbooks (``min_pixels``)
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from fastapi import HTTPException
from torchvision.transforms.v2 import functional
from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize
from transformers.video_utils import VideoMetadata

from .errors import BadImage
from .images import open_image

if TYPE_CHECKING:
    from PIL import Image

TEXT = ("text", "input_text", "output_text")  # the last two are those of OpenAI's newer Responses API
PICTURE = ("image_url", "input_image")
FPS = 2.0
LARGEST_SIDE = 32_768  # pixels: the model's processor alone decides on sizes, so that its coordinates hold
MOST_ELONGATED = 200  # a longer side to a shorter one; Qwen's processors refuse more
FRAMES = 'Send a video as its frames: {"type": "video", "video": [data URLs of pictures], "fps": 2}.'
#: For pictures that have their size already: nothing is too small or too large.
ANY_SIZE = {"shortest_edge": 1, "longest_edge": 2**40}


def open_parts(message: dict) -> list[dict] | None:
    """The parts of a message as processors take them: a picture is a PIL image, a video a list of them.

    None where the content is no list, or stands beside calls of tools (``transformers serve`` leaves it out then).
    Raises HTTPException 400, saying what to send instead, for a part that is of no known kind or cannot be used.
    """
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        raise HTTPException(400, 'A message is {"role": "user", "content": …}.')
    content = message.get("content")
    if not isinstance(content, list) or "tool_calls" in message:
        return None
    return [_open_part(part) for part in content]


def _open_part(part: object) -> dict:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind in TEXT:
        if not isinstance(part.get("text"), str):
            raise HTTPException(400, 'A part of text is {"type": "text", "text": "…"}.')
        return {"type": "text", "text": part["text"]}
    if kind in PICTURE:
        image = part.get("image_url")
        picture = _open_picture(image.get("url") if isinstance(image, dict) else image, "The picture")
        return {"type": "image", "image": picture} | _limits(part)
    if kind == "video":
        return {"type": "video", "video": _frames(part.get("video")), "fps": _fps(part)} | _limits(part)
    if kind == "video_url":
        raise HTTPException(400, f"Files of video are not decoded here. {FRAMES}")
    raise HTTPException(400, f"There is no part of type {kind!r}. Send text, image_url, or video (a list of frames).")


def _open_picture(url: object, name: str) -> Image.Image:
    """The PIL image in a data URL; anything else is the client's mistake."""
    if not isinstance(url, str) or not url.startswith("data:image/"):
        raise HTTPException(400, "Send pictures as data URLs (data:image/png;base64,…): no address or file is opened.")
    try:
        picture = open_image(base64.b64decode(url.split(",", 1)[-1]), largest_side=LARGEST_SIDE)
    except (BadImage, ValueError) as error:  # ValueError: no base64
        raise HTTPException(400, f"{name} cannot be used: {error}") from error
    if max(picture.size) > MOST_ELONGATED * min(picture.size):
        width, height = picture.size
        advice = f"One side may be at most {MOST_ELONGATED} times the other. Crop or pad it."
        raise HTTPException(400, f"{name} cannot be used: it is {width} × {height} pixels. {advice}")
    return picture


def _frames(video: object) -> list[Image.Image]:
    if not isinstance(video, list) or len(video) < 2:
        raise HTTPException(400, f"A video needs two frames or more. {FRAMES}")
    frames = [_open_picture(url, f"Frame {number} of the video") for number, url in enumerate(video, 1)]
    if len({frame.size for frame in frames}) > 1:
        raise HTTPException(400, "The frames of a video must all be of one size.")
    return frames


def _fps(part: dict) -> float:
    fps = part.get("fps", FPS)
    if type(fps) not in (int, float) or not 0 < fps < math.inf:
        raise HTTPException(400, f"`fps` is a number of frames per second above 0, not {fps!r}.")
    return float(fps)


def _limits(part: dict) -> dict:
    """The limits that a part has, checked."""
    limits = {name: part[name] for name in ("min_pixels", "max_pixels") if part.get(name) is not None}
    for name, value in limits.items():
        if type(value) is not int or value < 1:
            raise HTTPException(400, f"`{name}` is a whole number of pixels, width times height, not {value!r}.")
    if limits.get("min_pixels", 0) > limits.get("max_pixels", math.inf):
        raise HTTPException(400, "`min_pixels` is above `max_pixels`: swap them.")
    return limits


def make_prompt(processor, apply_chat_template: Callable, context: int, conversation: list[dict], **options) -> dict:
    """What ``apply_chat_template`` of a processor or tokenizer gives for opened parts, their limits kept.

    ``context`` is how many tokens the model was made for. Raises HTTPException 400 for more; for pictures alone that
    are more, before their pixels are worked on.
    """
    images = getattr(processor, "image_processor", None)
    if not hasattr(images, "merge_size"):  # a tokenizer, or a processor that is not Qwen's
        return _fitting(apply_chat_template(conversation, **options), context)
    contents = [message["content"] for message in conversation if isinstance(message["content"], list)]
    parts = [part for content in contents for part in content]
    pictures, videos = ([part for part in parts if part["type"] == kind] for kind in ("image", "video"))
    sizes = {}
    _check_room(pictures, images, context)
    if any(_limited(part) for part in pictures):  # the processor knows one size for all: give it what needs none
        for part in pictures:
            part["image"] = _resized(functional.pil_to_tensor(part["image"]), part, images)
        sizes["images_kwargs"] = {"size": ANY_SIZE}
    if videos:
        sizes["videos_kwargs"] = _videos_kwargs(videos, processor.video_processor)
        for name in ("num_frames", "load_audio_from_video"):  # what ``transformers serve`` would do with a file
            options.pop(name, None)
    # Marks such as <|image_pad|> in somebody's text stay text: no turn can be forged, no picture announced.
    inputs = apply_chat_template(conversation, processor_kwargs=sizes, sanitize_control_tokens=True, **options)
    return _fitting(inputs, context)


def _limited(part: dict) -> bool:
    return "min_pixels" in part or "max_pixels" in part


def _size_within(height: int, width: int, part: dict, processor) -> tuple[int, int]:
    """The size that the processor would give a picture within the limits of its part: its own where it has none."""
    most = part.get("max_pixels", max(processor.size["longest_edge"], part.get("min_pixels", 0)))
    least = part.get("min_pixels", min(processor.size["shortest_edge"], most))
    factor = processor.patch_size * processor.merge_size
    return smart_resize(height, width, factor=factor, min_pixels=least, max_pixels=most)


def _resized(pixels: torch.Tensor, part: dict, processor) -> torch.Tensor:
    """Pixels (…, height, width) in that size."""
    size = _size_within(*pixels.shape[-2:], part, processor)
    return functional.resize(pixels, list(size), functional.InterpolationMode.BICUBIC, antialias=True)


def _check_room(pictures: list[dict], processor, context: int) -> None:
    """Raise HTTPException 400 where the pictures alone have more tokens than the model holds."""
    factor, tokens = processor.patch_size * processor.merge_size, 0
    for part in pictures:
        height, width = _size_within(*functional.get_size(part["image"]), part, processor)
        tokens += height * width // factor**2
    if tokens > context:
        raise HTTPException(
            400, f"{len(pictures)} pictures of {tokens} tokens together are more than the {context} tokens that this "
            "model holds. Send fewer, or smaller ones (`max_pixels`).",
        )  # fmt: skip


def _videos_kwargs(videos: list[dict], processor) -> dict:
    """What the processor must know of the videos: that all frames are used, when each was taken, and their size."""
    counts = [len(part["video"]) for part in videos]
    metadata = [
        VideoMetadata(n, fps=part["fps"], frames_indices=list(range(n))) for n, part in zip(counts, videos)
    ]  # fmt: skip
    limited = [_limited(part) for part in videos]
    if any(limited) and not all(limited):
        raise HTTPException(400, "Give every video of a conversation its `min_pixels` and `max_pixels`, or none.")
    for part in videos:
        frames = torch.stack([functional.pil_to_tensor(frame) for frame in part["video"]])
        part["video"] = _resized(frames, part, processor) if _limited(part) else frames
    kwargs = {"do_sample_frames": False, "video_metadata": metadata}
    return kwargs | {"size": ANY_SIZE, "cap_pixels_per_frame": False} if any(limited) else kwargs


def _fitting(inputs: dict, context: int) -> dict:
    """The inputs, if the model holds as many tokens."""
    ids = inputs["input_ids"]
    tokens = ids.shape[-1] if hasattr(ids, "shape") else len(ids)
    if tokens > context:
        raise HTTPException(
            400, f"The conversation has {tokens} tokens, more than the {context} that this model holds. Send fewer or "
            "smaller pictures (`max_pixels`), fewer frames, or fewer turns.",
        )  # fmt: skip
    return inputs
