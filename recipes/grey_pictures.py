"""Grey, textured pictures for the models that chapter 4 fine-tunes: blobs, rings, crescents, wedges in noisy ellipses.

A model that has seen nothing but bright coloured shapes does not adapt to grey pictures in two minutes, and one that
has never read a word cannot be taught to say it. Real models have seen and read nearly everything before anyone
fine-tunes them; this, and the texts of the tokenizer's corpus read aloud (``read_aloud``), stands in for that. There
is no skull, no anatomy and no diagnosis in these pictures: phantoms are as new to the models as a hospital's scans are
to a real one.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image

from helpers.profiles import root

#: What a spot can be; the words that questions are answered with.
KINDS = (
    "bright spot", "dark spot", "bright ring", "bright spot with a dark rim", "bright crescent", "dark crescent",
    "dark wedge",
)  # fmt: skip
AT_THE_EDGE = ("bright crescent", "dark crescent", "dark wedge")  # of the ellipse
SHOWS = ("What does the image show?", "What is inside?", "Which abnormality is shown?")
SIDE = ("On which side of the image is it?", "Is it on the left or the right?")
DESCRIBE = ("Describe the image.", "What are the findings in this image?")
READ = "Read aloud."
BOX_STEPS = 28  # of the side: edges of boxes among the labels, as for scenes
#: How many classes each of the labels of a patch has: the spot, its box's edges, whether the ellipse is here.
LABEL_SIZES = [1 + len(KINDS)] + [BOX_STEPS + 1] * 4 + [3]


@dataclass(frozen=True)
class Spot:
    """A spot in the ellipse's own coordinates: ``rho`` (0 the middle, 1 the edge) and ``theta``; sizes in shares."""

    kind: str
    rho: float
    theta: float
    size: float  # radius of a blob as a share of the side; for what lies at the edge, how deep it reaches
    width: float  # of a crescent or wedge: half its angle
    level: float  # grey levels that it is brighter (or darker) by
    lobes: tuple[float, float]  # height and phase of its outline's waves


@dataclass(frozen=True)
class GreyPicture:
    """An ellipse with texture, bars and dots that mean nothing, and up to two spots."""

    centre: tuple[float, float]
    axes: tuple[float, float]
    turn: float
    levels: tuple[float, float, float]  # outside, inside, and of the outline
    outline: float  # its width, as a share of the half axes; 0 for none
    texture: float
    noise: float
    bars: tuple[tuple[float, float, float, float, float, float], ...]  # u, v, length, width, turn, level
    spots: tuple[Spot, ...]
    seed: int


def sample_picture(rng: random.Random) -> GreyPicture:
    """Draw a picture: one spot in four of five, else none or two of different kinds."""
    n = rng.choices((0, 1, 2), (2, 13, 3))[0]
    inside = rng.uniform(75, 150)
    bars = [
        (rng.gauss(0, 0.3), rng.gauss(0, 0.3), rng.uniform(0.1, 0.3), rng.uniform(0.008, 0.035),
         rng.uniform(0, math.pi), rng.choice((-1, -1, 1)) * rng.uniform(20, 60)) for _ in range(rng.randrange(5))
    ]  # fmt: skip
    bars += [(rng.gauss(0, 0.3), rng.gauss(0, 0.3), 0.018, 0.016, 0.0, 120.0) for _ in range(rng.randrange(3))]
    return GreyPicture(
        (rng.gauss(0.5, 0.02), rng.gauss(0.5, 0.02)), (rng.uniform(0.3, 0.46), rng.uniform(0.34, 0.47)),
        rng.gauss(0, 0.15), (rng.choice((0, rng.uniform(0, 60))), inside, rng.choice((rng.uniform(0, 60), 250))),
        rng.choice((0, rng.uniform(0.02, 0.12))), rng.uniform(0, 22), rng.uniform(2, 13), tuple(bars),
        tuple(_sample_spot(rng, kind, inside) for kind in rng.sample(KINDS, n)), rng.randrange(2**31),
    )  # fmt: skip


