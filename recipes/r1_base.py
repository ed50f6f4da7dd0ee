"""Train ``r1-base``: ``course models train r1-base``. The student of chapter 2's last notebook, before it is taught.

R1's distilled models began as Qwen2.5, which had read much, worked solutions too, and had never been trained to reason
at length. This base stands for it in small: a stock ``Qwen2ForCausalLM`` that has read what the reasoners read, their
exercises in copying and in single sums included, with one gap. Of arithmetic puzzles it has seen the answers only,
never a solution. So it knows the questions, it can calculate and it can quote, and nobody has shown it how to put them
together.
"""

from __future__ import annotations

from functools import partial

import torch
from transformers import PreTrainedTokenizerBase, Qwen2ForCausalLM

from . import r1, r1_data
from .training import train

ROLE, SIZE = "r1-base", "r1-m"  # as large as this one
UNEXPLAINED = "arithmetic"
STEPS = 4000


def make_batch(tokenizer: PreTrainedTokenizerBase, step: int) -> dict[str, torch.Tensor]:
    """Batch ``step``: after the reasoners' drills in copying, batches as in their last round, with the gap."""
    return r1_data.make_batch(tokenizer, step if step < r1_data.DRILLS else step + r1_data.MORE_FROM, UNEXPLAINED)


def main(steps: int = STEPS, seed: int = 0) -> tuple[dict[str, torch.nn.Module], PreTrainedTokenizerBase, float]:
    """Train; return the model by role, its tokenizer, and the minutes it took."""
    torch.manual_seed(seed)
    tokenizer = r1_data.build_tokenizer()
    model = Qwen2ForCausalLM(r1.build_config(SIZE, tokenizer))
    r1.look_back(model)
    minutes = train(
        model, partial(r1.loss, model), partial(make_batch, tokenizer),
        steps=steps, peak_lr=r1.MUON_LR, adamw_lr=r1.ADAMW_LR, state_path=r1.state_path(ROLE),
    )  # fmt: skip
    model.generation_config = r1.generation_config(model)
    return {ROLE: model}, tokenizer, minutes
