"""What a plan will ask and cost, before a key is used: a dry run touches no network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from .cost import output_tokens, price_of
from .log import Attempt, finished_keys
from .plan import Request

CHARACTERS_PER_TOKEN = 4  # of English in common byte-level BPE vocabularies, roughly
PICTURE_TOKENS = 1000  # 0.8 megapixels at Qwen2.5-VL's 28 × 28 pixels per token
CLIP_FRAMES = 16  # of a whole clip, at most
METHOD = (
    f"Tokens read are an estimate: {CHARACTERS_PER_TOKEN} characters, or 1 Chinese character, to a token; "
    f"{PICTURE_TOKENS:,} tokens to a picture or to two frames. Tokens written are at most --max-tokens per request. "
    "Retries come on top."
)


@dataclass(frozen=True)
class Estimate:
    """What is left to ask of one model.

    Attributes:
        answered: requests of the plan that need not be asked again.
        requests: requests left.
        prompt_tokens: tokens to be read, estimated (see METHOD).
        output_tokens: tokens to be written at most; inf without ``max_tokens``.
        likely_tokens: tokens written if answers stay as long as those in the log; None without any.
        yuan, likely_yuan: the prices of these; None where unknown.
    """

    model: str
    answered: int
    requests: int
    prompt_tokens: int
    output_tokens: float
    likely_tokens: float | None
    yuan: float | None
    likely_yuan: float | None


def dry_run(plan: list[list[Request]], attempts: Sequence[Attempt] = ()) -> list[Estimate]:
    """What ``plan`` has still to ask of each model, given what a log already holds."""
    done = finished_keys(attempts)
    requests = [request for block in plan for request in block]
    return [
        _estimate(model, [request for request in requests if request.model == model], done, attempts)
        for model in sorted({request.model for request in requests})
    ]


def _estimate(model: str, requests: list[Request], done: set, attempts: Sequence[Attempt]) -> Estimate:
    left = [request for request in requests if request.key not in done]
    read = sum(prompt_tokens(request.item.messages) for request in left)
    written = sum(request.settings.max_tokens or math.inf for request in left)
    seen = [output_tokens(attempt) or 0 for attempt in attempts if attempt.finished and attempt.key.model == model]
    likely = len(left) * fmean(seen) if seen else None
    each = price_of(model, requests[0].settings.host)
    yuan = None if each is None else each.of(read, written) if each.output else 0.0
    likely_yuan = None if each is None or likely is None else each.of(read, likely)
    return Estimate(model, len(requests) - len(left), len(left), read, written, likely, yuan, likely_yuan)


def prompt_tokens(messages: list[dict]) -> int:
    """About how many tokens messages come to (see METHOD); no tokenizer is loaded for it."""
    return sum(_content_tokens(message["content"]) for message in messages)


def _content_tokens(content: str | list[dict]) -> int:
    if isinstance(content, str):
        wide = sum(character >= "\u2e80" for character in content)  # Chinese, Japanese and Korean scripts begin there
        return wide + math.ceil((len(content) - wide) / CHARACTERS_PER_TOKEN)
    return sum(map(_part_tokens, content))


def _part_tokens(part: dict) -> int:
    if part.get("type") == "text":
        return _content_tokens(part["text"])
    video = part.get("video", [])
    frames = len(video) if isinstance(video, list) else CLIP_FRAMES
    return max(1, math.ceil(frames / 2)) * PICTURE_TOKENS