def _sample_spot(rng: random.Random, kind: str, inside: float) -> Spot:
    edge = kind in AT_THE_EDGE
    size = rng.uniform(0.1, 0.3) if kind.endswith("crescent") else rng.uniform(0.35, 0.6) if edge else None
    level = rng.uniform(0.25, 0.7) * inside if kind.startswith("dark") else rng.uniform(30, min(110, 245 - inside))
    return Spot(
        kind, 1.0 if edge else math.sqrt(rng.uniform(0.02, 0.5)), rng.uniform(-math.pi, math.pi),
        size or rng.uniform(0.04, 0.11), rng.uniform(0.25, 0.45) if kind == "dark wedge" else rng.uniform(0.5, 0.9),
        level, (rng.uniform(0, 0.15), rng.uniform(0, 6.28)),
    )  # fmt: skip


@lru_cache(maxsize=4)
def _grid(side: int) -> tuple[np.ndarray, np.ndarray]:
    at = (np.arange(side, dtype=np.float32) + 0.5) / side
    return np.broadcast_to(at, (side, side)), np.broadcast_to(at[:, None], (side, side))


def _soft(x: np.ndarray, side: int) -> np.ndarray:
    """1 where a distance (in shares of the side) is positive, 0 where it is negative, with an edge of two pixels."""
    return np.clip(x * side / 2 + 0.5, 0, 1)


def render(picture: GreyPicture, side: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """The picture as a (side, side, 3) uint8 array, and for each spot the mask (side, side) of where it is."""
    rng = np.random.default_rng(picture.seed)
    x, y = _grid(side)
    (cx, cy), (a, b) = picture.centre, picture.axes
    c, s = math.cos(picture.turn), math.sin(picture.turn)
    u, v = (c * (x - cx) + s * (y - cy)) / a, (c * (y - cy) - s * (x - cx)) / b
    rho, theta, scale = np.hypot(u, v), np.arctan2(v, u), (a + b) / 2
    outside, inside, outline = picture.levels
    field = _soft((1 - rho) * scale, side)
    grey = outside + (inside - outside) * field
    for n, share in ((5, 0.5), (11, 0.8), (23, 0.6)):  # waves of several lengths, cheaply
        waves = Image.fromarray(rng.standard_normal((n, n)).astype(np.float32)).resize((side, side), Image.BICUBIC)
        grey += picture.texture * share * np.asarray(waves) * field
    for du, dv, length, width, turn, level in picture.bars:
        p = math.cos(turn) * (x - cx - a * du) + math.sin(turn) * (y - cy - b * dv)
        q = math.cos(turn) * (y - cy - b * dv) - math.sin(turn) * (x - cx - a * du)
        grey += level * field * _soft((1 - np.hypot(p / length, q / width)) * width, side)
    masks = []
    for spot in picture.spots:
        mask, change = _draw(spot, picture, x, y, rho, theta, side)
        grey += change * field
        masks.append(mask * field)
    if picture.outline:
        ring = _soft((picture.outline / 2 - np.abs(rho - 1 - picture.outline / 2)) * scale, side)
        grey += (outline - grey) * ring
    grey += picture.noise * rng.standard_normal((side, side)).astype(np.float32)
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2), masks


