"""Held-out scores of the reasoners: what the cards state and ``course models check`` recomputes.

Answers are greedy, so that the scores are the same each time; the course's benchmarks sample, as DeepSeek advises.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from helpers import grading
from helpers.batching import batched
from helpers.worlds import puzzles

N = 100  # items per score
MAX_TOKENS = 256  # the longest trace of the split "longer" has about 140

#: What the card says of the models, of their data and of their scores.
ABOUT = """trained for the course *Hands-On Multimodal LLMs* on synthetic puzzles
of six families. It is **not** a small version of a public model: it knows nothing but those puzzles in their own
wordings, and what it says about anything else means nothing."""
DATA = "`helpers.worlds.puzzles`, split `train`; synthetic, made by a program, with its worked solutions"
WHERE = "on two CPU cores for all the models of the recipe together"
SCORES_NOTE = """Shares of right answers, decoded greedily. "direct" answers come without reasoning, others after it.
"templates" are wordings and "longer" are lengths that training never showed; all items are held out."""


def all_scores(role: str, model, tokenizer) -> dict[str, float]:
    """Accuracy by family: thinking, direct, on unseen templates, on longer problems; means of the first two."""
    scores = {}
    with grading.allow():
        for family in puzzles.FAMILIES:
            scores[f"{family}_thinking"] = accuracy(model, tokenizer, family, "heldout", think=True)
            scores[f"{family}_direct"] = accuracy(model, tokenizer, family, "heldout", think=False)
            scores[f"{family}_templates"] = accuracy(model, tokenizer, family, "templates", think=True)
            scores[f"{family}_longer"] = accuracy(model, tokenizer, family, "longer", think=True)
    for mode in ("thinking", "direct"):
        scores[mode] = sum(scores[f"{family}_{mode}"] for family in puzzles.FAMILIES) / len(puzzles.FAMILIES)
    return scores


def accuracy(model, tokenizer, family: str, split: str, think: bool, n: int = N) -> float:
    """The share of ``n`` puzzles that are answered correctly. Code is run in the sandbox, which must be allowed."""
    drawn = list(puzzles.puzzles(split, family, n))
    answers = generate(model, tokenizer, drawn, think)
    grades = [grading.grade(puzzle.item(think), answer) for puzzle, answer in zip(drawn, answers)]
    return sum(grade.outcome == "correct" for grade in grades) / n


@torch.no_grad()
def generate(model, tokenizer, drawn: list[puzzles.Puzzle], think: bool) -> Iterator[str]:
    """Yield the answer to each puzzle, without its reasoning; empty where the reasoning never ended."""
    for batch in batched(drawn, N):
        prompts = [
            tokenizer.apply_chat_template(
                puzzle.item(think).messages, add_generation_prompt=True, enable_thinking=think, tokenize=False
            )
            for puzzle in batch
        ]
        tokens = tokenizer(prompts, padding=True, padding_side="left", return_tensors="pt")
        ids = model.generate(
            input_ids=tokens.input_ids, attention_mask=tokens.attention_mask,
            max_new_tokens=MAX_TOKENS, do_sample=False, temperature=None, top_p=None,
        )  # fmt: skip
        for text in tokenizer.batch_decode(ids[:, tokens.input_ids.shape[1] :], skip_special_tokens=True):
            yield text.rpartition("</think>")[2].strip() if not think or "</think>" in text else ""
