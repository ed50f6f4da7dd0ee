"""What chapter 4's third notebook writes out: its mask, hash and splits against the helpers that the trainings use."""

from __future__ import annotations

import html
import itertools
import random
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from page import define
from PIL import Image, ImageEnhance
from tiny_checkpoints import load_qwen_vl_processor

from helpers import notebook
from helpers.finetune import data, formats, refusals
from helpers.finetune.collate import IGNORED, encode
from helpers.finetune.masks import label_mask
from helpers.finetune.splits import dhash, thumbnail
from helpers.images import open_image
from helpers.profiles import root
from helpers.worlds import phantoms

NOTEBOOK = root() / "notebooks" / "04_finetuning" / "03_data.ipynb"
FUNCTIONS = {"show", "tokens_of", "trained_on", "draw_mask", "cut", "series", "nearest", "touched", "difference_hash",
             "copied", "balanced_weights"}  # fmt: skip
CONSTANTS = {"HEADER", "GIVEN", "END", "expected"}


@pytest.fixture(scope="module")
def page():
    """The notebook's functions and constants by name (of an exercise's the solution), over the nano tokenizer."""
    import io

    processor = load_qwen_vl_processor("qwen3_vl")
    names = {"processor": processor, "tokenizer": processor.tokenizer, "formats": formats, "html": html, "np": np,
             "notebook": notebook, "itertools": itertools, "open_image": open_image, "replace": replace, "io": io,
             "phantoms": phantoms, "Image": Image, "ImageEnhance": ImageEnhance, "Counter": Counter}  # fmt: skip
    return define(NOTEBOOK, FUNCTIONS | CONSTANTS, names)


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantoms")
    kinds = [{"traces": True, "task": "mixed"}, {"traces": "empty"}, {}]
    return [e for kind in kinds for e in data.phantom_examples("train", 5, folder=folder, **kind)]


def test_its_mask_and_tokens_are_those_of_training(page, examples):
    for example in examples:
        encoded = encode(example, page["processor"])
        assert page["tokens_of"](example) == encoded["input_ids"].tolist()
        assert page["trained_on"](encoded["input_ids"].tolist()) == (encoded["labels"] != IGNORED).tolist()


def test_its_mask_is_the_helpers_on_anything(page):
    """Pieces of turns in any order, cut anywhere."""
    tokenizer, rng = page["tokenizer"], random.Random(0)
    pieces = ["<|im_start|>assistant\n", "<|im_start|>user\n", "<think>\n", "<think>", "</think>", "\n\n",
              "An infarct.", "<|im_end|>\n", "<|im_end|>", "assistant\n"]  # fmt: skip
    for _ in range(300):
        ids = tokenizer("".join(rng.choices(pieces, k=rng.randint(0, 12)))).input_ids
        ids = ids[: rng.randint(0, len(ids))]
        assert page["trained_on"](ids) == label_mask(ids, tokenizer), tokenizer.decode(ids)


def test_the_drawn_mask_has_every_token_and_is_escaped(page, examples):
    ids = page["tokens_of"](examples[0])
    drawn = page["draw_mask"](ids, page["trained_on"](ids))
    n_ticked = sum(page["trained_on"](ids))
    counted = [int(n) for n in re.findall(r"× (\d+)</span>", drawn)]
    assert drawn.count("<span") + sum(counted) - len(counted) == len(ids)
    assert drawn.count(">✓ ") <= n_ticked and "× 16</span>" in drawn, "the picture's tokens are counted"
    assert "&lt;|im_end|&gt;" in drawn and "<|im_end|>" not in drawn
    nasty = page["tokenizer"]('<script>alert("x")</script>').input_ids
    assert "<script" not in page["draw_mask"](nasty, [False] * len(nasty))
    assert page["show"]("<b>&") == '<pre style="white-space:pre-wrap">&lt;b&gt;&amp;</pre>'


def test_its_hash_is_the_helpers(page, examples):
    for example in examples[:5]:
        picture = open_image(example.images[0])
        bits = page["difference_hash"](picture)
        assert int("".join("1" if bit else "0" for bit in bits), 2) == dhash(picture)


def test_a_copy_is_another_file_of_the_same_picture(page, examples):
    picture = open_image(examples[0].images[0])
    copy = page["copied"](picture)
    assert copy.format == "JPEG" and copy.size != picture.size
    assert thumbnail(copy) @ thumbnail(picture) > 0.985


def test_a_series_shows_the_patients_finding_every_five_millimetres(page):
    for patient in phantoms.patients("train", 10):
        found = page["series"](patient)
        assert 1 <= len(found) <= 6 and {slice.kind for slice in found} == {patient.kind}
        assert len({slice.patient for slice in found}) == 1 and {slice.head for slice in found} == {patient.head}
        steps = np.diff([slice.z for slice in found])
        assert np.allclose(steps % 5, 0) and (steps > 0).all()


def test_the_nearest_is_of_the_training_side_and_most_alike(page):
    rng = np.random.default_rng(0)
    page["looks"] = rng.normal(size=(20, 6))
    is_test = rng.random(20) < 0.4
    found = page["nearest"](is_test)
    for i, j in zip(np.flatnonzero(is_test), found):
        others = [k for k in range(20) if not is_test[k]]
        assert j == max(others, key=lambda k: page["looks"][i] @ page["looks"][k])


def test_every_refusal_that_there_is_is_provoked(page):
    assert page["expected"] == set(refusals.REASONS)


def test_the_weights_are_scikit_learns(page):
    from sklearn.utils.class_weight import compute_class_weight

    labels = random.Random(0).choices("abc", (5, 2, 1), k=60)
    classes = np.array(sorted(set(labels)))
    expected = dict(zip(classes.tolist(), compute_class_weight("balanced", classes=classes, y=np.array(labels))))
    assert page["balanced_weights"](labels) == pytest.approx(expected)
    assert np.mean([page["balanced_weights"](labels)[label] for label in labels]) == pytest.approx(1)
