"""One answer, one item, one grade.

What ``Item.reference`` is, for each grader:

- "number": a number or an expression as text ("42", "1/3", "\\frac{1}{3}");
- "choice": a capital letter ("B");
- "exact": a text, or a list of texts that are all right;
- "code": a list of statements that test the program (``assert add(2, 2) == 4``), or an object with such a list as
  ``tests`` and a function's opening as ``prompt`` and its name as ``entry_point``;
- "constraints": a list of constraints, see ``helpers.grading.constraints``;
- "boxes", "points": ``{"boxes": [{"label": "red star", "bbox": [x1, y1, x2, y2]}, …], "size": [width, height]}`` in
  pixels of the picture; "points" has to point into each box. No boxes means that the right answer is an empty list.
  Optional: ``"convention"``, how the model writes coordinates ("absolute", the default, or "relative": 0 to 1000), and
  ``"resized"``, the [width, height] that the absolute ones refer to (default: the size);
- "seconds": ``[start, end]`` of an event;
- "transcript": all text of a picture, line by line;
- "anls": a short text, or a list of texts that are all right, which may be misread a little;
- "relaxed": a number or a short text ("37", "Apples"), read off a chart;
- "json": the object or the list that the answer should be, see ``text_metrics.key_value_f1``;
- "caption": a text, or a list of texts that describe the same;
- "fields": an object of field → a phrase, or a list of phrases one of which has to occur in the answer;
- "judge": a rubric. Such items are not graded one by one: see ``helpers.grading.judge``.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ..tasks import Item, TaskError
from . import constraints, extract, mathematics, programs, reading, vision
from .sandbox import run_code
from .scored import Grade, are_texts, graded, is_text

#: Answers of one word out of two, and what else means the same.
VERDICTS = (
    ({"yes"}, {"no"}),
    ({"true"}, {"false"}),
    ({"valid"}, {"invalid"}),
    ({"是", "是的"}, {"否", "不是", "不", "不是的"}),
    ({"对", "对的", "正确"}, {"错", "错的", "不对", "错误", "不正确"}),
)


def grade(item: Item, answer: str) -> Grade:
    """Grade the text of an answer (without its reasoning) against an item.

    May be called from any thread. Takes milliseconds, an expression that has to be computed up to ten seconds, code
    up to the sandbox's limit; in async code, call it with ``asyncio.to_thread``. Raises TaskError for a reference that
    its grader cannot use, and SandboxOff for code while the sandbox is off.
    """
    if item.grader not in _GRADERS:
        raise TaskError(f"{item.id}: the grader {item.grader!r} needs a model. See helpers.grading.judge.")
    try:
        return _GRADERS[item.grader](answer, item.reference)
    except TaskError as error:
        raise TaskError(f"{item.task}, {item.id}: {error}") from error


def grade_number(answer: str, reference: str, extractor: Callable[[str], str | None] = extract.final_number) -> Grade:
    """Grade a number or an expression. ``extractor`` decides what in the text is the answer."""
    if not is_text(reference):
        raise TaskError(f"The reference of a number is the number as text, not {reference!r}.")
    found = extractor(answer)
    readings = dict.fromkeys(extract.tidy(text) for text in (found, extract.without_unit(found))) if found else ()
    return graded(found, any(mathematics.equal(reference, reading) for reading in readings))


def grade_choice(answer: str, reference: str) -> Grade:
    """Grade a letter."""
    if not is_text(reference) or not re.fullmatch("[A-Z]", reference):
        raise TaskError(f"The reference of a choice is one capital letter, not {reference!r}.")
    found = extract.choice(answer)
    return graded(found, found == reference)


def grade_exact(answer: str, reference: str | list[str]) -> Grade:
    """Grade a short text, normalised, against one or several right ones."""
    right = [reference] if isinstance(reference, str) else reference
    if not are_texts(right):
        raise TaskError(f"The reference of an exact answer is a text or a list of texts, not {reference!r}.")
    found = extract.final_text(answer)
    return graded(found, found is not None and any(_same_text(found, text) for text in right))


def grade_code(answer: str, reference: list[str] | dict) -> Grade:
    """Run a program and its tests in the sandbox."""
    task = reference if isinstance(reference, dict) else {"tests": reference}
    tests, opening = task.get("tests"), [task[key] for key in ("prompt", "entry_point") if key in task]
    if not are_texts(tests) or len(opening) == 1 or (opening and not are_texts(opening)):
        raise TaskError(
            "The reference of a program is a list of test statements, or an object with such a list as `tests` and, "
            f"both or neither, `prompt` and `entry_point`; not {reference!r}."
        )
    program = programs.code(answer)
    if program is None:
        return graded(None, False)
    if opening:
        program = programs.complete(*opening, program)
    result = run_code(program, "\n".join(tests))
    return graded(program, result.passed, result.passed, f"{result.outcome}: {result.detail}".rstrip(": "))


def grade_constraints(answer: str, reference: list[dict]) -> Grade:
    """Check the form of a text: of the one in a fence, if there is a fence, else of all of it."""
    if not isinstance(reference, list) or not reference:
        raise TaskError(f"The reference of a text with constraints is a list of them, not {reference!r}.")
    fences = programs.FENCE.findall(answer)
    text = (fences[-1][1] if fences else answer).strip()
    if not text:
        return graded(None, False)
    checks = constraints.check(text, reference)
    missed = ", ".join(str(check.constraint) for check in checks if not check.met)
    share = sum(check.met for check in checks) / len(checks)
    return graded(text, not missed, share, f"not met: {missed}" if missed else "")


_GRADERS: dict[str, Callable[..., Grade]] = {
    "number": grade_number,
    "choice": grade_choice,
    "exact": grade_exact,
    "code": grade_code,
    "constraints": grade_constraints,
    "boxes": vision.grade_boxes,
    "points": vision.grade_points,
    "seconds": vision.grade_seconds,
    "transcript": reading.grade_transcript,
    "anls": reading.grade_anls,
    "relaxed": reading.grade_relaxed,
    "json": reading.grade_json,
    "caption": reading.grade_caption,
    "fields": reading.grade_fields,
}


def _same_text(found: str, right: str) -> bool:
    """Whether two texts are the same, normalised; for yes or no, whether a sentence says one and not the other."""
    if extract.normalise(found) == extract.normalise(right):
        return True
    text = extract.tidy(found).casefold()
    words = set(re.findall(rf"[a-z]+|{extract.HAN}+", text))  # a run of Chinese between punctuation is one
    denied = set(re.findall(r"\bnot ([a-z]+)", text))
    for pair in VERDICTS:
        for same, opposite in (pair, pair[::-1]):
            if extract.normalise(right) in same:
                return bool(words & same) and not words & opposite and not denied & same
    return False
