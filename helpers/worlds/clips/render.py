"""From a clip to frames: each is a scene, or a blend of two while something fades."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from ..scenes import Scene, Thing, render
from .clip import APPEARS, CHANGES, COLLIDES, DISAPPEARS, FPS, MOVES, Clip, Event, moved

OUTSIDE = -9.0  # where things stand that cannot be seen: drawn, so that nothing else changes, but not in the picture


def times(clip: Clip) -> list[float]:
    """The time of every frame in seconds: 0.0, 0.5, 1.0, …"""
    return [i / FPS for i in range(clip.n_frames)]


def progress(event: Event, frame: int) -> float:
    """How much of an event has happened at a frame, from 0 to 1."""
    return min(1.0, max(0.0, (frame - event.first) / (event.last - event.first)))


def things_at(clip: Clip, frame: int) -> list[tuple[Thing, float]]:
    """All things as they are at a frame, each with how much of it can be seen (0 to 1).

    Its colour is the one that it has, or that it had when it began to change.
    """
    now = list(clip.things)
    seen = [0.0 if _appears(clip, i) else 1.0 for i in range(len(now))]
    for event in clip.events:
        share = progress(event, frame)
        i = event.subject
        if event.type == MOVES:
            now[i] = moved(now[i], event.shift, share)
        elif event.type == COLLIDES:
            there = 1 - abs(2 * share - 1)  # forth and back
            now[i], now[event.other] = (
                moved(now[i], event.shift, there), moved(now[event.other], event.other_shift, there)
            )  # fmt: skip
        elif event.type == CHANGES and share == 1:
            now[i] = replace(now[i], colour=event.detail)
        elif event.type == APPEARS:
            seen[i] = share
        elif event.type == DISAPPEARS:
            seen[i] *= 1 - share
    return list(zip(now, seen))


def _appears(clip: Clip, subject: int) -> bool:
    return any(event.type == APPEARS and event.subject == subject for event in clip.events)


def frames(clip: Clip, side: int = 96) -> np.ndarray:
    """All frames as (n_frames, side, side, 3), uint8. Same clip, same pixels; frames without change are equal."""
    return np.stack([_frame(clip, i, side) for i in range(clip.n_frames)])


def _frame(clip: Clip, frame: int, side: int) -> np.ndarray:
    """One frame (side, side, 3). At most one thing fades at a time, because events follow each other."""
    now = things_at(clip, frame)
    here = [thing if seen > 0 else replace(thing, x=OUTSIDE) for thing, seen in now]
    there, share = list(here), 0.0
    for i, (thing, seen) in enumerate(now):
        if 0 < seen < 1:
            there[i], share = replace(thing, x=OUTSIDE), 1 - seen
    for event in clip.events:
        if event.type == CHANGES and 0 < progress(event, frame) < 1:
            i, share = event.subject, progress(event, frame)
            there[i] = replace(here[i], colour=event.detail)
    first = _picture(tuple(here), clip.background, clip.pixel_seed, side)
    if not share:
        return first
    second = _picture(tuple(there), clip.background, clip.pixel_seed, side)
    return ((1 - share) * first + share * second).round().astype(np.uint8)


@lru_cache(maxsize=32)  # most frames of a clip are equal to the one before
def _picture(things: tuple[Thing, ...], background: str, pixel_seed: int, side: int) -> np.ndarray:
    return np.asarray(render(Scene("clip", things, "", background, "flat", None, pixel_seed), side))
