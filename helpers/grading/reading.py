"""Grading what was read off a picture, and what was said about it in free text."""

from __future__ import annotations

import json
import unicodedata

from .. import text_metrics
from ..tasks import TaskError
from . import constraints, extract, programs
from .scored import Grade, are_texts, graded, is_text


def grade_transcript(answer: str, reference: str) -> Grade:
    """Grade a transcription: 1 - CER, at least 0. Correct where nothing but white space differs."""
    if not is_text(reference):
        raise TaskError(f"The reference of a transcript is its text, not {reference!r}.")
    read = _content(answer)
    if not read:
        return graded(None, False)
    errors = text_metrics.cer(reference, read)
    same = text_metrics.one_line(read) == text_metrics.one_line(reference)
    return graded(read, same, max(0.0, 1 - errors), f"CER {errors:.3f}")


def grade_anls(answer: str, reference: str | list[str]) -> Grade:
    """Grade a short text by its ANLS (``text_metrics.anls``). Correct without any misreading but case and spacing."""
    right = _texts(reference, "a short text")
    found = extract.final_text(answer)
    if found is None:
        return graded(None, False)
    near = text_metrics.anls(right, found)
    return graded(found, near == 1, near, f"similarity {near:.2f}")


def grade_relaxed(answer: str, reference: str) -> Grade:
    """Grade a number read off a chart, within 5 %, or a text, exactly (``text_metrics.relaxed_accuracy``)."""
    if not is_text(reference):
        raise TaskError(f"The reference of a relaxed answer is a number or a text, as text, not {reference!r}.")
    is_number = text_metrics.number(reference) is not None
    found = extract.final_number(answer) if is_number else extract.final_text(answer)
    if found is None:
        return graded(None, False)
    said = found if is_number else extract.normalise(found)
    return graded(found, text_metrics.relaxed_accuracy(reference if is_number else extract.normalise(reference), said))


def grade_json(answer: str, reference: dict | list) -> Grade:
    """Grade JSON by the F1 of its keys and values (``text_metrics.key_value_f1``); what is no valid JSON is no answer.

    It may stand in a fence or between sentences. Correct where all is the same, lists in the same order; a key that is
    missing is null. Numbers are compared as they are written.
    """
    if not isinstance(reference, (dict, list)):
        raise TaskError(f"The reference of JSON is an object or a list, not {reference!r}.")
    text = _content(answer)
    start = text.find("{" if isinstance(reference, dict) else "[")
    if start < 0:
        return graded(None, False, detail="no JSON")
    try:
        decoder = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)
        value, end = decoder.raw_decode(text, start)
    except (ValueError, RecursionError) as error:
        return graded(None, False, detail=f"no valid JSON: {error}")
    f1 = text_metrics.key_value_f1(reference, value)
    return graded(text[start:end], _same(reference, value), f1, f"F1 {f1:.2f}")


def grade_caption(answer: str, reference: str | list[str]) -> Grade:
    """Grade free text against descriptions: correct where it is one of them, normalised; the score is chrF.

    chrF (Popović, 2015), by sacrebleu, against the nearest of them: it compares runs of up to six characters. One
    sentence's BLEU is 0, or what the smoothing makes of it, where no four words in a row match, as in most short
    captions, and Chinese needs a tokenizer for it.
    """
    import sacrebleu

    right = _texts(reference, "a caption")
    said = answer.strip()
    if not said:
        return graded(None, False)
    same = extract.normalise(said) in map(extract.normalise, right)
    near = max(sacrebleu.sentence_chrf(said, [text]).score for text in right) / 100
    return graded(said, same, 1.0 if same else min(near, 1.0), f"chrF {near:.2f}")


def grade_fields(answer: str, reference: dict[str, str | list[str]]) -> Grade:
    """Grade an analysis by the share of fields of which a phrase occurs, as whole words. Correct where all do.

    Whether the text denies what it mentions ("no red star"), no search can tell: a judge reads better, and costs more.
    """
    if not isinstance(reference, dict) or not reference:
        raise TaskError(f"The reference of fields is an object of field → phrases, not {reference!r}.")
    phrases = {name: _texts(value, f"the field {name!r}") for name, value in reference.items()}
    said = answer.strip()
    if not said:
        return graded(None, False)
    text = unicodedata.normalize("NFKC", said)
    missed = [name for name, texts in phrases.items() if not any(constraints.contains(text, [t]) for t in texts)]
    share = 1 - len(missed) / len(phrases)
    return graded(said, not missed, share, f"not found: {', '.join(missed)}" if missed else "")


def _texts(reference: object, what: str) -> list[str]:
    texts = [reference] if isinstance(reference, str) else reference
    if not are_texts(texts):
        raise TaskError(f"The reference of {what} is a text or a list of texts, not {reference!r}.")
    return texts


def _content(answer: str) -> str:
    """What stands in the last fence, or all of an answer without one."""
    fences = programs.FENCE.findall(answer)
    return (fences[-1][1] if fences else answer).strip()


def _same(expected: object, found: object) -> bool:
    """Whether two JSON values are the same, a missing key being null. As deep as the reference is, and no deeper."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return all(_same(expected.get(key), found.get(key)) for key in expected.keys() | found.keys())
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(_same, expected, found))
    if isinstance(expected, (dict, list)) or isinstance(found, (dict, list)):
        return False
    ours, theirs = ("" if value is None else text_metrics.as_text(value) for value in (expected, found))
    return text_metrics.one_line(ours) == text_metrics.one_line(theirs)
