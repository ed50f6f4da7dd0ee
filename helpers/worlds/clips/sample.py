"""How clips are drawn: things are placed, events planned one after another, and what does not fit is thrown away."""

from __future__ import annotations

import random
from collections.abc import Iterator

from ...errors import unknown
from .. import drawing
from ..scenes import BACKGROUNDS, COLOURS, NOVEL_PAIRS, SHAPES, Thing
from ..scenes.layout import SIZES
from .clip import (
    APPEARS,
    CHANGES,
    COLLIDES,
    DIRECTIONS,
    DISAPPEARS,
    LENGTHS,
    MOVES,
    SPLITS,
    Clip,
    Event,
    after,
    clip_rng,
    is_reserved,
    moved,
)

#: How many steps from frame to frame each kind of event may take.
DURATIONS = {MOVES: (2, 3, 4), APPEARS: (2, 3), DISAPPEARS: (2, 3), COLLIDES: (4, 6), CHANGES: (2, 3)}
DISTANCES = (0.2, 0.3, 0.4)  # how far a thing moves, as shares of the side
TRIES = 60  # for one choice of how many things and which events
TOUCH = 0.85  # things that meet are so many times the sum of their radii apart


def clips(split: str, n: int | None = None, seed: int = 0, start: int = 0) -> Iterator[Clip]:
    """Yield ``n`` clips of a split (endlessly when ``n`` is None)."""
    for index in drawing.indices(n, start):
        yield sample_clip(clip_rng(split, seed, index), split)


def sample_clip(rng: random.Random, split: str = "train") -> Clip:
    """Draw one clip: one to three things, one to three events, 8 to 16 frames. UnknownName for a wrong split."""
    if split not in SPLITS:
        raise unknown("split", split, list(SPLITS))
    while True:
        n_things, n_events = rng.choice((1, 2, 2, 3)), rng.randint(1, 3)
        types = [rng.choice(tuple(DURATIONS)) for _ in range(n_events)]
        for _ in range(TRIES):  # otherwise what rarely fits would hardly ever be shown
            clip = _draw(rng, split, n_things, types)
            if clip is None or bool(clip.pairs & NOVEL_PAIRS) != (split == "novel"):
                continue
            if split == "novel" or is_reserved(clip) == (split == "heldout"):
                return clip


def _draw(rng: random.Random, split: str, n_things: int, types: list[str]) -> Clip | None:
    """A clip, or None where things do not fit into the picture or events not into the time."""
    things, n_frames = _things(rng, split, n_things), rng.choice(LENGTHS)
    times = _times(rng, n_frames, [rng.choice(DURATIONS[type]) for type in types])
    if things is None or times is None:
        return None
    events: list[Event] = []
    for type, (first, last) in zip(types, times):
        event = _event(rng, things, events, type, first, last)
        if event is None:
            return None
        events.append(event)
    return Clip(things, tuple(events), n_frames, rng.choice(BACKGROUNDS), rng.getrandbits(32))


def _things(rng: random.Random, split: str, n: int) -> tuple[Thing, ...] | None:
    """Things of different shapes and colours that stand apart; small ones where there are three."""
    pairs = [rng.choice(sorted(NOVEL_PAIRS))] if split == "novel" and rng.random() < 0.8 else []
    while len(pairs) < n:
        pair = rng.choice(COLOURS), rng.choice(SHAPES)
        if not any(pair[0] == colour or pair[1] == shape for colour, shape in pairs):
            pairs.append(pair)
    placed: list[Thing] = []
    for colour, shape in pairs:
        size = "small" if n == 3 else rng.choice(tuple(SIZES))
        r = rng.uniform(*SIZES[size])
        x, y = (rng.uniform(r + 0.03, 0.97 - r) for _ in range(2))
        placed.append(Thing(colour, shape, size, "plain", x, y, r, rng.uniform(-6, 6)))
    return tuple(placed) if all(_apart(a, b) for i, a in enumerate(placed) for b in placed[:i]) else None


def _times(rng: random.Random, n_frames: int, durations: list[int]) -> list[tuple[int, int]] | None:
    """First and last frames of the events, with at least one step of rest before each."""
    spare = n_frames - 1 - sum(durations) - len(durations)
    if spare < 0:
        return None
    pauses = sorted(rng.randint(0, spare) for _ in durations)
    found, elapsed = [], 0
    for pause, duration, previous in zip(pauses, durations, [0, *pauses]):
        elapsed += 1 + pause - previous
        found.append((elapsed, elapsed + duration))
        elapsed += duration
    return found


def _apart(a: Thing, b: Thing) -> bool:
    return (a.x - b.x) ** 2 + (a.y - b.y) ** 2 > (1.1 * (a.r + b.r)) ** 2


def _event(
    rng: random.Random, things: tuple[Thing, ...], before: list[Event], type: str, first: int, last: int
) -> Event | None:
    """An event that can follow the others, or None."""
    now = after(things, before)
    gone = {e.subject for e in before if e.type == DISAPPEARS}
    touched = {i for e in before for i in (e.subject, e.other)}
    subject = rng.randrange(len(things))
    if subject in gone or (type == APPEARS and subject in touched):
        return None
    if type == CHANGES:
        colour = rng.choice(COLOURS)
        return None if colour in {t.colour for t in now} else Event(type, subject, first, last, colour)
    if type == MOVES:
        direction, distance = rng.choice(tuple(DIRECTIONS)), rng.choice(DISTANCES)
        shift = tuple(distance * v for v in DIRECTIONS[direction])
        free = _free(now, subject, shift, None)
        return Event(type, subject, first, last, direction, shift) if free else None
    if type == COLLIDES:
        return _collision(rng, now, gone, subject, first, last)
    return Event(type, subject, first, last)


def _collision(
    rng: random.Random, now: list[Thing], gone: set[int], subject: int, first: int, last: int
) -> Event | None:
    others = [i for i in range(len(now)) if i != subject and i not in gone]
    if not others:
        return None
    other = rng.choice(others)
    a, b = now[subject], now[other]
    dx, dy = b.x - a.x, b.y - a.y
    distance = (dx * dx + dy * dy) ** 0.5
    share = (1 - TOUCH * (a.r + b.r) / distance) / 2  # of the way, for each
    if share * distance < 0.1:  # too close for an approach to be seen
        return None
    shift, other_shift = (share * dx, share * dy), (-share * dx, -share * dy)
    if not (_free(now, subject, shift, other) and _free(now, other, other_shift, subject)):
        return None
    return Event(COLLIDES, subject, first, last, "", shift, other, other_shift)


def _free(now: list[Thing], subject: int, shift: tuple[float, float], partner: int | None) -> bool:
    """Whether a thing can go there inside the picture without touching anything but its partner."""
    for step in range(9):
        at = moved(now[subject], shift, step / 8)
        if not (at.r + 0.01 <= min(at.x, at.y) and max(at.x, at.y) <= 0.99 - at.r):
            return False
        if not all(_apart(at, t) for i, t in enumerate(now) if i not in (subject, partner)):
            return False
    return True
