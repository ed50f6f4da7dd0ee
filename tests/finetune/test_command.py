"""``course finetune``, ``evaluate`` and ``generate``, as a person types them, with what goes wrong."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from tuning import SMALL, examples

from helpers import cli
from helpers.finetune import formats, sources
from helpers.finetune.config import Config

QUESTION = "What is the diagnosis?"


def write_data(folder: Path, n: int = 12, name: str = "train.json") -> Path:
    """A data file and its pictures, as somebody brings them: no labels but the replies."""
    folder.mkdir(parents=True, exist_ok=True)
    some = []
    for example in examples()[:n]:
        shutil.copy(example.images[0], folder)
        some.append(replace(example, label=None, images=[str(folder / Path(example.images[0]).name)]))
    formats.write(some, folder / name, formats.MESSAGES, root=folder)
    return folder / name


def write_config(folder: Path, **settings) -> str:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(SMALL | {"steps": 2, "train": "train.json", "output": "run"} | settings))
    return str(path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with data, a config, and the run that ``course finetune`` made of them."""
    folder = tmp_path_factory.mktemp("trained")
    write_data(folder)
    assert cli.main(["finetune", write_config(folder, held_out="train.json")]) == 0
    return folder


def test_a_file_is_trained_on_and_its_held_out_part_scored(trained):
    scores = json.loads((trained / "run" / "scores.json").read_text())
    assert scores["examples"] == 12 and len(scores["labels"]) == 5 and 0 <= scores["macro_f1"][0] <= 1
    assert (trained / "run" / "adapter" / "adapter_model.safetensors").is_file()


def test_an_adapter_is_evaluated_beside_its_base_and_its_ablations(trained, capsys, tmp_path):
    adapter, out = str(trained / "run" / "adapter"), tmp_path / "scores.json"
    assert cli.main(["evaluate", "--adapter", adapter, "--data", str(trained / "train.json"), "--out", str(out)]) == 0
    found, printed = json.loads(out.read_text()), capsys.readouterr().out
    names = ["with the adapter", "without the adapter", "blank pictures", "text only", "most common class"]
    assert list(found) == names and all(name in printed for name in names) and "nano" in printed
    assert found["text only"]["macro_f1"] == found["text only"]["macro_f1"]
    alone = ["evaluate", "--adapter", adapter, "--data", "phantoms", "--limit", "10", "--alone"]
    assert cli.main(alone) == 0 and "10 examples of 10 groups" in capsys.readouterr().out


def test_an_adapter_answers(trained, capsys):
    picture = next(trained.glob("*.png"))
    adapter = str(trained / "run" / "adapter")
    told = ["generate", "--adapter", adapter, "--image", str(picture), "--prompt", QUESTION, "--max-tokens", "4"]
    assert cli.main(told) == 0
    said, answer = capsys.readouterr().out.splitlines()[:2]
    assert "nano" in said and answer and "<|" not in answer


def refused(capsys, *arguments: str) -> str:
    assert cli.main(list(arguments)) == 2
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    return said.out + said.err


def test_an_interrupted_run_is_not_overwritten_by_accident(tmp_path, capsys):
    write_data(tmp_path)
    config = write_config(tmp_path, steps=4)
    checkpoint = tmp_path / "run" / "checkpoints" / "checkpoint-2"
    checkpoint.mkdir(parents=True)
    (checkpoint / "trainer_state.json").write_text("{}")
    assert "interrupted after step 2" in refused(capsys, "finetune", config)
    assert cli.main(["finetune", config, "--restart"]) == 0
    assert "is finished" in refused(capsys, "finetune", config, "--resume")
    assert "finished run. --restart replaces it" in refused(capsys, "finetune", config)
    assert (tmp_path / "run" / "adapter" / "adapter_model.safetensors").is_file()


def test_a_broken_line_is_reported_and_the_rest_is_trained_on(tmp_path, capsys):
    rows = json.loads(write_data(tmp_path).read_text())
    lines = [json.dumps(row) for row in rows]
    (tmp_path / "train.jsonl").write_text("\n".join([*lines[:3], lines[3][:40], *lines[4:]]))
    assert cli.main(["finetune", write_config(tmp_path, train="train.jsonl", steps=1)]) == 0
    said = capsys.readouterr().out
    assert "11 examples kept" in said and "left out" in said and "line 4" in said


