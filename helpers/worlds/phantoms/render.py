"""From a slice to pixels, to the box of its finding, and to the finding's share of the picture."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from PIL import Image

from ...errors import CourseError
from .anatomy import anatomy
from .head import Frame
from .lesions import masks, paint
from .patient import Slice

SIDES_IN_PIXELS = (16, 2048)
FINE = 192  # pixels of the grid on which boxes and shares are measured

Box = tuple[float, float, float, float]


def render(slice: Slice, side: int = 128) -> Image.Image:
    """Draw the slice as a grey RGB image of ``side`` × ``side`` pixels. Same slice, same pixels.

    The noise is that of the slice, whatever its finding is.
    """
    if not SIDES_IN_PIXELS[0] <= side <= SIDES_IN_PIXELS[1]:
        low, high = SIDES_IN_PIXELS
        raise CourseError(f"A slice cannot be drawn {side} pixels wide. Choose a side from {low} to {high}.")
    head, frame = slice.head, Frame(slice.head, slice.z, side)
    healthy = anatomy(head, slice.z, frame, slice.shift)
    hu = healthy.hu
    if slice.finding:
        hu = paint(hu, slice.finding, masks(slice.finding, frame, healthy))
    noise = np.random.default_rng(slice.pixel_seed).standard_normal((side, side), dtype=np.float32)
    noise = noise + head.grain * (np.roll(noise, 1, 0) + np.roll(noise, 1, 1)) / 2
    across = np.linspace(-1, 1, side, dtype=np.float32)
    hu = hu + head.noise * noise + head.slope[0] * across[None, :] + head.slope[1] * across[:, None]
    grey = 255 * ((hu - head.level) / head.width + 0.5)
    return Image.fromarray(np.repeat(grey.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2))


@lru_cache(maxsize=1024)
def _measured(slice: Slice) -> tuple[Box, float]:
    frame = Frame(slice.head, slice.z, FINE)
    whole = masks(slice.finding, frame, anatomy(slice.head, slice.z, frame, slice.shift))[0]
    ys, xs = np.nonzero(whole > 0.02)
    x1, y1, x2, y2 = (float(v) / FINE for v in (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1))
    return (x1, y1, x2, y2), float(whole.mean())


def box(slice: Slice) -> Box | None:
    """The box x1, y1, x2, y2 of the finding with its oedema, in shares of the picture's side; None if there is none."""
    return _measured(slice)[0] if slice.finding else None


def share(slice: Slice) -> float:
    """Which share of the whole picture the finding covers, oedema included; 0 without a finding."""
    return _measured(slice)[1] if slice.finding else 0.0


def size(slice: Slice) -> float:
    """The finding's size in mm: the diameter of a circle of its area."""
    return 2 * math.sqrt(share(slice) * slice.head.fov**2 / math.pi)
