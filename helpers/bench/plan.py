"""What to ask, of whom and in which order; and the key under which an answer is filed."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import NamedTuple
from urllib.parse import urlsplit

from .. import world_pictures
from ..chat import is_text_only
from ..errors import CourseError, unknown
from ..tasks import Item

LOCAL = "this machine"  # the host of every server on it: their ports change with each start, and mean nothing
LOOPBACK = ("127.0.0.1", "localhost", "::1")
ORDERS = ("interleaved", "blocks")


@dataclass(frozen=True)
class Settings:
    """What goes with every request beside its messages; None leaves a value to the server.

    Attributes:
        host: where the answers come from, as ``host_of`` gives it; another server is another setting.
        temperature, top_p, max_tokens: as in OpenAI's API.
        seed: the first sample's; sample ``i`` is asked with ``seed + i``, or samples would repeat one another.
        think: whether the chat template opens a ``<think>``; None where the model has no such switch.
    """

    host: str = LOCAL
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    think: bool | None = None

    def arguments(self, sample: int) -> dict:
        """The keyword arguments of ``chat.ask`` for one sample."""
        given = {"temperature": self.temperature, "top_p": self.top_p, "max_tokens": self.max_tokens}
        given["seed"] = None if self.seed is None else self.seed + sample
        if self.think is not None:
            by_name = {"enable_thinking": self.think}  # DashScope's own switch; the others pass it to the template
            given["extra"] = by_name if "dashscope" in self.host else {"chat_template_kwargs": by_name}
        return given


class Key(NamedTuple):
    """What makes two requests the same. ``settings`` is a digest of the settings and of the messages."""

    task: str
    item: str
    sample: int
    model: str
    settings: str


@dataclass(frozen=True)
class Request:
    """One item, asked of one model for the ``sample``-th time (from 0)."""

    item: Item
    model: str
    sample: int
    settings: Settings

    @cached_property
    def key(self) -> Key:
        sent = digest(asdict(self.settings), self.item.messages)
        return Key(self.item.task, self.item.id, self.sample, self.model, sent)

    @property
    def shows_a_picture(self) -> bool:
        return _shows_a_picture(self.item)


def digest(*parts: object) -> str:
    """Sixteen hexadecimal digits that change with anything in ``parts`` (what JSON can hold)."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def host_of(base_url: str) -> str:
    """The host (and port, where one is given) of a base URL, e.g. "dashscope.aliyuncs.com"; LOCAL for this machine.

    Raises CourseError for what is no such URL, or holds a name, password or query: keys belong in the environment.
    """
    try:
        parts = urlsplit(base_url)
    except ValueError:  # half an IPv6 address; its text may hold a secret
        raise CourseError("A base URL looks like https://host/v1, with its scheme, host and path.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CourseError("A base URL looks like https://host/v1, with its scheme, host and path.")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise CourseError("The base URL must hold no key, name or password: put the key into an environment variable.")
    return LOCAL if parts.hostname in LOOPBACK else parts.netloc


def make_plan(
    items: Sequence[Item], models: Sequence[str], samples: int = 1, settings: Settings | None = None,
    order: str = "interleaved", seed: int = 0,
) -> list[list[Request]]:  # fmt: skip
    """Every item × model × sample, as blocks that are asked one after another, in an order drawn from ``seed``.

    "interleaved" is one block in which the models take turns on each item, so that a server's drift meets all of them
    alike. "blocks" finishes one model before the next, for a server that holds one at a time.

    Raises CourseError for an empty plan, a model named twice, two items of one task with the same id, an item with a
    picture for a model that reads text only, or the address of a picture that does not exist.
    """
    if order not in ORDERS:
        raise unknown("order", order, list(ORDERS))
    if not items or not models or samples < 1:
        raise CourseError("There is nothing to ask: a benchmark needs an item, a model and at least one sample.")
    names = [(item.task, item.id) for item in items]
    for kind, values in (("model", list(models)), ("item", names)):
        if twice := sorted({str(value) for value in values if values.count(value) > 1}):
            raise CourseError(f"Each {kind} may be named once; twice there: {', '.join(twice)}.")
    picture = next((item.id for item in items if _shows_a_picture(item)), None)
    blind = next(filter(is_text_only, models), None)
    if picture and blind:
        raise CourseError(f"{blind} reads text only, and {picture} has a picture. Leave out one or the other.")
    for item in items:
        world_pictures.check(item.messages)
    rng = random.Random(seed)
    settings = settings or Settings()

    def shuffled() -> list[tuple[Item, int]]:
        pairs = [(item, sample) for item in items for sample in range(samples)]
        return rng.sample(pairs, len(pairs))

    if order == "blocks":
        return [
            [Request(item, model, sample, settings) for item, sample in shuffled()]
            for model in rng.sample(list(models), len(models))
        ]
    turns = [(item, model, sample) for item, sample in shuffled() for model in rng.sample(list(models), len(models))]
    return [[Request(item, model, sample, settings) for item, model, sample in turns]]


def _shows_a_picture(item: Item) -> bool:
    parts = [part for message in item.messages if isinstance(message["content"], list) for part in message["content"]]
    return any(part.get("type") != "text" for part in parts)
