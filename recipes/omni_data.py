"""What ``qwen2_5_omni`` is shown, played and asked, as tensors: pictures, rows of tones, and both at once."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from functools import lru_cache, partial

import numpy as np
import torch
from transformers import WhisperFeatureExtractor

from . import grey_pictures, patch_labels, qwen_vl_data, qwen_vl_scenes, qwen_vl_tasks, strokes, tones
from .qwen_vl_data import SYSTEM, USER, Sequence, build_tokenizer, in_token_order, vision_inputs
from .qwen_vl_tasks import QWEN2_5, Turn

SIDE = 8 * QWEN2_5.patch  # pixels of a picture that is not a scene of another size
LABEL_SIZES = {
    "scenes": patch_labels.LABEL_SIZES["scenes"], "grey": grey_pictures.LABEL_SIZES, "strokes": strokes.LABEL_SIZES,
}  # fmt: skip
LABELLED_AS = {  # which labels the patches of a kind have
    "scenes": "scenes", "drills": "scenes", "grey": "grey", "strokes": "strokes", "both": "strokes",
}  # fmt: skip
LABEL_SHARES = {"scenes": 1, "grey": 1, "strokes": 4, "tones": 3}
LABEL_BATCH = {"scenes": 64, "grey": 64, "strokes": 64, "tones": 48}
TALK_SHARES = {"drills": 2, "scenes": 2, "grey": 2, "strokes": 5, "tones": 5, "both": 4}
TALK_BATCH = {"drills": 16, "scenes": 16, "grey": 16, "strokes": 16, "tones": 24, "both": 16}


@dataclass
class Example:
    """Perhaps a picture, perhaps a sound, and conversations about them. ``content`` is what labels are made of."""

    pictures: list[np.ndarray] = field(default_factory=list)
    sound: np.ndarray | None = None
    talks: list[list[Turn]] = field(default_factory=list)
    content: object = None
    is_clip: bool = False


@lru_cache(maxsize=1)
def feature_extractor() -> WhisperFeatureExtractor:
    """The real one with 64 mel bins in place of 128, for at most four seconds in place of 300."""
    return WhisperFeatureExtractor(feature_size=64, sampling_rate=tones.RATE, hop_length=160, n_fft=400, chunk_length=4)


def stroke_example(index: int) -> Example:
    """A picture of marks with some five conversations."""
    rng = random.Random(f"omni/stroke/{index}")
    picture = strokes.sample_picture(rng)
    return Example([strokes.render(picture, SIDE)], talks=stroke_talks(picture, rng), content=picture)


def stroke_talks(picture: strokes.StrokePicture, rng: random.Random) -> list[list[Turn]]:
    kinds = [mark.kind for mark in picture.marks]
    turns = []
    for place in strokes.PLACES:
        if mark := strokes.outermost(picture, place):
            turns.append(Turn(strokes.WHICH.format(place=place), mark.kind))
    asked = rng.choice(kinds) if rng.random() < 0.5 else rng.choice([k for k in strokes.KINDS if k not in kinds])
    turns.append(Turn(f"Is there a {asked}?", "yes" if asked in kinds else "no"))
    turns.append(Turn(strokes.COUNT, str(len(kinds))))
    turns.append(Turn(strokes.DESCRIBE, strokes.description(picture)))
    return [[turn] for turn in turns]


def tone_example(index: int) -> Example:
    """A row of tones with four conversations, and a few words to read."""
    rng = random.Random(f"omni/tones/{index}")
    row = tones.sample_tones(rng)
    sound, labels = tones.render(row)
    talks = _tone_talks(row, rng, 4)
    return Example(
        sound=sound, talks=[*talks, [Turn(grey_pictures.READ, grey_pictures.read_aloud(rng))]], content=labels
    )


def _tone_talks(row: tones.Tones, rng: random.Random, n: int) -> list[list[Turn]]:
    return [[Turn(question, answer)] for question, answer in rng.sample(list(tones.answers(row).items()), n)]


def both_example(index: int) -> Example:
    """A picture and a row of tones that have nothing to do with each other, and questions about either."""
    rng = random.Random(f"omni/both/{index}")
    picture, row = strokes.sample_picture(rng), tones.sample_tones(rng)
    talks = [*rng.sample(stroke_talks(picture, rng), 3), *_tone_talks(row, rng, 3)]
    return Example([strokes.render(picture, SIDE)], tones.render(row)[0], talks, content=picture)


MAKE = {"strokes": stroke_example, "tones": tone_example, "both": both_example}


def examples_of(kind: str, step: int, n: int) -> list:
    if kind in MAKE:
        return [MAKE[kind](step * n + i) for i in range(n)]
    make = {"scenes": partial(qwen_vl_scenes.scene_example, per_side=8), "drills": qwen_vl_scenes.drill_example,
            "grey": qwen_vl_tasks.grey_example}[kind]  # fmt: skip
    return [make(QWEN2_5, 10_000_000 + step * n + i) for i in range(n)]


def label_batch(step: int) -> dict:
    """Batch ``step`` of the first stage: what is seen or heard, and the labels of each patch or audio token."""
    kind = qwen_vl_data.kind_of(step, LABEL_SHARES)
    examples = examples_of(kind, step, LABEL_BATCH[kind])
    return perceived(kind, examples) | labels_of(kind, examples)


def talk_batch(step: int) -> dict:
    """Batch ``step`` of the second stage: what is seen and heard, conversations about it, and the labels."""
    kind = qwen_vl_data.kind_of(step, TALK_SHARES)
    examples = examples_of(kind, step, TALK_BATCH[kind])
    talks = qwen_vl_data.collate([encode(example) for example in examples])
    return perceived(kind, examples) | talks | labels_of(kind, examples)


def perceived(kind: str, examples: list) -> dict:
    """What is seen (``pixels``, ``grid``) and what is heard (``input_features``, ``feature_attention_mask``)."""
    seen = {} if kind == "tones" else vision_inputs(examples, QWEN2_5)
    return seen | (hear(examples) if kind in ("tones", "both") else {})


def labels_of(kind: str, examples: list) -> dict:
    """``patch_labels`` of what is seen, or ``token_labels`` where nothing is; and of which ``kind`` they are."""
    if kind == "tones":
        return {"kind": kind, "token_labels": torch.from_numpy(np.concatenate([e.content for e in examples]))}
    labels = np.concatenate([in_token_order(_label_grid(example)) for example in examples])
    return {"kind": LABELLED_AS[kind], "patch_labels": torch.from_numpy(labels)}


def _label_grid(example: Example | qwen_vl_tasks.Example) -> np.ndarray:
    if isinstance(example.content, strokes.StrokePicture):
        return strokes.labels(example.content, SIDE // QWEN2_5.patch)
    return qwen_vl_data.label_grids(example, QWEN2_5)[0]


def hear(examples: list[Example]) -> dict:
    """``input_features`` (n, 64, 400) and ``feature_attention_mask`` (n, 400), as the processor makes them."""
    made = feature_extractor()(
        [example.sound for example in examples], sampling_rate=tones.RATE, padding="max_length",
        return_attention_mask=True, return_tensors="pt",
    )  # fmt: skip
    return {"input_features": made["input_features"], "feature_attention_mask": made["attention_mask"]}


def encode(example: Example | qwen_vl_tasks.Example) -> Sequence:
    """The picture, then the sound, once; then every conversation from the same position on."""
    seq = Sequence(build_tokenizer())
    seq.text(SYSTEM + USER)
    for picture in example.pictures:
        seq.text("<|vision_bos|>")
        seq.vision("<|IMAGE|>", 1, *(n // QWEN2_5.token for n in picture.shape[:2]))
        seq.text("<|vision_eos|>")
    if getattr(example, "sound", None) is not None:
        seq.text("<|audio_bos|>" + "<|AUDIO|>" * int(tones.PER_SECOND * tones.SECONDS) + "<|audio_eos|>")
    qwen_vl_data.add_talks(seq, example.talks)
    return seq
