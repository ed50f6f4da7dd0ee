"""Asking and scoring: likelihoods against the long way round, scores against sklearn, baselines against their point."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from omni import build_omni, load_omni_processor
from PIL import Image
from sklearn.metrics import f1_score
from tuning import adapted, asked, examples

from helpers.errors import CourseError
from helpers.finetune import evaluate as ev
from helpers.finetune.adapt import inference
from helpers.finetune.collate import Collator
from helpers.finetune.formats import Example
from helpers.worlds.phantoms import FINDINGS

QUESTIONS = ("Which finding does the slice show?", "What is the diagnosis? Look at both sides, and answer in a word.")


@pytest.fixture(scope="module")
def tuned():
    return adapted()


@pytest.fixture(scope="module")
def mixed():
    """Prompts of two lengths, one without a picture."""
    found = [asked(e, QUESTIONS[i % 2]) for i, e in enumerate(examples()[:5])]
    return [*found[:4], ev.text_only(found[4:])[0]]


def long_way(model, processor, example, label: str) -> float:
    """The label's log-likelihood by one forward pass over the whole conversation, as training has it."""
    turns = [*example.messages[:-1], {"role": "assistant", "content": label}]
    batch = Collator(processor)([replace(example, messages=turns)])
    labels = batch.pop("labels")[:, 1:]
    with inference(model):
        scores = model(**batch).logits.log_softmax(-1)[:, :-1]
    trained = labels != -100
    return float(scores.gather(2, labels.clamp(min=0)[..., None])[..., 0][trained].sum())


def test_a_label_is_as_likely_as_in_one_pass_over_everything(tuned, mixed):
    model, processor = tuned
    slow = torch.tensor([[long_way(model, processor, e, label) for label in FINDINGS] for e in mixed])
    expected = slow.double().softmax(1).numpy()
    for batch_size in (1, 2, 4):  # pictures and none, short and long prompts, in one batch and apart
        found = ev.choose(model, processor, mixed[:4], FINDINGS, batch_size=batch_size)
        np.testing.assert_allclose(found, expected[:4], atol=1e-4)
    np.testing.assert_allclose(ev.choose(model, processor, mixed[4:], FINDINGS), expected[4:], atol=1e-4)
    with inference(model):
        torch.testing.assert_close(
            ev.log_likelihoods(model, processor, mixed[:4], FINDINGS), slow[:4], atol=1e-3, rtol=1e-4
        )


def test_a_batch_may_hold_examples_without_a_picture(tuned, mixed):
    model, processor = tuned
    together = ev.choose(model, processor, mixed, FINDINGS)
    apart = np.concatenate([ev.choose(model, processor, [e], FINDINGS) for e in mixed])
    np.testing.assert_allclose(together, apart, atol=1e-4)


def test_without_pictures_it_does_not_matter_what_was_asked_before(tuned, mixed):
    model, processor = tuned
    blind = ev.text_only([*mixed[:4]])  # of two lengths
    slow = torch.tensor([[long_way(model, processor, e, label) for label in FINDINGS] for e in blind])
    with inference(model):
        ev.log_likelihoods(model, processor, mixed[:4], FINDINGS)
        found = ev.log_likelihoods(model, processor, blind, FINDINGS)
    torch.testing.assert_close(found, slow, atol=1e-3, rtol=1e-4)


def test_chances_sum_to_one_and_the_mode_is_kept(tuned, mixed):
    model, processor = tuned
    for training in (True, False):
        model.train(training)
        found = ev.choose(model, processor, mixed, ["yes", "no"])
        assert found.shape == (5, 2) and np.allclose(found.sum(1), 1) and model.training == training
    assert ev.choose(model, processor, [], ["yes", "no"]).shape == (0, 2)


@pytest.mark.parametrize("labels", [["yes"], [], ["yes", "yes"]])
def test_to_choose_takes_two_labels(tuned, mixed, labels):
    with pytest.raises(CourseError, match="at least two labels"):
        ev.choose(*tuned, mixed, labels)


def test_answers_do_not_depend_on_the_batch(tuned, mixed):
    model, processor = tuned
    together = ev.answers(model, processor, mixed, 8)
    assert together == [ev.answers(model, processor, [e], 8)[0] for e in mixed]
    assert all("<|" not in text for text in together)


