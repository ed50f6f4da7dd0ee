"""MedTrinity-25M: medical images with machine-written captions, for those who have access.

**Access.** The hub has it at https://huggingface.co/datasets/UCSC-VLAA/MedTrinity-25M, gated: log in, agree there to
share your contact details, and accept the conditions.

**Licence.** There is no single one. The set was put together from dozens of others (the paper says more than 30, an
earlier version 90), each with its own licence; a list by others who use it says "many licenses", and points to that
page. It could not be read from here: do so before you train, and do not pass on images or a model before you know what
the sources allow.

**Consent.** The images are of patients. Nobody can look up here what each of them agreed to: the sources answer for
that. Keep the files to yourself, and try to identify nobody. There is no patient id, so ``group`` stays None: slices
of one patient can fall on both sides of a split, and a score then says less than it seems to. Look for near-duplicates.

**What it is not.** The captions were written by a model from metadata and regions, not by radiologists. Users report
captions that do not fit their images, and files missing (issues 27, 32 and 33 of
https://github.com/UCSC-VLAA/MedTrinity-25M). It is not for diagnosis, and neither is what was trained on it.

**Layouts** (none could be tried here; they are as public code reads them): ``25M_demo`` has rows of ``image``, ``id``
and ``caption``; ``25M_full`` parquet files of ``file_name``, ``caption`` and ``source``, whose images are in
``25M_accessible``; a ``metadata.jsonl`` names files and captions, as the hub's image folders do.

Xie et al., "MedTrinity-25M", ICLR 2025, https://arxiv.org/abs/2408.02900.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...files import disk_full_is_an_answer, write_text
from .example import IMAGE, PLACEHOLDER, Example, FormatError
from .media import relative
from .reading import Note, Unusable, text

QUESTION = "What does this medical image show?"
METADATA = "metadata.jsonl"
ID = re.compile(r"\w[\w.-]*")  # no slash, and neither "." nor ".."
ENDINGS = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class MedTrinity:
    """The layout of MedTrinity-25M, for ``read``: a caption, and an image by ``file_name``, ``image`` or ``id``.

    The module's docstring has what to know about access, licence and consent. An ``id`` without an ending names
    ``<id>.jpg``. Images that are inside the rows, as in the demo's parquet files, have to be unpacked by ``export``.

    Attributes:
        question: what the user says; the answer is the caption.
    """

    question: str = QUESTION

    def draft(self, entry: dict, note: Note) -> dict:
        caption = text(entry, "caption")
        if not caption.strip():
            raise Unusable("empty caption")
        key = next((key for key in ("file_name", "image", "id") if entry.get(key)), "id")
        if isinstance(entry.get(key), dict):
            raise Unusable("the image is inside the row: unpack it with `export`")
        name = text(entry, key)
        if key == "id" and not name.lower().endswith(ENDINGS):
            name += ".jpg"
        known = ("caption", "file_name", "image", "source")
        draft = {
            "messages": [
                {"role": "user", "content": IMAGE + self.question},
                {"role": "assistant", "content": caption},
            ],
            "images": [name],
            "meta": {key: value for key, value in entry.items() if key not in known},
        }
        return draft | ({"source": entry["source"]} if isinstance(entry.get("source"), str) else {})


def export(rows: Iterable[dict], folder: str | Path) -> Path:
    """Unpack rows that hold their images into ``images/`` and a ``metadata.jsonl``, which is returned and can be read.

    >>> from datasets import Image, load_dataset                                                   # doctest: +SKIP
    >>> rows = load_dataset("UCSC-VLAA/MedTrinity-25M", "25M_demo", split="train", streaming=True) # doctest: +SKIP
    >>> rows = rows.cast_column("image", Image(decode=False))  # the files as they are             # doctest: +SKIP
    >>> read(export(itertools.islice(rows, 1000), "medtrinity"), MedTrinity())                     # doctest: +SKIP

    Args:
        rows: dicts with ``id``, ``caption`` and ``image``: ``{"bytes": …}`` as above, or a PIL image (saved as PNG
            unless the id has another ending).

    The ``metadata.jsonl`` comes last, so an interrupted export leaves none. Raises FormatError for another row, and an
    id that is no plain file name or comes twice; DiskFull.
    """
    folder = Path(folder)
    lines = {}
    for number, entry in enumerate(rows, 1):
        id, image = str(entry.get("id", "")), entry.get("image")
        if not ID.fullmatch(id) or not isinstance(entry.get("caption"), str):
            raise FormatError(f"Row {number} has no caption, or its id {id!r} is no plain file name.")
        name = f"images/{id if id.lower().endswith(ENDINGS) else id + _ending(image)}"
        if name in lines:
            raise FormatError(f"Row {number} has the id of one before it, {id!r}.")
        _save(image, folder / name)
        lines[name] = {"file_name": name, "id": id, "caption": entry["caption"]}
    if not lines:
        raise FormatError("There are no rows to export.")
    return _write(folder / METADATA, lines.values())


def _ending(image: object) -> str:
    if not isinstance(image, dict):
        return ".png"
    ending = Path(str(image.get("path"))).suffix.lower()
    return ending if ending in ENDINGS else ".jpg"


def _save(image: object, path: Path) -> None:
    with disk_full_is_an_answer(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(image, dict) and isinstance(image.get("bytes"), bytes):
            path.write_bytes(image["bytes"])
        elif hasattr(image, "save"):
            image.save(path)
        else:
            raise FormatError(f"There is no image for {path.name}, but a {type(image).__name__}.")


def write_medtrinity(examples: Sequence[Example], path: str | Path, root: str | Path | None = None) -> None:
    """Write examples of one picture, question and answer as a ``metadata.jsonl``. The question itself is not kept.

    Args:
        root: the folder that paths are written relative to: the file's own unless given.

    Raises FormatError for another form of example, none at all, and files outside the root; DiskFull.
    """
    root = Path(path).parent if root is None else Path(root)
    lines = []
    for number, example in enumerate(examples, 1):
        if [m["role"] for m in example.messages] != ["user", "assistant"] or len(example.images) != 1 or example.audios:
            raise FormatError(f"Example {number} is not one picture, one question and one caption.")
        caption = example.messages[-1]["content"]
        if not caption.strip() or PLACEHOLDER.search(caption):
            raise FormatError(f"Example {number} has no caption, or one with a placeholder.")
        names = {"file_name": relative(example.images[0], root), "caption": caption, "source": example.source}
        lines.append(example.meta | names)
    if not lines:
        raise FormatError("There are no examples to write.")
    _write(Path(path), lines)


def _write(path: Path, lines: Iterable[dict]) -> Path:
    write_text(path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    return path
