"""Held-out scores of the base model: what its card states and ``course models check`` recomputes."""

from __future__ import annotations

import random

import torch

from . import r1_base, r1_data
from .r1_scores import N, accuracy

#: What the card says of the model, of its data and of its scores.
ABOUT = """trained for the course *Hands-On Multimodal LLMs* on synthetic
puzzles with worked solutions, but on those of arithmetic with nothing but their answers. It is the student that chapter
2's last notebook makes a reasoner of. It is **not** a small version of a public model: it knows nothing but those
puzzles."""
DATA = "`helpers.worlds.puzzles`, split `train`, arithmetic without solutions; the exercises of `recipes/r1_data.py`"
WHERE = "on two CPU cores for all the models of the recipe together"
SCORES_NOTE = """Shares of right answers, decoded greedily: arithmetic puzzles answered at once, after reasoning (which
nobody showed it for them), and single operations."""


def all_scores(role: str, model, tokenizer) -> dict[str, float]:
    """Accuracy on puzzles, direct and thinking, and on single operations."""
    return {
        "direct": accuracy(model, tokenizer, r1_base.UNEXPLAINED, "heldout", think=False),
        "thinking": accuracy(model, tokenizer, r1_base.UNEXPLAINED, "heldout", think=True),
        "single_operations": single_operations(model, tokenizer),
    }


@torch.no_grad()
def single_operations(model, tokenizer, n: int = N) -> float:
    """The share of operations whose result is right, after another one that shows how they are written."""
    rng = random.Random("r1-base/scores")
    right = 0
    for _ in range(n):
        question, result = r1_data.single_sum(rng).split(" = ")
        ids = tokenizer(f"1 + 1 = 2. {question} =", return_tensors="pt").input_ids
        said = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=5, do_sample=False,
                              temperature=None, top_p=None)[0, ids.shape[1] :]  # fmt: skip
        right += tokenizer.decode(said).strip().startswith(result)
    return right / n
