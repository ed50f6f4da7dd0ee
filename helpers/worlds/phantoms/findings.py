"""What can be wrong: which findings there are, where they lie, how one is drawn at random, and its cross-sections."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .head import SIDES, Head, half_axes, inside, level_of

NONE, HAEMORRHAGE, INFARCT, MASS, SUBDURAL = (
    "none", "haemorrhage", "infarct", "mass with oedema", "subdural haematoma"
)  # fmt: skip
FINDINGS = (NONE, HAEMORRHAGE, INFARCT, MASS, SUBDURAL)
HYPERDENSE, HYPODENSE, HETEROGENEOUS = "hyperdense", "hypodense", "heterogeneous"
DENSITIES = {
    HAEMORRHAGE: (HYPERDENSE,),
    INFARCT: (HYPODENSE,),
    MASS: (HYPERDENSE, HETEROGENEOUS),  # solid, or a ring round a dark centre
    SUBDURAL: (HYPERDENSE, HYPODENSE),  # acute or chronic
}
REGIONS = ("frontal", "parietal", "temporal", "occipital", "basal ganglia", "cerebellum")
#: Combinations that no training patient has. Every finding and every region is seen in others.
NOVEL_COMBINATIONS = frozenset(
    {(HAEMORRHAGE, "occipital"), (INFARCT, "parietal"), (MASS, "temporal"), (SUBDURAL, "frontal")}
)
#: Where in a region a finding's centre may lie, by level: ranges of |u| and v (shares of the way to the skull).
PLACES = {
    "cerebellum": {
        "frontal": ((0.28, 0.45), (-0.74, -0.62)),
        "temporal": ((0.55, 0.7), (-0.22, -0.06)),
        "cerebellum": ((0.28, 0.48), (0.42, 0.6)),
    },
    "basal ganglia": {
        "frontal": ((0.28, 0.5), (-0.68, -0.48)),
        "temporal": ((0.68, 0.78), (0.04, 0.3)),
        "occipital": ((0.28, 0.45), (0.62, 0.74)),
        "basal ganglia": ((0.32, 0.44), (-0.16, 0.04)),
    },
    "lateral ventricles": {
        "frontal": ((0.35, 0.6), (-0.6, -0.28)),
        "parietal": ((0.5, 0.68), (0.08, 0.4)),
        "occipital": ((0.28, 0.42), (0.66, 0.74)),
    },
    "above the ventricles": {"frontal": ((0.3, 0.6), (-0.6, -0.22)), "parietal": ((0.3, 0.6), (0.16, 0.56))},
}
#: Densities in Hounsfield units; see the package's docstring for where they come from.
HU = {
    (HAEMORRHAGE, HYPERDENSE): (60, 80),
    (INFARCT, HYPODENSE): (10, 19),
    (MASS, HYPERDENSE): (50, 62),
    (MASS, HETEROGENEOUS): (52, 66),  # the ring
    (SUBDURAL, HYPERDENSE): (58, 78),
    (SUBDURAL, HYPODENSE): (10, 18),
}
SMALLEST, THINNEST = 6.0, 6.5  # what is still seen, in mm: half as wide, and for crescents as thick


@dataclass(frozen=True)
class Finding:
    """A finding in three dimensions, or (what ``Slice.finding`` is) its cross-section. Lengths are mm.

    ``x``, ``y``, ``z`` is its centre in the head's coordinates; of a subdural haematoma, the point of the skull that it
    lies at. ``along`` is half its length in direction ``turn`` (radians) and ``across`` half its width; a subdural
    haematoma is ``across`` thick and reaches ``along`` to either side. ``rim`` is how far its oedema reaches.
    """

    kind: str  # one of FINDINGS but "none"
    side: str  # of the patient: "left" or "right"
    region: str  # one of REGIONS
    density: str  # one of DENSITIES[kind]
    x: float
    y: float
    z: float
    along: float
    across: float
    turn: float
    height: float  # how far it reaches up and down
    rim: float
    hu: float
    inner: float  # density of its centre, where that is another
    shift: float  # how far the midline is pushed, with the sign of x
    lobes: tuple[tuple[int, float, float], ...]  # waves of its outline: how many, how high, and their phase

    @property
    def is_wedge(self) -> bool:
        """Infarcts of the cortex are wedges that reach the skull; those in the depth are round."""
        return _is_wedge(self.kind, self.region)


def _is_wedge(kind: str, region: str) -> bool:
    return kind == INFARCT and region != "basal ganglia"


def regions_of(kind: str) -> tuple[str, ...]:
    """The regions that a finding may lie in. (Blood below the dura is not drawn where the petrous bones are.)"""
    return REGIONS[:4] if kind == SUBDURAL else REGIONS


def region_at(level: str, u: float, v: float) -> str | None:
    """The region that a point belongs to; None for what lies in the middle and belongs to none."""
    u = abs(u)
    if level == "cerebellum":
        return "cerebellum" if v > 0.1 + 0.2 * u else "frontal" if v < -0.44 + 0.12 * u else "temporal"
    if level == "basal ganglia":
        if u < 0.58 and -0.3 < v < 0.12:
            return "basal ganglia"
        if v > 0.48 or v < -0.26:
            return "occipital" if v > 0 else "frontal"
        return "temporal" if u > 0.5 else None
    if level == "lateral ventricles" and v > 0.58:
        return "occipital"
    return "frontal" if v < -0.08 else "parietal"


def sample_finding(rng: random.Random, head: Head, zs: Sequence[float], kind: str, side: str, region: str) -> Finding:
    """Draw a finding whose middle is on or near to one of the slices at ``zs``."""
    levels = [z for z in zs if region in PLACES[level_of(z)] and not (kind == SUBDURAL and level_of(z) == "cerebellum")]
    while True:
        z = rng.choice(levels)
        us, vs = PLACES[level_of(z)][region]
        a, b = half_axes(head, z)
        u, v = rng.uniform(*us), rng.uniform(*vs)
        x, y = u * a * (1 + head.egg * v), v * b
        room = float(min(inside(head, z, x, y)[2] - 2, x - 3))  # without leaving its half of the brain
        size = _size(rng, kind, region, room, math.hypot(x, y))
        if size:
            break
    along, across, rim, shift = size
    turn = rng.uniform(0, math.pi)
    if kind == SUBDURAL or _is_wedge(kind, region):
        turn = math.atan2(y, x * SIDES[side])  # outwards
    density = rng.choice(DENSITIES[kind])
    hu = rng.uniform(*HU[kind, density])
    height = max(along, across) * rng.uniform(1.0, 1.8)
    lobes = tuple((n, rng.uniform(0.02, 0.2 / n), rng.uniform(0, 6.28)) for n in (2, 3, 5))
    if region == "cerebellum":
        shift = 0.0  # the midline that is measured is that of the cerebrum
    return Finding(
        kind, side, region, density, x * SIDES[side], y, z + rng.uniform(-0.25, 0.25) * height, along, across, turn,
        height, rim, hu, rng.uniform(12, 20) if density == HETEROGENEOUS else hu, -SIDES[side] * shift, lobes,
    )  # fmt: skip


def _size(rng: random.Random, kind: str, region: str, room: float, far: float) -> tuple[float, ...] | None:
    """``along``, ``across``, ``rim`` and the push on the midline; None where there is too little room."""
    if kind == SUBDURAL:
        thick = rng.uniform(8, 13)
        return rng.uniform(38, 54), thick, 0.0, rng.uniform(0, 0.6) * thick
    if _is_wedge(kind, region):
        return min(rng.uniform(16, 24), 0.6 * far), rng.uniform(13, 22), 0.0, 0.0
    least, most = {HAEMORRHAGE: (9, 20), INFARCT: (9, 14), MASS: (8, 14)}[kind]
    if room < least:
        return None
    along = rng.uniform(least, min(most, room))
    across = along * rng.uniform(0.7, 1)
    if kind == MASS:
        return along, across, rng.uniform(6, 11), rng.uniform(3, 9)
    push = rng.uniform(0, 0.5) * (along - 8) if kind == HAEMORRHAGE and along > 12 else 0.0
    return along, across, 0.0, push


def cross_section(finding: Finding, head: Head, z: float) -> Finding | None:
    """What is seen of a finding at a height: smaller away from its middle; None where nothing, or too little, is.

    A finding ends where its place belongs to another region: what is said of it is true on every slice.
    """
    away = (z - finding.z) / finding.height
    scale = math.sqrt(max(0.0, 1 - away * away))
    least = THINNEST if finding.kind == SUBDURAL else SMALLEST
    if scale < 0.6 or scale * min(finding.along, finding.across) < least:
        return None
    level = level_of(z)
    u, v, depth = inside(head, z, finding.x, finding.y)
    if finding.kind == SUBDURAL:
        if level == "cerebellum":
            return None
    elif depth < 5:
        return None
    if region_at(level, u, v) != finding.region:
        return None
    shift = finding.shift * scale if level != "cerebellum" else 0.0
    return replace(
        finding, z=z, along=finding.along * scale, across=finding.across * scale, rim=finding.rim * scale, shift=shift
    )
