"""What the Qwen-VL models are shown and asked: pictures, and for each several short conversations about it.

The conversations of one picture are independent: each begins right after the picture and none sees another
(``qwen_vl_data``). So a picture is looked at once and asked about five times, as if it were five examples.
"""

from __future__ import annotations

import random
import string
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image
from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize

from helpers import grounding
from helpers.worlds import clips, documents, pairs, scenes
from helpers.worlds.clips.clip import clip_rng
from helpers.worlds.documents.document import document_rng
from helpers.worlds.pairs import pair_rng

from . import grey_pictures

CLIP_SIDE = 96  # what `clips.frames` draws
DOCUMENT_SCALES = {1.0: 1, 1.5: 3, 2.0: 6}  # with weights; at 2 a capital is 16 to 21 pixels high
PATCHES_PER_SIDE = {8: 7, 6: 1, 4: 1, 12: 1}  # of a scene, with weights: 112 pixels, and what other budgets leave


class Turn(NamedTuple):
    """A question with its answer, and what is thought before it (None: nothing, and no room for it)."""

    question: str
    answer: str
    reasoning: str | None = None


@dataclass
class Family:
    """What differs between Qwen2.5-VL and Qwen3-VL before the model: patches, coordinates, whether it can think."""

    patch: int
    convention: str
    thinks: bool

    @property
    def token(self) -> int:
        """Pixels of a visual token's side: two patches."""
        return 2 * self.patch


QWEN2_5, QWEN3 = Family(14, "absolute", thinks=False), Family(16, "relative", thinks=True)
LEAST, MOST = 16, 256  # visual tokens of a picture


@dataclass
class Example:
    """Pictures (or the frames of one clip) as uint8 (height, width, 3) arrays, and conversations about them.

    ``content`` is what patch labels are made of: a scene, a document, a clip, or a grey picture with its spots' masks.
    """

    pictures: list[np.ndarray]
    talks: list[list[Turn]]
    is_clip: bool = False
    numbered: bool = False
    content: scenes.Scene | documents.Document | clips.Clip | tuple | None = None


def numbers(family: Family, width: int, height: int):
    """How a family writes a box given in shares of the sides: pixels of the picture it sees, or thousandths."""
    return lambda box: grounding.to_model(box, (1, 1), (width, height), family.convention)


def grey_example(family: Family, index: int) -> Example:
    """A grey picture, what its spots are and where, and a few words to read (chapter 4's bases)."""
    rng = random.Random(f"qwen_vl/grey/{index}")
    picture = grey_pictures.sample_picture(rng)
    side = 8 * family.patch
    pixels, masks = grey_pictures.render(picture, side)
    found = [(spot.kind, grey_pictures.box(mask)) for spot, mask in zip(picture.spots, masks)]
    turns = [Turn(rng.choice(grey_pictures.DESCRIBE), grey_pictures.description(picture))]
    asked = rng.choice([kind for kind, _ in found] or grey_pictures.KINDS) if rng.random() < 0.5 else None
    asked = asked or rng.choice(grey_pictures.KINDS)
    there = [box for kind, box in found if kind == asked]
    turns.append(Turn(f"Is there a {asked}?", "yes" if there else "no"))
    listed = scenes.boxes_json([(asked, box) for box in there], numbers(family, side, side))
    turns.append(Turn(scenes.LOCATE.format(name=asked), listed))
    if len(found) < 2:
        turns.append(Turn(rng.choice(grey_pictures.SHOWS), found[0][0] if found else "nothing"))
    if len(found) == 1:
        turns.append(Turn(rng.choice(grey_pictures.SIDE), grey_pictures.side(picture.spots[0], picture)))
    turns.append(Turn(grey_pictures.READ, grey_pictures.read_aloud(rng)))
    return Example([pixels], [[turn] for turn in turns], content=(picture, masks))


def document_example(family: Family, index: int) -> Example:
    """A document as the processor would hand it on, with some five conversations."""
    rng = random.Random(f"qwen_vl/document/{index}")
    document = documents.sample_document(document_rng("train", 2, index))
    scale = rng.choices(list(DOCUMENT_SCALES), list(DOCUMENT_SCALES.values()))[0]
    talks = [[Turn(q.prompt, q.answer)] for q in documents.questions(document, rng)[:4]]
    if rng.random() < 0.7:
        talks.append([Turn(rng.choice(documents.TRANSCRIBE), documents.transcription(document))])
    if rng.random() < 0.4 or len(talks) < 3:
        talks.append([_converted(document, rng)])
    image = documents.render(document, scale)
    return Example([as_seen(image, family)], talks, content=document)


def reading_example(family: Family, index: int, kinds: tuple[str, ...] = ("sign", "form", "receipt")) -> Example:
    """A document of one of these kinds, in full size: its text, and questions about it."""
    rng = random.Random(f"qwen_vl/reading/{index}")
    return _read(family, documents.sample_document(document_rng("train", 3, index), kind=rng.choice(kinds)), rng)


