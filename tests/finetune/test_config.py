"""Settings: the same in Python and YAML, and every mistake named."""

from __future__ import annotations

import pytest

from helpers.finetune.config import BadConfig, Config, from_dict, read_config


def written(tmp_path, text: str):
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_says_the_same_as_python(tmp_path):
    path = written(tmp_path, "base: qwen3_vl\nsteps: 30\nlearning_rate: 2e-4\ntargets: [q_proj, v_proj]\n"
                             "train: faces\noptions: {modality: both}\nclass_weights: balanced\n")  # fmt: skip
    assert read_config(path) == Config(
        steps=30, learning_rate=2e-4, targets=["q_proj", "v_proj"], train="faces", options={"modality": "both"},
        class_weights="balanced",
    )  # fmt: skip


def test_paths_start_at_the_files_folder(tmp_path):
    path = written(tmp_path, "train: data/a.json\nheld_out: /b.json\nroots: [pictures]\noutput: runs/a\n")
    found = read_config(path)
    assert found.train == str(tmp_path / "data" / "a.json") and found.held_out == "/b.json"
    assert found.roots == [str(tmp_path / "pictures")] and found.folder == tmp_path / "runs" / "a"


@pytest.mark.parametrize("text, says", [
    ("setps: 3", "no setting 'setps'. Did you mean 'steps'"),
    ("steps: many", r"`steps` should be int, not 'many' \(str\)"),
    ("steps: true", "`steps` should be int, not True"),
    ("steps: 0", "`steps` should be at least 1"),
    ("steps: 1.5", "`steps` should be int"),
    ("learning_rate: fast", "`learning_rate` should be float"),
    ("targets: 3", r"`targets` should be str \| list"),
    ("targets: [3]", "`targets` should be"),
    ("four_bit: 'yes'", "`four_bit` should be bool"),
    ("vision: both", "`vision` cannot be 'both'. Choose one of: adapt, freeze"),
    ("format: jsonl", "`format` cannot be 'jsonl'"),
    ("class_weights: even", "`class_weights` should be \"balanced\""),
    ("warmup: 10", "`warmup` is a share"),
    ("dropout: 1", "`dropout` is a share"),
    ("max_length: 0", "`max_length` should be at least 1"),
    ("- steps", "one setting a line"),
    ("", "one setting a line"),
    ("steps: 3\nbase: [", "line 3 is no YAML|line 2 is no YAML"),
])  # fmt: skip
def test_mistakes_are_named(tmp_path, text, says):
    with pytest.raises(BadConfig, match=says):
        read_config(written(tmp_path, text))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BadConfig, match="There is no file .*nowhere.yaml"):
        read_config(tmp_path / "nowhere.yaml")


def test_a_change_is_checked_too():
    assert Config().replace(steps=5).steps == 5
    with pytest.raises(BadConfig, match="step_s"):
        Config().replace(step_s=5)
    with pytest.raises(BadConfig, match="learning_rate"):
        from_dict({"learning_rate": -1.0})
