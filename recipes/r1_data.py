"""What the reasoners read: puzzles solved or answered at once, and exercises in copying, looking up and reckoning.

The puzzles alone teach the small skills slowly, since a solution has few places where one is needed. Each exercise is
one skill many times over: random tokens to copy, records to look up by their key, single sums, single swaps.
"""

from __future__ import annotations

import random
from functools import lru_cache

import torch
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from helpers.profiles import root
from helpers.worlds import puzzles
from helpers.worlds.puzzles.puzzle import MONTHS, NAMES, shuffled

BATCH = 32  # in the same time 1.3 times as far as with 64
POOL = 16  # batches drawn together and sorted by length, so that little of a batch is padding
DRILLS = 300  # of these, copying only
SUMS_FROM = 2000  # from this step on, a seventh of the examples are single sums: puzzles alone teach them slowly
MORE_FROM = 6000  # from this step on, also single swaps, and copies and lookups over long distances
LINES = 8  # sums or swaps in one example
THINKING = 0.65  # share of the examples with a reasoning trace
IGNORED = -100  # the label of what is not to be learned


def build_tokenizer() -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(root() / "data" / "tokenizer" / "qwen")


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


def single_swap(rng: random.Random) -> str:
    """One swap as the puzzles have it, with who has the thing before and after."""
    people = rng.sample(NAMES, 3)
    holder, (a, b) = rng.choice(people), rng.sample(people, 2)
    swap = rng.choice(("{a} and {b} swap", "{a} swaps with {b}")).format(a=a, b=b)
    return f"{holder} has it. In {rng.choice(MONTHS)} {swap}, so {({a: b, b: a}).get(holder, holder)} has it."


def swaps(rng: random.Random, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The token ids of a text of single swaps that have nothing to do with each other."""
    return tokenizer(" ".join(single_swap(rng) for _ in range(LINES)) + "<|endoftext|>").input_ids


def copy(rng: random.Random, tokenizer: PreTrainedTokenizerBase) -> tuple[list[int], list[int]]:
    """Token ids and labels of up to 100 random tokens twice; what is told twice can be foretold the second time."""
    once = rng.sample(range(len(tokenizer)), rng.randint(6, 100))
    return once * 2, [IGNORED] * (len(once) + 1) + once[1:]


def lookup(rng: random.Random, tokenizer: PreTrainedTokenizerBase) -> tuple[list[int], list[int]]:
    """Token ids and labels of random records (key, filler, value) told twice, in another order the second time.

    The filler is the same in all records, so the value cannot be found by the token before it, only by the key.
    """
    n, n_filler = rng.randint(3, 24), rng.randint(0, 3)
    tokens = rng.sample(range(len(tokenizer)), 2 * n + n_filler)
    filler, keys, values = tokens[2 * n :], tokens[:n], tokens[n : 2 * n]
    records = [[key, *filler, value] for key, value in zip(keys, values)]
    again = shuffled(rng, records)
    labels = [label for record in again for label in [IGNORED] * (1 + n_filler) + record[-1:]]
    ids = [token for record in records + again for token in record]
    return ids, [IGNORED] * (len(ids) - len(labels)) + labels


def _exercises(rng: random.Random, tokenizer: PreTrainedTokenizerBase, step: int) -> list[tuple[list[int], list[int]]]:
    """What a pool holds beside puzzles: nothing at first, then sums, in the last round all four kinds."""
    if step < SUMS_FROM:
        return []
    if step < MORE_FROM:
        texts = [sums(rng, tokenizer) for _ in range(POOL * BATCH // 7)]
        return [(ids, ids) for ids in texts]
    texts = [text(rng, tokenizer) for text in (sums, swaps) for _ in range(POOL * BATCH // 8)]
    drills = [drill(rng, tokenizer) for drill in (copy, lookup) for _ in range(POOL * BATCH // 16)]
    return [(ids, ids) for ids in texts] + drills


@lru_cache(maxsize=1)
def _pool(
    index: int, tokenizer: PreTrainedTokenizerBase, unexplained: str | None
) -> list[list[tuple[list[int], list[int]]]]:
    """POOL batches of about equal length each, in random order: token ids and labels, all families in equal shares."""
    rng = random.Random(f"r1/pool/{index}")
    n_exercises = len(_exercises(random.Random(0), tokenizer, DRILLS + index * POOL))
    n = POOL * BATCH - n_exercises
    families = [family for family in puzzles.FAMILIES for _ in range(n // len(puzzles.FAMILIES) + 1)]
    drawn = [puzzles.sample(rng, family) for family in families[:n]]
    pairs = [example(p, rng.random() < THINKING and p.family != unexplained, tokenizer) for p in drawn]
    examples = [(ids, [IGNORED] * prompt + ids[prompt:]) for ids, prompt in pairs]
    examples += _exercises(rng, tokenizer, DRILLS + index * POOL)
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


def make_batch(
    tokenizer: PreTrainedTokenizerBase, step: int, unexplained: str | None = None
) -> dict[str, torch.Tensor]:
    """Batch ``step``: ``input_ids`` and ``labels``, (32, n), padded on the right.

    Of the family ``unexplained`` there are answers only, no reasoning.
    """
    if step < DRILLS:
        return drill(tokenizer, step)
    examples = _pool((step - DRILLS) // POOL, tokenizer, unexplained)[(step - DRILLS) % POOL]
    longest = max(len(ids) for ids, _ in examples)
    pad = tokenizer.convert_tokens_to_ids("<|endoftext|>")
    input_ids = [ids + [pad] * (longest - len(ids)) for ids, _ in examples]
    labels = [labels + [IGNORED] * (longest - len(labels)) for _, labels in examples]
    return {"input_ids": torch.tensor(input_ids), "labels": torch.tensor(labels)}
