"""Clips: short videos of coloured shapes that move, appear, disappear, collide and change colour at known times.

>>> from helpers.worlds import clips
>>> clip = next(clips.clips("heldout", 1))
>>> video = clips.frames(clip)              # (8 to 16, 96, 96, 3), uint8, at clips.FPS = 2 frames per second
>>> clips.timeline(clip)                    # doctest: +SKIP

An event lasts from the last frame in which nothing of it is seen yet to the first frame in which it is done. One event
is over before the next begins.
"""

from .clip import (
    APPEARS,
    CHANGES,
    COLLIDES,
    DIRECTIONS,
    DISAPPEARS,
    FPS,
    LENGTHS,
    MOVES,
    SPLITS,
    Clip,
    Event,
    clip_rng,
    is_reserved,
)
from .questions import (
    ANSWER,
    NOTHING,
    Question,
    clip_questions,
    parse_seconds,
    questions,
    questions_about,
    sample_question,
)
from .render import frames, progress, things_at, times
from .sample import clips, sample_clip
from .texts import DESCRIBE, LIST_EVENTS, as_json, clause, describe, seconds, timeline

__all__ = [
    "ANSWER", "APPEARS", "CHANGES", "COLLIDES", "DESCRIBE", "DIRECTIONS", "DISAPPEARS", "FPS", "LENGTHS",
    "LIST_EVENTS", "MOVES", "NOTHING", "SPLITS", "Clip", "Event", "Question", "as_json", "clause", "clip_questions",
    "clip_rng", "clips", "describe", "frames", "is_reserved", "parse_seconds", "progress", "questions",
    "questions_about", "sample_clip", "sample_question", "seconds", "things_at", "timeline", "times",
]  # fmt: skip
