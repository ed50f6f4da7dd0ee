"""Graders of chapter 3: where, when, what was read, what was said; and references that cannot be used."""

import json

import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.grading import Grade, grade
from helpers.grounding import to_model
from helpers.tasks import Item, TaskError
from helpers.worlds import clips, documents, scenes

NEW = ("boxes", "points", "seconds", "transcript", "anls", "relaxed", "json", "caption", "fields")
STAR, RING = {"label": "red star", "bbox": [10, 10, 30, 30]}, {"label": "blue ring", "bbox": [50, 40, 90, 80]}
BOTH = {"boxes": [STAR, RING], "size": [112, 112]}
REFERENCES = {
    "boxes": BOTH, "points": BOTH, "seconds": [0.5, 2.0], "transcript": "TOTAL 2.40", "anls": "harbour",
    "relaxed": "100", "json": {"a": "1"}, "caption": ["a red star"], "fields": {"colour": ["red", "crimson"]},
}  # fmt: skip


def item(grader: str, reference: object) -> Item:
    return Item("x-1", "testing", [{"role": "user", "content": "?"}], reference, grader)


def given_(grader: str, answer: str, reference: object = None) -> Grade:
    return grade(item(grader, REFERENCES[grader] if reference is None else reference), answer)


def boxes(*things: tuple[str, list]) -> str:
    return json.dumps([{"bbox_2d": numbers, "label": label} for label, numbers in things])


def points(*things: tuple[str, list]) -> str:
    return json.dumps([{"point_2d": numbers, "label": label} for label, numbers in things])


def test_boxes():
    right = given_("boxes", boxes(("blue ring", [50, 40, 90, 80]), ("red star", [10, 10, 30, 30])))
    assert (right.outcome, right.score) == ("correct", 1)
    assert json.loads(right.extracted)[0] == {"label": "blue ring", "bbox": [50, 40, 90, 80]}
    near = given_("boxes", boxes(("Red star.", [10, 10, 30, 20]), ("blue ring", [50, 40, 90, 80])))
    assert (near.outcome, near.score) == ("correct", 0.75)  # at an IoU of exactly ½
    far = given_("boxes", boxes(("red star", [10, 10, 30, 19]), ("blue ring", [50, 40, 90, 80])))
    assert (far.outcome, far.score) == ("incorrect", pytest.approx((0.45 + 1) / 2))
    missing = given_("boxes", boxes(("red star", [10, 10, 30, 30])))
    assert (missing.outcome, missing.score) == ("incorrect", 0.5)
    more = given_("boxes", boxes(*[(b["label"], b["bbox"]) for b in (STAR, RING, RING)]))
    assert (more.outcome, more.score) == ("incorrect", 1)
    other = given_("boxes", boxes(*[(b["label"], b["bbox"]) for b in (STAR, RING)], ("pink moon", [1, 1, 5, 5])))
    assert (other.outcome, other.score) == ("incorrect", 1)
    swapped = given_("boxes", boxes(("blue ring", STAR["bbox"]), ("red star", RING["bbox"])))
    assert (swapped.outcome, swapped.score) == ("incorrect", 0)


def test_labels_do_not_count_where_only_one_thing_was_asked_for():
    reference = {"boxes": [STAR, STAR | {"bbox": [50, 50, 70, 70]}], "size": [112, 112]}
    assert given_("boxes", boxes(("", [50, 50, 70, 70]), ("star", STAR["bbox"])), reference).outcome == "correct"
    assert given_("points", points(("", [60, 60]), ("?", [20, 20])), reference).outcome == "correct"


