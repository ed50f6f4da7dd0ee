"""What notebook 03_vision/02_describe_analyse_answer writes out, against libraries, the worlds and another notebook.

The functions are taken from the notebook itself, so what is tested is what a reader runs.
"""

from __future__ import annotations

import ast
import math
import random
import re
from collections import Counter

import nbformat
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

from helpers import grading, vision_tasks
from helpers.profiles import root
from helpers.worlds import scenes
from helpers.worlds.scenes.captions import COUNT_WORDS, plural

NOTEBOOKS = root() / "notebooks"
NOTEBOOK = NOTEBOOKS / "03_vision" / "02_describe_analyse_answer.ipynb"
CAPTIONING = NOTEBOOKS / "01_blip" / "01_captioning.ipynb"
DEFINED = {
    "NAMED", "NOUN", "RELATIONS", "OPPOSITE", "ASKED_ABOUT", "invented", "one_word_apart", "false_caption", "ngrams",
    "cider", "facts", "checks", "fact_scores", "candidates", "pope", "believed_if_described", "colour_questions",
}  # fmt: skip
SCENES = list(scenes.scenes("heldout", 300, seed=9))


def defined_in(path, names: set[str], **given) -> dict:
    """What a notebook defines under these names; a solution comes after its stub and replaces it."""
    sources = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    plain = [re.sub(r"\bawait ", "", source) for source in sources]  # a module has none at its top
    nodes = [node for source in plain for node in ast.parse(source).body]
    wanted = [node for node in nodes if names & _names(node)]
    exec(compile(ast.Module(wanted, type_ignores=[]), str(path), "exec"), given)
    assert given.keys() >= names
    return given


def _names(node: ast.stmt) -> set[str]:
    """What a statement defines, of functions and simple constants."""
    if isinstance(node, ast.FunctionDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else []
    return {target.id for target in targets if isinstance(target, ast.Name)}


@pytest.fixture(scope="module")
def notebook() -> dict:
    return defined_in(
        NOTEBOOK, DEFINED, math=math, random=random, re=re, np=np, Counter=Counter, scenes=scenes,
        COUNT_WORDS=COUNT_WORDS, plural=plural,
    )  # fmt: skip


def test_cider_is_chapter_1s_without_the_discount_for_length(notebook):
    """Where no run of words occurs twice in a text, CIDEr-D cuts no count; an endless sigma takes its discount away."""
    names = {"ngrams", "tellingness", "likeness", "cider_d"}
    chapter_1 = defined_in(CAPTIONING, names, math=math, np=np, Counter=Counter)
    references = [scenes.captions(scene)[0] for scene in SCENES if scene.composition == "single"]
    captions = [*references[1:], "a zebra in front of a wall"]
    expected = chapter_1["cider_d"](captions, [[text] for text in references], sigma=1e9)
    assert notebook["cider"](captions, references) == pytest.approx(expected, abs=1e-6)
    assert max(expected) > 0.5 and expected[-1] < 0.5


def test_cider_of_a_reference_is_ten_and_of_other_words_zero(notebook):
    references = ["a red star in the sky", "two blue rings here now"]
    assert notebook["cider"]([references[0], "zzz"], references) == pytest.approx([10.0, 0.0])


@pytest.mark.parametrize("split", ["heldout", "novel"])
def test_facts_are_the_same_in_every_wording_and_in_no_negative(notebook, split):
    rng = random.Random(0)
    for scene in scenes.scenes(split, 300, seed=9):
        said = [notebook["facts"](text) for text in scenes.captions(scene)]
        assert all(other == said[0] for other in said)
        assert sum(COUNT_WORDS.index(count) for count, *_ in said[0]["things"]) == len(scene.things)
        assert said[0]["background"] == scene.background
        assert said[0]["sign"] == (scene.sign.text if scene.sign else None)
        assert notebook["facts"](scenes.hard_negative(scene, rng, split)[0]) != said[0]


def test_false_captions_differ_in_one_word_and_are_false(notebook):
    rng = random.Random(0)
    for scene in SCENES[:100]:
        text, attribute = notebook["false_caption"](scene, rng)
        assert notebook["one_word_apart"](text, scenes.captions(scene)[0])
        assert text not in scenes.captions(scene) and attribute
    assert not notebook["one_word_apart"]("a b", "a b") and not notebook["one_word_apart"]("a b", "a b c")
    assert not notebook["one_word_apart"]("a b c", "b a c")


def answered(scene: scenes.Scene) -> dict[str, str]:
    """The right answers to all questions of the four forms that ``checks`` may ask."""
    pairs = {thing.pair for thing in scene.things}
    right = {"what colour is the background?": scene.background, "what does the sign say?": ""}
    right |= {"what does the sign say?": scene.sign.text} if scene.sign else {}
    for shape in scenes.SHAPES:
        right[f"how many {plural(shape)} are there?"] = str(sum(t.shape == shape for t in scene.things))
        for colour in scenes.COLOURS:
            right[f"is there a {colour} {shape}?"] = "yes" if (colour, shape) in pairs else "no"
    return right


def test_checks_pass_true_captions_and_catch_false_ones_in_what_they_ask_about(notebook):
    rng, caught, n = random.Random(1), Counter(), Counter()
    for scene in SCENES:
        right = answered(scene)
        for text in scenes.captions(scene):
            assert all(right[question] == answer for question, answer in notebook["checks"](text))
        text, attribute = notebook["false_caption"](scene, rng)
        n[attribute] += 1
        caught[attribute] += any(right[question] != answer for question, answer in notebook["checks"](text))
    for attribute in n:  # a wrong colour may be that of the other group of the same shape, and then passes
        if attribute in notebook["ASKED_ABOUT"]:
            assert caught[attribute] > 0.9 * n[attribute], attribute
        else:
            assert caught[attribute] == 0, attribute


def test_invented_counts_named_things_that_are_not_there(notebook):
    for scene in SCENES[:50]:
        assert not any(notebook["invented"](scenes.captions(scene)[-1], scene))
    scene = next(s for s in SCENES if {t.pair for t in s.things} == {("cyan", "heart")})
    assert notebook["invented"]("two cyan hearts and a red star", scene) == [False, True]


def test_fact_scores_recall_is_the_graders_field_share(notebook):
    for item, scene in zip(vision_tasks.items("analysis", n=40, seed=9), SCENES):
        truth, other = scenes.analysis(scene), scenes.analysis(SCENES[0])
        assert notebook["fact_scores"](truth, truth) == (1.0, 1.0)
        assert grading.grade(item, truth).score == 1.0
        lines = truth.splitlines()
        assert notebook["fact_scores"]("\n".join(lines[1:]), truth) == pytest.approx((1.0, 1 - 1 / len(lines)))
        precision, recall = notebook["fact_scores"](other, truth)
        back = notebook["fact_scores"](truth, other)
        assert back == pytest.approx((recall, precision))


answers = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=12)


