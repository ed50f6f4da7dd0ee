"""A head before anything is wrong with it: its size and looks, its levels, and the coordinates that it is drawn in.

Lengths are millimetres, densities Hounsfield units. In a head's own coordinates the origin is the middle of the slice,
x grows to the right of the *picture* and y towards the back of the head. The picture is seen from below, as radiology
has it: x < 0 is the patient's right.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import numpy as np

SIDES = {"left": 1, "right": -1}  # of the patient, with the sign of x
#: Levels with the heights that they cover, from the base upwards.
LEVELS = {
    "cerebellum": (0, 26),
    "basal ganglia": (26, 48),
    "lateral ventricles": (48, 68),
    "above the ventricles": (68, 92),
}
#: Where the brain's outline is how wide, as a share of its widest.
_HEIGHTS, _SCALES = (0, 14, 36, 58, 78, 92), (0.86, 0.93, 1.0, 0.99, 0.88, 0.72)
SQUARENESS = 2.2  # the exponent of the outline; 2 is an ellipse
CALCIFICATIONS = ("pineal gland", "left choroid plexus", "right choroid plexus")


@dataclass(frozen=True)
class Head:
    """One patient's head and how it was scanned: the same for all slices, and drawn before any finding."""

    fov: float  # width of the picture in mm
    dx: float  # where the head's middle lies, as shares of the picture's side off its centre
    dy: float
    angle: float  # of the head in the picture, in degrees, clockwise
    skew: float  # how much further back the left half lies than the right, per mm
    half_width: float  # of the inside of the skull
    half_length: float
    egg: float  # how much wider the back is than the front
    skull: float  # thickness of the bone
    scalp: float
    grey: float  # densities of grey matter, white matter and cerebrospinal fluid
    white: float
    csf: float
    sulci: float  # how wide the sulci are; grows with age
    ventricles: float  # how wide the ventricles are, 1 for ordinary ones
    uneven: float  # how much wider the left lateral ventricle is than the right, from -1 to 1
    bow: float  # how far the midline bends without any disease
    calcified: tuple[str, ...]  # of CALCIFICATIONS
    cupping: float  # beam hardening: how much brighter tissue looks near the bone
    slope: tuple[float, float]  # how much brighter one edge of the picture is than its middle, in x and y
    noise: float
    grain: float  # how much of a pixel's noise its neighbours share
    level: float  # of the window
    width: float
    seed: int  # of the folds


def sample_head(rng: random.Random) -> Head:
    """Draw a head."""
    half_width = rng.uniform(62, 72)
    age = rng.random()  # the old have wider sulci and wider ventricles, and more calcifications
    half_length = half_width * rng.uniform(1.16, 1.32)
    skull, scalp = rng.uniform(5, 8), rng.uniform(3, 7)
    zoom = rng.uniform(1.1, 1.28)
    free = 0.4 * (1 - 1 / zoom)  # a head is never cut off, however it is turned
    asymmetric = rng.random() < 0.3
    return Head(
        fov=2 * zoom * (half_length + 1.25 * skull + scalp),
        dx=rng.uniform(-free, free),
        dy=rng.uniform(-free, free),
        angle=rng.uniform(-14, 14),
        skew=rng.uniform(-0.05, 0.05),
        half_width=half_width,
        half_length=half_length,
        egg=rng.uniform(0.0, 0.09),
        skull=skull,
        scalp=scalp,
        grey=rng.uniform(36, 40),
        white=rng.uniform(26, 29),
        csf=rng.uniform(4, 10),
        sulci=0.5 + 1.6 * age + rng.uniform(0, 0.5),
        ventricles=0.75 + 0.6 * age + rng.uniform(-0.1, 0.2),
        uneven=rng.choice((-1, 1)) * rng.uniform(0.35, 0.6) if asymmetric else rng.uniform(-0.12, 0.12),
        bow=rng.uniform(-1.2, 1.2),
        calcified=tuple(name for name in CALCIFICATIONS if rng.random() < 0.15 + 0.4 * age),
        cupping=rng.uniform(0, 7),
        slope=(rng.uniform(-4, 4), rng.uniform(-4, 4)),
        noise=rng.uniform(1.5, 4),
        grain=rng.uniform(0, 0.8),
        level=rng.uniform(30, 42),
        width=rng.uniform(70, 110),
        seed=rng.getrandbits(32),
    )


def level_of(z: float) -> str:
    """The level (a key of LEVELS) that a height belongs to."""
    return next((name for name, (_, top) in LEVELS.items() if z < top), "above the ventricles")


def half_axes(head: Head, z: float) -> tuple[float, float]:
    """Half the width and half the length of the inside of the skull at a height."""
    scale = float(np.interp(z, _HEIGHTS, _SCALES))
    return head.half_width * scale, head.half_length * scale


def to_picture(head: Head, x: float, y: float) -> tuple[float, float]:
    """Where a point of the head is in the picture, as shares of its side."""
    c, s = math.cos(math.radians(head.angle)), math.sin(math.radians(head.angle))
    y = y - head.skew * x
    return 0.5 + head.dx + (c * x - s * y) / head.fov, 0.5 + head.dy + (s * x + c * y) / head.fov


class Frame:
    """Arrays that say, for every pixel of a picture of a head at a height, where in the head it lies.

    ``x`` and ``y`` in mm; ``u`` and ``v`` the same as shares of the way from the middle to the skull; ``depth`` how
    far inside the skull a pixel lies (negative in the bone and outside).
    """

    def __init__(self, head: Head, z: float, side: int):
        share = (np.arange(side, dtype=np.float32) + 0.5) / side - 0.5
        px, py = (share[None, :] - head.dx) * head.fov, (share[:, None] - head.dy) * head.fov
        c, s = math.cos(math.radians(head.angle)), math.sin(math.radians(head.angle))
        self.x = c * px + s * py
        self.y = c * py - s * px + head.skew * self.x
        self.u, self.v, self.depth = inside(head, z, self.x, self.y)
        self.half_length = half_axes(head, z)[1]
        self.edge = max(head.fov / side, 1.2)  # edges are as soft as pixels are large, and never sharper than a scanner

    def soft(self, distance: np.ndarray) -> np.ndarray:
        """From a distance in mm (positive inside) to a mask from 0 to 1 with an edge of one pixel."""
        return np.clip(distance / self.edge + 0.5, 0, 1)


def inside(head: Head, z: float, x, y) -> tuple:
    """``u``, ``v`` and ``depth`` of points (see Frame); numbers or arrays."""
    a, b = half_axes(head, z)
    v = y / b
    u = x / (a * (1 + head.egg * np.clip(v, -1, 1)))
    rho = (np.abs(u) ** SQUARENESS + np.abs(v) ** SQUARENESS) ** (1 / SQUARENESS) + 1e-6
    return u, v, np.hypot(x, y) * (1 / rho - 1) + 1e-6 * a
