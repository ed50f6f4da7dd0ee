"""The `rank` and `generate` of chapter 1's notebook, against transformers' own loss, one case at a time."""

from __future__ import annotations

import pytest
import torch
from page import define

from helpers.batching import batched
from helpers.models import load
from helpers.profiles import root
from helpers.worlds import scenes

NOTEBOOK = root() / "notebooks" / "01_blip" / "02_vqa.ipynb"
FUNCTIONS = {"encode", "first_word", "generate", "in_groups", "log_likelihood", "rank"}
#: Of one to four tokens, so that candidates are padded; no two begin with the same token.
CANDIDATES = ("red", "yes", "two stars", "0", "left of the ring", "what", "purple heart", "grey and white")
N = 12


@pytest.fixture(autouse=True, scope="module")
def no_gradients():
    """As the notebook sets it."""
    with torch.no_grad():
        yield


@pytest.fixture(scope="module")
def vqa():
    """The notebook's functions by name, with the nano model, and questions of several lengths with their pictures."""
    model, processor, _ = load("blip-vqa")
    names = {"model": model, "processor": processor, "torch": torch, "scenes": scenes, "batched": batched}
    define(NOTEBOOK, FUNCTIONS, names)
    items = list(scenes.questions("heldout", N))
    images = [scenes.render(scene) for scene, _ in items]
    names["pixels"] = processor.image_processor(images, return_tensors="pt").pixel_values
    names["texts"] = [question.text for _, question in items]
    assert 1 < len({len(processor.tokenizer(text).input_ids) for text in names["texts"]}) < N, "no groups to make"
    return names


@pytest.fixture(scope="module")
def ranked(vqa):
    """Every candidate's score for every question, computed in groups."""
    return torch.stack(
        vqa["in_groups"](vqa["rank"], vqa["pixels"], vqa["texts"], candidates=CANDIDATES, k=len(CANDIDATES))
    )


def by_loss(vqa, question: int, answer: str, tokens: int | None = None) -> float:
    """The log-likelihood of an answer (or its first ``tokens``) from ``model(…, labels=…)``: no batch, no padding."""
    model, tokenizer = vqa["model"], vqa["processor"].tokenizer
    labels = tokenizer(answer, return_tensors="pt").input_ids
    labels[:, 0] = model.decoder_start_token_id
    if tokens is not None:
        labels = labels[:, : 1 + tokens]
    asked = tokenizer(vqa["texts"][question], return_tensors="pt")
    loss = model(
        input_ids=asked.input_ids, attention_mask=asked.attention_mask,
        pixel_values=vqa["pixels"][question : question + 1], labels=labels,
    ).loss  # fmt: skip
    return -loss.item() * (labels.shape[1] - 1)  # the loss is a mean over the tokens after [DEC]


def test_scores_equal_the_loss_of_each_candidate(vqa, ranked):
    expected = torch.tensor([[by_loss(vqa, question, answer) for answer in CANDIDATES] for question in range(N)])
    torch.testing.assert_close(ranked, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("k", [1, 3, 50])
def test_round_one_keeps_the_likeliest_first_tokens(vqa, k):
    rows = vqa["in_groups"](vqa["rank"], vqa["pixels"], vqa["texts"], candidates=CANDIDATES, k=k)
    for question, row in enumerate(rows):
        first = torch.tensor([by_loss(vqa, question, answer, tokens=1) for answer in CANDIDATES])
        kept = set(first.topk(min(k, len(CANDIDATES))).indices.tolist())
        assert {i for i, score in enumerate(row.tolist()) if score > -torch.inf} == kept


def test_a_small_k_can_lose_the_best_answer(vqa):
    """The likeliest first token may begin an unlikely answer: what round one costs."""
    one_question = vqa["pixels"][:1], vqa["texts"][:1]
    likeliest, second = vqa["first_word"](*one_question)[0].topk(2).indices.tolist()
    likeliest, second = (vqa["processor"].tokenizer.decode([token]) for token in (likeliest, second))
    candidates = (second, f"{likeliest} than than than")
    one, two = (vqa["rank"](*one_question, candidates=candidates, k=k)[0] for k in (1, 2))
    assert (one.argmax(), two.argmax()) == (1, 0)


def test_scores_follow_the_candidates_when_their_order_changes(vqa, ranked):
    backward = vqa["in_groups"](
        vqa["rank"], vqa["pixels"], vqa["texts"], candidates=CANDIDATES[::-1], k=len(CANDIDATES)
    )
    torch.testing.assert_close(ranked, torch.stack(backward).flip(1), rtol=1e-5, atol=1e-5)


def test_answers_in_groups_are_the_answers_one_by_one(vqa, ranked):
    alone = [vqa["generate"](vqa["pixels"][i : i + 1], [text])[0] for i, text in enumerate(vqa["texts"])]
    assert vqa["in_groups"](vqa["generate"], vqa["pixels"], vqa["texts"], size=3) == alone
    one = vqa["rank"](vqa["pixels"][-1:], vqa["texts"][-1:], candidates=CANDIDATES, k=len(CANDIDATES))[0]
    torch.testing.assert_close(ranked[-1], one, rtol=1e-3, atol=1e-3)


def test_questions_of_different_length_in_one_batch_are_refused(vqa):
    with pytest.raises(ValueError, match="padding"):
        vqa["encode"](vqa["pixels"][:2], ["what?", "what colour is the star?"])


def test_transformers_ignores_the_mask_of_the_question_in_cross_attention(vqa):
    """The notebook's trap: even a mask that hides the whole question but its first token changes nothing.

    If transformers mends it, this fails, and that section of the notebook must change.
    """
    model, states = vqa["model"], vqa["encode"](vqa["pixels"][:1], vqa["texts"][:1])
    start = torch.full((1, 1), model.decoder_start_token_id)
    hiding = torch.zeros(states.shape[:2], dtype=torch.long)
    hiding[:, 0] = 1
    seen, hidden = (
        model.text_decoder(start, encoder_hidden_states=states, encoder_attention_mask=mask).logits
        for mask in (None, hiding)
    )
    torch.testing.assert_close(seen, hidden, rtol=0, atol=1e-6)


def test_transformers_generate_gives_the_decoder_a_mask_of_ones(vqa, monkeypatch):
    """As above: the second half of the trap."""
    seen = {}
    monkeypatch.setattr(vqa["model"].text_decoder, "generate", lambda **arguments: seen.update(arguments))
    tokens = vqa["processor"].tokenizer(vqa["texts"], padding=True, return_tensors="pt")
    vqa["model"].generate(tokens.input_ids, vqa["pixels"], attention_mask=tokens.attention_mask)
    assert (tokens.attention_mask == 0).any()
    assert (seen["encoder_attention_mask"] == 1).all()
