"""Merge an adapter into its base: an ordinary checkpoint that needs neither PEFT nor bitsandbytes, and its proof.

>>> folder = merge("runs/first/adapter", "runs/first/merged")              # doctest: +SKIP
>>> print(compare(adapted, merged, processor, held_out))                   # doctest: +SKIP
>>> with serve([folder]) as server: ...                                    # doctest: +SKIP

LoRA's update of a weight is a matrix of the weight's own shape, so it can be added once and for all. To *what* it is
added decides whether the result is the model that was trained and measured:

| ``onto`` | the base's weights are | the result |
| --- | --- | --- |
| "trained" | those that training saw: NF4, written out in full | the measured model, but for rounding |
| "original" | those of the checkpoint, never quantised | another model: measure it again |

What is not offered is to round the sum to four bits again, as ``merge_and_unload()`` does with a quantised model. A
weight that was read from NF4 lies on one of its levels, and an update smaller than half the way to the next level is
rounded away. The notebook ``06_ship_it`` measures it.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..batching import batched
from ..errors import CourseError, unknown
from .adapt import RECORD, base_name, inference, load_adapter, read_record
from .formats import Example
from .saving import NOT_FOR_USE, whole_folder

ONTO = ("trained", "original")
DTYPES = ("float32", "bfloat16", "float16")


def merge(
    adapter: str | Path, target: str | Path, onto: str = "trained", *, dtype: str | None = None,
    profile: str | None = None,
) -> Path:  # fmt: skip
    """Write the base with the adapter merged into it to the folder ``target``, whole or not at all; return it.

    The folder is what ``save_pretrained`` writes (weights, processor, template, generation settings), with
    ``course.json`` and a model card. ``helpers.server.serve([folder])`` serves it.

    Args:
        adapter: the folder ``adapter`` of a run.
        onto: "trained" or "original", as in this module's docstring.
        dtype: of the file's numbers; the loaded model's own unless given. 16 bits take half the room and round.
        profile: as in ``adapt.load_adapter``.

    Raises UnknownName for another ``onto`` or dtype, CourseError for a target that is the adapter's own folder,
    or holds other files, WrongAdapter and what loading raises, DiskFull.
    """
    import torch

    if dtype is not None and dtype not in DTYPES:
        raise unknown("dtype", dtype, list(DTYPES))
    adapter, target = Path(adapter), Path(target)
    if target.resolve() == adapter.resolve() or target.resolve() in adapter.resolve().parents:
        raise CourseError(f"{target} holds the adapter, and would be replaced. Choose another folder.")
    if target.is_dir() and any(target.iterdir()) and not (target / RECORD).is_file():
        raise CourseError(f"{target} holds other files, which would be lost. Choose a folder that is new or empty.")
    record = read_record(adapter)
    model, processor, chosen = unquantised(adapter, onto, profile)
    merged = model.merge_and_unload(safe_merge=True)
    if dtype is not None:
        merged = merged.to(getattr(torch, dtype))
    facts = {"onto": onto, "dtype": str(merged.dtype).removeprefix("torch.")}
    with whole_folder(target) as folder:
        merged.save_pretrained(folder)
        processor.save_pretrained(folder)
        (folder / RECORD).write_text(
            json.dumps(record | {"merged": facts}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )
        (folder / "README.md").write_text(card(record, facts, base_name(chosen), chosen.licence), encoding="utf-8")
    return target


def unquantised(adapter: str | Path, onto: str = "trained", profile: str | None = None):
    """The adapter on a base in full precision, not merged: ``model, processor, spec``. Raises as ``merge`` does."""
    from peft import PeftModel

    if onto not in ONTO:
        raise unknown("base to merge onto called", onto, list(ONTO))
    loaded = load_adapter(adapter, profile, four_bit=False if onto == "original" else None)
    if not getattr(loaded.model.get_base_model(), "is_quantized", False):
        return loaded
    with _quiet():  # that numbers are written out in full is the point
        base = loaded.model.unload().dequantize()
    return loaded._replace(model=PeftModel.from_pretrained(base, str(adapter)).eval())


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' warnings."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)


@dataclass(frozen=True)
class Difference:
    """How far two models are from each other on the same replies, read token by token.

    Attributes:
        largest, mean: of the absolute differences of all logits at the places that predict the replies' tokens.
        tokens, tokens_flipped: of the replies, and those where the most likely token is another.
        replies, replies_flipped: and those in which at least one token flipped.
    """

    largest: float
    mean: float
    tokens: int
    tokens_flipped: int
    replies: int
    replies_flipped: int

    def row(self) -> dict:
        """For ``plots.table``."""
        return {"largest": f"{self.largest:.1e}", "mean": f"{self.mean:.1e}",
                "tokens flipped": f"{self.tokens_flipped} of {self.tokens}",
                "replies flipped": f"{self.replies_flipped} of {self.replies}"}  # fmt: skip

    def __str__(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in self.row().items())


def compare(model, other, processor, examples: Sequence[Example], batch_size: int = 16) -> Difference:
    """Both models' logits on the examples' replies. Both read the right reply, so that one early slip counts once.

    Raises CourseError for no examples, and as ``collate.Collator`` does.
    """
    from .collate import Collator

    if not examples:
        raise CourseError("There are no examples to compare two models on. Give some that were held out.")
    collate, largest, total, values = Collator(processor), 0.0, 0.0, 0
    flips: list = []
    for batch in batched(examples, batch_size):
        inputs = collate(list(batch))
        counted = inputs.pop("labels")[:, 1:] != -100  # (n, length - 1): these places predict a reply's token
        ours, theirs = (_logits(each, inputs)[:, :-1][counted].float() for each in (model, other))
        apart = (ours - theirs.to(ours.device)).abs()
        largest, total, values = (
            max(largest, float(apart.max())),
            total + float(apart.double().sum()),
            values + apart.numel(),
        )
        flipped = (ours.argmax(1) != theirs.argmax(1).to(ours.device)).tolist()
        for n in counted.sum(1).tolist():
            flips.append(flipped[:n])
            flipped = flipped[n:]
    return Difference(
        largest, total / values, sum(map(len, flips)), sum(map(sum, flips)), len(flips), sum(map(any, flips))
    )


def _logits(model, inputs: dict):
    """(n, length, vocabulary), as the model's type is; without the model's own cache."""
    device = next(model.parameters()).device
    with inference(model):
        return model(**{key: value.to(device) for key, value in inputs.items()}, use_cache=False).logits.cpu()


def card(record: dict, facts: dict, base: str, licence: str) -> str:
    """The model card of a merged model: what was merged into what, and what it must not be used for."""
    data = record["settings"]["train"]
    into = {
        "trained": "the weights that it was trained on (in NF4 during training, here written out in full): this is the "
        "model whose scores were measured, but for rounding",
        "original": "the base's own weights, which training saw only after rounding to four bits: its scores are not "
        "those of the adapter, and have to be measured anew",
    }[facts["onto"] if record["four_bit"] else "trained"]
    if not record["four_bit"]:
        into = "the weights that it was trained on: this is the model whose scores were measured, but for rounding"
    lines = [
        "---", f"license: {licence.lower() if licence.lower() == 'apache-2.0' else 'other'}",
        "library_name: transformers", f"base_model: {base}", "base_model_relation: finetune",
        "pipeline_tag: image-text-to-text", "---", "", "# A merged model", "",
        f"A LoRA adapter for {record['base']['id']}, merged into {into}.", "",
        NOT_FOR_USE.get(data, "It has been tested on nothing but what its adapter's card names."), "",
        "| | |", "| --- | --- |",
        f"| trained on | {record['examples']:,} examples of {data}, {record['steps']:,} steps |",
        f"| numbers in the file | {facts['dtype']} |", f"| licence of the base | {licence or 'not verified'} |", "",
        f"All settings are in `{RECORD}`.", "",
    ]  # fmt: skip
    return "\n".join(lines)
