"""From pictures and conversations to tensors: patches, token ids, labels, M-RoPE positions and the attention mask.

The same as the processors, chat templates and models of transformers make of one conversation at a time
(``tests/test_qwen_vl_recipe.py`` compares), but in a form in which all conversations about a picture share it.
"""

from __future__ import annotations

import random
from functools import lru_cache, partial

import numpy as np
import torch
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from helpers.profiles import root
from helpers.worlds import clips, documents, scenes

from . import grey_pictures
from .patch_labels import background_labels, box_labels, clip_labels, document_labels, scene_labels
from .qwen_vl_scenes import drill_example, place_example, scene_example, telling_example
from .qwen_vl_tasks import (
    PATCHES_PER_SIDE,
    QWEN3,
    Example,
    Family,
    Turn,
    clip_example,
    document_example,
    grey_example,
    letters_example,
    moment_example,
    pair_example,
    reading_example,
)

SYSTEM = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"  # Qwen2.5-VL's; Qwen3-VL has none
USER, ASSISTANT = "<|im_start|>user\n", "<|im_start|>assistant\n"
END = "<|im_end|>"
IGNORED = -100  # the label of what is not to be learned
MAKE = {
    "drills": drill_example, "places": place_example, "telling": telling_example, "scenes": scene_example,
    "reading": reading_example, "documents": document_example, "clips": clip_example, "pairs": pair_example,
    "grey": grey_example, "letters": letters_example, "numbers": partial(reading_example, kinds=("table", "chart")),
    "moments": moment_example,
}  # fmt: skip
BATCH = {
    "drills": 16, "places": 16, "telling": 24, "scenes": 16, "reading": 12, "documents": 8, "clips": 10, "pairs": 12,
    "grey": 16, "letters": 16, "numbers": 8, "moments": 16,
}  # fmt: skip
LABELLED_AS = {  # which labels the patches of a kind have
    "drills": "scenes", "places": "scenes", "telling": "scenes", "scenes": "scenes", "reading": "documents",
    "documents": "documents", "letters": "documents", "numbers": "documents", "clips": "clips", "moments": "clips",
    "grey": "grey",
}  # fmt: skip
VISION_BATCH = {"scenes": 64, "documents": 16, "grey": 64, "clips": 32}
VISION_SHARES = {"scenes": 2, "documents": 2, "grey": 1, "clips": 1}
#: What the second stage's batches are made of, until which share of its steps. One skill is easier to learn than ten at
#: a time: with all of them from the start, questions about one thing among several were answered by a guess for 3,400
#: steps; as drills they took 600. Boxes stayed guesses (IoU 0.10) while places were a fifth of the batches; 600 steps
#: of nothing else took them to 0.46. So it was with pairs and documents: after 500 and 900 steps of them, and 1,600 of
#: a mixture, differences came from 0.31 to 0.55 and keys and values from 0.37 to 0.57; and with times, whose IoU was
#: 0.37 after thousands of steps with clips among them, and 0.60 after 700 of little but moments. What was learned must
#: be kept in the mixture that follows: after 250 steps of nothing but telling, no box was right; and with a tenth of
#: grey pictures, chapter 4's fine-tuning on phantoms ended at a macro-F1 of 0.53, after 450 steps with a third of them
#: at 0.70.
CURRICULUM = (
    (0.16, {"drills": 1}),
    (0.24, {"drills": 2, "scenes": 3, "reading": 5}),
    (0.36, {"places": 1}),
    (0.44, {"pairs": 3, "places": 1}),
    (0.50, {"moments": 3, "clips": 2, "places": 1}),
    (0.62, {"reading": 2, "letters": 1, "documents": 1, "numbers": 1, "places": 1}),
    (1.00, {"scenes": 5, "places": 6, "telling": 5, "drills": 4, "reading": 2, "letters": 2, "documents": 4,
            "numbers": 3, "clips": 3, "moments": 2, "pairs": 4, "grey": 10}),
)  # fmt: skip
SCENE_LABELS = (scene_labels, box_labels, background_labels)
TOKENS_PER_SECOND = 2  # Qwen2.5-VL's time axis: a temporal patch of two frames at 2 fps is one second


@lru_cache(maxsize=1)
def build_tokenizer() -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(root() / "data" / "tokenizer" / "qwen")