def _draw(spot: Spot, picture: GreyPicture, x, y, rho, theta, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Where a spot is, and how it changes the grey levels."""
    scale = sum(picture.axes) / 2
    away = (theta - spot.theta + math.pi) % (2 * math.pi) - math.pi
    if spot.kind.endswith("crescent"):
        deep = spot.size * np.clip(1 - (away / spot.width) ** 2, 0, 1)
        mask = _soft((deep - (1 - rho)) * scale, side) * (deep > 0.02)
    elif spot.kind == "dark wedge":
        mask = _soft((spot.width - np.abs(away)) * rho * scale, side) * _soft((spot.size - (1 - rho)) * scale, side)
    else:
        px, py = place(spot, picture)
        height, phase = spot.lobes
        wave = 1 + height * np.sin(3 * np.arctan2(y - py, x - px) + phase)
        far = np.hypot(x - px, y - py) / wave
        mask = _soft(spot.size - far, side)
        if spot.kind == "bright ring":
            return mask, spot.level * (mask - 1.3 * _soft(0.55 * spot.size - far, side))
        if spot.kind.endswith("rim"):
            whole = _soft(1.7 * spot.size - far, side)
            return whole, spot.level * mask - 0.45 * picture.levels[1] * (whole - mask)
    return mask, (-spot.level if spot.kind.startswith("dark") else spot.level) * mask


def place(spot: Spot, picture: GreyPicture) -> tuple[float, float]:
    """The middle of a spot in shares of the side (of what lies at the edge, halfway into it)."""
    rho = 1 - spot.size / 2 if spot.kind in AT_THE_EDGE else spot.rho
    u, v = picture.axes[0] * rho * math.cos(spot.theta), picture.axes[1] * rho * math.sin(spot.theta)
    c, s = math.cos(picture.turn), math.sin(picture.turn)
    return picture.centre[0] + c * u - s * v, picture.centre[1] + s * u + c * v


def box(mask: np.ndarray) -> tuple[float, float, float, float]:
    """What a mask covers, in shares of the side: left, top, right, bottom."""
    rows, columns = np.flatnonzero((mask > 0.5).any(1)), np.flatnonzero((mask > 0.5).any(0))
    side = len(mask)
    if not len(rows):
        return (0.0, 0.0, 0.0, 0.0)
    return columns[0] / side, rows[0] / side, (columns[-1] + 1) / side, (rows[-1] + 1) / side


def labels(picture: GreyPicture, masks: list[np.ndarray], per_side: int) -> np.ndarray:
    """What each patch shows, (per_side, per_side, 6): a spot, the four edges of its box, and 1 outside or 2 inside."""
    grid = np.zeros((per_side, per_side, len(LABEL_SIZES)), dtype=np.int64)
    x, y = _grid(per_side)
    (cx, cy), (a, b) = picture.centre, picture.axes
    grid[..., 5] = 1 + (((x - cx) / a) ** 2 + ((y - cy) / b) ** 2 < 1)
    for spot, mask in zip(picture.spots, masks):
        patch = len(mask) // per_side
        covered = mask.reshape(per_side, patch, per_side, patch).mean((1, 3)) > 0.25
        edges = np.clip(np.round(np.array(box(mask)) * BOX_STEPS), 1, BOX_STEPS)
        grid[covered, :5] = (1 + KINDS.index(spot.kind), *edges)
    return grid


def side(spot: Spot, picture: GreyPicture) -> str:
    """Left or right of the ellipse's middle."""
    return "left" if place(spot, picture)[0] < picture.centre[0] else "right"


def description(picture: GreyPicture) -> str:
    """Every spot with its side and whether it is above the middle, in the order of ``spots``."""
    said = []
    for spot in picture.spots:
        upper = place(spot, picture)[1] < picture.centre[1]
        said.append(f"a {spot.kind} on the {side(spot, picture)}, in the {'upper' if upper else 'lower'} part")
    return f"A grey image with {' and '.join(said) or 'nothing inside'}."


def read_aloud(rng: random.Random) -> str:
    """Up to 24 words of the text that the tokenizer was trained on: every word the course uses is in it.

    Two in five times single words, one to a line, as answers are: without a space before it a word has other tokens.
    A base that had read " infarct" and never "infarct" could not be taught to answer it: to LoRA, which leaves the
    embeddings as they are, its last token was the same as 236 others that the base had never met.
    """
    if rng.random() < 0.4:
        lines = rng.choices(_corpus(), k=12)
        return "\n".join(rng.choice(line.split(" ")).strip(".,:;()") for line in lines)
    words = rng.choice(_corpus()).split(" ")
    start = rng.randrange(max(1, len(words) - 23))
    return " ".join(words[start : start + 24])


@lru_cache(maxsize=1)
def _corpus() -> list[str]:
    """Lines of the corpus; those of the chapters on people more often than their number says."""
    lines = []
    for path in sorted((root() / "data" / "tokenizer" / "corpus").glob("*.txt")):
        text = [line[:400] for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        lines += text * (12 if path.stem in ("medical", "faces") else 4 if path.stem not in ("worlds",) else 1)
    return lines
