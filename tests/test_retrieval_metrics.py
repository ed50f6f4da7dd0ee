"""The metrics that chapter 1's retrieval notebook writes out agree with scikit-learn and with brute force.

The functions are taken from the notebook itself, so what is tested is what a reader runs.
"""

from __future__ import annotations

import ast
import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, top_k_accuracy_score

from helpers.profiles import root

NOTEBOOK = root() / "notebooks" / "01_blip" / "03_matching_and_retrieval.ipynb"
FUNCTIONS = ("auc", "ranks", "recall_at", "first_choice", "rerank", "mean_reciprocal_rank")


def _functions(names: tuple[str, ...]) -> dict:
    """The notebook's own definitions (an exercise's from its solution cell), in one namespace."""
    namespace = {"np": np, "torch": torch}
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] != "code" or "exercise" in cell["metadata"].get("tags", []):
            continue
        for node in ast.parse("".join(cell["source"])).body:
            if isinstance(node, ast.FunctionDef) and node.name in names:
                exec(compile(ast.Module([node], type_ignores=[]), str(NOTEBOOK), "exec"), namespace)
    return {name: namespace[name] for name in names}


@pytest.fixture(scope="module")
def notebook() -> dict:
    return _functions(FUNCTIONS)


scores = st.lists(st.integers(0, 6), min_size=1, max_size=30)  # few values, so that there are many ties


@given(true=scores, false=scores)
def test_auc_is_scikit_learns_also_with_ties(notebook, true, false):
    expected = roc_auc_score([1] * len(true) + [0] * len(false), true + false)
    assert notebook["auc"](true, false) == pytest.approx(expected)


def test_auc_at_its_ends(notebook):
    assert notebook["auc"]([2, 3], [0, 1]) == 1.0
    assert notebook["auc"]([0, 1], [2, 3]) == 0.0
    assert notebook["auc"]([1, 1], [1, 1]) == 0.5


@pytest.mark.parametrize("k", [1, 5, 10])
def test_recall_is_scikit_learns_top_k_accuracy(notebook, k):
    similarity = torch.randn(60, 60, generator=torch.Generator().manual_seed(k))
    for matrix in (similarity, similarity.T, similarity + 2 * torch.eye(60)):
        expected = top_k_accuracy_score(np.arange(60), matrix.numpy(), k=k)
        assert notebook["recall_at"](matrix, k).float().mean().item() == pytest.approx(expected)


def test_ranks_are_places_in_the_sorted_row_also_with_more_candidates_than_queries(notebook):
    similarity = torch.randn(30, 80, generator=torch.Generator().manual_seed(0))
    brute = [sorted(row, reverse=True).index(row[i]) for i, row in enumerate(similarity.tolist())]
    assert notebook["ranks"](similarity).tolist() == brute
    for k in (1, 3, 80):
        assert notebook["recall_at"](similarity, k).tolist() == [rank < k for rank in brute]


@pytest.mark.parametrize("k", [1, 2, 7, 20])
def test_first_choice_heads_the_list_that_the_exercise_re_ranks(notebook, k):
    generator = torch.Generator().manual_seed(k)
    itc, itm = torch.rand(25, 40, generator=generator), torch.rand(25, 40, generator=generator)
    order = itc.topk(20, dim=1).indices
    chosen = notebook["first_choice"](order, itm.gather(1, order), k).tolist()
    for row, choice in enumerate(chosen):
        ranked = notebook["rerank"](itc[row].tolist(), itm[row].tolist(), k)
        shortlist = np.argsort(-itc[row].numpy())[:k]
        assert choice == ranked[0] == shortlist[np.argmax(itm[row].numpy()[shortlist])]
        assert sorted(ranked) == list(range(40)) and set(ranked[:k]) == set(shortlist.tolist())


def test_mean_reciprocal_rank_by_brute_force(notebook):
    similarity = torch.randn(30, 50, generator=torch.Generator().manual_seed(3))
    brute = [1 / (1 + sorted(row, reverse=True).index(row[i])) for i, row in enumerate(similarity.tolist())]
    assert float(notebook["mean_reciprocal_rank"](similarity)) == pytest.approx(np.mean(brute))


def test_a_tie_counts_against_the_model(notebook):
    """A model that gives every candidate the same score has found nothing."""
    assert notebook["ranks"](torch.ones(3, 5)).tolist() == [4, 4, 4]
    assert not notebook["recall_at"](torch.ones(3, 5), 4).any()
