"""What chapter 4's emotion notebook writes out, and the recorded runs that it reads."""

from __future__ import annotations

import ast
import dataclasses
import json
import math
import random
from pathlib import Path

import nbformat
import numpy as np
import pytest
import sklearn.metrics

from helpers.finetune import adapt, scoring
from helpers.finetune.config import Config
from helpers.finetune.data import face_examples
from helpers.finetune.formats import Example
from helpers.profiles import root, spec
from helpers.worlds import faces
from recipes import emotion_runs, finetune_runs

NOTEBOOK = root() / "notebooks" / "04_finetuning" / "05_emotion.ipynb"
FUNCTIONS = {"adjust", "ask_about", "at_rest", "confusion_figure", "gap", "macro_f1", "player", "recorded", "row"}
CONSTANTS = {"CURVES", "RARE", "by_hand"}
EIGHT = faces.EMOTIONS


@pytest.fixture(scope="module")
def parameters():
    """The notebook's parameters by name."""
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    [cell] = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    found: dict = {}
    exec(cell.source, found)
    return found


@pytest.fixture
def page(parameters):
    """The notebook's functions, imports and a few of its constants by name, nothing of it trained."""
    held_out = asked([i % 8 for i in range(24)])
    names = dict(parameters) | {"held_out": held_out, "runs": {}, "truth": "01234567" * 3}
    names |= {"labels": ["Happy"] * 6 + ["Sad"] * 2, "counts": {"Happy": 6, "Sad": 2}}
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        for node in ast.parse(cell.source).body if cell.cell_type == "code" else []:
            constant = isinstance(node, ast.Assign) and {getattr(t, "id", None) for t in node.targets} & CONSTANTS
            function = isinstance(node, ast.FunctionDef) and node.name in FUNCTIONS
            if constant or function or isinstance(node, (ast.Import, ast.ImportFrom)):
                exec(compile(ast.Module([node], []), str(NOTEBOOK), "exec"), names)
    assert names.keys() >= FUNCTIONS | CONSTANTS
    return names