def letters_example(family: Family, index: int) -> Example:
    """A sign that says nothing: letters and digits at random.

    Training shows three in four of the world's two dozen signs. A model that had read only those read "CLOSED" off a
    sign that said "OPEN": it chose among the signs that it knew.
    """
    rng = random.Random(f"qwen_vl/letters/{index}")
    while True:
        lines = tuple(_scribble(rng) for _ in range(rng.choice((1, 1, 2, 3))))
        if not documents.is_reserved(content := documents.Sign(lines)):
            break
    return _read(family, documents.set_out(rng, content), rng)


def _scribble(rng: random.Random) -> str:
    """A line of a sign: mostly letters, all capitals or only the first, and sometimes a number."""
    word = "".join(rng.choices(string.ascii_uppercase, k=rng.randint(2, 8)))
    word = rng.choice((word, word.title()))
    number = str(rng.randint(0, 10 ** rng.randint(1, 4)))
    return rng.choice((word, word, word, number, f"{word} {number}"))


def _read(family: Family, document: documents.Document, rng: random.Random) -> Example:
    talks = [[Turn(rng.choice(documents.TRANSCRIBE), documents.transcription(document))]]
    talks += [[Turn(q.prompt, q.answer)] for q in documents.questions(document, rng)[:4]]
    if document.kind in ("table", "chart"):
        talks.append([_converted(document, rng)])
    return Example([as_seen(documents.render(document, 2), family)], talks, content=document)


def _converted(document: documents.Document, rng: random.Random) -> Turn:
    if document.kind == "table":
        return rng.choice((
            Turn(documents.TO_HTML, documents.as_html(document)), Turn(documents.TO_CSV, documents.as_csv(document)),
            Turn(documents.json_prompt(document), documents.as_json(document)),
        ))  # fmt: skip
    return Turn(documents.json_prompt(document), documents.as_json(document))


def as_seen(image: Image.Image, family: Family) -> np.ndarray:
    """A picture resized to whole visual tokens, as the processor does it."""
    height, width = smart_resize(
        image.height, image.width, family.token, min_pixels=LEAST * family.token**2, max_pixels=MOST * family.token**2
    )
    resized = image if image.size == (width, height) else image.resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(resized)


def clip_example(family: Family, index: int) -> Example:
    """A clip, some six conversations about what happens and when."""
    rng = random.Random(f"qwen_vl/clip/{index}")
    clip = clips.sample_clip(clip_rng("train", 2, index), "train")
    talks = [[Turn(q.prompt, q.answer)] for q in clips.questions(clip, rng)[:5]]
    if rng.random() < 0.5:
        talks.append([Turn(rng.choice(clips.DESCRIBE), clips.describe(clip))])
    if rng.random() < 0.25:
        talks.append([Turn(clips.LIST_EVENTS, clips.as_json(clip))])
    return Example(_watched(clip, family), talks, is_clip=True, content=clip)


def moment_example(family: Family, index: int) -> Example:
    """A clip, when each of its events happens, and what can be seen at four moments.

    "When" was one question in six about clips. With that, models answered by a likely time.
    """
    rng = random.Random(f"qwen_vl/moment/{index}")
    clip = clips.sample_clip(clip_rng("train", 3, index), "train")
    turns = [Turn(q.prompt, q.answer) for q in clips.questions_about(clip, rng) if q.type == "when"]
    turns += [Turn(f"What can be seen at {frame / clips.FPS:.1f} seconds?", names)
              for frame, names in _at_rest(clip, rng)]  # fmt: skip
    return Example(_watched(clip, family), [[turn] for turn in turns], is_clip=True, content=clip)


def _at_rest(clip: clips.Clip, rng: random.Random) -> list[tuple[int, str]]:
    """Four frames, or fewer, in which nothing happens, and the things in them: "blue circle, red star"."""
    frames = [i for i in range(clip.n_frames) if not any(event.first < i < event.last for event in clip.events)]
    found = []
    for frame in sorted(rng.sample(frames, min(4, len(frames)))):
        seen = [f"{thing.colour} {thing.shape}" for thing, share in clips.things_at(clip, frame) if share == 1]
        found.append((frame, ", ".join(sorted(seen)) or clips.NOTHING))
    return found


def _watched(clip: clips.Clip, family: Family) -> list[np.ndarray]:
    """An even number of frames, of whole visual tokens."""
    frames = list(clips.frames(clip, CLIP_SIDE // family.token * family.token))
    return frames + frames[-1:] * (len(frames) % 2)


def pair_example(family: Family, index: int) -> Example:
    """Two pictures, what differs, and four questions about both."""
    rng = random.Random(f"qwen_vl/pair/{index}")
    draw = pair_rng("train", 2, index)
    kinds = tuple(pairs.ANSWERS)
    pair, first = pairs.sample_question(draw, "train", kinds[index % len(kinds)])
    others = [q for q in pairs.questions(pair, rng) if q.text != first.text]
    others.sort(key=lambda q: q.type != "difference")  # the sentence is the hardest: never left out
    talks = [[Turn(q.text, q.answer)] for q in (first, *others[:4])]
    pictures = [np.asarray(picture) for picture in pairs.render(pair, 8 * family.patch)]
    return Example(pictures, talks, numbered=rng.random() < 0.7)