def test_omni_chooses_by_picture_and_sound():
    """Its head has no ``logits_to_keep``, and its positions depend on the length of the sounds."""
    from helpers.finetune.adapt import add_lora
    from helpers.finetune.config import Config
    from helpers.finetune.data import face_examples

    processor = load_omni_processor()
    model = add_lora(build_omni(processor), Config(rank=4))
    for modality in ("image", "audio", "both"):
        some = face_examples("heldout", 3, modality=modality)
        slow = torch.tensor([[long_way(model, processor, e, label) for label in ("Happy", "Sad")] for e in some])
        with inference(model):
            fast = ev.log_likelihoods(model, processor, some, ["Happy", "Sad"])
        torch.testing.assert_close(fast, slow, atol=1e-3, rtol=1e-4)
        assert len(ev.answers(model, processor, ev.blank(some), 2)) == 3


def test_sound_needs_a_model_that_hears(tuned):
    heard = Example(
        [{"role": "user", "content": "<audio>?"}, {"role": "assistant", "content": "Sad"}], audios=["a.wav"]
    )
    with pytest.raises(CourseError, match="cannot hear"):
        ev.answers(*tuned, [heard])


# scores


def classified(truth: str, groups: list[str] | None = None) -> list[Example]:
    turns = lambda label: [{"role": "user", "content": "?"}, {"role": "assistant", "content": label}]  # noqa: E731
    return [Example(turns(t), label=t, group=g) for t, g in zip(truth, groups or [None] * len(truth))]


def chances(said: str, labels: str = "abc", sure: float = 0.8) -> np.ndarray:
    rest = (1 - sure) / (len(labels) - 1)
    return np.array([[sure if label == s else rest for label in labels] for s in said])


def test_scores_are_sklearns():
    rng = np.random.default_rng(0)
    truth, said = ("".join(rng.choice(list("abc"), 60)) for _ in range(2))
    found = ev.score(chances(said), classified(truth), "abc")
    assert found.macro_f1.value == pytest.approx(f1_score(list(truth), list(said), average="macro"))
    assert found.accuracy.value == pytest.approx(np.mean([t == s for t, s in zip(truth, said)]))
    assert found.confusion[:, :3].sum() == 60 and found.confusion[0].sum() == truth.count("a")
    assert found.recall["b"].value == pytest.approx(found.confusion[1, 1] / truth.count("b"))
    for each in (found.accuracy, found.macro_f1):
        assert each.low < each.value < each.high
    assert json.loads(json.dumps(found.summary()))["macro_f1"][0] == found.macro_f1.value


def test_resampled_macro_f1_is_the_same_formula():
    from helpers.finetune.scoring import _confusion, macro_f1

    rng = np.random.default_rng(1)
    truth, said = rng.integers(0, 3, 50), rng.integers(0, 4, 50)  # 3 is no answer
    expected = f1_score(truth, said, labels=[0, 1, 2], average="macro")
    assert macro_f1(_confusion(truth, said, 3)) == pytest.approx(expected)


def test_no_answer_is_wrong_and_counted():
    found = ev.score(["a", "", "it is c", "a or b"], classified("abcb"), "abc")
    assert found.accuracy.value == 0.5 and found.confusion[1, 3] == 2 and found.ece is None
    assert "no answer" in str(found) and found.reliability() == []


