"""Items: what a benchmark asks, what it expects and how the answer is graded. One JSON object per line on disk."""

from __future__ import annotations

import json
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path

from .errors import CourseError

GRADERS = (
    "number", "choice", "exact", "code", "constraints", "judge",
    "boxes", "points", "seconds", "transcript", "anls", "relaxed", "json", "caption", "fields",
)  # fmt: skip
LANGUAGES = ("en", "zh")
ROLES = ("system", "user", "assistant")


class TaskError(CourseError):
    """An item, or a file of items, that is not in the course's format."""


@dataclass(frozen=True)
class Item:
    """One question of a benchmark. Raises TaskError where a field has a value that nothing could work with.

    Attributes:
        id: unique within its task, e.g. "math-en-007".
        task: "mathematics", "logic", "code", a puzzle family, "gsm8k", "bbh/…", "humaneval" …
        messages: OpenAI chat messages; ``content`` is text, or a list of parts (``text``, ``image_url``).
        reference: what the grader needs; ``helpers.grading`` says what that is for each grader.
        grader: one of GRADERS.
        difficulty: 1 easy to 3 hard, 0 not rated; for puzzles the number of steps.
        language: "en" or "zh".
        source: where the item comes from.
        meta: anything else that JSON can hold.
    """

    id: str
    task: str
    messages: list[dict]
    reference: object
    grader: str
    difficulty: int = 0
    language: str = "en"
    source: str = ""
    meta: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("id", "task"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value.strip():
                raise TaskError(f"`{name}` must be a text that is not empty, not {value!r}.")
        item = f"Item {self.id!r}: "
        if not _are_messages(self.messages):
            raise TaskError(
                item + '`messages` must be a list of {"role": …, "content": …}, with a role among '
                f"{', '.join(ROLES)} and a content that is text or a list of parts."
            )
        if self.grader not in GRADERS:
            raise TaskError(f"{item}there is no grader {self.grader!r}. Choose one of: {', '.join(GRADERS)}.")
        if self.language not in LANGUAGES:
            raise TaskError(f"{item}`language` must be one of {', '.join(LANGUAGES)}, not {self.language!r}.")
        if type(self.difficulty) is not int or self.difficulty < 0:
            raise TaskError(f"{item}`difficulty` must be a whole number from 0, not {self.difficulty!r}.")
        if not isinstance(self.source, str) or not isinstance(self.meta, dict):
            raise TaskError(f"{item}`source` must be a text and `meta` an object.")

    @classmethod
    def from_json(cls, line: str) -> Item:
        """The item that a line of JSON holds. Raises TaskError for anything else, unknown keys included."""
        try:
            data = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            raise TaskError(f"This is not JSON ({error}). One line holds one item, as an object.") from error
        if not isinstance(data, dict):
            raise TaskError(f"An item is a JSON object, not {type(data).__name__}.")
        known = [f.name for f in fields(cls)]
        required = [f.name for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING]
        if strange := sorted(data.keys() - set(known)):
            raise TaskError(f"Unknown key {', '.join(map(repr, strange))}. An item has: {', '.join(known)}.")
        if missing := [name for name in required if name not in data]:
            raise TaskError(f"Missing key {', '.join(map(repr, missing))}.")
        return cls(**data)

    def to_json(self) -> str:
        """The item as one line of JSON, without a line break."""
        return json.dumps(asdict(self), ensure_ascii=False)


def load_items(path: str | Path) -> list[Item]:
    """The items of a JSONL file, in order. Blank lines are skipped.

    Raises TaskError, naming file and line, for a missing, unreadable or empty file, a line that is no item, and an id
    that its task already has.
    """
    path = Path(path)
    items: list[Item] = []
    seen: dict[tuple[str, str], int] = {}
    for number, line in read_lines(path):
        where = f"{path}, line {number}: "
        try:
            item = Item.from_json(line)
        except TaskError as error:
            raise TaskError(f"{where}{error}") from error
        first = seen.setdefault((item.task, item.id), number)
        if first != number:
            raise TaskError(f"{where}the task {item.task!r} already has an item {item.id!r}, in line {first}.")
        items.append(item)
    return items


def read_lines(path: Path) -> list[tuple[int, str]]:
    """The lines of a text file that are not blank, with their numbers from 1. Raises TaskError if there are none."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        reason = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        raise TaskError(f"{path} {reason}. Check the path; relative paths start at {Path.cwd()}.") from error
    except UnicodeDecodeError as error:
        raise TaskError(f"{path} is not UTF-8 text ({error.reason}). Save it as UTF-8.") from error
    # split at "\n" alone: str.splitlines also splits at U+2028, which may stand inside a JSON string
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not lines:
        raise TaskError(f"{path} is empty. It should hold one JSON object per line.")
    return lines


def _are_messages(messages: object) -> bool:
    return (
        isinstance(messages, list)
        and bool(messages)
        and all(
            isinstance(message, dict)
            and message.get("role") in ROLES
            and (isinstance(content := message.get("content"), str) or _are_parts(content))
            and bool(content)
            for message in messages
        )
    )


def _are_parts(content: object) -> bool:
    """Whether this is a list of parts as OpenAI's protocol has them: texts, pictures by URL, and others by type."""
    wanted = {"text": ("text", str), "image_url": ("image_url", dict)}
    return isinstance(content, list) and all(
        isinstance(part, dict)
        and isinstance(kind := part.get("type"), str)
        and (kind not in wanted or isinstance(part.get(wanted[kind][0]), wanted[kind][1]))
        and (kind != "image_url" or isinstance(part["image_url"].get("url"), str))
        for part in content
    )
