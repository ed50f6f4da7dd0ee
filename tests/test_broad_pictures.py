"""What the bases of chapter 4 see and hear before it: grey pictures, marks and rows of tones, whose labels are true."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer

from helpers.profiles import root
from helpers.worlds import faces, phantoms
from recipes import grey_pictures, strokes, tones

PICTURES = [grey_pictures.sample_picture(random.Random(i)) for i in range(60)]
MARKS = [strokes.sample_picture(random.Random(i)) for i in range(60)]
ROWS = [tones.sample_tones(random.Random(i)) for i in range(40)]


def test_grey_pictures_are_grey_and_the_same_again():
    for picture in PICTURES[:8]:
        first, _ = grey_pictures.render(picture, 128)
        assert first.shape == (128, 128, 3) and first.dtype == np.uint8
        assert (first == first[:, :, :1]).all() and (first == grey_pictures.render(picture, 128)[0]).all()


def test_a_bright_spot_is_brighter_than_its_surroundings_and_a_dark_one_darker():
    seen = set()
    for picture in PICTURES:
        if len(picture.spots) != 1 or "ring" in picture.spots[0].kind or "rim" in picture.spots[0].kind:
            continue
        pixels, [mask] = grey_pictures.render(picture, 128)
        inside = pixels[:, :, 0][mask > 0.9].mean() - picture.levels[1]
        assert (inside > 10) == picture.spots[0].kind.startswith("bright"), picture.spots[0]
        seen.add(picture.spots[0].kind)
    assert len(seen) == 5


def test_a_spot_lies_in_its_box_and_on_its_patches():
    for picture in PICTURES:
        _, masks = grey_pictures.render(picture, 128)
        grid = grey_pictures.labels(picture, masks, 8)
        assert grid.min() >= 0 and all((grid[..., i] < n).all() for i, n in enumerate(grey_pictures.LABEL_SIZES))
        for mask in masks:
            x1, y1, x2, y2 = (round(128 * v) for v in grey_pictures.box(mask))
            outside = mask.copy()
            outside[y1:y2, x1:x2] = 0
            assert outside.max() <= 0.5 < mask.max()
        if len(masks) == 1:
            assert (grid[..., 0] > 0).any() == (masks[0].reshape(8, 16, 8, 16).mean((1, 3)) > 0.25).any()


def test_sides_are_the_pictures():
    for picture in PICTURES:
        for spot, mask in zip(picture.spots, grey_pictures.render(picture, 128)[1]):
            middle = np.average(np.arange(128) + 0.5, weights=mask.sum(0)) / 128
            if abs(middle - picture.centre[0]) > 0.03:
                assert grey_pictures.side(spot, picture) == ("left" if middle < picture.centre[0] else "right")


def test_what_is_read_aloud_is_from_the_corpus_and_short():
    read = [grey_pictures.read_aloud(random.Random(i)) for i in range(50)]
    assert all(1 <= len(text.split()) <= 24 for text in read) and len(set(read)) > 30
    words = [text for text in read if text.count("\n") > 5]
    assert 10 < len(words) < 30 and not any(" " in text for text in words)


@pytest.mark.parametrize(
    ("role", "answers"),
    [("qwen3_vl", [a for some in phantoms.ANSWERS.values() for a in some]), ("qwen2_5_omni", list(faces.EMOTIONS))],
)
def test_a_base_tells_the_tokens_of_every_answer_from_all_others(role, answers):
    """LoRA leaves embeddings as they are: of tokens that are equal in them, no training can choose the right one."""
    folder = root() / "data" / "models" / role
    weights = load_file(folder / "model.safetensors")
    (embeddings,) = [w.float() for name, w in weights.items() if name.endswith("embed_tokens.weight")]
    units = torch.nn.functional.normalize(embeddings, dim=-1)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for answer in answers:
        ids = torch.tensor(tokenizer(answer).input_ids)
        alike = units[ids] @ units.T
        alike[torch.arange(len(ids)), ids] = 0
        assert alike.max() < 0.99, (answer, tokenizer.convert_ids_to_tokens(ids.tolist()), alike.max(-1).values)


def test_marks_are_where_their_labels_are():
    found = []
    for picture in MARKS:
        grid = strokes.labels(picture, 8)
        assert {strokes.KINDS[k - 1] for k in np.unique(grid[..., 0]) if k} <= {m.kind for m in picture.marks}
        plain = strokes.render(strokes.StrokePicture(picture.background, picture.plate, picture.colour, (), 0, 0), 112)
        marked = strokes.render(strokes.StrokePicture(*vars(picture).values()), 112)
        assert marked.shape == plain.shape == (112, 112, 3)
        if picture.noise == 0:
            changed = (marked != plain).any(2).reshape(8, 14, 8, 14).sum((1, 3)) > 20
            found += (grid[..., 0] > 0)[changed].tolist()
    assert len(found) > 100 and np.mean(found) > 0.85


def test_the_outermost_mark_is():
    for picture in MARKS:
        top = strokes.outermost(picture, "at the top")
        assert top is None or top.y == min(m.y for m in picture.marks)
        right = strokes.outermost(picture, "on the right")
        assert right is None or right.x == max(m.x for m in picture.marks)
    assert strokes.description(MARKS[0]).count(" a ") + 1 == len(MARKS[0].marks)


@pytest.mark.parametrize("question", tones.QUESTIONS)
def test_every_answer_about_tones_occurs(question):
    assert {tones.answers(row)[question] for row in ROWS} == set(tones.QUESTIONS[question])


def test_tones_are_as_loud_as_they_are_called_and_labelled_token_by_token():
    loud, soft = [], []
    for row in ROWS:
        sound, labels = tones.render(row)
        assert sound.shape == (16000,) and np.abs(sound).max() <= 1 and labels.shape == (25, len(tones.LABEL_SIZES))
        assert (labels > 0).all() and all((labels[:, i] < n).all() for i, n in enumerate(tones.LABEL_SIZES))
        (loud if tones.answers(row)["Is the sound loud or soft?"] == "loud" else soft).append(
            np.sqrt((sound**2).mean())
        )
    assert min(loud) > max(soft)


def test_a_rising_row_rises():
    for row in ROWS:
        _, labels = tones.render(row)
        if tones.answers(row)["Does the pitch rise or fall?"] == "rises" and row.range < 1.2 and row.tremble < 0.3:
            assert labels[-3:, 0].mean() > labels[:3, 0].mean()