def test_bad_boxes_are_outcomes():
    not_finite = boxes(("", [0, 0, float("nan"), 1]))
    for answer in ("", "I see a star.", '[{"bbox_2d": [1, 2', boxes(("", [1, 2, 3])), not_finite):
        assert given_("boxes", answer).outcome == "no_answer"
    one = {"boxes": [STAR], "size": [112, 112]}
    sorted_ = given_("boxes", boxes(("", [30, 30, 10, 10])), one)
    assert (sorted_.outcome, sorted_.score) == ("correct", 1) and "1 with corners in the wrong order" in sorted_.detail
    outside = given_("boxes", boxes(("", [200, 200, 300, 300])), one)
    assert (outside.outcome, outside.score) == ("incorrect", 0)
    dropped = given_("boxes", boxes(("", STAR["bbox"]), ("", [1, 2])), one)
    assert (dropped.outcome, dropped.score) == ("incorrect", 1) and "1 without usable coordinates" in dropped.detail
    edge = {"boxes": [{"label": "", "bbox": [92, 92, 112, 112]}], "size": [112, 112]}
    assert given_("boxes", boxes(("", [92, 92, 130, 130])), edge).score == 1  # what lies outside is cut off


@pytest.mark.parametrize("grader", ["boxes", "points"])
def test_nothing_to_be_found_is_right_only_as_an_empty_list(grader):
    nothing = {"boxes": [], "size": [112, 112]}
    detail = "0 found, 0 to be found, score 1.00"
    assert given_(grader, "```json\n[]\n```", nothing) == Grade("correct", 1.0, "[]", detail)
    assert given_(grader, "There is none.", nothing).outcome == "no_answer"
    something = given_(grader, boxes(("", [1, 1, 5, 5])) if grader == "boxes" else points(("", [1, 1])), nothing)
    assert (something.outcome, something.score) == ("incorrect", 0)
    assert given_(grader, "[]").score == 0 and given_(grader, "[]").outcome == "incorrect"


@pytest.mark.parametrize("convention", ["absolute", "relative"])
def test_models_write_in_their_own_convention(convention):
    reference = BOTH | {"convention": convention, "resized": [140, 168]}
    written = [(b["label"], to_model(b["bbox"], (112, 112), (140, 168), convention)) for b in (STAR, RING)]
    assert given_("boxes", boxes(*written), reference).score > 0.97
    assert given_("boxes", boxes(*written), BOTH).score < 0.8  # read as pixels of the picture: off by a resize
    middles = [(label, [(x1 + x2) / 2, (y1 + y2) / 2]) for label, (x1, y1, x2, y2) in written]
    assert given_("points", points(*middles), reference).outcome == "correct"


def test_points():
    right = given_("points", points(("red star", [20, 20]), ("blue ring", [60, 60])))
    assert (right.outcome, right.score) == ("correct", 1)
    for answer, score in [
        (points(("red star", [20, 20])), 0.5),
        (points(("red star", [20, 20]), ("blue ring", [49, 60])), 0.5),
        (points(("red star", [20, 20]), ("red star", [21, 21]), ("blue ring", [60, 60])), 2 / 3),
        (points(("red star", [60, 60]), ("blue ring", [20, 20])), 0),
    ]:
        graded = given_("points", answer)
        assert (graded.outcome, graded.score) == ("incorrect", pytest.approx(score))
    assert given_("points", "there").outcome == given_("points", boxes(("", [1, 2, 3, 4]))).outcome == "no_answer"


def test_scenes_are_right_for_themselves():
    for scene in scenes.scenes("heldout", 10):
        truth = [{"label": f"{t.colour} {t.shape}", "bbox": list(scenes.box(t, 112))} for t in scene.things]
        answer = boxes(*[(b["label"], [round(x) for x in b["bbox"]]) for b in truth])
        assert given_("boxes", answer, {"boxes": truth, "size": [112, 112]}).outcome == "correct"


