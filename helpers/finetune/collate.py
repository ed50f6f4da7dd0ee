"""From conversations and files to the tensors of a training step.

>>> batch = Collator(processor, max_length=512)(examples)          # doctest: +SKIP
>>> loss = model(**batch).loss                                      # doctest: +SKIP

Every example goes through the model's own chat template and processor, so that training sees the tokens that inference
will see. Padding is on the right and not trained on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..images import open_image
from . import refusals
from .formats import Example, to_conversation
from .masks import CLOSE, OPEN, label_mask
from .refusals import Refused
from .sounds import read_wav

IGNORED = -100  # the label of a token that is not trained on, as torch's cross entropy has it
EMPTY_THOUGHT = f"{OPEN}\n\n{CLOSE}\n\n"
CACHE_BYTES = 300_000_000
_CONTROL = re.compile(r"<\|\w+\|>")
#: What the processor returns with one value for each token.
_PER_TOKEN = ("input_ids", "attention_mask", "mm_token_type_ids")


class Collator:
    """Makes batches of Examples. Each is encoded once and kept, as long as ``CACHE_BYTES`` suffice.

    Args:
        processor: of the model that is trained.
        max_length: tokens. Longer replies are cut at the end; where a picture or sound would be cut: Refused.
        thinking: None trains on the replies as the template writes them. True begins every last reply with a thought,
            an empty one where the example has none, as LLaMA-Factory does with a Thinking model: it unlearns to
            think, and ``preflight`` refuses. False takes thoughts out.
        train_on_thinking, last_only: see ``masks.label_mask``.
    """

    def __init__(
        self, processor, *, max_length: int | None = None, thinking: bool | None = None,
        train_on_thinking: bool = True, last_only: bool = False,
    ) -> None:  # fmt: skip
        self.processor = processor
        self.settings = {"max_length": max_length, "thinking": thinking, "train_on_thinking": train_on_thinking,
                         "last_only": last_only}  # fmt: skip
        self._kept: dict[int, tuple[Example, dict]] = {}
        self._room = CACHE_BYTES

    def __call__(self, examples: Sequence[Example]) -> dict:
        """``input_ids``, ``attention_mask``, ``labels`` (n, longest); ``pixel_values`` (patches, values),
        ``image_grid_thw`` (pictures, 3); for sound ``input_features`` (sounds, mel bands, frames),
        ``feature_attention_mask`` (sounds, frames); and what else the processor returns.
        """
        encoded = [self.encoded(example) for example in examples]
        keys = list(dict.fromkeys(key for one in encoded for key in one))
        return {key: self._together(key, [one[key] for one in encoded if key in one]) for key in keys}

    def encoded(self, example: Example) -> dict:
        """``encode`` with this collator's settings, remembered."""
        kept = self._kept.get(id(example))
        if kept is not None and kept[0] is example:
            return kept[1]
        encoded = encode(example, self.processor, **self.settings)
        size = sum(value.nbytes for value in encoded.values())
        if size <= self._room:
            self._room -= size
            self._kept[id(example)] = example, encoded
        return encoded

    def _together(self, key: str, values: list):
        import torch

        if values[0].dim() > 1:  # a picture's patches, grids, sounds: one after the other
            return torch.cat(values)
        padding = {"input_ids": self.processor.tokenizer.pad_token_id, "labels": IGNORED}
        value = padding.get(key, 0)
        return torch.nn.utils.rnn.pad_sequence(values, batch_first=True, padding_value=value)


