"""A round goes on from a checkpoint and keeps a mean of the weights before and after it."""

from __future__ import annotations

import pytest
import torch

from recipes import checkpoints, qwen_vl, qwen_vl_rounds, training

ROLE, FIRST = "qwen2_5_vl-s", 1740


@pytest.fixture(autouse=True)
def states(tmp_path, monkeypatch):
    monkeypatch.setattr(qwen_vl, "state_path", lambda name: tmp_path / f"{name}.pt")


def weights(student):
    return {name: value.clone() for name, value in student.model.state_dict().items()}


def test_only_the_heads_learn_at_first():
    torch.manual_seed(0)
    student = qwen_vl_rounds.trained_student(ROLE)
    before, heads = weights(student), [p.clone() for p in student.heads.parameters()]
    qwen_vl_rounds.teach_heads(student, 1, FIRST)
    assert all(torch.equal(before[name], value) for name, value in weights(student).items())
    assert not all(torch.equal(a, b) for a, b in zip(heads, student.heads.parameters()))
    assert all(p.requires_grad for p in student.parameters())


def test_the_mean_lies_half_way():
    found = {}
    for after in (0.0, 0.5, 1.0):
        torch.manual_seed(0)
        student = qwen_vl_rounds.trained_student(ROLE)
        qwen_vl_rounds.go_on(student, 2, FIRST, {"drills": 1}, after)
        found[after] = weights(student)
    name = "model.language_model.layers.0.mlp.up_proj.weight"
    assert torch.equal(found[0.0][name], weights(qwen_vl_rounds.trained_student(ROLE))[name])
    assert not torch.equal(found[0.0][name], found[1.0][name])
    torch.testing.assert_close(found[0.5][name], (found[0.0][name] + found[1.0][name]) / 2)


def test_the_command_goes_on_after_the_cards_last_step_and_adds_to_it(tmp_path, monkeypatch):
    saved, seen, mixed = {}, [], qwen_vl_rounds.mixed_batch
    monkeypatch.setattr(qwen_vl_rounds, "HEAD_STEPS", 1)
    monkeypatch.setattr(qwen_vl_rounds, "mixed_batch", lambda *asked: seen.append(asked[1:]) or mixed(*asked))
    monkeypatch.setattr(
        qwen_vl_rounds, "train", lambda *args, **told: training.train(*args, workers=0, **told)
    )  # in this process, so that the batches are seen
    monkeypatch.setattr(checkpoints, "save", lambda role, *_, **facts: saved.update(facts, role=role))
    card = checkpoints.read_card(ROLE)
    assert card["steps"] == FIRST
    assert qwen_vl_rounds.main([ROLE, "--steps", "2", "--shares", '{"moments": 1}']) == 0
    assert seen == [({"moments": 1}, FIRST), ({"moments": 1}, FIRST + 1)]
    assert (saved["role"], saved["command"], saved["steps"]) == (ROLE, ROLE, FIRST + 2)
    assert saved["minutes"] > card["minutes"] and not list(tmp_path.glob("*.pt"))


def test_a_kind_of_batch_that_does_not_exist_is_named(capsys):
    with pytest.raises(SystemExit):
        qwen_vl_rounds.main([ROLE, "--steps", "2", "--shares", '{"moment": 1}'])
    assert "no kind of batch called 'moment'" in capsys.readouterr().err
