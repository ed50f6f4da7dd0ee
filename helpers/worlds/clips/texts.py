"""What can truthfully be said about a clip."""

from __future__ import annotations

import json

from .clip import APPEARS, CHANGES, COLLIDES, DISAPPEARS, MOVES, Clip

DESCRIBE = ("Describe the video.", "What happens in the clip?")
LIST_EVENTS = "List all events of the video as JSON with their start and end in seconds."


def names(clip: Clip, event: int) -> list[str]:
    """What all things are called when an event begins: "red star". ``event`` is its index (len for after the last)."""
    return [f"{colour} {thing.shape}" for colour, thing in zip(clip.colours[event], clip.things)]


def predicate(clip: Clip, event: int) -> str:
    """What the subject of an event does: "moves left", "collides with the blue circle", "becomes green"."""
    what = clip.events[event]
    if what.type == COLLIDES:
        partner = names(clip, event)[what.other]
        return f"collides with the {partner}"
    return {
        MOVES: f"moves {what.detail}",
        APPEARS: "appears",
        DISAPPEARS: "disappears",
        CHANGES: f"becomes {what.detail}",
    }[what.type]


def clause(clip: Clip, event: int) -> str:
    """An event in words: "the red star moves left"."""
    return f"the {names(clip, event)[clip.events[event].subject]} {predicate(clip, event)}"


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."


def describe(clip: Clip) -> str:
    """All events in their order: "The red star moves left. Then the blue circle appears."."""
    said = [clause(clip, i) for i in range(len(clip.events))]
    return " ".join(_sentence(text if i == 0 else f"then {text}") for i, text in enumerate(said))


def seconds(start: float, end: float) -> str:
    """A span of time as it is written in answers: "0.5 to 2.0"."""
    return f"{start:.1f} to {end:.1f}"


def timeline(clip: Clip) -> str:
    """All events with their times, a line each: "From 0.5 to 2.0 seconds the red star moves left."."""
    return "\n".join(
        f"From {seconds(event.start, event.end)} seconds {clause(clip, i)}." for i, event in enumerate(clip.events)
    )


def as_json(clip: Clip) -> str:
    """All events in their order, with "event", "object", "start" and "end" (seconds), on one line."""
    return json.dumps(
        [
            {
                "event": predicate(clip, i),
                "object": names(clip, i)[event.subject],
                "start": event.start,
                "end": event.end,
            }
            for i, event in enumerate(clip.events)
        ]
    )
