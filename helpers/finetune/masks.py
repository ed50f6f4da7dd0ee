"""Which tokens are trained on: those that the assistant has to write, and none that it will be given.

In ChatML, the form of all Qwen models, a conversation reads

    <|im_start|>user
    What is shown?<|im_end|>
    <|im_start|>assistant
    <think>
    A dark wedge.
    </think>

    An infarct.<|im_end|>

and this is trained on: ``A dark wedge.`` and all that follows, up to and with ``<|im_end|>``, for the model has to
learn when to stop. What is not: the question, the line that opens the reply, the line break behind ``<|im_end|>``; and
the reply's first line ``<think>``, because the template writes it where the model is to think (``enable_thinking``), so
that at inference it is part of the prompt. ``</think>`` is trained on: when to stop thinking is for the model to say. A
reply without thoughts is trained on from its first word.
"""

from __future__ import annotations

from collections.abc import Sequence

START, END = "<|im_start|>", "<|im_end|>"
OPEN, CLOSE = "<think>", "</think>"


def label_mask(
    input_ids: Sequence[int], tokenizer, train_on_thinking: bool = True, last_only: bool = False
) -> list[bool]:
    """True for each token that is trained on: those of every assistant reply, as this module's docstring says.

    Args:
        input_ids: the tokens of one conversation, without padding.
        train_on_thinking: False leaves out everything up to ``</think>`` and the line breaks behind it, so that only
            the answer is learned.
        last_only: only the last reply. (Earlier ones have had their thoughts removed by Qwen3's template.)
    """
    ids = [int(i) for i in input_ids]
    mask = [False] * len(ids)
    found = replies(ids, tokenizer)
    for start, stop in found[-1:] if last_only else found:
        for i in range(_first_trained(ids, start, stop, tokenizer, train_on_thinking), stop):
            mask[i] = True
    return mask


def replies(input_ids: Sequence[int], tokenizer) -> list[tuple[int, int]]:
    """Where each assistant reply begins (behind ``<|im_start|>assistant\\n``) and stops (behind ``<|im_end|>``).

    A reply that was cut off stops where the tokens do.
    """
    ids = [int(i) for i in input_ids]
    header = [_id(tokenizer, START), *tokenizer("assistant\n", add_special_tokens=False).input_ids]
    end, found, i = _id(tokenizer, END), [], 0
    while i + len(header) <= len(ids):
        if ids[i : i + len(header)] != header:
            i += 1
            continue
        start = i + len(header)
        i = ids.index(end, start) + 1 if end in ids[start:] else len(ids)
        found.append((start, i))
    return found


def _first_trained(ids: list[int], start: int, stop: int, tokenizer, train_on_thinking: bool) -> int:
    """The first token of a reply that is trained on."""
    if start >= stop or ids[start] != _id(tokenizer, OPEN):
        return start
    line_break = tokenizer("\n", add_special_tokens=False).input_ids
    if train_on_thinking:
        behind = start + 1 + len(line_break)
        return behind if ids[start + 1 : behind] == line_break else start + 1
    close = _id(tokenizer, CLOSE)
    if close not in ids[start:stop]:
        return stop  # cut off while it was thinking
    first = ids.index(close, start) + 1
    while first < stop and not tokenizer.decode([ids[first]]).strip():
        first += 1
    return first


def _id(tokenizer, token: str) -> int | None:
    """The number of a token; None where the tokenizer has it in pieces or not at all (``<think>`` in Qwen2.5)."""
    found = tokenizer.convert_tokens_to_ids(token)
    return None if found is None or found == tokenizer.unk_token_id else found
