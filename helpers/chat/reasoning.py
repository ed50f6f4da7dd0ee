"""Tell thinking from answer while a reply streams in, whichever way a server marks the thinking."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

OPEN, CLOSE = "<think>", "</think>"


class Delta(NamedTuple):
    """A piece of a reply: ``kind`` is "reasoning" or "answer", ``at`` when its first character arrived (s)."""

    kind: str
    text: str
    at: float


@dataclass
class Part:
    """The reasoning, or the answer: its text, the chunks it came in, and when its first visible character arrived."""

    pieces: list[str] = field(default_factory=list)
    chunks: int = 0
    first: float | None = None

    def add(self, text: str, at: float) -> None:
        self.pieces.append(text)
        if self.first is None and not text.isspace():
            self.first = at

    @property
    def text(self) -> str:
        """Without blank lines before and white space after it. The first line stays indented: it may be code."""
        text = "".join(self.pieces).rstrip()
        margin = text[: len(text) - len(text.lstrip())]
        return text[margin.rfind("\n") + 1 :]


class Reading:
    """Sorts one stream into ``reasoning`` and ``answer``. It may be cut anywhere, also within a tag.

    Thinking in a field of its own goes to ``add_reasoning``. In the text itself (``add_text``), these rules hold:

    - ``<think>`` opens the thinking only where nothing visible came before it: an answer may speak of the tag.
    - The first ``</think>`` ends the thinking. Where nothing had opened it, the template had (its prompt ends in
      ``<think>``, as DeepSeek's does), and all text so far was thinking. ``starts_thinking`` says so in advance.
    - After that, or once thinking has come in its own field, a tag is text like any other.
    """

    def __init__(self, starts_thinking: bool = False) -> None:
        self.reasoning, self.answer = Part(), Part()
        self._thinking = starts_thinking
        self._at_start = True  # <think> may still come
        self._closed = False  # </think> may not come any more
        self._held = ""  # what may be the beginning of a tag, and the white space before the first character
        self._held_since = 0.0

    def add_reasoning(self, text: str, at: float) -> list[Delta]:
        """Take in thinking that came in a field of its own."""
        self._thinking = self._at_start = False
        self._closed = True
        self.reasoning.chunks += 1
        self.reasoning.add(text, at)
        return [Delta("reasoning", text, at)]

    def add_text(self, text: str, at: float) -> list[Delta]:
        """Take in a chunk of text that arrived at ``at``; what is certain by now, in order."""
        self._part.chunks += 1
        since = self._held_since if self._held.strip() else at
        text, self._held = self._held + text, ""
        if self._at_start:
            visible = text.lstrip()
            if len(visible) < len(OPEN) and OPEN.startswith(visible):
                return self._hold(text, since)
            self._at_start = False
            if visible.startswith(OPEN):
                self._think()
                text, since = visible.removeprefix(OPEN), at
        if self._closed:
            return self._emit(text, since)
        before, tag, after = text.partition(CLOSE)
        if tag:
            self._think()
            deltas = self._emit(before, since)
            self._thinking, self._closed = False, True
            return deltas + self._emit(after, at)
        kept = _unfinished_tag(text)
        deltas = self._emit(text[: len(text) - kept], since)
        return deltas + self._hold(text[len(text) - kept :], since if kept == len(text) else at)

    def finish(self) -> list[Delta]:
        """The stream is over: what was held back was no tag."""
        text, self._held = self._held, ""
        return self._emit(text, self._held_since)

    @property
    def _part(self) -> Part:
        return self.reasoning if self._thinking else self.answer

    def _think(self) -> None:
        """A tag says that this is thinking, and so is all there has been."""
        if not self._thinking:
            self.reasoning, self.answer = self.answer, Part()
        self._thinking = True

    def _hold(self, text: str, since: float) -> list[Delta]:
        self._held, self._held_since = text, since
        return []

    def _emit(self, text: str, at: float) -> list[Delta]:
        if not text:
            return []
        self._part.add(text, at)
        return [Delta("reasoning" if self._thinking else "answer", text, at)]


def _unfinished_tag(text: str) -> int:
    """How many characters at the end of ``text`` may be the beginning of ``</think>``."""
    return next((n for n in range(min(len(text), len(CLOSE) - 1), 0, -1) if CLOSE.startswith(text[-n:])), 0)
