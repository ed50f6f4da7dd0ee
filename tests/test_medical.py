"""What notebook 04_finetuning/04_medical writes out, and the recorded runs that it reads.

The functions are taken from the notebook itself, so what is tested is what a reader runs, against what the recipe and
``helpers`` measure with.
"""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from page import define

from helpers.finetune import evaluate
from helpers.finetune.masks import CLOSE, OPEN
from helpers.profiles import root, spec
from helpers.worlds import phantoms
from recipes import finetune_runs, medical_runs, medical_scores

NOTEBOOK = root() / "notebooks" / "04_finetuning" / "04_medical.ipynb"
FUNCTIONS = {"talk", "facts", "facts_right", "split_thought", "ece", "ppv"}
RECORD = finetune_runs.record_path("medical_runs")


@pytest.fixture(scope="module")
def page() -> dict:
    """The notebook's functions (an exercise's from its solution) by name."""
    names = {"replace": replace}
    return define(NOTEBOOK, FUNCTIONS | {"QUESTIONS"}, names)


@pytest.fixture(scope="module")
def pictures():
    return medical_scores.pictures("heldout", 40)


# what the page writes out


def test_the_page_asks_what_the_recipe_asks(page, pictures):
    assert page["QUESTIONS"] == medical_scores.QUESTIONS
    for example in pictures:
        for about in medical_scores.QUESTIONS if example.meta["side"] else ("finding",):
            assert page["talk"](example, about) == medical_scores.talk(example, about)
            assert page["talk"](example, about, ["infarct"]) == medical_scores.talk(example, about, ["infarct"])


def test_a_conversation_asks_up_to_a_question_and_ends_with_its_true_answer(pictures):
    for example in medical_scores.lesions(pictures):
        true = {"finding": example.label, "side": example.meta["side"], "region": example.meta["region"]}
        for n, about in enumerate(true, 1):
            said = medical_scores.talk(example, about)
            assert [m["content"] for m in said.messages[1::2]] == list(true.values())[:n]
            assert said.label == true[about] in phantoms.ANSWERS[about] and said.group == example.group
            assert sum(m["content"].count("<image>") for m in said.messages) == 1


def test_what_was_said_takes_the_place_of_what_is_true(pictures):
    """But the last answer is the true one: it is what is scored, and is not shown to the model."""
    example = medical_scores.lesions(pictures)[0]
    said = medical_scores.talk(example, "region", ["none", "left"])
    assert [m["content"] for m in said.messages[1::2]] == ["none", "left", example.meta["region"]]


def test_places_are_asked_after_the_models_own_answers(monkeypatch, pictures):
    """A model that always gives the first label."""
    seen = []

    def first(model, processor, asked, labels):
        seen.append([[m["content"] for m in e.messages[1:-1:2]] for e in asked])
        return np.eye(len(labels))[np.zeros(len(asked), int)]

    monkeypatch.setattr(evaluate, "choose", first)
    some = medical_scores.lesions(pictures)
    reports = medical_scores.places(None, None, some)
    firsts = [phantoms.ANSWERS[about][0] for about in ("finding", "side")]
    assert seen == [[[]] * len(some), [firsts[:1]] * len(some), [firsts] * len(some)]
    assert list(reports) == ["side", "region"] and [r.labels for r in reports.values()] == [
        phantoms.ANSWERS["side"], phantoms.ANSWERS["region"]
    ]  # fmt: skip


def test_the_facts_of_a_summary_are_those_of_the_slice(page, pictures):
    for example in pictures:
        summary = example.messages[-1]["content"]
        found = page["facts"](summary)
        assert found == medical_scores.facts(summary)
        assert found["Finding"] == example.label and found["Modality"] == "CT"
        assert found.get("Side") == example.meta["side"] and found.get("Density") == example.meta["density"]
        if example.meta["region"]:
            assert found["Region"].removesuffix(" lobe") == example.meta["region"]
            assert "%" in found["Area"]


@pytest.mark.parametrize("text", ["", "nothing here", "Side", ": .", "Side: left", "Side: left. ", "Side:  left."])
def test_facts_take_any_text(page, text):
    assert page["facts"](text) == medical_scores.facts(text)


def test_facts_right_counts_word_for_word(page, pictures):
    own = [e.messages[-1]["content"] for e in pictures]
    perfect = page["facts_right"](own, pictures)
    assert perfect == medical_scores.facts_right(own, pictures) and all(all(v) for v in perfect.values())
    assert len(perfect["Finding"]) == len(pictures) > len(perfect["Side"]) > 0
    others = own[1:] + own[:1]
    assert page["facts_right"](others, pictures) == medical_scores.facts_right(others, pictures)
    silent = medical_scores.facts_right([""] * len(own), pictures)
    assert not any(map(any, silent.values())) and {k: len(v) for k, v in silent.items()} == {
        k: len(v) for k, v in perfect.items()
    }


