"""The caption scores that notebook 01_captioning writes out, against reference implementations."""

import ast
import math

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU

from helpers.profiles import root

NOTEBOOK = root() / "notebooks" / "01_blip" / "01_captioning.ipynb"
DEFINED = {"ngrams", "tellingness", "likeness", "cider_d", "bleu_counts", "corpus_bleu", "distinct_n", "nucleus", "penalise"}

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
PYCOCOEVALCAP = EXPECTED


@pytest.fixture(scope="module")
def notebook():
    """The functions as the notebook defines them; a solution comes after its stub and replaces it."""
    sources = [cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]
    nodes = [node for source in sources for node in ast.parse(source).body]
    wanted = [node for node in nodes if isinstance(node, ast.FunctionDef) and node.name in DEFINED]
    namespace = {}
    exec("import math\nimport numpy as np\nfrom collections import Counter\nfrom sacrebleu.metrics import BLEU\n", namespace)
    exec("counter = BLEU(effective_order=True)", namespace)
    exec(compile(ast.Module(wanted, type_ignores=[]), str(NOTEBOOK), "exec"), namespace)
    assert DEFINED <= namespace.keys()
    return namespace


def test_cider_d_agrees_with_pycocoevalcap(notebook):
    assert notebook["cider_d"](CAPTIONS, REFERENCES) == pytest.approx(PYCOCOEVALCAP, abs=1e-5)


def test_cider_d_is_ten_for_the_only_reference_and_zero_without_a_shared_word(notebook):
    scores = notebook["cider_d"](["a red star in the sky", "zzz"], [["a red star in the sky"], ["two blue rings here now"]])
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


words = st.lists(st.sampled_from("a b c d".split()), min_size=0, max_size=6).map(" ".join)


@given(st.lists(words, min_size=1, max_size=4), st.integers(1, 3))
def test_distinct_n_is_a_share(captions, n):
    namespace = _functions()
    grams = [gram for text in captions for gram in zip(*(text.split()[i:] for i in range(n)))]
    expected = len(set(grams)) / len(grams) if grams else 0.0
    assert namespace["distinct_n"](captions, n) == pytest.approx(expected)
