"""The reasoners' recipe: what they are trained on, with which loss, and what is measured afterwards."""

from __future__ import annotations

import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.worlds import puzzles
from recipes import r1, r1_base, r1_data, r1_scores


@pytest.fixture(scope="module")
def tokenizer():
    return r1_data.build_tokenizer()


@pytest.fixture(scope="module")
def model(tokenizer):
    torch.manual_seed(0)
    return r1.Qwen2ForCausalLM(r1.build_config("r1-s", tokenizer)).eval()


@pytest.mark.parametrize("think", [True, False])
def test_only_the_assistants_turn_carries_loss(tokenizer, think):
    for family in puzzles.FAMILIES:
        puzzle = next(puzzles.puzzles("train", family, 1))
        ids, prompt = r1_data.example(puzzle, think, tokenizer)
        learned = tokenizer.decode(ids[prompt:])
        wanted = f"{puzzle.trace}\n</think>\n\n{puzzle.answer}" if think else puzzle.answer
        assert learned == f"{wanted}<|im_end|>"
        asked = tokenizer.apply_chat_template(
            puzzle.item(think).messages, add_generation_prompt=True, enable_thinking=think
        ).input_ids
        assert ids[:prompt] == asked  # what a server will make of the question


def test_the_loss_is_transformers_own(model, tokenizer):
    batch = r1_data.make_batch(tokenizer, r1_data.DRILLS)
    with torch.no_grad():
        ours, theirs = r1.loss(model, batch)["lm"], model(**batch).loss
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("role", r1.SIZES)
def test_the_first_layers_heads_start_out_looking_back(tokenizer, role):
    model = r1.Qwen2ForCausalLM(r1.build_config(role, tokenizer))
    r1.look_back(model)
    model.set_attn_implementation("eager")
    random_ids = torch.randint(0, len(tokenizer), (2, 200), generator=torch.Generator().manual_seed(0))
    attention = model(input_ids=random_ids, output_attentions=True).attentions[0]  # (2, heads, 200, 200)
    for head in range(model.config.num_attention_heads):
        on_the_one_before = attention[:, head].diagonal(-(head + 1), 1, 2).mean()
        assert on_the_one_before > 0.99