@pytest.mark.parametrize(
    "text, expected",
    [
        ("It is dark.\n</think>\n\ninfarct", ("It is dark.", "infarct")),
        ("\n</think>\n\ninfarct", ("", "infarct")),
        ("It is dark and it is dark and", ("It is dark and it is dark and", "")),
        ("a\n</think>\n\n", ("a", "")),
    ],
)
def test_thought_and_answer(page, text, expected):
    assert page["split_thought"](text) == medical_scores.split_thought(text) == expected


def test_a_thought_counts_if_it_is_not_empty_and_ends():
    found = medical_scores._thought(["It is dark.\n</think>\n\ninfarct", "</think>infarct", "on and on"])
    assert found["thinks"][0] == pytest.approx(1 / 3) and found["examples"] == 3


def test_an_answer_that_never_came_is_wrong(monkeypatch, pictures):
    """The right finding inside a thought that never ended is no answer."""
    asked = [medical_scores.talk(e, "finding") for e in pictures[:4]]
    texts = [e.label for e in asked[:2]] + [f"Hm.\n</think>\n\n{e.label}" for e in asked[2:]]
    monkeypatch.setattr(evaluate, "answers", lambda *_, **__: texts)
    assert medical_scores.thinking(None, None, asked)["right"][0] == 0.5


# the exercises

confidences = st.lists(st.tuples(st.floats(0.21, 1), st.booleans()), min_size=1, max_size=60)


@given(confidences)
def test_ece_is_that_of_the_report(page, answers):
    """Probabilities over five labels whose largest is the confidence."""
    from helpers.finetune.scoring import _ece

    sure = np.array([s for s, _ in answers])
    probabilities = np.stack([sure, *[(1 - sure) / 4] * 4], axis=1)
    correct = np.array([r for _, r in answers])
    assert page["ece"](sure, correct, 10) == pytest.approx(_ece(probabilities, correct), abs=1e-9)


@given(st.integers(1, 200), st.integers(1, 200), st.data())
def test_ppv_is_the_share_among_the_alarms(page, ill, healthy, data):
    found, false = data.draw(st.integers(1, ill)), data.draw(st.integers(0, healthy))
    rate = page["ppv"](found / ill, 1 - false / healthy, ill / (ill + healthy))
    assert rate == pytest.approx(found / (found + false))


# the recipe


@pytest.fixture(scope="module")
def lessons():
    return {name: medical_runs.lesson(taught, 30) for name, (_, _, taught) in medical_runs.RUNS.items()}


def test_three_lessons_differ_in_nothing_but_the_thought(lessons):
    settings = [medical_runs.RUNS[name][0] | {"allow": []} for name in ("answers", "traces", "empty")]
    assert settings[0] == settings[1] == settings[2]
    for plain, traced, empty in zip(lessons["answers"], lessons["traces"], lessons["empty"], strict=True):
        assert plain.images == traced.images == empty.images and plain.label == traced.label == empty.label
        assert plain.messages[0] == traced.messages[0] == empty.messages[0]
        answer = plain.messages[-1]["content"]
        assert OPEN not in answer and empty.messages[-1]["content"] == f"{OPEN}\n\n{CLOSE}\n\n{answer}"
        said = traced.messages[-1]["content"]
        thought, end, rest = said.removeprefix(OPEN).partition(CLOSE)
        assert said.startswith(OPEN) and thought.strip() and end and rest.strip() == answer


def test_only_the_empty_thought_is_allowed_what_preflight_refuses():
    assert [name for name, (settings, *_) in medical_runs.RUNS.items() if settings.get("allow")] == ["empty"]


def test_the_long_run_is_as_much_longer_as_the_page_says():
    assert medical_runs.LONG_TRAIN == 10 * medical_runs.LESSON_TRAIN
    assert 3.5 < medical_runs.LONG["steps"] / medical_runs.LESSON["steps"] < 4


def test_the_long_lesson_is_the_pages(page, lessons):
    """The finding of every picture, a whole conversation about it, and a summary of every third."""
    train = medical_scores.pictures("train", 30)
    findings = [page["talk"](e, "finding") for e in train]
    talks = [page["talk"](e, "region" if e.meta["side"] else "finding") for e in train]
    assert lessons["long"] == findings + talks + train[:10]
    assert {e.meta["side"] is None for e in train} == {True, False}


def test_lessons_ask_the_question_that_is_measured(lessons):
    asked = medical_scores.talk(medical_scores.pictures("train", 1)[0], "finding").messages[0]
    assert all(e.messages[0] == asked for name in ("answers", "traces", "empty", "long") for e in lessons[name][:30])


