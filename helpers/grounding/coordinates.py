"""From the pixels of a picture to the numbers that a model family writes, and back.

Qwen2.5-VL counts pixels of the picture that the model sees, which is not the picture that was sent: the processor
resizes it so that both sides are multiples of 28 ("absolute"). Qwen3-VL counts thousandths of each side, whatever the
size ("relative").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import BadImage, CourseError

if TYPE_CHECKING:
    from .parsing import Box, Point

Size = tuple[float, float]

CONVENTIONS = ("absolute", "relative")
THOUSAND = 1000  # the grid of "relative"
OF_CLASS = {"Qwen2_5_VL": "absolute", "Qwen3VL": "relative"}  # by the beginning of a transformers class's name


def convention(model: object) -> str:
    """The convention of a model, a transformers class or its name, or a ``ModelSpec``.

    Raises CourseError for any other family, since nothing in a configuration tells.
    """
    name = getattr(model, "model_class", None) or (model if isinstance(model, str) else None)
    name = name or (model if isinstance(model, type) else type(model)).__name__
    for beginning, kind in OF_CLASS.items():
        if name.startswith(beginning):
            return kind
    families = ", ".join(OF_CLASS)
    raise CourseError(f"It is not known how {name} writes coordinates. Known families: {families}. Name it yourself.")


def resized_size(width: int, height: int, processor) -> tuple[int, int]:
    """(width, height) in pixels of what a Qwen-VL processor makes of a picture, by transformers' own ``smart_resize``.

    Both sides are multiples of patch size × merge size (28 for Qwen2.5-VL, 32 for Qwen3-VL), within the processor's
    pixel budget. Raises BadImage for a picture without pixels, or more than 200 times as long as wide.
    """
    from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize

    images = processor.image_processor
    if min(width, height) < 1:
        raise BadImage(f"A picture of {width} × {height} pixels has nothing in it. Choose another one.")
    try:
        new_height, new_width = smart_resize(
            height,
            width,
            factor=images.patch_size * images.merge_size,
            min_pixels=images.size["shortest_edge"],
            max_pixels=images.size["longest_edge"],
        )
    except ValueError as error:
        raise BadImage(
            f"A picture of {width} × {height} pixels is too long for its width: Qwen-VL's processors take at most "
            "200 to 1. Cut it into pieces, or crop it."
        ) from error
    return new_width, new_height


def to_model(xy: Sequence[float], image_size: Size, resized: Size, convention: str) -> tuple[int, ...]:
    """Image coordinates (x, y, x, y … in pixels) in the whole numbers that a model writes.

    Rounding moves a coordinate by at most half a unit of the model's grid: half a pixel of the resized picture, or half
    a thousandth of the side; ``to_image`` brings it back to within that. ``image_size`` and ``resized`` are (width,
    height); for coordinates in shares of the sides ``image_size`` is (1, 1). Raises CourseError for a convention that
    does not exist, and ValueError for an odd number of coordinates.
    """
    factors = _factors(image_size, resized, convention)
    return tuple(round(value * factor) for value, factor in zip(xy, _alternating(factors, len(xy))))


def to_image(xy: Sequence[float], image_size: Size, resized: Size, convention: str) -> tuple[float, ...]:
    """A model's numbers (x, y, x, y …) in pixels of the picture that was sent, not rounded. Raises as ``to_model``."""
    factors = _factors(image_size, resized, convention)
    return tuple(value / factor for value, factor in zip(xy, _alternating(factors, len(xy))))


def to_image_box(box: Box, image_size: Size, resized: Size, convention: str) -> Box:
    """``to_image`` of a Box."""
    x1, y1, x2, y2 = to_image(box.xyxy, image_size, resized, convention)
    return replace(box, x1=x1, y1=y1, x2=x2, y2=y2)


def to_image_point(point: Point, image_size: Size, resized: Size, convention: str) -> Point:
    """``to_image`` of a Point."""
    x, y = to_image(point.xy, image_size, resized, convention)
    return replace(point, x=x, y=y)


def _factors(image_size: Size, resized: Size, convention: str) -> tuple[float, float]:
    """Model units in one pixel of the image, along x and along y."""
    if convention not in CONVENTIONS:
        raise CourseError(f"There is no convention {convention!r}. Choose one of: {', '.join(CONVENTIONS)}.")
    grid = resized if convention == "absolute" else (THOUSAND, THOUSAND)
    return grid[0] / image_size[0], grid[1] / image_size[1]


def _alternating(factors: tuple[float, float], n: int) -> tuple[float, ...]:
    if n % 2:
        raise ValueError(f"coordinates come in pairs of x and y, and these are {n}")
    return factors * (n // 2)
