"""The one form that every format is read into and written from: text with placeholders, and the files behind them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ...errors import CourseError

IMAGE, AUDIO, VIDEO = "<image>", "<audio>", "<video>"  # as LLaMA-Factory has them
ROLES = ("system", "user", "assistant")
PLACEHOLDER = re.compile(f"({IMAGE}|{AUDIO})")


class FormatError(CourseError):
    """A file or an example that is not in the format it was taken for."""


@dataclass(frozen=True)
class Example:
    """One conversation to train on. Raises FormatError for one that LLaMA-Factory or a chat template would refuse.

    Attributes:
        messages: ``{"role": …, "content": …}`` with text as content: perhaps a system message, then user and assistant
            in turns, the assistant last. ``<image>`` and ``<audio>`` stand where a file belongs.
        images: the pictures' paths in the order of their placeholders, one each. After reading, an absolute path is a
            file that is there, inside a folder the reader was given; a relative one has not been found.
        audios: the same for sound.
        group: the patient or person, for splits that keep each on one side; None where nobody knows.
        label: the class, where the task has classes.
        source: where the example comes from.
        meta: anything else that JSON can hold.
    """

    messages: list[dict]
    images: list[str] = field(default_factory=list)
    audios: list[str] = field(default_factory=list)
    group: str | None = None
    label: str | None = None
    source: str = ""
    meta: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        if found := fault(self.messages, self.images, self.audios):
            raise FormatError(f"This cannot be trained on: {': '.join(filter(None, found))}.")


def fault(messages: object, images: object, audios: object) -> tuple[str, str] | None:
    """What keeps messages and files from being an Example, and the detail (perhaps empty); None if nothing does."""
    if not isinstance(messages, list) or not all(map(_is_message, messages)):
        return "messages are not a list of roles and texts", ""
    roles = [message["role"] for message in messages]
    turns = roles[1:] if roles[:1] == ["system"] else roles
    if not turns or turns != ["user", "assistant"] * (len(turns) // 2):
        return "user and assistant do not take turns, or the assistant is not last", ", ".join(roles) or "no messages"
    if roles[0] == "system" and not messages[0]["content"]:
        return "the system message is empty", ""
    if count(messages, VIDEO):
        return "videos are not read", ""
    replies = [message for message in messages if message["role"] == "assistant"]
    if count(replies, IMAGE) or count(replies, AUDIO):  # its tokens would be trained on, and none of the models draws
        return "a reply has a picture or a sound in it", ""
    for placeholder, paths in ((IMAGE, images), (AUDIO, audios)):
        if not isinstance(paths, list) or not all(isinstance(path, str) and path for path in paths):
            return "files are not a list of paths", ""
        if (n := count(messages, placeholder)) != len(paths):
            return "placeholders and files differ in number", f"{n} {placeholder}, {len(paths)} files"
    return None


def _is_message(message: object) -> bool:
    return (
        isinstance(message, dict)
        and message.keys() == {"role", "content"}
        and message["role"] in ROLES
        and isinstance(message["content"], str)
    )


def count(messages: list[dict], placeholder: str) -> int:
    """How often a placeholder stands in the messages, whoever speaks. LLaMA-Factory counts the same way."""
    return sum(message["content"].count(placeholder) for message in messages)


def to_conversation(example: Example) -> list[dict]:
    """The messages as transformers' chat templates take them: each content is a list of parts, in reading order.

    A placeholder becomes ``{"type": "image"}`` or ``{"type": "audio"}``, what stands between them ``{"type": "text",
    "text": …}``, with every space and line break kept, so that the tokens are those that LLaMA-Factory makes. The files
    themselves go to the processor beside the text, in the order of ``example.images`` and ``example.audios``.
    """
    return [{"role": message["role"], "content": _parts(message["content"])} for message in example.messages]


def _parts(content: str) -> list[dict]:
    types = {IMAGE: {"type": "image"}, AUDIO: {"type": "audio"}}
    parts = [types.get(piece, {"type": "text", "text": piece}) for piece in PLACEHOLDER.split(content) if piece]
    return parts or [{"type": "text", "text": ""}]  # some templates look at the first part
