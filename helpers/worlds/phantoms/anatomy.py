"""What a healthy head looks like at a height: densities of bone, fluid, grey and white matter, in Hounsfield units.

At every level the same is done: the rim of the brain is folded, the midline drawn, then the deep structures. Only few
of them are here, and each is an ellipse or a bent band.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .head import Frame, Head, half_axes, level_of

AIR, SKIN, BONE, FALX, CALCIUM = -1000.0, 15.0, 900.0, 52.0, 130.0
CORTEX = 4.2  # thickness of the grey matter of the rim
REACH = 15.0  # how deep sulci reach
#: Where both halves of the brain are apart, from which v to which: in front, and behind.
FISSURES = {
    "cerebellum": ((-1.0, -0.52),),
    "basal ganglia": ((-1.0, -0.46), (0.5, 1.0)),
    "lateral ventricles": ((-1.0, -0.5), (0.56, 1.0)),
    "above the ventricles": ((-1.0, 1.0),),
}


@dataclass(frozen=True)
class Anatomy:
    """Densities, and two masks (0 to 1): what is brain, and what of it is ventricle or cistern."""

    hu: np.ndarray
    brain: np.ndarray
    fluid: np.ndarray


def anatomy(head: Head, z: float, frame: Frame, shift: float = 0.0) -> Anatomy:
    """A healthy head at a height, with its midline pushed by ``shift`` mm (to the right of the picture if positive)."""
    level = level_of(z)
    # What is in the middle is pushed most, and what is at the skull not at all.
    bump = np.clip(1 - frame.u**2, 0, 1) * np.clip(1 - frame.v**2, 0, 1)
    x = frame.x - (shift + head.bow) * bump
    folds = _folds(head, z, x, frame.y)
    gap = 0.6 + 0.5 * head.sulci

    rim = frame.depth
    for first, last in FISSURES[level]:
        beyond = frame.half_length * (np.maximum(first - frame.v, 0) + np.maximum(frame.v - last, 0))
        rim = np.minimum(rim, np.hypot(1.5 * x, beyond))  # the folds of the midline are shallower
    groove = 2.6 * np.abs(folds)  # roughly how far the next sulcus is: it runs where the folds cross zero
    grey = np.maximum(
        frame.soft(gap + CORTEX - rim), frame.soft(head.sulci / 2 + 3 - groove) * frame.soft(REACH + 3 - rim)
    )
    sulci = np.maximum(frame.soft(head.sulci / 2 - groove) * frame.soft(REACH - rim), frame.soft(gap - rim))

    draw = _Drawing(head, z, frame, x)
    _DEEP[level](draw)
    grey, sulci = np.maximum(grey * draw.folded, draw.grey), sulci * draw.folded
    hu = _mix(head.white, grey, head.grey)
    hu = _mix(hu, np.maximum(sulci, draw.fluid), head.csf)
    for first, last in FISSURES[level]:
        there = frame.soft(frame.half_length * np.minimum(frame.v - first, last - frame.v))
        hu = _mix(hu, 0.8 * frame.soft(0.9 - np.abs(x)) * there, FALX)
    hu = _mix(hu, draw.calcium, CALCIUM)
    hu = hu + head.cupping * np.exp(-np.maximum(frame.depth, 0) / 9) + draw.hardening
    hu = _mix(hu, draw.bone, BONE)

    skull = head.skull * (1 + 0.25 * frame.v**2)  # thicker in front and behind
    scalp = _mix(AIR, frame.soft(frame.depth + skull + head.scalp), SKIN)
    hu = _mix(_mix(scalp, frame.soft(frame.depth + skull), BONE), frame.soft(frame.depth), hu)
    return Anatomy(hu, frame.soft(frame.depth - 0.5) * (1 - draw.bone), draw.fluid)


def _mix(below, share, above):
    return below + share * (above - below)


def _folds(head: Head, z: float, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A smooth random field of mean 0 and deviation 1, by its waves, so that it is the same at every resolution."""
    rng = np.random.default_rng(head.seed)
    total = np.zeros_like(x)
    for _ in range(12):
        turn, k, phase = rng.uniform(0, 2 * math.pi), 2 * math.pi / rng.uniform(13, 22), rng.uniform(0, 2 * math.pi)
        total += np.cos(k * math.cos(turn) * x + k * math.sin(turn) * y + (phase + z / 4))
    return total / math.sqrt(6)


