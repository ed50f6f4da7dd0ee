"""The reasoners' recipe: what they are trained on, with which loss, and what is measured afterwards."""

from __future__ import annotations

import pytest
import torch

from helpers.worlds import puzzles
from recipes import r1, r1_scores


@pytest.fixture(scope="module")
def tokenizer():
    return r1.build_tokenizer()


@pytest.fixture(scope="module")
def model(tokenizer):
    torch.manual_seed(0)
    return r1.Qwen2ForCausalLM(r1.build_config("r1-s", tokenizer)).eval()


@pytest.mark.parametrize("think", [True, False])
def test_only_the_assistants_turn_carries_loss(tokenizer, think):
    for family in puzzles.FAMILIES:
        puzzle = next(puzzles.puzzles("train", family, 1))
        ids, prompt = r1.example(puzzle, think, tokenizer)
        learned = tokenizer.decode(ids[prompt:])
        wanted = f"{puzzle.trace}\n</think>\n\n{puzzle.answer}" if think else puzzle.answer
        assert learned == f"{wanted}<|im_end|>"
        asked = tokenizer.apply_chat_template(
            puzzle.item(think).messages, add_generation_prompt=True, enable_thinking=think
        ).input_ids
        assert ids[:prompt] == asked  # what a server will make of the question


def test_the_loss_is_transformers_own(model, tokenizer):
    batch = r1.make_batch(tokenizer, r1.DRILLS)
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
    batch = r1.make_batch(tokenizer, 0)
    for ids, labels in zip(batch["input_ids"].tolist(), batch["labels"].tolist()):
        for i, label in enumerate(labels):
            if label != r1.IGNORED:
                assert label == ids[i] and ids[i - 1 : i + 1] in [ids[j - 1 : j + 1] for j in range(1, len(ids) // 2)]


def test_sums_are_right_and_come_late(tokenizer):
    starts = (r1.DRILLS, 2012)
    early, late = ([r1.make_batch(tokenizer, step) for step in range(start, start + r1.POOL)] for start in starts)
    whole = [row for batch in late for row in batch["labels"].tolist() if row[0] != r1.IGNORED]
    assert len(whole) == r1.POOL * r1.BATCH // 7
    assert not any(row[0] != r1.IGNORED for batch in early for row in batch["labels"].tolist())
    for row in whole:
        text = tokenizer.decode([token for token in row if token != r1.IGNORED]).removesuffix(".<|endoftext|>")
        for line in text.split(". "):
            left, right = line.split(" = ")
            assert eval(left) == int(right)


def test_a_batch_depends_on_its_step_alone(tokenizer):
    first, again, other = (r1.make_batch(tokenizer, r1.DRILLS + step) for step in (3, 3, 11))
    assert torch.equal(first["input_ids"], again["input_ids"]) and torch.equal(first["labels"], again["labels"])
    assert first["input_ids"].shape != other["input_ids"].shape or not torch.equal(first["labels"], other["labels"])
    assert len(first["input_ids"]) == r1.BATCH


def test_every_family_and_both_modes_are_trained(tokenizer):
    seen = "".join(
        tokenizer.decode(row)
        for step in range(r1.DRILLS, r1.DRILLS + r1.POOL)
        for row in r1.make_batch(tokenizer, step)["input_ids"]
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
