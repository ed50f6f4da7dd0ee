"""What stands on each patch of a scene, a document or a clip: labels that teach a vision tower to see.

Real towers are pre-trained on millions of captioned pictures; these labels stand in for that. Linear heads read them
off the patches and are thrown away.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from helpers.worlds import clips, documents, scenes
from helpers.worlds.documents.fonts import EM, glyph

from . import grey_pictures

#: What a patch of a scene can show, per attribute; index 0 is "nothing".
PATCH_LABELS = {
    "colour": ("", *scenes.COLOURS), "shape": ("", *scenes.SHAPES), "size": ("", "small", "large"),
    "fill": ("", "plain", "striped", "dotted"), "sign": ("", *scenes.ANSWERS["sign"]),
    "count": ("", 1, 2, 3, 4, 5),  # how many things of this kind the scene holds
    "place": ("", "left", "right", "above", "below", "first", "second", "third"),  # among the others
}  # fmt: skip
SCENE_SIZES = [len(options) for options in PATCH_LABELS.values()]
#: Where things[0], things[1], … stand, by the scene's relation.
PLACES = {"left": ("left", "right"), "above": ("above", "below"), "row": ("first", "second", "third")}
#: What a patch of a document can show: a character, or nothing (0), which also stands for what is not in here.
CHARACTERS = " ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-:?"
BOX_STEPS = 28  # of a scene's side: the edges of a box are told to the nearest
#: What a patch of a clip shows in one frame: colour, shape, how much of it can be seen, how far it has changed its
#: colour (both in quarters), and where its centre is.
MOMENT_SIZES = [1 + len(scenes.COLOURS), 1 + len(scenes.SHAPES), 5, 4, BOX_STEPS + 1, BOX_STEPS + 1]
#: How many classes each kind of label has, by what is seen. Both halves of a patch show a character; a clip's patch
#: spans two frames.
LABEL_SIZES = {
    "scenes": SCENE_SIZES + [BOX_STEPS + 1] * 4 + [1 + len(scenes.BACKGROUNDS)],
    "documents": [len(CHARACTERS)] * 2,
    "clips": MOMENT_SIZES * 2,
    "grey": grey_pictures.LABEL_SIZES,
}
BASELINE = 0.85  # of a line's height is above its baseline


def scene_labels(scene: scenes.Scene, per_side: int) -> np.ndarray:
    """The attributes of what covers each patch's centre, (per_side, per_side, 7) indices into PATCH_LABELS."""
    labels = np.zeros((per_side, per_side, len(PATCH_LABELS)), dtype=np.int64)
    counts = dict(scene.groups)
    for thing, place in zip(scene.things, PLACES.get(scene.relation, [""] * len(scene.things))):
        values = (thing.colour, thing.shape, thing.size, thing.fill, "", counts[thing.kind], place)
        covered = _covered(thing, per_side)
        labels[covered] = [options.index(value) for options, value in zip(PATCH_LABELS.values(), values)]
    if scene.sign:
        labels[_covered(scene.sign, per_side)] = (0, 0, 0, 0, PATCH_LABELS["sign"].index(scene.sign.text), 0, 0)
    return labels


def box_labels(scene: scenes.Scene, per_side: int) -> np.ndarray:
    """The box of what covers each patch's centre, (per_side, per_side, 4): left, top, right, bottom.

    In steps of 1 / BOX_STEPS of the side, counted from 1; 0 is "nothing".
    """
    labels = np.zeros((per_side, per_side, 4), dtype=np.int64)
    for thing in [*scene.things, *([scene.sign] if scene.sign else [])]:
        edges = np.clip(np.round(np.array(scenes.box(thing, 1)) * BOX_STEPS), 1, BOX_STEPS)
        labels[_covered(thing, per_side)] = edges
    return labels


def background_labels(scene: scenes.Scene, per_side: int) -> np.ndarray:
    """The background's colour on all patches, (per_side, per_side, 1) indices into BACKGROUNDS, counted from 1.

    A tower that was not asked for it forgot it within 400 steps.
    """
    return np.full((per_side, per_side, 1), 1 + scenes.BACKGROUNDS.index(scene.background), dtype=np.int64)