def test_training_and_measuring_share_no_patient():
    train = {e.group for name in ("long", "answers") for e in medical_runs.lesson(medical_runs.RUNS[name][2], 60)}
    for split in ("heldout", "novel"):
        assert not train & {e.group for e in medical_scores.pictures(split, 60)}


def test_novel_patients_have_pairs_that_no_training_has():
    pairs = {(e.label, e.meta["region"]) for e in medical_scores.pictures("novel", 40) if e.meta["region"]}
    assert pairs and pairs <= phantoms.NOVEL_COMBINATIONS
    seen = {(e.label, e.meta["region"]) for e in medical_scores.pictures("train", 200)}
    assert not seen & phantoms.NOVEL_COMBINATIONS


def test_a_run_is_measured_in_full(monkeypatch, tmp_path):
    """One step of the smallest training, through everything that a recorded run goes through."""
    settings, _, taught = medical_runs.RUNS["empty"]
    monkeypatch.setitem(medical_runs.RUNS, "empty", (settings | {"batch_size": 2}, 10, taught))
    monkeypatch.setattr(medical_scores, "THOUGHT_TOKENS", 4)
    monkeypatch.setattr(medical_scores, "SUMMARY_TOKENS", 4)
    config = medical_runs.config_of("empty", "nano", 1)
    monkeypatch.setattr(medical_runs, "config_of", lambda *_: config.replace(output=str(tmp_path / "run")))
    entry = json.loads(json.dumps(medical_runs.measured("empty", "nano", 1, held_out=10)))
    check_entry("empty", entry, examples=10)
    assert entry["settings"]["steps"] == 1 and entry["train"]["examples"] == 10 and len(entry["curve"]) == 1


def check_entry(name: str, entry: dict, examples: int) -> None:
    assert entry["base"]["base"] == medical_runs.ROLE
    thinking = entry["scores"]["thinking"]
    for part in ("phantoms", "scenes"):
        assert thinking[part]["examples"] > 0
        for key in ("thinks", "right"):
            value, low, high = thinking[part][key]
            assert 0 <= low <= value <= high <= 1
    correct = thinking["scenes"]["correct"]
    assert len(correct) == thinking["scenes"]["examples"] and correct.count("1") / len(correct) == value
    if name == "base":
        return
    scores = entry["scores"]
    assert entry["settings"]["allow"] == medical_runs.RUNS[name][0].get("allow", [])
    assert scores["finding"]["examples"] == scores["finding"]["groups"] == examples
    for key in ("finding", "novel", "side", "region", "blank pictures", "text only", "majority", "raw pixels"):
        for value, low, high in (scores[key]["macro_f1"], scores[key]["accuracy"]):
            assert 0 <= low <= value + 1e-9 and value <= high + 1e-9 and high <= 1
    assert set(scores["summary"]) == set(medical_scores.FACTS)
    assert set(scores["ahead"]) == {"blank pictures", "text only", "majority", "raw pixels"}


# what was recorded


@pytest.fixture(scope="module")
def recorded() -> dict:
    return json.loads(RECORD.read_text(encoding="utf-8"))


def test_every_run_is_recorded_at_nano_with_how_it_was_made(recorded):
    compared = {"base", "answers", "traces", "empty"}  # where `long` is missing the page says so
    assert compared <= recorded.keys() <= {"base", *medical_runs.RUNS}
    for name, profiles in recorded.items():
        entry = profiles["nano"]
        for key in ("command", "date", "commit", "device", "threads", "versions", "model"):
            assert entry[key], f"{name}: {key}"
        assert entry["command"].startswith(f"python -m recipes.medical_runs {name}")
        assert entry["model"]["sha256"] == entry["base"]["sha256"] and entry["model"]["id"] == spec("qwen3_vl").id
        check_entry(name, entry, examples=medical_runs.HELD_OUT)


def test_runs_were_made_with_the_recipes_settings(recorded):
    for name in recorded.keys() - {"base"}:
        entry, config = recorded[name]["nano"], medical_runs.config_of(name, "nano")
        wanted = {key: value for key, value in vars(config).items() if key not in ("output", "train")}
        assert {key: entry["settings"][key] for key in wanted} == wanted, name


def test_the_runs_that_are_compared_began_from_the_same_weights(recorded):
    assert len({profiles["nano"]["base"]["sha256"] for profiles in recorded.values()}) == 1


def test_what_the_page_says_of_the_recorded_runs_holds(recorded):
    """Prose that rests on the record: see the claims of the notebook, too."""
    thinks = {name: entry["nano"]["scores"]["thinking"]["phantoms"]["thinks"][0] for name, entry in recorded.items()}
    assert thinks["traces"] > 0.9 and thinks["empty"] < 0.1