@given(answers)
def test_pope_agrees_with_sklearn(notebook, pairs):
    truth, said = (list(column) for column in zip(*pairs))
    mine = notebook["pope"](truth, said)
    precision, recall, f1, _ = precision_recall_fscore_support(truth, said, average="binary", zero_division=0)
    assert (mine["precision"], mine["recall"], mine["f1"]) == pytest.approx((precision, recall, f1))
    assert mine["accuracy"] == pytest.approx(accuracy_score(truth, said))
    assert mine["yes"] == pytest.approx(np.mean(said))


def test_candidates_are_absent_and_sorted_by_what_the_scene_has(notebook):
    for scene in SCENES:
        pairs = {thing.pair for thing in scene.things}
        colours, shapes = {c for c, _ in pairs}, {s for _, s in pairs}
        kinds = notebook["candidates"](scene)
        found = [pair for pairs_of in kinds.values() for pair in pairs_of]
        assert len(found) == len(set(found)) and not set(found) & (pairs | scenes.NOVEL_PAIRS)
        assert len(found) == 64 - len(pairs | scenes.NOVEL_PAIRS)
        neither, colour, shape, both = kinds.values()
        assert all(c not in colours and s not in shapes for c, s in neither)
        assert all(c in colours and s not in shapes for c, s in colour)
        assert all(c not in colours and s in shapes for c, s in shape)
        assert all(c in colours and s in shapes for c, s in both)


def test_colour_questions_have_the_worlds_own_answers(notebook):
    for scene in SCENES[:100]:
        theirs = [q.answer for q in scenes.questions_about(scene, random.Random(0), "heldout") if q.type == "colour"]
        assert [colour for _, colour in notebook["colour_questions"](scene)] == theirs


def test_a_colour_is_believed_only_where_the_description_mentions_the_shape(notebook):
    stories = ["a small red star on a grey background", "two blue rings", "a pink heart"]
    believed = notebook["believed_if_described"](stories, ["star", "heart", "heart"], ["red", "blue", "cyan"])
    assert believed == ["red", "none", "cyan"]
