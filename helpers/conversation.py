"""What a chat panel shows: the turns of a conversation with their times, and a field to say more.

Whatever was said, or is called so, is shown as text, never as markup.
"""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets

from .chat import Reply
from .images import to_data_url

PREVIEW_SIDE = 224  # pixels of a picture beside the words
#: What an outcome other than "ok" of the model's own is called in front of a person.
MODELS_OWN = {"truncated": "Cut off at the token limit.", "empty_answer": "The model gave no answer.",
              "refused": "The model, or a filter behind it, refused."}  # fmt: skip


CSS = """
.course-conversation { display: flex; flex-direction: column; gap: 0.5rem; max-width: 48rem; line-height: 1.4; }
.course-conversation > div:not(.course-turns) { display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: center; }
.course-conversation textarea { display: block; width: 100%; box-sizing: border-box; font: inherit; }
.course-conversation p { margin: 0.25rem 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.course-conversation input { max-width: 100%; }
.course-turn { border-left: 3px solid #0072b2; padding: 0.1rem 0 0.1rem 0.75rem; margin-bottom: 1rem; }
.course-turn summary { cursor: pointer; }
.course-turn .course-reasoning { padding-left: 1rem; font-style: italic; }
.course-turn .course-said { font-size: 1.2em; }
.course-turn .course-note { font-size: 0.85em; }
.course-conversation img { max-width: 100%; align-self: flex-start; border: 1px solid #767676; }
.course-turn .course-error, .course-conversation .course-status { font-weight: 600; }
.course-conversation .course-status { min-height: 1.4em; }
.course-conversation :focus-visible { outline: 3px solid #0072b2; outline-offset: 2px; }
"""


class Conversation(anywidget.AnyWidget):
    """What was said, and a field to say more; ``chat.js`` beside this module is its front end.

    Attributes:
        finished: the turns so far, oldest first; a turn is a dict of texts (see ``new_turn``).
        live: the turn whose reply is coming in; {} for none.
        status: one line of text for the person, read out by screen readers.
        question: what stands in the field at first.
        picture: the bytes of a file as they came; empty for none.
        picture_name: its name.
        preview: what will be shown with the next question, as a data URL; "" for none.
    """

    _esm = Path(__file__).with_name("chat.js")
    _css = CSS
    finished = traitlets.List().tag(sync=True)
    live = traitlets.Dict().tag(sync=True)
    status = traitlets.Unicode().tag(sync=True)
    question = traitlets.Unicode().tag(sync=True)
    # Arrives as a memoryview, and megabytes need not be echoed to the browser.
    picture = traitlets.Bytes().tag(sync=True, echo_update=False, from_json=lambda value, _: bytes(value))
    picture_name = traitlets.Unicode().tag(sync=True)
    preview = traitlets.Unicode().tag(sync=True)


def new_turn(id: int, model: str, question: str, picture: str = "", preview: str = "") -> dict:
    """A turn before anything has come back: texts, of which ``summary`` stands on the folded reasoning.

    ``picture`` is the name of the picture that was shown, ``preview`` a data URL of it in small.
    """
    asked = f"To {model}, with {picture}:" if picture else f"To {model}:"
    return {"id": id, "asked": asked, "question": question, "preview": preview} | dict.fromkeys(
        ("summary", "reasoning", "answer", "note", "error"), ""
    )


def thumbnail(picture) -> str:
    """A PIL image as a data URL, at most PREVIEW_SIDE pixels a side."""
    small = picture.copy()
    small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    return to_data_url(small)


class Times:
    """The times of a reply that is still coming in, counted in pieces: what ``usage`` says comes last."""

    def __init__(self) -> None:
        self.pieces = {"reasoning": 0, "answer": 0}
        self.first: dict[str, float] = {}
        self.last = 0.0

    def add(self, kind: str, at: float) -> None:
        self.pieces[kind] += 1
        self.first.setdefault(kind, at)
        self.last = at

    @property
    def summary(self) -> str:
        thought = self.first.get("answer", self.last) - self.first.get("reasoning", 0.0)
        return f"{'Thought' if 'answer' in self.first else 'Thinking'} for {thought:.1f} s …"

    @property
    def note(self) -> str:
        n, ttft = sum(self.pieces.values()), min(self.first.values())
        return _note(ttft, self.first.get("answer"), (self.last - ttft) / (n - 1) if n > 1 else None, self.pieces)


def finish(turn: dict, reply: Reply) -> str:
    """Write into the turn what only the whole reply tells; return the line for the status."""
    if reply.e2e is None:  # a transport failure: no answer and no time
        turn["error"] = f"{reply.outcome}: {reply.error}"
        turn["note"] = ""
        return turn["error"]
    turn["reasoning"], turn["answer"] = reply.reasoning, reply.answer
    turn["error"] = MODELS_OWN.get(reply.outcome, "")
    tokens = {"reasoning": reply.reasoning_tokens, "answer": reply.answer_tokens}
    turn["note"] = _note(reply.ttft, reply.ttft_answer, reply.tpot, tokens) + f" · {reply.e2e:.2f} s in all"
    turn["summary"] = ""
    if reply.ttft_reasoning is not None:
        until = reply.e2e if reply.ttft_answer is None else reply.ttft_answer
        turn["summary"] = f"Thought for {until - reply.ttft_reasoning:.2f} s, {reply.reasoning_tokens} tokens"
    return turn["error"] or f"Done in {reply.e2e:.2f} s."


def _note(ttft: float | None, answer: float | None, tpot: float | None, tokens: dict[str, int | None]) -> str:
    parts = [f"ttft {ttft:.2f} s"] if ttft is not None else []
    parts += [f"answer after {answer:.2f} s"] if answer is not None else []
    parts += [f"tpot {1000 * tpot:.1f} ms"] if tpot is not None else []
    return " · ".join([*parts, f"{tokens['reasoning']} tokens of reasoning, {tokens['answer']} of answer"])