def test_seconds():
    assert given_("seconds", "From 0.5 to 2.0 seconds.") == Grade("correct", 1.0, "0.5 to 2", "temporal IoU 1.00")
    half = given_("seconds", "0.5 to 1.25")
    assert (half.outcome, half.score) == ("correct", 0.5)
    assert given_("seconds", "0.5 to 1.2").outcome == given_("seconds", "3 to 4").outcome == "incorrect"
    assert given_("seconds", "3 to 4").score == 0 and given_("seconds", "at the end").outcome == "no_answer"
    for _, question in clips.clip_questions("heldout", 10, type="when"):
        assert given_("seconds", question.answer, list(question.seconds)).score == 1


def test_transcripts():
    text = "Blue Harbour\nTOTAL 2.40"
    assert given_("transcript", "Blue Harbour  TOTAL 2.40\n", text) == Grade(
        "correct", 1.0, "Blue Harbour  TOTAL 2.40", "CER 0.000"
    )
    assert given_("transcript", f"Here:\n```\n{text}\n```", text).outcome == "correct"
    slip = given_("transcript", "Blue Harbor\nTOTAL 2.40", text)
    assert (slip.outcome, slip.score) == ("incorrect", pytest.approx(1 - 1 / 23))
    assert given_("transcript", "x" * 500, text).score == 0 and given_("transcript", " \n", text).outcome == "no_answer"


def test_anls_and_relaxed():
    assert given_("anls", "The answer is Harbour.").outcome == "correct"
    slip = given_("anls", "harbor")
    assert (slip.outcome, slip.score) == ("incorrect", pytest.approx(6 / 7))
    assert given_("anls", "market").score == 0 and given_("anls", "quay", ["harbour", "quay"]).score == 1
    for answer, outcome in [
        ("105", "correct"), ("The answer is 95.", "correct"), ("106", "incorrect"), (r"\boxed{100}", "correct"),
        ("many", "no_answer"), ("", "no_answer"),
    ]:  # fmt: skip
        assert given_("relaxed", answer).outcome == outcome, answer
    assert given_("relaxed", "apples.", "Apples").outcome == "correct"
    assert given_("relaxed", "Pears", "Apples").outcome == "incorrect"


def test_json():
    truth = {"vendor": "Blue Harbour", "date": None, "items": [{"name": "tea", "price": "2.40"}]}
    for answer in (
        json.dumps(truth),
        f"Here it is [as asked]:\n```json\n{json.dumps(truth, indent=2)}\n```",
        'So: {"vendor": "Blue  Harbour", "items": [{"price": 2.40, "name": "tea"}]} Bye.',
    ):
        graded = given_("json", answer, truth)
        assert (graded.outcome, graded.score) == ("correct", 1), answer
    wrong = given_("json", json.dumps(truth | {"vendor": "Blue Harbor"}), truth)
    assert (wrong.outcome, wrong.score) == ("incorrect", pytest.approx(2 / 3))
    for invalid in ("", "no", json.dumps(truth)[:-3], str(truth), '{"vendor": }', "{" * 100_000, '{"a":' * 100_000):
        assert given_("json", invalid, truth).outcome == "no_answer"
    rows = [{"name": "a", "n": "1"}, {"name": "b", "n": "2"}]
    swapped = [{"name": "a", "n": "2"}, {"name": "b", "n": "1"}]
    assert given_("json", json.dumps(rows), rows).outcome == "correct"
    assert given_("json", json.dumps(swapped), rows) == Grade("incorrect", 1.0, json.dumps(swapped), "F1 1.00")
    assert given_("json", '{"a": ' + "[" * 500 + '"1"' + "]" * 500 + "}", {"a": "1"}).outcome == "incorrect"


def test_documents_are_right_for_themselves():
    for document in documents.documents("heldout", 10):
        assert given_("json", documents.as_json(document), json.loads(documents.as_json(document))).outcome == "correct"
        text = documents.transcription(document)
        assert given_("transcript", text, text).outcome == "correct"