def encode(
    example: Example, processor, *, max_length: int | None = None, thinking: bool | None = None,
    train_on_thinking: bool = True, last_only: bool = False,
) -> dict:  # fmt: skip
    """One example's tensors: ``input_ids``, ``attention_mask``, ``labels`` (length,), and those of its files.

    Raises Refused where a picture or sound would be cut, where they and their tokens differ in number (also because
    the model cannot see or hear at all), and for control tokens in the text; BadImage and CourseError for a file that
    cannot be read.
    """
    import torch

    text = render(example, processor, thinking)
    _refuse_other_counts(example, text, processor)
    inputs = dict(processor(text=[text], return_tensors="pt", **_files(example, processor)))
    inputs |= {key: inputs[key][0] for key in _PER_TOKEN if key in inputs}
    if max_length is not None and len(inputs["input_ids"]) > max_length:
        _refuse_cut_files(inputs["input_ids"], processor, max_length)
        inputs |= {key: inputs[key][:max_length] for key in _PER_TOKEN if key in inputs}
    ids = inputs["input_ids"]
    mask = torch.tensor(label_mask(ids.tolist(), processor.tokenizer, train_on_thinking, last_only))
    return inputs | {"labels": torch.where(mask, ids, IGNORED)}


def render(example: Example, processor, thinking: bool | None = None) -> str:
    """The conversation as text, as the model's template writes it, one token for each picture. Raises Refused."""
    for message in example.messages:
        if found := _CONTROL.search(message["content"]):
            raise Refused(
                refusals.CONTROL,
                f"The text of an example ({name_of(example)}) has the control token {found[0]} in it, which would "
                "begin or end a turn, or stand for a picture. Take it out of the data.",
            )
    conversation = to_conversation(with_thinking(example, thinking))
    return processor.apply_chat_template(conversation, tokenize=False, add_generation_prompt=False)


def with_thinking(example: Example, thinking: bool | None) -> Example:
    """The example with a thought (perhaps an empty one) before its last answer, without one, or (None) as it is."""
    *before, last = example.messages
    has_thought = CLOSE in last["content"]
    if thinking is None or thinking == has_thought:
        return example
    content = EMPTY_THOUGHT + last["content"] if thinking else last["content"].rpartition(CLOSE)[2].lstrip("\n")
    return replace(example, messages=[*before, {"role": "assistant", "content": content}])


def _files(example: Example, processor) -> dict:
    """What goes to the processor beside the text: opened pictures and sounds, none where there are none."""
    given: dict = {}
    if example.images:
        given["images"] = [open_image(path) for path in example.images]
    if example.audios:
        rate = processor.feature_extractor.sampling_rate
        given["audio"] = [read_wav(path, rate) for path in example.audios]
        given["audio_kwargs"] = {"sampling_rate": rate}
    return given


def _refuse_other_counts(example: Example, text: str, processor) -> None:
    """Raise Refused where the template did not write one token for each picture and for each sound."""
    for kind, files, name in (("pictures", example.images, "image_token"), ("sounds", example.audios, "audio_token")):
        token = getattr(processor, name, None)
        n = text.count(token) if token else 0
        if n != len(files):
            raise Refused(
                refusals.COUNTS,
                f"An example ({name_of(example)}) has {len(files)} {kind}, and its text as the template writes it has "
                f"a place for {n}. Write <{name.removesuffix('_token')}> once for each file where it belongs, and "
                "check that model and template are such that take them.",
            )


def file_tokens(processor) -> set[int]:
    """The numbers of the tokens that stand for pictures and sounds."""
    names = (getattr(processor, name, None) for name in ("image_token", "audio_token"))
    return {processor.tokenizer.convert_tokens_to_ids(name) for name in names if isinstance(name, str)}


def _refuse_cut_files(ids, processor, max_length: int) -> None:
    """Raise Refused where one of the tokens beyond ``max_length`` stands for a picture or a sound."""
    tokens = file_tokens(processor)
    where = [i for i, token in enumerate(ids.tolist()) if token in tokens]
    if where and where[-1] >= max_length:
        n = sum(i >= max_length for i in where)
        raise Refused(
            refusals.CUT,
            f"max_length={max_length} would cut {n} of the {len(where)} tokens that stand for an example's pictures or "
            f"sounds. The example has {len(ids)} tokens: set max_length={len(ids)} or more, or let the processor make "
            "fewer tokens of a picture (`processor.image_processor.size`).",
        )


def name_of(example: Example) -> str:
    """What to call an example in a message: the names of its files, or how its answer begins."""
    files = [Path(path).name for path in (*example.images, *example.audios)]
    return ", ".join(files) or repr(example.messages[-1]["content"][:40])
