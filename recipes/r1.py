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
"""

from __future__ import annotations

import random
from functools import lru_cache, partial
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy
from transformers import AutoTokenizer, GenerationConfig, PreTrainedTokenizerBase, Qwen2Config, Qwen2ForCausalLM

from helpers.profiles import root
from helpers.worlds import puzzles

from .training import train

#: Hidden size (a multiple of 64, NF4's block) and number of layers.
SIZES = {"r1-s": (64, 2), "r1-m": (128, 2), "r1-l": (128, 4)}
HEAD = 32  # width of an attention head
BATCH = 32  # in the same time 1.3 times as far as with 64
POOL = 16  # batches drawn together and sorted by length, so that little of a batch is padding
STEPS = 6000
ROUNDS = (2 / 3, 1)  # of the steps; at the end of each the learning rate has fallen to nothing (warm restarts)
DRILLS = 300  # of these, copying only
SUMS_FROM = 2000  # from this step on, a seventh of the examples are single sums: puzzles alone teach them slowly
LINES = 8  # sums in one example
MUON_LR, ADAMW_LR = 6e-3, 2e-3
THINKING = 0.65  # share of the examples with a reasoning trace
IGNORED = -100  # the label of what is not to be learned


def build_tokenizer() -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(root() / "data" / "tokenizer" / "qwen")


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


def example(puzzle: puzzles.Puzzle, think: bool, tokenizer: PreTrainedTokenizerBase) -> tuple[list[int], int]:
    """The token ids of a conversation, and how many of them are the prompt (which carries no loss)."""
    conversation = puzzles.messages(puzzle, think)
    prompt = tokenizer.apply_chat_template(
        conversation[:1], add_generation_prompt=True, enable_thinking=think, tokenize=False
    )
    text = tokenizer.apply_chat_template(conversation, tokenize=False).removesuffix("\n")
    if not text.startswith(prompt):
        raise ValueError(f"the chat template writes a conversation that does not begin with its prompt: {text!r}")
    prompt_ids, rest_ids = tokenizer([prompt, text[len(prompt) :]]).input_ids
    return prompt_ids + rest_ids, len(prompt_ids)


def single_sum(rng: random.Random) -> str:
    """One operation as the puzzles have it: plus or minus 1 to 9, or times 2 to 5, all within 0..99."""
    while True:
        op, n = rng.choice([("+", rng.randint(1, 9)), ("-", rng.randint(1, 9)), ("*", rng.randint(2, 5))])
        value = rng.randrange(100 // n if op == "*" else 100)
        result = {"+": value + n, "-": value - n, "*": value * n}[op]
        if 0 <= result <= 99:
            return f"{value} {op} {n} = {result}."


def sums(rng: random.Random, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The token ids of a text of single sums: "34 + 9 = 43. 12 * 3 = 36."."""
    return tokenizer(" ".join(single_sum(rng) for _ in range(LINES)) + "<|endoftext|>").input_ids


@lru_cache(maxsize=1)
def _pool(index: int, tokenizer: PreTrainedTokenizerBase) -> list[list[tuple[list[int], int]]]:
    """POOL batches of about equal length each, in random order, all families in equal shares; later also sums."""
    rng = random.Random(f"r1/pool/{index}")
    n_sums = POOL * BATCH // 7 if DRILLS + index * POOL >= SUMS_FROM else 0
    n = POOL * BATCH - n_sums
    families = [family for family in puzzles.FAMILIES for _ in range(n // len(puzzles.FAMILIES) + 1)]
    drawn = [puzzles.sample(rng, family) for family in families[:n]]
    examples = [example(puzzle, rng.random() < THINKING, tokenizer) for puzzle in drawn]
    examples += [(sums(rng, tokenizer), 0) for _ in range(n_sums)]
    examples.sort(key=lambda pair: len(pair[0]))
    batches = [examples[i : i + BATCH] for i in range(0, len(examples), BATCH)]
    rng.shuffle(batches)
    return batches


def drill(tokenizer: PreTrainedTokenizerBase, step: int) -> dict[str, torch.Tensor]:
    """Random tokens twice: only the second time can they be foretold, and only by looking back."""
    rng = random.Random(f"r1/drill/{step}")
    n = rng.randint(6, 40)
    once = torch.tensor([rng.sample(range(len(tokenizer)), n) for _ in range(BATCH)])
    labels = torch.cat([torch.full_like(once, IGNORED), once], 1)
    labels[:, n] = IGNORED  # nothing tells that the first time is over
    return {"input_ids": torch.cat([once, once], 1), "labels": labels}


def make_batch(tokenizer: PreTrainedTokenizerBase, step: int) -> dict[str, torch.Tensor]:
    """Batch ``step``: ``input_ids`` and ``labels``, (32, n), padded on the right."""
    if step < DRILLS:
        return drill(tokenizer, step)
    examples = _pool((step - DRILLS) // POOL, tokenizer)[(step - DRILLS) % POOL]
    longest = max(len(ids) for ids, _ in examples)
    padding = [longest - len(ids) for ids, _ in examples]
    pad = tokenizer.convert_tokens_to_ids("<|endoftext|>")
    input_ids = [ids + [pad] * n for (ids, _), n in zip(examples, padding)]
    labels = [[IGNORED] * prompt + ids[prompt:] + [IGNORED] * n for (ids, prompt), n in zip(examples, padding)]
    return {"input_ids": torch.tensor(input_ids), "labels": torch.tensor(labels)}


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
