"""Held-out scores of the Qwen-VL models: what the cards state and ``course models check`` recomputes. Greedy."""

from __future__ import annotations

from collections.abc import Sequence

from helpers import grading, grounding, vision, vision_tasks
from helpers.tasks import Item

N = 100  # items per score
#: The score of a task is the share of correct answers, but where the mean of the graders' scores says more: the mean
#: IoU of boxes, the share of points that hit, 1 - CER, the F1 of keys and values, the temporal IoU.
BY_SCORE = ("analysis", "grounding", "pointing", "ocr", "extraction", "when")
MAX_TOKENS = {"analysis": 120, "grounding": 200, "pointing": 160, "ocr": 160, "extraction": 240}

ABOUT = """trained for the course *Hands-On Multimodal LLMs* on synthetic scenes,
documents, clips and pairs of pictures. It is **not** a small version of a public model: it knows nothing but those
worlds in their own wordings, and what it says about a photograph means nothing. (Nobody has run the recipe as it stands
from start to end; the models were trained while it was being made. `qwen2_5_vl-s` and `-m` had 1,740 steps of it as it
was before it drilled places and showed grey pictures. `-l` and `qwen3_vl` had 5,800 of those, with a tower from earlier
versions that was taught the boxes for 720 steps and the background for 400; 3,000 and 2,800 of their 4,700 steps of
conversations came before the last of that. `-l` then had 8,650 steps of conversations that began with nothing but
places and went on with pairs, clips and documents; `qwen3_vl` had 700 steps of the tower with grey pictures, 2,100 of
conversations with those and places among them, 2,800 that began with nothing but places, and 450 of which a third were
about grey pictures. Then the towers were taught again, by labels alone, for 1,650 (`-l`) and 900 steps, and after that
everything together, for 6,550 and 3,300. In this last stage the weights became the mean of two states: of those after
2,500 and after 3,150 (`-l`) or 3,300 steps; and in `-l` twice more, of those before and after 2,000 further steps, and
before and after another 1,400. Then `-l` learned times, in 700 steps of little but moments of clips. The mean of that
and what was before went on with everything for 2,300 steps; six tenths of the result and four of what was before all of
this went on for the last 1,050, and what there is is the mean of the weights before and after those. Rounds like these
are what `python -m recipes.qwen_vl_rounds` makes. Each mean, but for the one right after the moments, was on the whole
better than either state; all were chosen by these scores. In `qwen3_vl` the embeddings of fourteen tokens that it had
never read, and nothing else, then learned for 70 steps of single words. The minutes of earlier versions of the
towers are not counted.)"""
DATA = "`helpers.worlds`: `scenes`, `documents`, `clips` and `pairs`, split `train`; synthetic, drawn by programs"
WHERE = "on one CPU core with AVX-512, beside other work on the machine"
SCORES_NOTE = """Of 100 held-out items each, decoded greedily: shares of exact answers, but for "analysis" the share of
facts, "grounding" the mean IoU, "pointing" the share of points that hit, "ocr" 1 - CER, "extraction" the F1 of keys and
values, "when" the temporal IoU. "…_novel" are pairs of colour and shape that training never showed; "grounding_50" is
the share of boxes with an IoU of at least 0.5; "vqa_thinking" answers come after reasoning."""


def all_scores(role: str, model, processor, n: int = N) -> dict[str, float]:
    """The score of every task, and of some on what training never showed."""
    scores = {task: score(model, processor, task, "heldout", n) for task in vision_tasks.TASKS}
    for task in ("description", "vqa"):
        scores[f"{task}_novel"] = score(model, processor, task, "novel", n)
    scores["grounding_50"] = _boxes_above_half(model, processor, n)
    if role == "qwen3_vl":
        scores["vqa_thinking"] = score(model, processor, "vqa", "heldout", n, thinking=True)
    return scores


def score(model, processor, task: str, split: str, n: int = N, thinking: bool = False) -> float:
    """The mean of one task; what counts is said above."""
    asked = vision_tasks.items(task, split, n, convention=grounding.convention(model))
    grades = [grading.grade(item, text) for item, text in zip(asked, answers(model, processor, asked, thinking))]
    return sum(g.score if task in BY_SCORE else g.outcome == "correct" for g in grades) / n


def answers(model, processor, asked: Sequence[Item], thinking: bool = False) -> list[str]:
    """The greedy answers to items of one task, without reasoning."""
    longest = MAX_TOKENS.get(asked[0].task, 60) + (120 if thinking else 0)
    texts = vision.ask(
        model, processor, [vision_tasks.pictures(item) for item in asked], [vision_tasks.prompt(i) for i in asked],
        max_new_tokens=longest, thinking=thinking, number_pictures=asked[0].task == "difference",
    )  # fmt: skip
    return [vision.answer_of(text, thinking) for text in texts]


def _boxes_above_half(model, processor, n: int) -> float:
    """The share of true boxes that a found one matches at an IoU of 0.5."""
    kind = grounding.convention(model)
    asked = vision_tasks.items("grounding", n=n, convention=kind)
    matched = total = 0
    for item, text in zip(asked, answers(model, processor, asked)):
        truth = [grounding.Box(box["label"], *box["bbox"]) for box in item.reference["boxes"]]
        size = tuple(item.reference["size"])
        resized = grounding.resized_size(*size, processor)
        found = [grounding.to_image_box(box, size, resized, kind) for box in grounding.parse_boxes(text).found]
        matched += sum(i is not None for i in grounding.match(found, truth))
        total += len(truth)
    return matched / total