def test_captions():
    captions = ["a red star on a white background", "a white background with a red star"]
    assert given_("caption", "A red star on a white background.", captions).score == 1
    near = given_("caption", "a red star on a black background", captions)
    assert near.outcome == "incorrect" and near.score == pytest.approx(
        max(sacrebleu.sentence_chrf("a red star on a black background", [one]).score for one in captions) / 100
    )
    assert near.score > given_("caption", "two blue rings", captions).score
    assert given_("caption", "一颗红色的星", ["一颗红色的星。"]).outcome == "correct"
    assert given_("caption", " ", captions).outcome == "no_answer"


def test_fields():
    truth = {"colour": ["red", "crimson"], "shape": "star", "place": ["左边", "left"]}
    whole = given_("fields", "A Crimson star, at the LEFT.", truth)
    assert (whole.outcome, whole.score) == ("correct", 1)
    part = given_("fields", "Stars, hundred of them, 在左边", truth)  # neither "star" nor "red" is a word of it
    assert (part.outcome, part.score, part.detail) == ("incorrect", pytest.approx(1 / 3), "not found: colour, shape")
    assert given_("fields", "", truth).outcome == "no_answer"


BOX = {"label": "a", "bbox": [1, 1, 5, 5]}
UNUSABLE = [
    *((grader, reference) for grader in ("boxes", "points") for reference in (
        None, [], {}, {"boxes": [BOX]}, {"size": [9, 9]}, BOTH | {"more": 1}, BOTH | {"size": [9]},
        BOTH | {"size": [0, 9]}, BOTH | {"size": [float("nan"), 9]}, BOTH | {"resized": 9}, BOTH | {"convention": "x"},
        BOTH | {"boxes": None}, *({"boxes": [box], "size": [9, 9]} for box in (
            None, {}, BOX | {"bbox": [1, 1, 5]}, BOX | {"bbox": [5, 1, 1, 5]}, BOX | {"bbox": [1, 1, 1, 5]},
            BOX | {"bbox": [1, 1, 5, 10]}, BOX | {"bbox": ["1", 1, 5, 5]}, BOX | {"label": 3}, BOX | {"bbox": "1155"},
        )),
    )),
    *(("seconds", reference) for reference in (None, [1], [2, 1], [1, 1], [-1, 1], ["1", "2"], [True, 2], "1 to 2")),
    *(("transcript", reference) for reference in (None, "", " \n", 3, ["a"])),
    *((grader, reference) for grader in ("anls", "caption") for reference in (None, "", [], [""], 3, ["a", 3])),
    *(("relaxed", reference) for reference in (None, "", 3, ["3"])),
    *(("json", reference) for reference in (None, "{}", 3)),
    *(("fields", reference) for reference in (None, {}, [], "red", {"colour": []}, {"colour": [""]}, {"colour": 3})),
]  # fmt: skip


@pytest.mark.parametrize("grader, reference", UNUSABLE)
def test_a_reference_that_cannot_be_used_is_told_with_its_item(grader, reference):
    for answer in ("", "[]", "a"):
        with pytest.raises(TaskError, match="testing, x-1: "):
            grade(item(grader, reference), answer)


WILD = st.lists(
    st.sampled_from(['{"bbox_2d": [1, 2, 3, 4]}', *"[]{}", "NaN", "1e999", "```", "\\boxed{", "1 to 2", "\ud800"])
    | st.text(max_size=5),
    max_size=12,
).map("".join)


@settings(deadline=None)
@given(st.sampled_from([name for name in NEW if name != "relaxed"]), st.text() | WILD)
def test_any_answer_has_a_grade(grader, answer):
    graded = given_(grader, answer)
    assert 0 <= graded.score <= 1 and (graded.extracted is None) == (graded.outcome == "no_answer")
    assert graded.score == 0 or graded.outcome != "no_answer"


@settings(deadline=None, max_examples=30)  # LaTeX is parsed in another process, which takes its time
@given(st.text() | WILD)
def test_any_answer_has_a_relaxed_grade(answer):
    assert given_("relaxed", answer).outcome in ("correct", "incorrect", "no_answer")