def kind_of(step: int, shares: dict[str, int]) -> str:
    """What the pictures of a batch are."""
    rng = random.Random(f"qwen_vl/kind/{step}")
    return rng.choices(list(shares), list(shares.values()))[0]


def examples_of(family: Family, kind: str, step: int, n: int) -> list[Example]:
    """The ``n`` examples of a batch. Its scenes are all of one size."""
    make = MAKE[kind]
    if kind == "scenes":
        rng = random.Random(f"qwen_vl/size/{step}")
        make = partial(make, per_side=rng.choices(list(PATCHES_PER_SIDE), list(PATCHES_PER_SIDE.values()))[0])
    return [make(family, step * n + i) for i in range(n)]


def vision_batch(family: Family, step: int) -> dict:
    """Batch ``step`` of the first stage: patches, grids and what stands on each patch."""
    kind = kind_of(step, VISION_SHARES)
    examples = examples_of(family, kind, step, VISION_BATCH[kind])
    return vision_inputs(examples, family) | labels_of(kind, examples, family)


def labels_of(kind: str, examples: list[Example], family: Family) -> dict:
    """``patch_labels`` (patches, n) and of which ``kind`` they are; nothing for pairs of pictures, which have none."""
    if kind not in LABELLED_AS:
        return {}
    labels = np.concatenate([in_token_order(grid) for example in examples for grid in label_grids(example, family)])
    return {"kind": LABELLED_AS[kind], "patch_labels": torch.from_numpy(labels)}


def label_grids(example: Example, family: Family) -> list[np.ndarray]:
    """What stands on each patch of an example's picture, or of every second of its clip: (rows, columns, n) each."""
    content, (height, width) = example.content, example.pictures[0].shape[:2]
    per_side = width // family.patch
    if isinstance(content, scenes.Scene):
        return [np.concatenate([label(content, per_side) for label in SCENE_LABELS], axis=-1)]
    if isinstance(content, clips.Clip):
        return list(clip_labels(content, per_side))
    if isinstance(content, documents.Document):
        return [document_labels(content, width, height, family.patch)]
    return [grey_pictures.labels(*content, per_side)]


def talk_batch(family: Family, steps: int, step: int) -> dict:
    """Batch ``step`` of the second stage, which has ``steps``: patches, grids, conversations, labels."""
    return mixed_batch(family, next(shares for until, shares in CURRICULUM if step < until * steps), step)


def mixed_batch(family: Family, shares: dict[str, int], step: int) -> dict:
    """Batch ``step`` of a mixture: kind of picture → its share of the batches."""
    kind = kind_of(step, shares)
    examples = examples_of(family, kind, step, BATCH[kind])
    talks = collate([encode(example, family) for example in examples])
    return vision_inputs(examples, family) | talks | labels_of(kind, examples, family)


