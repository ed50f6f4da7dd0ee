"""Phantoms and faces as examples: true answers, files written once, splits that keep people apart."""

from __future__ import annotations

import errno
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import wavfile

from helpers.errors import CourseError, UnknownName
from helpers.files import DiskFull
from helpers.finetune import data
from helpers.finetune.formats import MESSAGES, read, write
from helpers.finetune.sounds import read_wav, write_wav
from helpers.worlds import faces, phantoms


def test_findings_are_balanced_and_of_different_patients(tmp_path):
    examples = data.phantom_examples("train", 20, folder=tmp_path)
    assert Counter(e.label for e in examples) == dict.fromkeys(phantoms.FINDINGS, 4)
    assert len({e.group for e in examples}) == 20
    for example, slice in zip(examples, phantoms.slices("train", 20)):
        assert example.messages[-1]["content"] == example.label == slice.kind and example.group == slice.patient
        assert example.messages[0]["content"].endswith(phantoms.ANSWER["finding"])
        assert np.array_equal(np.asarray(Image.open(example.images[0])), np.asarray(phantoms.render(slice)))


def test_unbalanced_are_all_slices_of_one_patient_after_the_other(tmp_path):
    examples = data.phantom_examples("heldout", 40, folder=tmp_path, balanced=False)
    groups = [e.group for e in examples]
    assert groups == sorted(groups, key=groups.index) and 8 <= len(set(groups)) <= 14
    assert Counter(e.label for e in examples).most_common(1)[0][0] == phantoms.NONE


@pytest.mark.parametrize("task, said", [("report", phantoms.report), ("summary", phantoms.summary)])
def test_what_is_said_is_what_the_world_says(tmp_path, task, said):
    for example, slice in zip(data.phantom_examples("train", 6, 3, folder=tmp_path, task=task),
                              phantoms.slices("train", 6, 3)):  # fmt: skip
        assert example.messages[-1]["content"] == said(slice)


def test_mixed_takes_turns_and_every_finding_meets_every_task(tmp_path):
    examples = data.phantom_examples("train", 15, folder=tmp_path, task="mixed")
    assert {(e.meta["task"], e.label) for e in examples} == {(t, f) for t in data.TASKS[:3] for f in phantoms.FINDINGS}


def test_thoughts_true_or_empty(tmp_path):
    plain, thought, empty = (
        data.phantom_examples("train", 5, folder=tmp_path, traces=traces) for traces in (False, True, "empty")
    )
    for a, b, c, slice in zip(plain, thought, empty, phantoms.slices("train", 5)):
        answer = a.messages[-1]["content"]
        assert b.messages[-1]["content"] == f"<think>\n{phantoms.reasoning(slice)}\n</think>\n\n{answer}"
        assert c.messages[-1]["content"] == f"<think>\n\n</think>\n\n{answer}"
        assert a.messages[0] == b.messages[0] == c.messages[0] and a.images == b.images == c.images


def test_meta_is_the_truth(tmp_path):
    for example, slice in zip(data.phantom_examples("train", 10, folder=tmp_path), phantoms.slices("train", 10)):
        assert example.meta["side"] == (slice.finding.side if slice.finding else None)
        assert example.meta["region"] == (slice.finding.region if slice.finding else None)
        assert (example.meta["share"] > 0) == (example.label != phantoms.NONE)


def test_splits_have_no_person_in_common(tmp_path):
    for make in (data.phantom_examples, data.face_examples):
        train, heldout = (make(split, 30, folder=tmp_path) for split in ("train", "heldout"))
        assert not {e.group for e in train} & {e.group for e in heldout}


def test_faces_have_affectnets_shares_or_equal_ones(tmp_path):
    balanced = data.face_examples("train", 16, folder=tmp_path, balanced=True, modality="audio")
    assert set(Counter(e.label for e in balanced).values()) == {2}
    many = Counter(e.label for e in data.face_examples("train", 300, folder=tmp_path / "shares"))
    assert [name for name, _ in many.most_common(2)] == ["Happy", "Neutral"]


