"""Phantoms and faces as Examples: pictures and sounds in files, the worlds' own questions, and exact answers.

Files are written once, below ``_build/finetune``, in a folder whose name has a hash of the world's source: a world that
draws differently does not find yesterday's pictures.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from functools import lru_cache
from hashlib import sha256
from itertools import islice
from pathlib import Path

from ..errors import CourseError, unknown
from ..files import disk_full_is_an_answer
from ..profiles import root
from ..worlds import faces, phantoms
from ..worlds.phantoms.questions import TEXTS
from .collate import EMPTY_THOUGHT
from .formats import AUDIO, IMAGE, Example
from .masks import CLOSE, OPEN
from .sounds import write_wav

TASKS = ("finding", "report", "summary", "mixed")
MODALITIES = ("image", "audio", "both")
ASK = {"image": faces.CHOOSE, "audio": faces.HEAR, "both": faces.TOGETHER}
ONE_OF = f"Choose one of: {', '.join(faces.EMOTIONS)}."


def phantom_examples(
    split: str, n: int, seed: int = 0, *, folder: str | Path | None = None, task: str = "finding",
    traces: bool | str = False, balanced: bool = True,
) -> list[Example]:  # fmt: skip
    """``n`` slices with a question and its answer. ``group`` is the patient, ``label`` the finding.

    Args:
        split: "train", "heldout" or "novel", as in ``worlds.phantoms``.
        folder: where the pictures go; below ``_build/finetune`` unless given.
        task: what is asked for: the finding's name, a report, a summary, or "mixed", in turns.
        traces: True begins the answer with the world's reasoning in ``<think>``; "empty" with an empty thought, which
            is the mistake that the course measures; False with neither.
        balanced: every slice of another patient, and all findings in equal shares. Otherwise all slices of one patient
            after the other, most of which show nothing, as in a hospital.

    ``meta`` has the "task", and what is true of the slice: "side", "region", "density" (None without a finding),
    "share" of the picture, "level". Raises UnknownName for a split or task that does not exist; DiskFull.
    """
    if task not in TASKS:
        raise unknown("task", task, list(TASKS))
    if traces not in (True, False, "empty"):
        raise CourseError(f"traces={traces!r} is none of True, False and 'empty'.")
    drawn = phantoms.slices(split, n, seed) if balanced else islice(_all_slices(split, seed), n)
    where = _folder("phantoms", split, folder)
    return [_phantom(slice, i, split, seed, task, traces, where) for i, slice in enumerate(drawn)]


def _all_slices(split: str, seed: int) -> Iterator[phantoms.Slice]:
    for patient in phantoms.patients(split, None, seed):
        yield from patient.slices


def _phantom(
    slice: phantoms.Slice, index: int, split: str, seed: int, task: str, traces: bool | str, where: Path
) -> Example:
    task = TASKS[index % 3] if task == "mixed" else task
    rng = random.Random(f"finetune/phantoms/{split}/{seed}/{index}")
    question, answer = {
        "finding": (f"{rng.choice(TEXTS['finding'])} {phantoms.ANSWER['finding']}", lambda: slice.kind),
        "report": (rng.choice(phantoms.REPORT), lambda: phantoms.report(slice)),
        "summary": (phantoms.SUMMARY, lambda: phantoms.summary(slice)),
    }[task]
    thought = f"{OPEN}\n{phantoms.reasoning(slice)}\n{CLOSE}\n\n" if traces is True else ""
    thought = EMPTY_THOUGHT if traces == "empty" else thought
    picture = _once(where / f"{slice.patient}-{slice.z:.2f}mm.png", _png(phantoms.render, slice))
    found = slice.finding
    truth = {key: getattr(found, key) if found else None for key in ("side", "region", "density")}
    return Example(
        messages=[
            {"role": "user", "content": IMAGE + question},
            {"role": "assistant", "content": thought + answer()},
        ],
        images=[picture],
        group=slice.patient,
        label=slice.kind,
        source=f"phantoms/{split}/{seed}",
        meta={"task": task} | truth | {"share": phantoms.share(slice), "level": slice.level},
    )


def face_examples(
    split: str, n: int, seed: int = 0, *, folder: str | Path | None = None, balanced: bool = False,
    modality: str = "image",
) -> list[Example]:  # fmt: skip
    """``n`` faces, six of each identity, with the question which emotion they show. ``group`` is the identity.

    Args:
        split, folder: as in ``phantom_examples``.
        balanced: all emotions in equal shares; otherwise in AffectNet's (``faces.CLASS_SHARES``).
        modality: "image", "audio" (a voice of one second, 16 kHz) or "both". The same index is the same face in each.

    ``label`` is the emotion; ``meta`` has "intensity" (0 to 1), "second" (an emotion that is mixed in, or "") and
    "modality". Raises UnknownName for a split or modality that does not exist; DiskFull.
    """
    if modality not in MODALITIES:
        raise unknown("modality", modality, list(MODALITIES))
    where = _folder("faces", split, folder)
    return [
        _face(face, f"{split}-{seed}-{index}-{'balanced' if balanced else 'shares'}", modality, where)
        for index, face in enumerate(faces.faces(split, n, seed, balanced=balanced))
    ]


def _face(face: faces.Face, name: str, modality: str, where: Path) -> Example:
    sees, hears = modality != "audio", modality != "image"
    question = ASK[modality] if "Choose" in ASK[modality] else f"{ASK[modality]} {ONE_OF}"
    voice = lambda path: write_wav(path, faces.voice(face, random.Random(f"finetune/voice/{name}")))  # noqa: E731
    return Example(
        messages=[
            {"role": "user", "content": IMAGE * sees + AUDIO * hears + question},
            {"role": "assistant", "content": face.emotion},
        ],
        images=[_once(where / f"{name}.png", _png(faces.render, face))] if sees else [],
        audios=[_once(where / f"{name}.wav", voice)] if hears else [],
        group=face.identity.id,
        label=face.emotion,
        source=f"faces/{'-'.join(name.split('-')[:2])}",
        meta={"intensity": face.intensity, "second": face.second, "modality": modality},
    )


def _folder(world: str, split: str, folder: str | Path | None) -> Path:
    """The folder of a split's files. It is made with the first file, so that a wrong split leaves none behind."""
    base = root() / "_build" / "finetune" / f"{world}-{_source_hash(world)}" if folder is None else Path(folder)
    return base.resolve() / split


@lru_cache(maxsize=2)
def _source_hash(world: str) -> str:
    worlds = root() / "helpers" / "worlds"
    sources = [*sorted((worlds / world).glob("*.py")), worlds / "drawing.py"]
    return sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:8]


def _png(render: Callable, what: object) -> Callable[[Path], None]:
    """What writes a drawing. Noise hardly gets smaller by compressing it well, which took longer than drawing it."""
    return lambda path: render(what).save(path, compress_level=1)


def _once(path: Path, write: Callable[[Path], None]) -> str:
    """The path as a text, after the file was written, whole or not at all, unless it is there. Raises DiskFull."""
    if not path.exists():
        partial = path.with_name(f".{os.getpid()}-{path.name}")
        with disk_full_is_an_answer(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                write(partial)
                os.replace(partial, path)
            finally:
                partial.unlink(missing_ok=True)
    return str(path)