def _covered(thing: scenes.Thing | scenes.Sign, per_side: int) -> np.ndarray:
    """Which patches' centres a thing or a sign covers, (per_side, per_side)."""
    centres = (np.arange(per_side) + 0.5) / per_side
    if isinstance(thing, scenes.Thing):
        return (centres[None, :] - thing.x) ** 2 + (centres[:, None] - thing.y) ** 2 < (thing.r + 0.02) ** 2
    x1, y1, x2, y2 = scenes.box(thing, 1)
    return ((x1 < centres) & (centres < x2))[None, :] & ((y1 < centres) & (centres < y2))[:, None]


def clip_labels(clip: clips.Clip, per_side: int) -> np.ndarray:
    """What each patch shows in each of its two frames, (seconds, per_side, per_side, 12); see MOMENT_SIZES.

    Every picture is two equal frames, so without these labels nothing teaches a tower to tell the frames of a clip
    apart. (They are not the whole cure: temporal IoU came from 0.30 to 0.35, and a probe read changing colours badly.)
    """
    moments = [_moment(clip, frame, per_side) for frame in range(clip.n_frames)]
    moments += moments[-1:] * (len(moments) % 2)
    return np.stack([np.concatenate(both, axis=-1) for both in zip(moments[::2], moments[1::2])])


def _moment(clip: clips.Clip, frame: int, per_side: int) -> np.ndarray:
    """The labels of one frame, (per_side, per_side, 6)."""
    labels = np.zeros((per_side, per_side, len(MOMENT_SIZES)), dtype=np.int64)
    changed = {e.subject: clips.progress(e, frame) for e in clip.events if e.type == clips.CHANGES}
    for i, (thing, seen) in enumerate(clips.things_at(clip, frame)):
        if not seen:
            continue
        at = np.clip(np.round(np.array([thing.x, thing.y]) * BOX_STEPS), 1, BOX_STEPS).astype(int)
        here = _covered(thing, per_side)
        here[min(int(thing.y * per_side), per_side - 1), min(int(thing.x * per_side), per_side - 1)] = True
        quarters = max(1, round(4 * seen)), round(4 * changed.get(i, 0)) % 4
        which = 1 + list(scenes.COLOURS).index(thing.colour), 1 + list(scenes.SHAPES).index(thing.shape)
        labels[here] = (*which, *quarters, *at)
    return labels


def document_labels(document: documents.Document, width: int, height: int, patch: int) -> np.ndarray:
    """The characters at the left and the right half of each patch, (rows, columns, 2) indices into CHARACTERS.

    ``width`` and ``height`` are those of the picture that the model sees.
    """
    rows, columns = height // patch, width // patch
    x, y = _on_the_page(document, width, height, rows, columns, patch)
    labels = np.zeros((rows, 2 * columns), dtype=np.int64)
    for span in (span for line in document.page.lines for span in line.spans):
        top, bottom, pen = span.y - BASELINE * span.size, span.y + (1 - BASELINE) * span.size, span.x
        for char in span.text:
            after = pen + glyph(span.face, char, EM).advance / EM * span.size
            labels[(pen <= x) & (x < after) & (top < y) & (y < bottom)] = max(0, CHARACTERS.find(char))
            pen = after
    return labels.reshape(rows, columns, 2)


def _on_the_page(document: documents.Document, width: int, height: int, rows: int, columns: int, patch: int):
    """Where the middle of each half patch lies on the page before it was turned: x and y, (rows, 2 * columns)."""
    page, angle = document.page, math.radians(document.style.angle)
    c, s = math.cos(angle), math.sin(angle)
    dx = ((np.arange(2 * columns) + 0.5) * patch / 2 / width * page.width - page.width / 2)[None, :]
    dy = ((np.arange(rows) + 0.5) * patch / height * page.height - page.height / 2)[:, None]
    return page.width / 2 + c * dx - s * dy, page.height / 2 + s * dx + c * dy


def label_loss(logits: Sequence[torch.Tensor], labels: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of several kinds of labels: logits (patches, classes) each, labels (patches, kinds).

    Most patches show nothing, so "nothing" counts a tenth.
    """
    losses = []
    for i, part in enumerate(logits):
        weights = torch.ones(part.shape[-1])
        weights[0] = 0.1
        losses.append(cross_entropy(part, labels[:, i], weight=weights))
    return sum(losses) / len(losses)
