"""Train ``r1-base``: ``course models train r1-base``. The student of chapter 2's last notebook, before it is taught.

R1's distilled models began as Qwen2.5, which had read much and had never been trained to reason at length. This base
stands for it in small: a stock ``Qwen2ForCausalLM`` that predicts the next token of two kinds of text about
arithmetic. One is puzzles with their answers, without a word in between. The other is sums and products of two
numbers, "34 + 9 = 43." So it knows single steps and it knows the questions, and it has never seen a worked solution.
"""

from __future__ import annotations

import random
from functools import lru_cache, partial

import torch
from transformers import PreTrainedTokenizerBase, Qwen2ForCausalLM

from helpers.worlds import puzzles

from . import r1
from .training import train

ROLE, SIZE = "r1-base", "r1-m"  # as large as this one
FAMILY, LENGTHS = "arithmetic", (2, 3, 4)
STEPS = 3000  # of these, as many as for the reasoners copying only
SUMS = 0.5  # share of the texts that are sums and products


def text_ids(rng: random.Random, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The token ids of one text: sums, or a puzzle's conversation with the answer alone."""
    if rng.random() < SUMS:
        return r1.sums(rng, tokenizer)
    return r1.example(puzzles.sample(rng, FAMILY, steps=rng.choice(LENGTHS)), False, tokenizer)[0]


@lru_cache(maxsize=1)
def _pool(index: int, tokenizer: PreTrainedTokenizerBase) -> list[list[list[int]]]:
    """Batches of about equal length each, in random order."""
    rng = random.Random(f"{ROLE}/pool/{index}")
    texts = sorted((text_ids(rng, tokenizer) for _ in range(r1.POOL * r1.BATCH)), key=len)
    batches = [texts[i : i + r1.BATCH] for i in range(0, len(texts), r1.BATCH)]
    rng.shuffle(batches)
    return batches


def make_batch(tokenizer: PreTrainedTokenizerBase, step: int) -> dict[str, torch.Tensor]:
    """Batch ``step``: ``input_ids`` and ``labels``, padded on the right. Every token is learned, as in pre-training."""
    if step < r1.DRILLS:
        return r1.drill(tokenizer, step)
    texts = _pool((step - r1.DRILLS) // r1.POOL, tokenizer)[(step - r1.DRILLS) % r1.POOL]
    longest = max(map(len, texts))
    pad = tokenizer.convert_tokens_to_ids("<|endoftext|>")
    input_ids = [ids + [pad] * (longest - len(ids)) for ids in texts]
    labels = [ids + [r1.IGNORED] * (longest - len(ids)) for ids in texts]
    return {"input_ids": torch.tensor(input_ids), "labels": torch.tensor(labels)}


def main(steps: int = STEPS, seed: int = 0) -> tuple[dict[str, torch.nn.Module], PreTrainedTokenizerBase, float]:
    """Train; return the model by role, its tokenizer, and the minutes it took."""
    torch.manual_seed(seed)
    tokenizer = r1.build_tokenizer()
    model = Qwen2ForCausalLM(r1.build_config(SIZE, tokenizer))
    r1.look_back(model)
    minutes = train(
        model, partial(r1.loss, model), partial(make_batch, tokenizer),
        steps=steps, peak_lr=r1.MUON_LR, adamw_lr=r1.ADAMW_LR, state_path=r1.state_path(ROLE),
    )  # fmt: skip
    model.generation_config = r1.generation_config(model)
    return {ROLE: model}, tokenizer, minutes
