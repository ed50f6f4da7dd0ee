"""The vision tasks of chapter 3 as benchmark items over the worlds, for nano models: ``items("grounding", n=100)``.

An item's pictures stand in its messages as ``world://`` addresses; ``pictures(item)`` draws them, and the benchmark's
engine does so when it sends one. (The questions for hosted models are in ``data/benchmark``.)
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator

import numpy as np

from . import world_pictures
from .errors import unknown
from .tasks import Item
from .worlds import clips, documents, pairs, scenes

SIDE = 112  # pixels of a scene: 4 × 4 visual tokens of Qwen2.5-VL
SCALE = 2  # of a document: a capital is 16 to 21 pixels high
CLIP_SIDE = 96


def items(task: str, split: str = "heldout", n: int = 100, seed: int = 0, convention: str = "absolute") -> list[Item]:
    """``n`` items of a task (a key of TASKS).

    ``convention`` is that of the boxes ("absolute" for Qwen2.5-VL, "relative" for Qwen3-VL); only the tasks that ask
    for places depend on it. Raises UnknownName for another task.
    """
    if task not in TASKS:
        raise unknown("vision task", task, list(TASKS))
    return list(TASKS[task](split, n, seed, convention))


def prompt(item: Item) -> str:
    """The text of an item's question."""
    return next(part["text"] for part in item.messages[-1]["content"] if part["type"] == "text")


def pictures(item: Item) -> list | np.ndarray:
    """What an item shows: PIL images, or a clip as an array (frames, height, width, 3) of uint8."""
    parts = [part for part in item.messages[-1]["content"] if part["type"] != "text"]
    if parts[0]["type"] == "video":
        return np.stack([np.asarray(frame) for frame in world_pictures.frames(parts[0]["video"])])
    return [world_pictures.resolve(part["image_url"]["url"]) for part in parts]


def _item(task: str, split: str, seed: int, index: int, addresses: list[str], text: str, reference, grader: str,
          **meta) -> Item:  # fmt: skip
    shown = [{"type": "image_url", "image_url": {"url": address}} for address in addresses]
    if addresses[0].startswith("world://clips/"):
        shown = [{"type": "video", "video": addresses[0], "fps": clips.FPS}]
    return Item(
        id=f"{task}-{split}-{seed}-{index:04}", task=task, reference=reference, grader=grader, meta=meta,
        messages=[{"role": "user", "content": [*shown, {"type": "text", "text": text}]}],
        source="drawn by the course's synthetic worlds",
    )  # fmt: skip


def _scene(split: str, seed: int, index: int) -> list[str]:
    return [f"world://scenes/{split}/{seed}/{index}?side={SIDE}"]


def _description(split: str, n: int, seed: int, convention: str) -> Iterator[Item]:
    for i, scene in enumerate(scenes.scenes(split, n, seed)):
        address, right = _scene(split, seed, i), scenes.captions(scene)
        yield _item("description", split, seed, i, address, scenes.DESCRIBE[0], right, "caption")


def _analysis(split: str, n: int, seed: int, convention: str) -> Iterator[Item]:
    for i, scene in enumerate(scenes.scenes(split, n, seed)):
        lines = scenes.analysis(scene).splitlines()
        fields = {f"{number} {line.split(':')[0].lower()}": [line] for number, line in enumerate(lines, 1)}
        yield _item("analysis", split, seed, i, _scene(split, seed, i), scenes.ANALYSE[0], fields, "fields")


def _vqa(split: str, n: int, seed: int, convention: str) -> Iterator[Item]:
    """Types in turn, and of each type an answer drawn first, so that knowing the usual answer is worth nothing."""
    rng = random.Random(f"vision_tasks/vqa/{split}/{seed}")
    types, index = tuple(scenes.ANSWERS), 0
    for i in range(n):
        type = types[i % len(types)]
        wanted = rng.choice(scenes.ANSWERS[type])
        index, question = _next_question(split, seed, index, rng, type, wanted)
        text = f"{question.text} {scenes.SHORT}"
        yield _item("vqa", split, seed, i, _scene(split, seed, index - 1), text, question.answer, "exact", type=type)


def _next_question(
    split: str, seed: int, index: int, rng: random.Random, type: str, wanted: str
) -> tuple[int, scenes.Question]:
    """The first question of a type with the wanted answer from scene ``index`` on, and the index after its scene."""
    while True:
        scene = next(scenes.scenes(split, 1, seed, start=index))
        about = scenes.questions_about(scene, rng, split)
        asked = [q for q in about if q.type == type and _has(q, wanted)]
        index += 1
        if asked:
            return index, rng.choice(asked)


def _has(question: scenes.Question, wanted: str) -> bool:
    """Whether a question has the wanted answer; of "which is larger", whether it names the larger one first or not."""
    if wanted not in ("first", "second"):
        return question.answer == wanted
    if not question.text.startswith("which is larger"):
        return False
    return (question.text.index(question.answer) < question.text.index(" or ")) == (wanted == "first")