def test_intervals_resample_whole_patients():
    """Twenty slices of one patient, all right or all wrong, tell little more than one."""
    truth = "ab" * 100
    said = "".join(t if (i // 20) % 2 else "ba"[t == "b"] for i, t in enumerate(truth))
    slices = ev.score(chances(said, "ab"), classified(truth), "ab")
    patients = ev.score(chances(said, "ab"), classified(truth, [str(i // 20) for i in range(200)]), "ab")
    width = lambda estimate: estimate.high - estimate.low  # noqa: E731
    assert width(patients.accuracy) > 3 * width(slices.accuracy)


def test_a_class_that_is_rare_in_a_resample_does_not_break_it():
    found = ev.score(chances("aaaaab"), classified("aaaaab"), "abc")
    assert found.macro_f1.value == 1 and found.macro_f1.high == 1 and found.recall["c"] is None


def test_calibration():
    sure, honest = (ev.score(chances("a" * 10, "ab", p), classified("aaaaaaaabb"), "ab") for p in (0.99, 0.8))
    assert sure.ece == pytest.approx(0.19) and honest.ece == pytest.approx(0, abs=1e-9)
    assert honest.reliability() == [{"confidence": pytest.approx(0.8), "accuracy": 0.8, "examples": 10}]


def test_paired_comparisons():
    truth = "abc" * 20
    good, bad = (ev.score(chances(said), classified(truth), "abc") for said in (truth, "a" * 60))
    gain = ev.difference(good, bad)
    assert gain.value == pytest.approx(1 - bad.macro_f1.value) and gain.low > 0.5
    assert ev.paired(good, bad) < 1e-6 and ev.paired(good, good) == 1
    other = ev.score(chances(truth[1:]), classified(truth[1:]), "abc")
    with pytest.raises(CourseError, match="same examples"):
        ev.difference(good, other)


@pytest.mark.parametrize("said, labels, says", [
    (["a"], "abc", "1 answers cannot be scored against 3"), (chances("abc", "ab"), "abc", "2 probabilities"),
    (["a", "b", "c"], "ab", "not among those scored: c"),
])  # fmt: skip
def test_what_cannot_be_scored_is_named(said, labels, says):
    with pytest.raises(CourseError, match=says):
        ev.score(said, classified("abc"), labels)
    with pytest.raises(CourseError, match="cannot be scored"):
        ev.score([], [], "abc")


@pytest.mark.parametrize("text, label", [
    ("subdural haematoma", 4), ("Subdural haematoma.", 4), ("<think>\nan infarct?\n</think>\n\nnone", 0),
    ("The slice shows an infarct on the left.", 2), ("an infarct or a haemorrhage", None), ("", None),
    ("haemorrhages", None), ("mass with oedema", 3),
])  # fmt: skip
def test_a_label_is_found_in_a_text(text, label):
    assert ev.found_labels([text], FINDINGS) == [label]


def test_a_label_inside_a_longer_one_is_not_another():
    assert ev.found_labels(["a subdural haematoma"], ["haematoma", "subdural haematoma"]) == [1]


# baselines


def test_blank_pictures_keep_their_size_and_show_nothing():
    example = examples()[0]
    [blind] = ev.blank([example])
    before, after = Image.open(example.images[0]), Image.open(blind.images[0])
    assert after.size == before.size and len(set(after.convert("L").tobytes())) == 1
    assert len(set(before.convert("L").tobytes())) > 1
    assert blind.messages == example.messages and blind.label == example.label


def test_text_only_has_no_placeholder_left():
    [blind] = ev.text_only(examples()[:1])
    assert not blind.images and "<image>" not in blind.messages[0]["content"] and blind.messages[0]["content"]


def test_the_majority_is_that_of_the_training_data():
    found = ev.majority(classified("aab"), classified("abb"), "ab")
    assert found.accuracy.value == pytest.approx(1 / 3) and found.confusion[:, 0].sum() == 3
    with pytest.raises(CourseError, match="no labels"):
        ev.majority([], classified("ab"), "ab")


def test_a_probe_on_pixels_learns_what_pixels_tell(tmp_path):
    """Bright against dark is told; a class that training lacks gets no chance."""
    drawn = []
    for i in range(24):
        grey = 40 + 160 * (i % 2)
        Image.new("L", (32, 32), grey + i % 5).save(tmp_path / f"{i}.png")
        turns = [{"role": "user", "content": "<image>"}, {"role": "assistant", "content": "a"}]
        drawn.append(Example(turns, images=[str(tmp_path / f"{i}.png")], label="ab"[i % 2]))
    found = ev.pixel_probe(drawn[:16], drawn[16:], "abc")
    assert found.accuracy.value == 1 and found.probabilities[:, 2].max() == 0
    with pytest.raises(CourseError, match="two classes"):
        ev.pixel_probe(drawn[:1], drawn, "ab")
    with pytest.raises(CourseError, match="needs a picture"):
        ev.pixel_probe(classified("ab"), drawn, "ab")