class _Drawing:
    """The deep structures of one slice. Positions are shares of the half axes, sizes mm; ``side`` is 1 or -1."""

    def __init__(self, head: Head, z: float, frame: Frame, x: np.ndarray):
        self.head, self.frame, self.x, self.y = head, frame, x, frame.y
        self.a, self.b = half_axes(head, z)
        self.v = frame.v
        self.grey, self.fluid, self.calcium, self.bone = (np.zeros_like(x) for _ in range(4))
        self.hardening, self.folded = np.zeros_like(x), np.ones_like(x)

    def wide(self, side: int) -> float:
        """How wide the lateral ventricle of one side of the picture is."""
        return self.head.ventricles * (1 + side * self.head.uneven / 2)

    def ellipse(self, u: float, v: float, rx: float, ry: float, turn: float = 0.0) -> np.ndarray:
        c, s = math.cos(turn), math.sin(turn)
        dx, dy = self.x - u * self.a, self.y - v * self.b
        q = np.hypot((c * dx + s * dy) / rx, (c * dy - s * dx) / ry)
        return self.frame.soft((1 - q) * min(rx, ry))

    def band(self, side: int, first: float, last: float, bend: tuple[float, float, float], half: float) -> np.ndarray:
        """From v ``first`` to ``last``, about u = bend[0] + bend[1] * t + bend[2] * t², t from 0 to 1."""
        t = (self.v - first) / (last - first)
        middle = self.a * (bend[0] + bend[1] * t + bend[2] * t * t)
        ends = self.b * np.minimum(self.v - first, last - self.v)
        return self.frame.soft(np.minimum(half - np.abs(self.x * side - middle), ends))

    def add(self, name: str, mask: np.ndarray) -> None:
        setattr(self, name, np.maximum(getattr(self, name), mask))

    def calcify(self, name: str, u: float, v: float, radius: float) -> None:
        if name in self.head.calcified:
            self.add("calcium", self.ellipse(u, v, radius, radius))


def _base(draw: _Drawing) -> None:
    """Cerebellum, brainstem and fourth ventricle behind the petrous bones; temporal lobes; cisterns."""
    wide, beyond = draw.head.ventricles, np.abs(draw.x) / draw.a
    ridge = 0.04 + 0.2 * beyond  # v of the petrous bones
    behind = draw.frame.soft(draw.b * (draw.v - ridge - 0.06))
    folia = 0.5 + 0.5 * np.cos(1.1 * np.hypot(draw.x, draw.y + 0.1 * draw.b))  # the fine folds of the cerebellum
    draw.folded = 1 - behind
    draw.grey = np.maximum(behind * (0.55 + 0.35 * folia), draw.ellipse(0, 0.1, 15, 13))
    draw.add("fluid", draw.ellipse(0, -0.14, 12, 7))
    draw.add("fluid", draw.ellipse(0, 0.34, 5.5 * wide, 3.5 * wide))
    for side in (1, -1):
        sylvian = -0.44 + 0.12 * beyond
        half = 0.8 + 0.5 * draw.head.sulci
        there = draw.frame.soft(draw.a * np.minimum(draw.x * side / draw.a - 0.12, 0.92 - draw.x * side / draw.a))
        draw.add("fluid", draw.frame.soft(half - draw.b * np.abs(draw.v - sylvian)) * there)
        thick = 1.5 + 7 * np.clip((beyond - 0.3) / 0.7, 0, 1) ** 1.5
        there = draw.frame.soft(draw.x * side - 0.36 * draw.a)
        draw.add("bone", draw.frame.soft(thick - draw.b * np.abs(draw.v - ridge)) * there)
    # Between the petrous bones the beam is hardened most, and a dark band crosses the brainstem.
    draw.hardening = -1.1 * draw.head.cupping * np.exp(-(((draw.v - 0.12) / 0.07) ** 2)) * (beyond < 0.9)


def _nuclei(draw: _Drawing) -> None:
    """Frontal and occipital horns, third ventricle, Sylvian fissures; caudate, lentiform nucleus and thalamus."""
    for side in (1, -1):
        wide = draw.wide(side)
        draw.add("grey", draw.ellipse(0.2 * side, -0.24, 4.5, 9, -0.3 * side))
        draw.add("grey", draw.ellipse(0.4 * side, -0.06, 7, 16, -0.2 * side))
        draw.add("grey", draw.ellipse(0.17 * side, 0.13, 8.5, 12, -0.3 * side))
        draw.add("fluid", draw.band(side, -0.44, -0.14, (0.19, -0.14, 0.0), 3.4 * wide))
        draw.add("fluid", draw.band(side, 0.3, 0.56, (0.3, 0.1, -0.12), 3.6 * wide))
        half = 0.9 + 0.5 * draw.head.sulci
        draw.add("fluid", draw.band(side, -0.22, 0.14, (0.66, 0.06, -0.02), half))
        there = draw.frame.soft(draw.x * side - 0.66 * draw.a)
        draw.add("fluid", draw.frame.soft(half - draw.b * np.abs(draw.v + 0.1)) * there)
        draw.calcify(f"{'left' if side > 0 else 'right'} choroid plexus", 0.33 * side, 0.42, 3.2)
    draw.add("fluid", draw.band(1, -0.08, 0.2, (0.0, 0.0, 0.0), 1.6 * draw.head.ventricles))
    draw.add("fluid", draw.ellipse(0, 0.33, 11, 3))
    draw.calcify("pineal gland", 0, 0.27, 2.8)


def _bodies(draw: _Drawing) -> None:
    """The bodies of the lateral ventricles, bent outwards at both ends."""
    for side in (1, -1):
        draw.add("fluid", draw.band(side, -0.4, 0.46, (0.25, -0.66, 0.8), 4.2 * draw.wide(side)))
        draw.add("grey", draw.band(side, -0.34, 0.14, (0.33, -0.3, 0.2), 3.5) * (1 - draw.fluid))
        draw.calcify(f"{'left' if side > 0 else 'right'} choroid plexus", 0.27 * side, 0.36, 3.2)


def _above(draw: _Drawing) -> None:
    """White matter only."""


_DEEP = {
    "cerebellum": _base,
    "basal ganglia": _nuclei,
    "lateral ventricles": _bodies,
    "above the ventricles": _above,
}