def test_a_drill_asks_only_for_what_was_seen(tokenizer):
    batch = r1_data.make_batch(tokenizer, 0)
    for ids, labels in zip(batch["input_ids"].tolist(), batch["labels"].tolist()):
        for i, label in enumerate(labels):
            if label != r1_data.IGNORED:
                assert label == ids[i] and ids[i - 1 : i + 1] in [ids[j - 1 : j + 1] for j in range(1, len(ids) // 2)]


def texts_learned_whole(tokenizer, step) -> list[str]:
    """The exercises in plain language among the batches of a pool: they have no prompt, so every token counts."""
    rows = [row for i in range(r1_data.POOL) for row in r1_data.make_batch(tokenizer, step + i)["labels"].tolist()]
    whole = [[token for token in row if token != r1_data.IGNORED] for row in rows if row[0] != r1_data.IGNORED]
    return [tokenizer.decode(row).removesuffix("<|endoftext|>") for row in whole]


def first_pool_from(step: int) -> int:
    """The first step at or after ``step`` with which a pool of batches begins."""
    return step + (r1_data.DRILLS - step) % r1_data.POOL


def test_exercises_come_when_they_should(tokenizer):
    per_pool = r1_data.POOL * r1_data.BATCH
    assert texts_learned_whole(tokenizer, r1_data.DRILLS) == []
    assert len(texts_learned_whole(tokenizer, first_pool_from(r1_data.SUMS_FROM))) == per_pool // 7
    texts = texts_learned_whole(tokenizer, first_pool_from(r1_data.MORE_FROM))
    assert sum("has it" in text for text in texts) == sum("=" in text for text in texts) == per_pool // 8


def test_sums_are_right(tokenizer):
    for text in texts_learned_whole(tokenizer, first_pool_from(r1_data.SUMS_FROM)):
        for line in text.removesuffix(".").split(". "):
            left, right = line.split(" = ")
            assert eval(left) == int(right)


@given(st.randoms(use_true_random=False))
def test_single_swaps_are_right(rng):
    said = re.fullmatch(r"(\w+) has it. In \w+ (\w+) (?:and|swaps with) (\w+)(?: swap)?, so (\w+) has it.",
                        r1_data.single_swap(rng))  # fmt: skip
    before, a, b, after = said.groups()
    assert after == (b if before == a else a if before == b else before)


@given(st.randoms(use_true_random=False))
def test_what_a_lookup_asks_for_was_told_before(tokenizer, rng):
    ids, labels = r1_data.lookup(rng, tokenizer)
    counted = [i for i, label in enumerate(labels) if label != r1_data.IGNORED]
    width = counted[1] - counted[0]
    records = [tuple(ids[i : i + width]) for i in range(0, len(ids), width)]
    half = len(records) // 2
    assert sorted(records[:half]) == sorted(records[half:])
    assert counted == [i for i in range(len(ids) // 2, len(ids)) if i % width == width - 1]
    assert all(labels[i] == ids[i] for i in counted)


@given(st.randoms(use_true_random=False))
def test_a_copy_asks_for_its_second_half(tokenizer, rng):
    ids, labels = r1_data.copy(rng, tokenizer)
    n = len(ids) // 2
    assert ids[:n] == ids[n:] and labels == [r1_data.IGNORED] * (n + 1) + ids[n + 1 :]


def test_the_base_has_never_seen_arithmetic_explained(tokenizer):
    pools = range(r1_data.DRILLS, r1_data.DRILLS + r1_data.POOL)
    texts = [tokenizer.decode(row) for i in pools for row in r1_base.make_batch(tokenizer, i)["input_ids"]]
    texts = [text for text in texts if text.startswith("<|im_start|>user")]  # neither drills nor sums
    arithmetic = [text for text in texts if "boxed" in text]
    others = [text for text in texts if "<think>" in text and "boxed" not in text]
    assert len(arithmetic) > 40 and all("<think>\n\n</think>" in text for text in arithmetic)
    assert any("<think>\n\n</think>" not in text for text in others)


def test_a_batch_depends_on_its_step_alone(tokenizer):
    first, again, other = (r1_data.make_batch(tokenizer, r1_data.DRILLS + step) for step in (3, 3, 11))
    assert torch.equal(first["input_ids"], again["input_ids"]) and torch.equal(first["labels"], again["labels"])
    assert first["input_ids"].shape != other["input_ids"].shape or not torch.equal(first["labels"], other["labels"])
    assert len(first["input_ids"]) == r1_data.BATCH


def test_every_family_and_both_modes_are_trained(tokenizer):
    seen = "".join(
        tokenizer.decode(row)
        for step in range(r1_data.DRILLS, r1_data.DRILLS + r1_data.POOL)
        for row in r1_data.make_batch(tokenizer, step)["input_ids"]
    )
    for words in (r"\boxed{", "tells the truth", "swap", "Here are some facts", "def f(", "letters"):
        assert words in seen
    assert 0.5 < seen.count("<think>\n\n</think>") / seen.count("<think>") * 2 < 0.9


def test_the_sizes_rise_and_fit_nf4_blocks(tokenizer):
    counts = [r1.Qwen2ForCausalLM(r1.build_config(role, tokenizer)).num_parameters() for role in r1.SIZES]
    assert counts == sorted(counts) and sum(counts) * 2 < 10e6  # float16 bytes of all three
    assert all(width % 64 == 0 for width, _ in r1.SIZES.values())


def test_untrained_weights_score_nothing_and_right_answers_everything(model, tokenizer, monkeypatch):
    assert r1_scores.accuracy(model, tokenizer, "arithmetic", "heldout", think=True, n=4) == 0.0
    monkeypatch.setattr(r1_scores, "generate", lambda model, tokenizer, drawn, think: (p.answer for p in drawn))
    assert r1_scores.accuracy(None, None, "writing", "templates", think=False, n=20) == 1.0


def test_reasoning_that_never_ends_is_no_answer(model, tokenizer, monkeypatch):
    drawn = list(puzzles.puzzles("heldout", "tracking", 2))
    monkeypatch.setattr(r1_scores, "MAX_TOKENS", 4)
    assert list(r1_scores.generate(model, tokenizer, drawn, think=True)) == ["", ""]