def _absent(split: str, n: int, seed: int, convention: str) -> Iterator[Item]:
    """Whether something is there that may be absent: half of the items show it, half do not."""
    rng = random.Random(f"vision_tasks/absent/{split}/{seed}")
    index = 0
    for i in range(n):
        wanted = ("yes", "no")[i % 2]
        index, question = _next_question(split, seed, index, rng, "yes/no", wanted)
        text = f"{question.text} {scenes.SHORT}"
        yield _item("absent", split, seed, i, _scene(split, seed, index - 1), text, wanted, "exact")


def _grounding(split: str, n: int, seed: int, convention: str) -> Iterator[Item]:
    return _located("grounding", scenes.LOCATE, "boxes", split, n, seed, convention)


def _pointing(split: str, n: int, seed: int, convention: str) -> Iterator[Item]:
    return _located("pointing", scenes.POINT, "points", split, n, seed, convention)


def _located(task: str, ask: str, grader: str, split: str, n: int, seed: int, convention: str) -> Iterator[Item]:
    rng = random.Random(f"vision_tasks/{task}/{split}/{seed}")
    for i, scene in enumerate(scenes.scenes(split, n, seed)):
        targets = scenes.targets(scene)
        name = rng.choice(list(targets))
        boxes = [{"label": name, "bbox": [v * SIDE for v in box]} for box in targets[name]]
        reference = {"boxes": boxes, "size": [SIDE, SIDE], "convention": convention}
        yield _item(task, split, seed, i, _scene(split, seed, i), ask.format(name=name), reference, grader, name=name)


def _document(split: str, seed: int, index: int) -> list[str]:
    return [f"world://documents/{split}/{seed}/{index}?scale={SCALE}"]


def _ocr(split: str, n: int, seed: int, convention: str) -> Iterator[Item]:
    for i, document in enumerate(documents.documents(split, n, seed)):
        address, text = _document(split, seed, i), documents.transcription(document)
        yield _item("ocr", split, seed, i, address, documents.TRANSCRIBE[0], text, "transcript", kind=document.kind)


def _extraction(split: str, n: int, seed: int, convention: str) -> Iterator[Item]:
    """JSON of every kind of document."""
    for i, document in enumerate(documents.documents(split, n, seed)):
        address, values = _document(split, seed, i), json.loads(documents.as_json(document))
        ask = documents.json_prompt(document)
        yield _item("extraction", split, seed, i, address, ask, values, "json", kind=document.kind)


def _document_vqa(split: str, n: int, seed: int, convention: str) -> Iterator[Item]:
    graders = {"text": "anls", "number": "relaxed", "word": "exact"}
    for i, document in enumerate(documents.documents(split, n, seed)):
        question = documents.questions(document, random.Random(f"vision_tasks/document_vqa/{split}/{seed}/{i}"))[0]
        grader, address = graders[question.grading], _document(split, seed, i)
        yield _item(
            "document_vqa", split, seed, i, address, question.prompt, question.answer, grader,
            kind=document.kind, type=question.type,
        )  # fmt: skip


def _clip_questions(task: str, when: bool, split: str, n: int, seed: int) -> Iterator[Item]:
    i = 0
    for index, clip in enumerate(clips.clips(split, None, seed)):
        asked = clips.questions(clip, random.Random(f"vision_tasks/{task}/{split}/{seed}/{index}"))
        asked = [q for q in asked if (q.type == "when") == when]
        if asked:
            question, address = asked[0], [f"world://clips/{split}/{seed}/{index}?side={CLIP_SIDE}"]
            reference, grader = (list(question.seconds), "seconds") if when else (question.answer, "exact")
            yield _item(task, split, seed, i, address, question.prompt, reference, grader, type=question.type)
            i += 1
        if i == n:
            return


def _video(split: str, n: int, seed: int, convention: str) -> Iterator[Item]:
    return _clip_questions("video", False, split, n, seed)


def _when(split: str, n: int, seed: int, convention: str) -> Iterator[Item]:
    return _clip_questions("when", True, split, n, seed)


def _difference(split: str, n: int, seed: int, convention: str) -> Iterator[Item]:
    for i, pair in enumerate(pairs.pairs(split, n, seed)):
        address = [f"world://pairs/{split}/{seed}/{i}/{part}?side={SIDE}" for part in ("first", "second")]
        yield _item("difference", split, seed, i, address, pairs.COMPARE[0], pair.sentence, "exact", change=pair.change)


TASKS: dict[str, Callable[[str, int, int, str], Iterator[Item]]] = {
    "description": _description,
    "analysis": _analysis,
    "vqa": _vqa,
    "absent": _absent,
    "grounding": _grounding,
    "pointing": _pointing,
    "ocr": _ocr,
    "extraction": _extraction,
    "document_vqa": _document_vqa,
    "video": _video,
    "when": _when,
    "difference": _difference,
}