@pytest.mark.parametrize("spoil, says", [
    (lambda folder, rows: [], "holds no entries"),
    (lambda folder, rows: [row for row in rows if row["messages"][-1]["content"] == "none"] * 3, "class"),
    (lambda folder, rows: next(folder.glob("*.png")).unlink() or rows, "not there|missing|There is no|not found"),
])  # fmt: skip
def test_data_that_cannot_be_trained_on_are_refused(tmp_path, capsys, spoil, says):
    path = write_data(tmp_path)
    path.write_text(json.dumps(spoil(tmp_path, json.loads(path.read_text()))))
    assert re.search(says, refused(capsys, "finetune", write_config(tmp_path)))
    assert not (tmp_path / "run" / "adapter").exists()


def test_what_does_not_exist_is_named(tmp_path, trained, capsys):
    assert "There is no file" in refused(capsys, "finetune", str(tmp_path / "no.yaml"))
    assert "Did you mean 'steps'" in refused(capsys, "finetune", write_config(tmp_path, setps=1))
    assert "There is no file" in refused(capsys, "finetune", write_config(tmp_path, train="no.json"))
    options = write_config(tmp_path, train="phantoms", options={"tsk": "report"})
    assert "`options` does not fit phantoms" in refused(capsys, "finetune", options)
    assert "holds no adapter" in refused(capsys, "evaluate", "--adapter", str(tmp_path), "--data", "phantoms")
    adapter = str(trained / "run" / "adapter")
    assert "There is no file" in refused(capsys, "evaluate", "--adapter", adapter, "--data", "no.json")
    asked = ("generate", "--adapter", adapter, "--image", "no.png", "--prompt", QUESTION)
    assert "There is no file no.png" in refused(capsys, *asked)


def test_what_is_held_out_is_looked_at_before_the_training(tmp_path, capsys):
    write_data(tmp_path)
    assert "There is no file" in refused(capsys, "finetune", write_config(tmp_path, held_out="tst.json"))
    rows = json.loads((tmp_path / "train.json").read_text())
    rows = [row for row in rows if row["messages"][-1]["content"] == "none"]
    (tmp_path / "one.json").write_text(json.dumps(rows * 3))
    assert "at least two classes" in refused(capsys, "finetune", write_config(tmp_path, held_out="one.json"))
    assert not (tmp_path / "run").exists()


def test_held_out_texts_are_not_scored_and_leaks_are_told(tmp_path, capsys):
    rows = json.loads(write_data(tmp_path).read_text())
    for i, row in enumerate(rows):
        row["messages"][-1]["content"] = f"The slice shows finding number {i}, in a sentence that is no class."
    (tmp_path / "texts.json").write_text(json.dumps(rows))
    assert cli.main(["finetune", write_config(tmp_path, held_out="texts.json", steps=1)]) == 0
    said = capsys.readouterr().out
    assert "identical files: 12" in said and "nothing will be scored" in said
    assert not (tmp_path / "run" / "scores.json").exists()


def test_a_limit_draws_from_all_classes(trained, tmp_path, capsys):
    rows = sorted(json.loads((trained / "train.json").read_text()), key=lambda row: row["messages"][-1]["content"])
    (tmp_path / "sorted.json").write_text(json.dumps(rows))
    told = ["evaluate", "--adapter", str(trained / "run" / "adapter"), "--data", str(tmp_path / "sorted.json"),
            "--roots", str(trained), "--limit", "6", "--batch-size", "2", "--alone"]  # fmt: skip
    assert cli.main(told) == 0 and "6 of 12 examples, drawn at random" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        cli.main([*told, "--limit", "0"])
    assert "0 is less than 1" in capsys.readouterr().err


def test_affectnets_pictures_are_found_in_the_roots(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    for i, example in enumerate(examples()[:4]):
        shutil.copy(example.images[0], tmp_path / "elsewhere" / f"{i}.png")
    table = ["subDirectory_filePath,expression", *(f"{i}.png,{i}" for i in range(4))]
    (tmp_path / "table.csv").write_text("\n".join(table))
    found, report = sources.file_examples(tmp_path / "table.csv", "affectnet", [tmp_path / "elsewhere"])
    assert len(found) == 4 and all(Path(e.images[0]).is_file() for e in found)


def test_replies_are_labels_only_where_they_are_classes():
    some = [replace(e, label=None) for e in examples()]
    assert [e.label for e in sources.labelled(some)] == [e.label for e in examples()]
    many = [
        replace(e, messages=[e.messages[0], {"role": "assistant", "content": f"text {i}"}]) for i, e in enumerate(some)
    ]
    assert sources.labelled(many) == many


def test_what_is_held_out_of_a_world_is_its_held_out_patients():
    settings = Config(train_size=3, held_out_size=4)
    train, held_out = (sources.examples_of(settings, which)[0] for which in ("train", "held_out"))
    assert len(train) == 3 and len(held_out) == 4 and not {e.group for e in train} & {e.group for e in held_out}
    assert sources.examples_of(Config(train="file.json"), "held_out") == ([], None)
