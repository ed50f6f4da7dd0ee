"""What a clip shows and when: the ground truth that pictures, sentences and answers are derived from.

A clip is drawn from ``random.Random(f"clips/{split}/{seed}/{index}")``. A quarter of all contents, by a hash, is
reserved for ``heldout``; ``novel`` clips show a colour-shape pair that no training clip ever shows. (The hash minds
in which order things are listed, so a held-out content could come again in training, listed the other way round. Among
9,488 training clips none did.)
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from ...errors import unknown
from .. import drawing
from ..scenes import Thing

FPS = 2.0  # frames per second
SPLITS = ("train", "heldout", "novel")
LENGTHS = range(8, 17)  # frames
DIRECTIONS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
MOVES, APPEARS, DISAPPEARS, COLLIDES, CHANGES = "moves", "appears", "disappears", "collides", "changes colour"


@dataclass(frozen=True)
class Event:
    """Something that happens to ``things[subject]`` from frame ``first`` (nothing yet) to frame ``last`` (all done).

    In between it happens little by little: things move in equal steps, and appear, disappear and change colour by
    fading. ``detail`` is a direction or the new colour. Two things that collide (``other`` is the second) approach each
    other, meet half way through the event, and go back to where they came from. ``shift`` and ``other_shift`` say how
    far they go, as shares of the side.
    """

    type: str
    subject: int
    first: int
    last: int
    detail: str = ""
    shift: tuple[float, float] = (0.0, 0.0)
    other: int | None = None
    other_shift: tuple[float, float] = (0.0, 0.0)

    @property
    def start(self) -> float:
        """Seconds."""
        return self.first / FPS

    @property
    def end(self) -> float:
        """Seconds."""
        return self.last / FPS


@dataclass(frozen=True)
class Clip:
    """A short video. ``things``, all of different shapes, are as they are when first seen. Events follow each other."""

    things: tuple[Thing, ...]
    events: tuple[Event, ...]
    n_frames: int
    background: str
    pixel_seed: int

    @property
    def colours(self) -> list[list[str]]:
        """For each event and after the last one, the colours of all things at that moment."""
        now = [thing.colour for thing in self.things]
        found = [list(now)]
        for event in self.events:
            if event.type == CHANGES:
                now[event.subject] = event.detail
            found.append(list(now))
        return found

    @property
    def pairs(self) -> set[tuple[str, str]]:
        """Every pair of colour and shape that is ever seen."""
        return {(colour, thing.shape) for now in self.colours for colour, thing in zip(now, self.things)}

    @property
    def key(self) -> str:
        """What is seen and when, apart from where: clips of equal key have the same content."""
        events = [(e.type, e.subject, e.first, e.last, e.detail, e.other) for e in self.events]
        return repr((sorted(t.kind for t in self.things), events, self.n_frames, self.background))


def is_reserved(clip: Clip) -> bool:
    """Whether a clip is kept for evaluation: a quarter of all, by a hash, whatever the seed."""
    return drawing.is_reserved(clip.key)


def clip_rng(split: str, seed: int, index: int) -> random.Random:
    """The random stream of one clip. Raises UnknownName for a split that does not exist."""
    if split not in SPLITS:
        raise unknown("split", split, list(SPLITS))
    return random.Random(f"clips/{split}/{seed}/{index}")


def moved(thing: Thing, shift: tuple[float, float], share: float = 1.0) -> Thing:
    """The thing, a share of the way along."""
    return replace(thing, x=thing.x + share * shift[0], y=thing.y + share * shift[1])


def after(things: tuple[Thing, ...], events: list[Event] | tuple[Event, ...]) -> list[Thing]:
    """Where the things stand, and in which colours, after some events. (Says nothing about which can be seen.)"""
    now = list(things)
    for event in events:
        if event.type == MOVES:
            now[event.subject] = moved(now[event.subject], event.shift)
        elif event.type == CHANGES:
            now[event.subject] = replace(now[event.subject], colour=event.detail)
    return now
