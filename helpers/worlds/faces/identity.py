"""Who is drawn, apart from any expression.

A resting face is no neutral face: brows that slant, corners of the mouth that hang, lids that are half shut and folds
that age has left look like weak action units. They belong to the identity, so whoever reads them as an emotion is wrong
about all pictures of that identity in the same way.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from ...errors import unknown
from .. import drawing

SPLITS = ("train", "heldout", "novel")
HEADS = {
    "round": (0.84, 0.9),
    "oval": (0.74, 0.8),
    "long": (0.66, 0.71),
}  # half the width, as a share of half the height
HAIR_STYLES = ("short", "long", "curly", "none")
SKINS = {
    "light": (246, 218, 196), "rose": (236, 186, 164), "olive": (214, 170, 124), "brown": (172, 116, 80),
    "dark": (134, 90, 64), "grey": (190, 190, 192), "dark grey": (132, 134, 138),
}  # fmt: skip
HAIRS = {
    "black": (34, 30, 34), "dark brown": (70, 46, 32), "brown": (122, 78, 44), "red": (168, 76, 36),
    "light": (222, 186, 112), "grey": (150, 150, 154), "white": (226, 226, 224),
}  # fmt: skip

#: Pairs of head and hair that no training identity has.
NOVEL_LOOKS = frozenset({("round", "long"), ("oval", "curly"), ("long", "short")})


@dataclass(frozen=True)
class Identity:
    """One drawn person. Lengths are in units of half the height of the head; what rests is measured in action units:
    ``brow_angle`` 0.3 looks like AU4 of strength 0.3, -0.3 like AU1; ``mouth_curve`` 0.3 like AU12, -0.3 like AU15;
    ``lids`` 0.2 like AU5, -0.2 like AU7. ``pitch`` is that of the voice, in Hz.
    """

    head: str
    width: float
    skin: str
    shade: float
    hair: str
    hair_style: str
    hairline: float
    beard: bool
    glasses: bool
    eye_distance: float
    eye_height: float
    eye_size: float
    lids: float
    iris: tuple[int, int, int]
    brow_thickness: float
    brow_height: float
    brow_angle: float
    nose_length: float
    nose_width: float
    mouth_width: float
    mouth_height: float
    mouth_curve: float
    mouth_slant: float
    lip: float
    folds: float
    pitch: float

    @property
    def look(self) -> tuple[str, str]:
        """Head and hair."""
        return self.head, self.hair_style

    @property
    def id(self) -> str:
        """Eight digits that all pictures of this identity share."""
        return f"{zlib.crc32(repr(self).encode()):08x}"


def is_reserved(identity: Identity) -> bool:
    """Whether an identity is kept for evaluation: a quarter of all, by a hash, whatever the seed."""
    return drawing.is_reserved(repr(identity))


def identity_rng(split: str, seed: int, index: int) -> random.Random:
    """The random stream of one identity. Raises UnknownName for a split that does not exist."""
    if split not in SPLITS:
        raise unknown("split", split, list(SPLITS))
    return random.Random(f"faces/identity/{split}/{seed}/{index}")


def identities(split: str, n: int | None = None, seed: int = 0, start: int = 0) -> Iterator[Identity]:
    """Yield ``n`` identities of a split (endlessly when ``n`` is None). No two splits share one."""
    for index in drawing.indices(n, start):
        yield sample_identity(identity_rng(split, seed, index), split)


def sample_identity(rng: random.Random, split: str = "train") -> Identity:
    """Draw one identity. UnknownName for a wrong split."""
    if split not in SPLITS:
        raise unknown("split", split, list(SPLITS))
    while True:
        identity = _draw(rng)
        if (identity.look in NOVEL_LOOKS) != (split == "novel"):
            continue
        if split == "novel" or is_reserved(identity) == (split == "heldout"):
            return identity


def _draw(rng: random.Random) -> Identity:
    def between(low: float, high: float) -> float:
        return round(rng.uniform(low, high), 4)  # rounded, so that the hash does not hang on a float's last digit

    head = rng.choice(tuple(HEADS))
    return Identity(
        head=head,
        width=between(*HEADS[head]),
        skin=rng.choice(tuple(SKINS)),
        shade=between(0.9, 1.06),
        hair=rng.choice(tuple(HAIRS)),
        hair_style=rng.choice(HAIR_STYLES),
        hairline=between(-0.72, -0.58),
        beard=rng.random() < 0.2,
        glasses=rng.random() < 0.25,
        eye_distance=between(0.29, 0.37),
        eye_height=between(-0.16, -0.06),
        eye_size=between(0.135, 0.175),
        lids=between(-0.2, 0.2),
        iris=rng.choice(((60, 40, 26), (96, 64, 36), (58, 94, 132), (78, 112, 74), (88, 92, 98))),
        brow_thickness=between(0.028, 0.062),
        brow_height=between(0.2, 0.27),
        brow_angle=between(-0.3, 0.3),
        nose_length=between(0.34, 0.46),
        nose_width=between(0.09, 0.15),
        mouth_width=between(0.23, 0.33),
        mouth_height=between(0.52, 0.6),
        mouth_curve=between(-0.3, 0.3),
        mouth_slant=between(-0.12, 0.12),
        lip=between(0.03, 0.06),
        folds=between(0.0, 0.35),
        pitch=round(100 * 2.4 ** rng.random(), 1),
    )