def test_the_three_modalities_are_of_one_face(tmp_path):
    seen, heard, both = (data.face_examples("train", 8, folder=tmp_path, modality=m) for m in data.MODALITIES)
    for a, b, c in zip(seen, heard, both):
        assert a.images == c.images and b.audios == c.audios and not a.audios and not b.images
        assert a.label == b.label == c.label and a.group == b.group == c.group
        assert all(name in e.messages[0]["content"] for e in (a, b, c) for name in faces.EMOTIONS)
    rate, samples = wavfile.read(heard[0].audios[0])
    assert rate == 16000 and samples.shape == (16000,) and samples.dtype == np.int16
    face = next(faces.faces("train", 1, balanced=False))
    assert np.array_equal(np.asarray(Image.open(seen[0].images[0])), np.asarray(faces.render(face)))


def test_files_are_written_once_and_always_the_same(tmp_path):
    first = data.face_examples("train", 3, folder=tmp_path / "a", modality="both")
    before = {
        path: (Path(path).stat().st_mtime_ns, Path(path).read_bytes()) for e in first for path in e.images + e.audios
    }
    assert data.face_examples("train", 3, folder=tmp_path / "a", modality="both") == first
    assert {path: (Path(path).stat().st_mtime_ns, Path(path).read_bytes()) for path in before} == before
    again = data.face_examples("train", 3, folder=tmp_path / "b", modality="both")
    contents = [Path(path).read_bytes() for e in again for path in e.images + e.audios]
    assert contents == [content for _, content in before.values()]
    assert not list(tmp_path.rglob(".*")), "a partial file was left"


def test_the_default_folder_changes_with_the_world(monkeypatch):
    inside = data._folder("phantoms", "train", None)
    assert inside.parent.parent.name == "finetune" and inside.parent.parent.parent.name == "_build"
    monkeypatch.setattr(data, "_source_hash", lambda world: "00000000")
    assert data._folder("phantoms", "train", None) != inside


def test_they_are_data_as_people_have_them(tmp_path):
    examples = data.phantom_examples("train", 4, folder=tmp_path) + data.face_examples("train", 4, folder=tmp_path)
    write(examples, tmp_path / "all.json", MESSAGES)
    again, report = read(tmp_path / "all.json", MESSAGES)
    assert again == examples and not report.problems


def test_a_full_disk_is_said(tmp_path, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("helpers.finetune.data.os.replace", full)
    with pytest.raises(DiskFull):
        data.phantom_examples("train", 1, folder=tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("wrong", [{"split": "test"}, {"task": "side"}])
def test_names_that_do_not_exist(tmp_path, wrong):
    with pytest.raises(UnknownName):
        data.phantom_examples(**({"split": "train", "n": 1, "folder": tmp_path} | wrong))
    assert not list(tmp_path.iterdir())


def test_other_choices_that_do_not_exist(tmp_path):
    with pytest.raises(CourseError):
        data.phantom_examples("train", 1, folder=tmp_path, traces="none")
    with pytest.raises(UnknownName):
        data.face_examples("train", 1, folder=tmp_path, modality="video")


@pytest.mark.parametrize("dtype, scale", [(np.int16, 32767), (np.int32, 2**31 - 1), (np.float32, 1), (np.uint8, None)])
def test_wav_of_any_kind_is_read(tmp_path, dtype, scale):
    wave = 0.5 * np.sin(np.arange(8000) / 20)
    samples = np.round(wave * 127 + 128) if scale is None else wave * scale
    wavfile.write(tmp_path / "x.wav", 8000, np.stack([samples] * 2, axis=1).astype(dtype))  # two channels
    found = read_wav(tmp_path / "x.wav", 8000)
    assert found.dtype == np.float32 and np.allclose(found, wave, atol=0.01)
    assert read_wav(tmp_path / "x.wav", 16000).shape == (16000,)  # resampled


@pytest.mark.parametrize("length", [0, 5, 20, 42])
def test_a_wav_that_is_cut_says_so(tmp_path, length):
    write_wav(tmp_path / "x.wav", np.zeros(100, np.float32))
    (tmp_path / "x.wav").write_bytes((tmp_path / "x.wav").read_bytes()[:length])
    with pytest.raises(CourseError, match="cannot be read"):
        read_wav(tmp_path / "x.wav")


def test_wav_written_is_wav_read(tmp_path):
    samples = np.linspace(-1.2, 1.2, 4000, dtype=np.float32)
    write_wav(tmp_path / "x.wav", samples)
    assert np.allclose(read_wav(tmp_path / "x.wav"), samples.clip(-1, 1), atol=1e-4)