def asked(labels) -> list[Example]:
    """Examples without pictures, six of each person."""
    messages = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "!"}]
    return [Example(messages, label=EIGHT[k], group=str(i // 6)) for i, k in enumerate(labels)]


@pytest.mark.parametrize("seed", range(5))
def test_macro_f1_is_the_librarys(page, seed):
    rng = random.Random(seed)
    truth, said = [[rng.randrange(6) for _ in range(60)] for _ in range(2)]
    confusion = sklearn.metrics.confusion_matrix(truth, said, labels=range(6))
    expected = sklearn.metrics.f1_score(truth, said, average="macro")
    assert page["macro_f1"](confusion.tolist()) == pytest.approx(expected)
    assert float(scoring.macro_f1(np.pad(confusion, ((0, 0), (0, 1))))) == pytest.approx(expected)


def test_weights_make_the_classes_weigh_the_same(page):
    assert page["by_hand"] == {"Happy": 8 / (2 * 6), "Sad": 8 / (2 * 2)}
    assert 6 * page["by_hand"]["Happy"] == 2 * page["by_hand"]["Sad"]


def test_adjusting_is_bayes_rule_with_other_shares(page):
    """From likelihoods p(x | y): what is right for one set of shares becomes what is right for equal ones."""
    likelihood = np.random.default_rng(0).uniform(0.1, 1, (50, 8))
    shares = np.array(list(faces.CLASS_SHARES.values()))
    seen = likelihood * shares / (likelihood * shares).sum(1, keepdims=True)
    np.testing.assert_allclose(page["adjust"](seen, shares), likelihood / likelihood.sum(1, keepdims=True))
    np.testing.assert_allclose(page["adjust"](seen, shares, strength=0), seen)


def test_a_confusion_matrix_is_drawn_with_its_rows_in_per_cent(page):
    report = scoring.score(["Happy"] * 12 + ["Sad"] * 12, asked([1] * 9 + [2] * 15), EIGHT)
    figure = page["confusion_figure"](report, "drawn")
    heat = figure.data[0]
    shares = {(y, x): heat.z[i][j] for i, y in enumerate(heat.y) for j, x in enumerate(heat.x)}
    assert shares["Happy", "Happy"] == 100 and shares["Sad", "Happy"] == 20 and shares["Sad", "Sad"] == 80
    assert all(shares[emotion, "Happy"] == 0 for emotion in EIGHT if emotion not in ("Happy", "Sad"))


def test_a_recorded_run_is_read_as_it_was_measured(page):
    said = [i % 8 if i % 3 else 1 for i in range(24)]
    run = {"truth": page["truth"], "said": emotion_runs.digits(said), "adjusted": page["truth"]}
    page["runs"]["weighted"] = {page["profile"]: run}
    report = page["recorded"]("weighted")
    assert report.predicted.tolist() == said and report.groups == tuple(e.group for e in page["held_out"])
    row, other = page["row"]("weighted", report), page["row"]("weighted", None)
    assert row["Happy"] == 1.0 and row.keys() == other.keys()
    assert page["recorded"]("weighted", "adjusted").accuracy.value == 1.0


def test_runs_of_other_faces_or_none_are_not_passed_off_as_these(page):
    page["runs"]["weighted"] = {page["profile"]: {"truth": "1" * 24, "said": "1" * 24}}
    page["runs"]["both"] = {"another profile": {}}
    for name in ("weighted", "both", "audio"):
        assert page["recorded"](name) is None
    row = page["row"]("both", None)
    assert "none recorded" in row["accuracy"] and "recipes.emotion_runs" in row["macro-F1"]


def test_the_gap_is_between_the_best_and_the_worst_group(page):
    assert page["gap"]([True] * 3 + [False], list("aabb")) == 0.5
    assert page["gap"]([True, False, False, False], list("abcd")) == 1.0


def test_people_are_asked_the_question_of_the_training(page, monkeypatch, tmp_path):
    seen = []

    def choose(model, processor, examples, labels):
        for example in examples:
            seen.append((example.messages[0]["content"], Path(example.images[0]).read_bytes()[:8]))
        return np.eye(8)[: len(examples)]

    class Run:
        model = None

    page |= {"choose": choose, "run": Run, "processor": None}
    [trained] = face_examples("train", 1, folder=tmp_path)
    assert page["ask_about"](list(faces.faces("heldout", 3))).shape == (3, 8)
    assert [question for question, _ in seen] == [trained.messages[0]["content"]] * 3
    assert all(start == b"\x89PNG\r\n\x1a\n" for _, start in seen)


def test_a_resting_mouth_is_no_expression(page):
    person = next(faces.identities("heldout", 1))
    face = faces.sample_face(random.Random(0), "heldout", "Neutral", person)
    page["poses"] = [face]
    changed = [page["at_rest"](person, curve) for curve in page["CURVES"]]
    assert [one.identity.mouth_curve for one in changed] == list(page["CURVES"])
    assert len({repr(faces.action_units(one)) for one in changed}) == 1
    assert len({faces.render(one).tobytes() for one in changed}) == len(page["CURVES"])


def test_the_notebook_and_the_recorded_runs_have_the_same_settings(parameters):
    for name, wanted in emotion_runs.LESSON.items():
        assert parameters.get(name, getattr(Config(), name)) == wanted
    sizes = parameters["n_train"], parameters["n_heldout"], parameters["seed"]
    assert sizes == (emotion_runs.TRAIN, emotion_runs.HELD_OUT, Config().seed)


@pytest.fixture(scope="module")
def runs():
    return json.loads(finetune_runs.record_path("emotion_runs").read_text(encoding="utf-8"))


def test_what_the_page_compares_is_recorded(runs):
    assert {"plain", "weighted", "audio", "both"} <= runs.keys() <= emotion_runs.RUNS.keys()


@pytest.mark.parametrize("name", emotion_runs.RUNS)
def test_a_run_is_recorded_with_todays_settings_on_todays_base(runs, name):
    if name not in runs:
        pytest.skip("none recorded yet: the page says so")
    run, config = runs[name]["nano"], emotion_runs.config_of(name, "nano")
    wanted = dataclasses.asdict(config) | {"output": name}
    assert run["settings"] == wanted
    assert run["model"]["sha256"] == run["base"]["sha256"] == spec(emotion_runs.ROLE).sha256
    assert run["command"] == f"python -m recipes.emotion_runs {name}"
    assert run["train"]["examples"] == config.train_size and run["seconds"] > 0
    assert {"date", "commit", "device", "threads", "versions"} <= run.keys()
    assert len(run["curve"]) == math.ceil(config.steps / finetune_runs.CURVE)


@pytest.mark.parametrize("name", emotion_runs.RUNS)
def test_a_recorded_score_follows_from_the_recorded_answers(runs, name):
    if name not in runs:
        pytest.skip("none recorded yet: the page says so")
    run = runs[name]["nano"]
    drawn = list(faces.faces("heldout", emotion_runs.HELD_OUT, balanced=False))
    assert run["truth"] == emotion_runs.digits([face.label for face in drawn])
    examples = [dataclasses.replace(asked([face.label])[0], group=face.identity.id) for face in drawn]
    report = scoring.score([EIGHT[int(digit)] for digit in run["said"]], examples, EIGHT)
    assert len(run["adjusted"]) == len(run["said"]) and set(run["adjusted"]) <= set("01234567")
    assert json.loads(json.dumps(report.summary() | {"ece": None})) == run["scores"] | {"ece": None}


def test_a_finished_run_is_measured_without_training_again(tmp_path, monkeypatch):
    train = face_examples("train", 8, folder=tmp_path / "faces")
    config = Config(base=emotion_runs.ROLE, train="faces", steps=2, batch_size=2, output=str(tmp_path / "run"))
    _, _, first = finetune_runs.trained(config, train)
    told = finetune_runs.told(config, train, first)
    assert told["train"] == {"examples": 8, "data": first["data"]} and len(told["curve"]) == 1
    monkeypatch.setattr(finetune_runs, "finetune", lambda *_, **__: pytest.fail("trained again"))
    model, processor, again = finetune_runs.trained(config, train)
    assert again == first and hasattr(model, "peft_config") and processor is not None
    trained_anew = []
    monkeypatch.setattr(finetune_runs, "finetune", lambda c, t, resume: trained_anew.append(resume) or FakeRun())
    for other, examples in ((config.replace(steps=3), train), (config, train[:4])):
        finetune_runs.trained(other, examples)
    monkeypatch.setattr(adapt, "base_facts", lambda chosen: {"sha256": "of other weights"})
    finetune_runs.trained(config, train)
    assert trained_anew == [False] * 3


class FakeRun:
    model = processor = record = None


def test_a_record_keeps_what_others_wrote(tmp_path, monkeypatch, capsys):
    path = tmp_path / "emotion_runs.json"
    monkeypatch.setattr(finetune_runs, "record_path", lambda module: path)
    finetune_runs.add(path, "both", "full", {"scores": 1})
    monkeypatch.setattr(emotion_runs, "measured", lambda name, profile, steps: {"steps": steps})
    assert emotion_runs.main(["both", "audio", "--steps", "7"]) == 0
    found = json.loads(path.read_text())
    assert found["both"]["full"] == {"scores": 1} and found["both"]["nano"]["steps"] == 7
    assert found["audio"]["nano"]["command"] == "python -m recipes.emotion_runs audio --steps 7"
    with pytest.raises(SystemExit):
        emotion_runs.main(["sideways"])
    assert "sideways" in capsys.readouterr().err
