"""The caption scores that notebook 01_captioning writes out, against reference implementations."""

import ast
import math
from collections import Counter

import nbformat
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU
from transformers import RepetitionPenaltyLogitsProcessor, TopPLogitsWarper

from helpers.profiles import root

NOTEBOOK = root() / "notebooks" / "01_blip" / "01_captioning.ipynb"
SCORES = {"ngrams", "tellingness", "likeness", "cider_d", "bleu_counts", "corpus_bleu"}
DEFINED = SCORES | {"distinct_n", "nucleus", "penalise"}

REFERENCES = [
    ["a red star on a white background"],
    ["a red circle and a blue ring", "a blue ring and a red circle"],
    [
        "two blue rings on a black background",
        "a black background with two blue rings",
        "two blue rings in front of a black wall",
    ],
    [
        "a large dotted orange circle to the left of a large pink square on a grey background",
        "a grey background with a large dotted orange circle to the left of a large pink square",
    ],
    ["a black background with a green heart"],
]
CAPTIONS = [
    "a red star on a white background",
    "a red circle and a red ring",
    "two blue rings",
    "a small dotted orange circle to the left of a large pink square on a grey background and a large pink square",
    "a cat",
]
#: What pycocoevalcap 1.2 computes for these (Cider().compute_score; the package is too heavy to depend on: 104 MB).
PYCOCOEVALCAP = [10.0, 5.222707, 3.651408, 4.79069, 0.0]


@pytest.fixture(scope="module")
def notebook():
    """The functions as the notebook defines them; a solution comes after its stub and replaces it."""
    sources = [cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]
    nodes = [node for source in sources for node in ast.parse(source).body]
    wanted = [node for node in nodes if isinstance(node, ast.FunctionDef) and node.name in DEFINED]
    namespace = {"math": math, "np": np, "Counter": Counter, "BLEU": BLEU, "counter": BLEU(effective_order=True)}
    exec(compile(ast.Module(wanted, type_ignores=[]), str(NOTEBOOK), "exec"), namespace)
    assert namespace.keys() >= DEFINED
    return namespace


def test_cider_d_agrees_with_pycocoevalcap(notebook):
    assert notebook["cider_d"](CAPTIONS, REFERENCES) == pytest.approx(PYCOCOEVALCAP, abs=1e-5)


def test_cider_d_is_ten_for_the_only_reference_and_zero_without_a_shared_word(notebook):
    references = [["a red star in the sky"], ["two blue rings here now"]]
    scores = notebook["cider_d"](["a red star in the sky", "zzz"], references)
    assert scores == pytest.approx([10.0, 0.0])


def test_cider_d_gives_nothing_for_what_every_picture_has(notebook):
    assert notebook["cider_d"](["a star", "a ring"], [["a star"], ["a star"]])[0] == 0


def test_likeness_worked_by_hand(notebook):
    caption, reference = notebook["ngrams"]("red red star", 1), notebook["ngrams"]("red star", 1)
    weights = {("red",): 1.0, ("star",): 2.0}
    # caption (2, 2), reference (1, 2); clipped: min(2, 1)·1 + min(2, 2)·2 = 5; norms √8 · √5
    assert notebook["likeness"](caption, reference, weights, 0.0) == pytest.approx(5 / math.sqrt(40))


def test_corpus_bleu_agrees_with_sacrebleu(notebook):
    counts = [notebook["bleu_counts"](*pair) for pair in zip(CAPTIONS, REFERENCES)]
    longest = max(len(texts) for texts in REFERENCES)
    streams = [[texts[i] if i < len(texts) else None for texts in REFERENCES] for i in range(longest)]
    assert notebook["corpus_bleu"](counts) == pytest.approx(BLEU().corpus_score(CAPTIONS, streams).score)


words = st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=0, max_size=6).map(" ".join)
logits = st.lists(st.floats(-9, 9, width=32), min_size=3, max_size=8)


@given(st.lists(words, min_size=1, max_size=4), st.integers(1, 3))
def test_distinct_n_is_the_share_of_different_n_grams(notebook, captions, n):
    grams = [gram for text in captions for gram in zip(*(text.split()[i:] for i in range(n)))]
    expected = len(set(grams)) / len(grams) if grams else 0.0
    assert notebook["distinct_n"](captions, n) == pytest.approx(expected)


@given(logits, st.lists(st.integers(0, 2), max_size=4), st.floats(1.0, 3.0))
def test_penalise_agrees_with_transformers(notebook, scores, said, penalty):
    theirs = RepetitionPenaltyLogitsProcessor(penalty)(torch.tensor([said], dtype=torch.long), torch.tensor([scores]))
    assert notebook["penalise"](scores, said, penalty) == pytest.approx(theirs[0].tolist(), abs=1e-4)


@pytest.mark.parametrize("top_p", [0.3, 0.6, 0.85, 0.99])
def test_nucleus_agrees_with_transformers(notebook, top_p):
    probabilities = [0.05, 0.4, 0.1, 0.25, 0.2]
    kept = TopPLogitsWarper(top_p)(None, torch.tensor([probabilities]).log())[0].isfinite().nonzero().flatten().tolist()
    assert sorted(notebook["nucleus"](probabilities, top_p)) == kept
