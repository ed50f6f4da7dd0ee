"""A face and how one is drawn at random: an identity, what its face does, and how the picture was taken.

Face ``index`` of a split comes from ``random.Random(f"faces/{split}/{seed}/{index}")``, its identity and its emotion
from streams of their own: asked for another emotion, the same index gives the same person in the same light and pose.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from ...errors import unknown
from .. import drawing
from .emotions import ACTION_UNITS, ALWAYS, CLASS_SHARES, EMOTIONS, INTENSITIES, MIXTURES, ONE_SIDED, SOMETIMES
from .identity import SPLITS, Identity, identities, sample_identity

PICTURES = 6  # of each identity, one after the other
MIXED = 0.15  # how many of the faces that can be mixed are
SHARES = (0.3, 0.45)  # of the intensity, for what is mixed in
SIDES = ("left", "right")  # as seen in the picture


@dataclass(frozen=True)
class View:
    """How the picture was taken: where the head is (shares of the side), how it is turned, and in which light."""

    x: float
    y: float
    scale: float
    tilt: float
    turn: float
    light_angle: float
    light: float
    gain: float
    background: tuple[int, int, int]
    shirt: tuple[int, int, int]
    noise: float
    pixel_seed: int


@dataclass(frozen=True)
class Face:
    """One picture of one identity.

    ``strengths`` scale each action unit (in the order of ACTION_UNITS), ``optional`` are the units of SOMETIMES that
    this face would show, ``twitches`` are weak units that mean nothing. ``second`` is the emotion that is mixed in with
    ``share`` of the intensity, or "". ``side`` is the one that a one-sided expression is on, as seen in the picture.
    """

    identity: Identity
    emotion: str
    intensity: float
    second: str
    share: float
    side: str
    strengths: tuple[float, ...]
    optional: tuple[int, ...]
    twitches: tuple[tuple[int, float], ...]
    view: View

    @property
    def label(self) -> int:
        """AffectNet's number of the emotion."""
        return EMOTIONS.index(self.emotion)


def action_units(face: Face) -> dict[int, tuple[float, float]]:
    """The strength (0 to 1) of every action unit that moves, on the left and on the right side of the picture."""
    found = {}
    twitches = dict(face.twitches)
    parts = [(face.emotion, face.intensity), (face.second, face.intensity * face.share)]
    for unit, strength in zip(ACTION_UNITS, face.strengths):
        sides = [twitches.get(unit, 0.0)] * 2
        for emotion, intensity in parts:
            weight = _weight(emotion, unit, face.optional) if emotion else 0.0
            for i, side in enumerate(SIDES):
                if emotion != ONE_SIDED or side == face.side:
                    sides[i] = max(sides[i], min(1.0, intensity * weight * strength))
        if max(sides) > 0:
            found[unit] = (sides[0], sides[1])
    return found


def _weight(emotion: str, unit: int, optional: tuple[int, ...]) -> float:
    if emotion not in ALWAYS:
        raise unknown("emotion", emotion, list(EMOTIONS))
    weight = ALWAYS[emotion].get(unit, 0.0)
    return max(weight, SOMETIMES.get(emotion, {}).get(unit, 0.0)) if unit in optional else weight


def face_rng(split: str, seed: int, index: int) -> random.Random:
    """The random stream of one face. Raises UnknownName for a split that does not exist."""
    if split not in SPLITS:
        raise unknown("split", split, list(SPLITS))
    return random.Random(f"faces/{split}/{seed}/{index}")


def faces(
    split: str,
    n: int | None = None,
    seed: int = 0,
    start: int = 0,
    balanced: bool = True,
    emotion: str | None = None,
) -> Iterator[Face]:
    """Yield ``n`` faces of a split (endlessly when ``n`` is None): six pictures of an identity, then of the next.

    Balanced, each emotion comes once among eight faces, in random order; otherwise emotions have AffectNet's shares.
    With an ``emotion`` all faces have that one.
    """
    if emotion is not None and emotion not in EMOTIONS:
        raise unknown("emotion", emotion, list(EMOTIONS))
    number, identity = None, None
    for index in drawing.indices(n, start):
        rng = face_rng(split, seed, index)
        if index // PICTURES != number:
            number = index // PICTURES
            identity = next(identities(split, 1, seed, number))
        yield sample_face(rng, split, emotion or _emotion(split, seed, index, balanced), identity)


def _emotion(split: str, seed: int, index: int, balanced: bool) -> str:
    if balanced:
        block, place = divmod(index, len(EMOTIONS))
        return random.Random(f"faces/order/{split}/{seed}/{block}").sample(EMOTIONS, len(EMOTIONS))[place]
    rng = random.Random(f"faces/emotion/{split}/{seed}/{index}")
    return rng.choices(EMOTIONS, weights=list(CLASS_SHARES.values()))[0]


def sample_face(
    rng: random.Random,
    split: str = "train",
    emotion: str | None = None,
    identity: Identity | None = None,
    intensity: str | None = None,
) -> Face:
    """Draw one face. Emotion, identity and intensity (a key of INTENSITIES) are drawn too unless given.

    A neutral face has intensity 0, whatever was asked for.
    """
    if emotion is not None and emotion not in EMOTIONS:
        raise unknown("emotion", emotion, list(EMOTIONS))
    if intensity is not None and intensity not in INTENSITIES:
        raise unknown("intensity", intensity, list(INTENSITIES))
    identity = identity or sample_identity(rng, split)
    # Everything is drawn before the emotion decides what of it is used: another emotion changes nothing else.
    drawn, strong = rng.choice(EMOTIONS), rng.choices(tuple(INTENSITIES), weights=(25, 35, 40))[0]
    emotion = emotion or drawn
    amount, mixed, which, share = rng.uniform(*INTENSITIES[intensity or strong]), *(rng.random() for _ in range(3))
    options = MIXTURES.get(emotion, ()) if mixed < MIXED else ()
    second = options[int(which * len(options))] if options else ""
    return Face(
        identity=identity,
        emotion=emotion,
        intensity=0.0 if emotion == "Neutral" else amount,
        second=second,
        share=SHARES[0] + share * (SHARES[1] - SHARES[0]) if second else 0.0,
        side=rng.choice(SIDES),
        strengths=tuple(rng.uniform(0.8, 1.15) for _ in ACTION_UNITS),
        optional=tuple(unit for unit in ACTION_UNITS if rng.random() < 0.5),
        twitches=tuple((unit, rng.uniform(0.05, 0.15)) for unit in rng.sample((1, 2, 4, 7, 12, 15, 20, 24), 2)),
        view=_view(rng),
    )


def _view(rng: random.Random) -> View:
    return View(
        x=rng.uniform(0.44, 0.56),
        y=rng.uniform(0.47, 0.55),
        scale=rng.uniform(0.34, 0.42),
        tilt=rng.uniform(-10, 10),
        turn=rng.uniform(-1, 1),
        light_angle=rng.uniform(0, 360),
        light=rng.uniform(0, 0.35),
        gain=rng.uniform(0.8, 1.1),
        background=_muted(rng),
        shirt=_muted(rng),
        noise=rng.uniform(2, 8),
        pixel_seed=rng.getrandbits(32),
    )


def _muted(rng: random.Random) -> tuple[int, int, int]:
    """A colour that is not very colourful: half of it is a grey."""
    grey = rng.randint(30, 225)
    return tuple((grey + rng.randint(30, 225)) // 2 for _ in range(3))