def in_token_order(grid: np.ndarray) -> np.ndarray:
    """(rows, columns, n), what patches show, as the processors order patches: by 2 × 2 neighbours; (patches, n)."""
    rows, columns, n = grid.shape
    return grid.reshape(rows // 2, 2, columns // 2, 2, n).transpose(0, 2, 1, 3, 4).reshape(-1, n)


def patches(frames: list[np.ndarray], patch: int) -> np.ndarray:
    """Patches (n, 3, 2, patch, patch) of two frames at a time, in the processors' order: by 2 × 2 neighbours."""
    video = np.stack(frames)
    t, height, width = len(video) // 2, video.shape[1] // patch // 2, video.shape[2] // patch // 2
    cut = video.reshape(t, 2, height, 2, patch, width, 2, patch, 3)
    return cut.transpose(0, 2, 5, 3, 6, 8, 1, 4, 7).reshape(-1, 3, 2, patch, patch)


def vision_inputs(examples: list[Example], family: Family) -> dict:
    """``pixels`` as uint8 patches, ``grid`` (pictures, 3), and whether they are clips."""
    sequences = [e.pictures if e.is_clip else [picture] * 2 for e in examples for picture in _each(e)]
    grid = [(len(s) // 2, s[0].shape[0] // family.patch, s[0].shape[1] // family.patch) for s in sequences]
    pixels = np.concatenate([patches(frames, family.patch) for frames in sequences])
    return {"pixels": torch.from_numpy(pixels), "grid": torch.tensor(grid), "is_clip": examples[0].is_clip}


def _each(example: Example) -> list[np.ndarray]:
    """The pictures of an example; a clip counts as one."""
    return example.pictures[:1] if example.is_clip else example.pictures


class Sequence:
    """Token ids with their labels, positions (temporal, height, width) and conversation (0 is what all see)."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.tokenizer = tokenizer
        self.ids: list[int] = []
        self.labels: list[int] = []
        self.talks: list[int] = []
        self.positions: list[tuple[int, int, int]] = []
        self.next = 0

    def text(self, text: str, talk: int = 0, learned: bool = False) -> None:
        ids = self.tokenizer(text).input_ids
        self.ids += ids
        self.labels += ids if learned else [IGNORED] * len(ids)
        self.talks += [talk] * len(ids)
        self.positions += [(self.next + i,) * 3 for i in range(len(ids))]
        self.next += len(ids)

    def vision(self, token: str, t: int, height: int, width: int) -> None:
        """``t`` × ``height`` × ``width`` visual tokens, at M-RoPE's positions."""
        ids = [self.tokenizer.convert_tokens_to_ids(token)] * (t * height * width)
        self.ids += ids
        self.labels += [IGNORED] * len(ids)
        self.talks += [0] * len(ids)
        start = self.next
        self.positions += [
            (start + TOKENS_PER_SECOND * k, start + y, start + x)
            for k in range(t) for y in range(height) for x in range(width)
        ]  # fmt: skip
        self.next += max(height, width)


def encode(example: Example, family: Family) -> Sequence:
    """The pictures once, then every conversation from the same position on."""
    seq = Sequence(build_tokenizer())
    seq.text(USER if family is QWEN3 else SYSTEM + USER)
    for i, picture in enumerate(_each(example), 1):
        height, width = (n // family.token for n in picture.shape[:2])
        if example.numbered:
            seq.text(f"Picture {i}: ")
        if not example.is_clip:
            seq.text("<|vision_start|>")
            seq.vision("<|image_pad|>", 1, height, width)
            seq.text("<|vision_end|>")
        elif family is QWEN3:  # every second of a clip has its time before it; transformers keeps the template's marks
            seq.text("<|vision_start|>")
            for second in range(len(example.pictures) // 2):
                seq.text(f"<{second + 0.25:.1f} seconds><|vision_start|>")
                seq.vision("<|video_pad|>", 1, height, width)
                seq.text("<|vision_end|>")
            seq.text("<|vision_end|>")
        else:
            seq.text("<|vision_start|>")
            seq.vision("<|video_pad|>", len(example.pictures) // 2, height, width)
            seq.text("<|vision_end|>")
    add_talks(seq, example.talks)
    return seq


def add_talks(seq: Sequence, talks: list[list[Turn]]) -> None:
    """Append conversations, each from the position where the picture ends."""
    start = seq.next
    for k, talk in enumerate(talks, 1):
        seq.next = start
        for i, turn in enumerate(talk):
            thinks = "" if turn.reasoning is None else "<think>\n"
            seq.text(f"{f'{chr(10)}{USER}' if i else ''}{turn.question}{END}\n{ASSISTANT}{thinks}", k)
            thought = "" if turn.reasoning is None else f"{turn.reasoning}\n</think>\n\n"
            seq.text(f"{thought}{turn.answer}{END}", k, learned=True)


def collate(sequences: list[Sequence]) -> dict:
    """``input_ids``, ``labels`` (n, length), ``positions`` (3, n, length) and ``talks`` (n, length), padded right."""
    longest = max(len(s.ids) for s in sequences)
    pad = build_tokenizer().convert_tokens_to_ids("<|endoftext|>")
    fill = lambda rows, value: torch.tensor([row + [value] * (longest - len(row)) for row in rows])  # noqa: E731
    return {
        "input_ids": fill([s.ids for s in sequences], pad),
        "labels": fill([s.labels for s in sequences], IGNORED),
        "talks": fill([s.talks for s in sequences], 0),
        "positions": fill([s.positions for s in sequences], (0, 0, 0)).permute(2, 0, 1),
    }  # fmt: skip


def visible(talks: torch.Tensor) -> torch.Tensor:
    """Who may look at whom, (n, 1, length, length): earlier tokens of the pictures and of one's own conversation."""
    same = (talks[:, :, None] == talks[:, None, :]) | (talks[:, None, :] == 0)
    return (same & torch.ones(same.shape[1:], dtype=torch.bool).tril())[:, None]
