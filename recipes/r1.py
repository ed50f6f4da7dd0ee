"""Train the reasoners ``r1-s``, ``r1-m`` and ``r1-l``: ``course models train r1``.

Each is a stock ``Qwen2ForCausalLM`` that learns every puzzle in two ways, as the chat template asks: to reason in
``<think>`` before it answers, or to answer at once. The three differ in size only; all of them read the same batches.

R1's distilled models were made from pre-trained Qwen2.5 by fine-tuning on a teacher's traces (DeepSeek-AI, 2025,
section 2.4). These start from nothing, and their teacher is the program that draws the puzzles.

A solution quotes the puzzle, and to quote is the hard part for a model that starts from nothing: after 2,000 steps an
earlier version knew how every sentence begins and not which name comes next. What finds the next word is a pair of
heads, one that looks at the token before and one that looks for the same token further up (Olsson et al., 2022,
"induction heads"). So the first of the pair is built in (``look_back``), and the first steps are drills in copying:
300 of them, where without the built-in heads 700 were not enough.

After two rounds of training the models told who has a thing after several swaps no better than a guess: what they could
not do was to look up who has it at first, nor a single swap. So the third round has exercises in both (``r1_data``).
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy
from transformers import GenerationConfig, PreTrainedTokenizerBase, Qwen2Config, Qwen2ForCausalLM

from .r1_data import IGNORED, build_tokenizer, make_batch
from .training import train

#: Hidden size (a multiple of 64, NF4's block) and number of layers.
SIZES = {"r1-s": (64, 2), "r1-m": (128, 2), "r1-l": (128, 4)}
HEAD = 32  # width of an attention head
STEPS = 9000
ROUNDS = (4 / 9, 6 / 9, 1)  # of the steps; at the end of each the learning rate has fallen to nothing (warm restarts)
MUON_LR, ADAMW_LR = 6e-3, 2e-3


def build_config(role: str, tokenizer: PreTrainedTokenizerBase) -> Qwen2Config:
    """Qwen2's architecture at a role's size, with tied embeddings as in Qwen2.5's smallest models."""
    width, layers = SIZES[role]
    return Qwen2Config(
        vocab_size=len(tokenizer), hidden_size=width, intermediate_size=3 * width, num_hidden_layers=layers,
        num_attention_heads=width // HEAD, num_key_value_heads=width // HEAD, max_position_embeddings=2048,
        tie_word_embeddings=True, bos_token_id=None, eos_token_id=tokenizer.convert_tokens_to_ids("<|im_end|>"),
        pad_token_id=tokenizer.convert_tokens_to_ids("<|endoftext|>"),
    )  # fmt: skip


@torch.no_grad()
def look_back(model: Qwen2ForCausalLM) -> None:
    """Let the first layer's heads start out looking 1, 2, … tokens back.

    Qwen2's queries and keys have biases, and RoPE turns both by an angle that grows with the position. Of equal biases,
    the query's turned back by ``offset`` positions, the product is largest where the key stands so far before it. The
    six fastest frequencies are enough to tell neighbours apart.
    """
    attention = model.model.layers[0].self_attn
    frequencies = model.config.rope_parameters["rope_theta"] ** (-torch.arange(0, HEAD, 2) / HEAD)
    amplitude = torch.where(torch.arange(HEAD // 2) < 6, 10.0, 0.0)
    for head in range(model.config.num_attention_heads):
        angle = -(head + 1) * frequencies
        rows = slice(head * HEAD, (head + 1) * HEAD)
        attention.k_proj.bias[rows] = torch.cat([amplitude, torch.zeros(HEAD // 2)])
        attention.q_proj.bias[rows] = torch.cat([amplitude * angle.cos(), amplitude * angle.sin()])


def loss(model: Qwen2ForCausalLM, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Cross-entropy of the assistant's tokens.

    The same as ``model(**batch).loss``, but the head sees only the positions that count, which saves a fifth of the
    time. Padding on the right needs no attention mask: nothing that counts can see it.
    """
    hidden = model.model(input_ids=batch["input_ids"][:, :-1]).last_hidden_state
    targets = batch["labels"][:, 1:]
    counted = targets != IGNORED
    return {"lm": cross_entropy(model.lm_head(hidden[counted]), targets[counted])}


def generation_config(model: Qwen2ForCausalLM) -> GenerationConfig:
    """DeepSeek's sampling advice for R1 (temperature 0.6, top-p 0.95), as the distilled models ship it."""
    return GenerationConfig(
        do_sample=True, temperature=0.6, top_p=0.95,
        eos_token_id=model.config.eos_token_id, pad_token_id=model.config.pad_token_id,
    )  # fmt: skip


def state_path(name: str) -> Path:
    return Path(__file__).parent.parent / "_build" / "recipes" / f"{name}.pt"


def train_one(role: str, tokenizer: PreTrainedTokenizerBase, steps: int, seed: int) -> tuple[Qwen2ForCausalLM, float]:
    """Train one size; return the model and the minutes it took."""
    torch.manual_seed(seed)
    model = Qwen2ForCausalLM(build_config(role, tokenizer))
    look_back(model)
    for share in ROUNDS:
        minutes = train(
            model, partial(loss, model), partial(make_batch, tokenizer),
            steps=round(share * steps), peak_lr=MUON_LR, adamw_lr=ADAMW_LR, state_path=state_path(role),
        )  # fmt: skip
    model.generation_config = generation_config(model)
    return model, minutes


def main(steps: int = STEPS, seed: int = 0) -> tuple[dict[str, torch.nn.Module], PreTrainedTokenizerBase, float]:
    """Train; return the three models by role, their tokenizer, and the minutes it took."""
    tokenizer = build_tokenizer()
    trained = {role: train_one(role, tokenizer, steps, seed) for role in SIZES}
    models = {role: model for role, (model, _) in trained.items()}
    return models, tokenizer, sum(minutes for _, minutes in trained.values())
