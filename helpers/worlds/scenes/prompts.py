"""What a vision-language model is asked about a scene beside questions: to describe, to analyse, to locate, to point.

Boxes are shares of the side here (0 to 1); ``helpers.grounding`` turns them into a model family's own numbers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from .captions import COUNT_WORDS, captions, noun, plural
from .layout import Scene
from .render import box

DESCRIBE = ("Describe the image.", "Describe this picture in one sentence.", "What is in the image?")
ANALYSE = ("Analyse the image.", "Analyse the picture step by step.")
SHORT = "Answer with one word."
LOCATE = "Locate every {name} and output the bounding boxes as JSON."
LOCATE_ALL = "Locate all objects and output the bounding boxes as JSON."
POINT = "Point to every {name} and output the points as JSON."

Box = tuple[float, float, float, float]


def description(scene: Scene) -> str:
    """The first of the captions, as the answer to DESCRIBE."""
    return captions(scene)[0]


def analysis(scene: Scene) -> str:
    """Everything about a scene, one fact a line: how many things, which, where they stand, the sign, the background."""
    lines = [f"Objects: {len(scene.things)}"]
    lines += [f"Kind: {noun(kind, count)}" for kind, count in scene.groups]
    names = [f"the {t.colour} {t.shape}" for t in scene.things]
    if scene.relation == "left":
        lines.append(f"Layout: {names[0]} is to the left of {names[1]}")
    elif scene.relation == "above":
        lines.append(f"Layout: {names[0]} is above {names[1]}")
    elif scene.relation == "row":
        lines.append(f"Layout: from left to right {names[0]}, {names[1]} and {names[2]}")
    lines.append(f"Sign: {scene.sign.text if scene.sign else 'none'}")
    lines.append(f"Background: {scene.background}")
    return "\n".join(lines)


def targets(scene: Scene) -> dict[str, list[Box]]:
    """Boxes, from left to right, of all that can be asked for by name: "red star", "star", "red thing", "sign"."""
    found: dict[str, list[Box]] = {}
    for thing in scene.things:
        for name in (f"{thing.colour} {thing.shape}", thing.shape, f"{thing.colour} thing"):
            found.setdefault(name, []).append(box(thing, 1))
    if scene.sign:
        found["sign"] = [box(scene.sign, 1)]
    return {name: sorted(boxes) for name, boxes in found.items()}  # a fixed order is easier to learn


def everything(scene: Scene) -> list[tuple[str, Box]]:
    """All things by colour and shape, and the sign, with their boxes, from left to right."""
    found = [(f"{t.colour} {t.shape}", box(t, 1)) for t in scene.things]
    found += [("sign", box(scene.sign, 1))] if scene.sign else []
    return sorted(found, key=lambda pair: pair[1])


def boxes_json(found: Sequence[tuple[str, Box]], numbers: Callable[[Box], Sequence[int]]) -> str:
    """``[{"bbox_2d": [x1, y1, x2, y2], "label": …}]`` on a line; ``numbers`` makes a family's coordinates of a box."""
    return json.dumps([{"bbox_2d": list(numbers(box)), "label": label} for label, box in found])


def points_json(found: Sequence[tuple[str, Box]], numbers: Callable[[Box], Sequence[int]]) -> str:
    """``[{"point_2d": [x, y], "label": …}]`` on one line, with the boxes' centres."""
    written = []
    for label, (x1, y1, x2, y2) in found:
        x, y = (x1 + x2) / 2, (y1 + y2) / 2
        written.append({"point_2d": list(numbers((x, y, x, y)))[:2], "label": label})
    return json.dumps(written)


def reasoning(scene: Scene) -> str:
    """What a thinking model says to itself before it answers: what it sees, group by group, and how many."""
    seen = ", ".join(f"{COUNT_WORDS[count]} {noun(kind, count).split(' ', 1)[1]}" for kind, count in scene.groups)
    counts: dict[str, int] = {}
    for thing in scene.things:
        counts[thing.shape] = counts.get(thing.shape, 0) + 1
    each = ", ".join(f"{plural(shape) if n > 1 else shape} {n}" for shape, n in counts.items())
    sign = f" The sign says {scene.sign.text}." if scene.sign else ""
    return f"I see {seen} on a {scene.background} background.{sign} Count: {each}."
