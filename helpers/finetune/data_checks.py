"""The part of preflight that looks at the data: files, counts, lengths, labels and thoughts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from . import refusals
from .collate import IGNORED, Collator, name_of
from .formats import Example
from .formats.example import fault
from .masks import CLOSE, END, OPEN, replies
from .refusals import Findings

EMPTY = f"{OPEN}{CLOSE}"


def check_files(examples: Sequence[Example], found: Findings) -> None:
    """What can be said without opening a file."""
    if not examples:
        found.refuse(refusals.EMPTY, "There are no examples to train on. Look at the report of what reading left out.")
    labels = {e.label for e in examples} - {None}
    if len(labels) == 1:
        found.refuse(
            refusals.ONE_CLASS,
            f"All {len(examples)} examples have the label {labels.pop()!r}: whoever always says that is right. Add "
            "examples of the other classes, and check that the data are not sorted and cut off.",
        )
    files = [path for example in examples for path in (*example.images, *example.audios)]
    if gone := [path for path in files if not Path(path).is_file()]:
        found.refuse(
            refusals.MISSING_IMAGE,
            f"{len(gone)} of {len(files)} files are not there, the first is {gone[0]}. Unpack them, give the folder "
            "they are in when reading (`roots`), or leave their examples out.",
        )
    for example in examples:
        if what := fault(example.messages, example.images, example.audios):
            found.refuse(
                refusals.COUNTS,
                f"An example ({name_of(example)}) cannot be trained on: {': '.join(filter(None, what))}. Write "
                "<image> once for each picture, <audio> for each sound, where it belongs in the text.",
            )


def check_tokens(examples: Sequence[Example], processor, collator: Collator, found: Findings) -> dict:
    """Encode everything as the training will, and count. The encoding itself refuses what would be cut."""
    lengths, trained, cut, seen = [], 0, 0, 0
    limit, unlabelled, thoughtless = collator.settings["max_length"], [], []
    tokenizer, thinks = processor.tokenizer, opens_thought(processor)
    picture, end = (tokenizer.convert_tokens_to_ids(token) for token in (processor.image_token, END))
    for example in examples:
        encoded = collator.encoded(example)
        ids, labelled = encoded["input_ids"].tolist(), int((encoded["labels"] != IGNORED).sum())
        lengths.append(len(ids))
        trained += labelled
        cut += ids.count(end) < len(example.messages)
        seen = max(seen, ids.count(picture))
        unlabelled += [] if labelled else [example]
        thoughtless += [example] if thinks and _is_thoughtless(example, ids, tokenizer) else []
    if unlabelled:
        at_fault = f"max_length={limit} leaves nothing of their replies: raise it" if limit else "check the template"
        found.refuse(
            refusals.NO_LABEL,
            f"{len(unlabelled)} of {len(examples)} examples have no token left to train on, the first is "
            f"{name_of(unlabelled[0])}. No assistant reply was found in their tokens; {at_fault}.",
        )
    if thoughtless:
        found.refuse(
            refusals.EMPTY_THOUGHT,
            f"{len(thoughtless)} of {len(examples)} replies would teach a Thinking model an empty thought, {EMPTY}, "
            f"and so not to think; the first is {name_of(thoughtless[0])}. Add the reasoning to the replies. Without "
            f"any: take {EMPTY} out and train with thinking=False if the template can do without, or take the "
            "Instruct model.",
        )
    return {"tokens": sum(lengths), "trained_tokens": trained, "longest": max(lengths), "cut": cut, "seen": seen}


def opens_thought(processor) -> bool:
    """Whether the model's template can open a thought for it: whether it is a Thinking model."""
    turn = [{"role": "user", "content": [{"type": "text", "text": "?"}]}]
    if OPEN not in str(processor.chat_template or ""):
        return False
    said = processor.apply_chat_template(turn, add_generation_prompt=True, tokenize=False, enable_thinking=True)
    return said.rstrip().endswith(OPEN)


def _is_thoughtless(example: Example, ids: list[int], tokenizer) -> bool:
    """Whether the last reply has an empty thought: in its tokens, or in the data, where the template dropped it."""
    said = example.messages[-1]["content"]
    begun = replies(ids, tokenizer)
    start, stop = begun[-1] if begun else (0, 0)
    for text in (said, tokenizer.decode(ids[start:stop])):
        thought, closed, _ = text.partition(CLOSE)
        if closed and not thought.replace(OPEN, "").strip():
            return True
    return False
