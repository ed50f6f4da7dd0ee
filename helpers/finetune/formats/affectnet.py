"""AffectNet: photographs of faces with the emotion somebody saw in them, for those who have access.

**Access and licence.** For research only. Lab managers and professors request it, with a signed licence agreement, at
http://mohammadmahoor.com/pages/databases/affectnet/; students ask their supervisor to. Kaggle has copies in other
layouts, some relabelled; having downloaded one is not a licence.

**Consent.** The faces were found by search engines with emotion words in six languages; the page says nothing of asking
the people. Show, publish and pass on none of them beyond what the agreement allows. There is no identity, so ``group``
stays None: one person can be on both sides of a split.

**What it is not.** A label is what an annotator saw, not what a person felt, and two annotators agreed on about 60 % of
the images. ``helpers.worlds.faces`` says what a model of emotions must not be used for.

**Layouts** that ``read_affectnet`` knows (none could be tried here; they are as public code reads them):

* the tables ``training.csv`` and ``validation.csv``: ``subDirectory_filePath``, the face's box, ``expression`` 0 to 7
  (8 to 10 have no emotion), ``valence``, ``arousal``; the images in ``Manually_Annotated_Images``;
* ``train_set/`` and ``val_set/``: ``images/<id>.jpg`` with ``annotations/<id>_exp.npy``, ``_val.npy``, ``_aro.npy``;
* Kaggle's YOLO folders: ``images/x.png`` with ``labels/x.txt``. **Its numbers are others**: alphabetical, 0 is Anger;
* Kaggle's class folders with ``labels.csv`` (``pth``, ``label``), which is believed where folder and table disagree;
* folders by class alone, named (``anger``) or by AffectNet's numbers (``0``).

Mollahosseini, Hasani, Mahoor, "AffectNet", IEEE Transactions on Affective Computing 10(1), 2019,
https://arxiv.org/abs/1708.03985.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...files import write_text
from .entries import Entries, entries
from .example import IMAGE, Example, FormatError
from .media import Roots, relative
from .reading import Note, Unusable, examples, text
from .report import LEFT_OUT, Report

EMOTIONS = ("Neutral", "Happy", "Sad", "Surprise", "Fear", "Disgust", "Anger", "Contempt")  # by AffectNet's numbers
OTHERS = {8: "None", 9: "Uncertain", 10: "No-Face"}
YOLO = tuple(sorted(EMOTIONS))
QUESTION = f"Which emotion does the face show? Choose one of: {', '.join(EMOTIONS)}."
SYNONYMS = {"happiness": "Happy", "sadness": "Sad", "angry": "Anger", "surprised": "Surprise", "disgusted": "Disgust"}
SPLITS = ("train_set", "val_set", "test_set", "train", "valid", "val", "test", "training", "validation")
PICTURES = (".jpg", ".jpeg", ".png", ".bmp")
FACE = ("face_x", "face_y", "face_width", "face_height")
COLUMNS = ("subDirectory_filePath", *FACE, "facial_landmarks", "expression", "valence", "arousal")


def emotion(name: str) -> str | None:
    """AffectNet's name of an emotion, out of its number or a name in any case ("angry", "Happiness", "6")."""
    name = name.strip().lower()
    by_name = {emotion.lower(): emotion for emotion in EMOTIONS} | SYNONYMS
    by_number = {str(number): emotion for number, emotion in enumerate(EMOTIONS)}
    return by_name.get(name) or by_number.get(name)


@dataclass(frozen=True)
class AffectNet:
    """A row of AffectNet, for ``read``: the published tables (``expression``) and Kaggle's ``labels.csv`` (``label``).

    The label is one of EMOTIONS and the answer, too; ``meta`` has "valence" and "arousal" (-1 to 1; -2 where AffectNet
    gives none) and "face", the box x, y, width, height in pixels, where the row has them. Expressions 8 to 10 (none,
    uncertain, no face) and unknown ones are reported and left out.

    Attributes:
        question: what the user says.
    """

    question: str = QUESTION

    def draft(self, entry: dict, note: Note) -> dict:
        number, path = ("expression", "subDirectory_filePath") if "expression" in entry else ("label", "pth")
        said = text(entry, number)
        label = emotion(said)
        if label is None:
            other = OTHERS.get(int(said)) if said.strip().isdecimal() and len(said) < 9 else None
            raise Unusable(f"no emotion: {other}" if other else "unknown expression", "" if other else said[:40])
        meta = {key: value for key in ("valence", "arousal") if (value := _number(entry.get(key))) is not None}
        face = [_number(entry.get(key)) for key in FACE]
        return {
            "messages": [
                {"role": "user", "content": IMAGE + self.question},
                {"role": "assistant", "content": label},
            ],
            "images": [text(entry, path)],
            "label": label,
            "meta": meta | ({"face": [int(side) for side in face]} if None not in face else {}),
        }


def _number(said: object) -> float | None:
    try:
        value = float(said)
    except (TypeError, ValueError):
        return None
    return value if abs(value) < 1e9 else None  # neither is NaN


def read_affectnet(
    path: str | Path,
    question: str = QUESTION,
    roots: Sequence[str | Path] | None = None,
    verify: bool = False,
) -> tuple[list[Example], Report]:
    """The examples of a table or of one split's folder, in any of the layouts that this module's docstring names.

    The docstring also has what to know about access, licence and consent; read it before you read the data.

    Args:
        question: what the user says.
        roots: where a table's images are; its own folder, and ``Manually_Annotated_Images`` in it, unless given. For a
            folder of images: that folder.
        verify: also decode every picture, and leave out what is broken.

    Raises FormatError for a folder in none of the layouts, one that holds splits (give one of them), and as ``read``.
    """
    path, report = Path(path), Report(str(path))
    if (path / "labels.csv").is_file():
        path = path / "labels.csv"
    if path.is_dir():
        folders = Roots([path] if roots is None else roots)
        found = _counted(_folder(path, Roots([path])), report)
    else:
        near = [path.parent, path.parent / "Manually_Annotated_Images"]
        folders = Roots([folder for folder in near if folder.is_dir()] if roots is None else roots)
        found = entries(path, report)
    return list(examples(found, AffectNet(question), report, folders, verify)), report


def _counted(found: Iterator[tuple[str, dict | str]], report: Report) -> Entries:
    """The entries that have a label; for the others there is a text instead, which says what is wrong."""
    for where, entry in found:
        report.read += 1
        if isinstance(entry, str):
            report.add(entry, LEFT_OUT, where)
        else:
            yield where, entry
    if not report.read:
        raise FormatError(f"There are no pictures in {report.source}. Check that everything is unpacked.")


def _folder(folder: Path, inside: Roots) -> Iterator[tuple[str, dict | str]]:
    """Rows as ``labels.csv`` has them, out of the folders that are there."""
    names = {entry.name for entry in os.scandir(folder) if entry.is_dir()}
    if {"images", "annotations"} <= names:
        return _annotated(folder, inside)
    if {"images", "labels"} <= names:
        return _yolo(folder, inside)
    if classes := sorted(name for name in names if emotion(name) or name in map(str, OTHERS)):
        return _classes(folder, classes)
    if splits := [name for name in SPLITS if name in {name.lower() for name in names}]:
        raise FormatError(f"{folder} holds splits ({', '.join(splits)}). Give one of them: they must not be mixed.")
    raise FormatError(
        f"{folder} is in none of AffectNet's layouts: it has neither images/ with annotations/ or labels/, nor folders "
        "called like emotions, nor a labels.csv. Give the folder that has, or the table itself."
    )


def _pictures(folder: Path) -> list[str]:
    names = (entry.name for entry in os.scandir(folder) if entry.is_file())
    return sorted(name for name in names if name.lower().endswith(PICTURES))


def _classes(folder: Path, classes: list[str]) -> Iterator[tuple[str, dict]]:
    for name in classes:
        for picture in _pictures(folder / name):
            yield f"{name}/{picture}", {"pth": f"{name}/{picture}", "label": name}


def _annotated(folder: Path, inside: Roots) -> Iterator[tuple[str, dict | str]]:
    for picture in _pictures(folder / "images"):
        stem = Path(picture).stem
        said = [_annotation(inside, f"annotations/{stem}_{what}.npy") for what in ("exp", "val", "aro")]
        entry = {"pth": f"images/{picture}", "label": said[0], "valence": said[1], "arousal": said[2]}
        yield f"images/{picture}", entry if said[0] is not None else "no annotation that can be read"


def _annotation(inside: Roots, name: str) -> str | None:
    """The one value in a .npy file, as text; None if there is no such file or it holds anything else."""
    import numpy as np

    found = inside.find(name)
    if not found.is_there or found.moved:
        return None
    try:
        return str(np.load(found.path, allow_pickle=False).item())  # a pickle could run any program
    except (OSError, ValueError, EOFError):
        return None


def _yolo(folder: Path, inside: Roots) -> Iterator[tuple[str, dict | str]]:
    names = _yolo_names(folder)
    for picture in _pictures(folder / "images"):
        where, found = f"images/{picture}", inside.find(f"labels/{Path(picture).stem}.txt")
        if not found.is_there or found.moved:
            yield where, "no label file"
            continue
        lines = Path(found.path).read_text(encoding="utf-8", errors="replace").splitlines()
        classes = {line.split()[0] for line in lines if line.strip()}
        if len(classes) != 1:
            yield where, "several emotions in one picture" if classes else "empty label file"
            continue
        number = classes.pop()
        is_known = number.isdecimal() and len(number) < 4 and int(number) < len(names)
        yield where, {"pth": where, "label": names[int(number)] if is_known else f"YOLO class {number}"}


def _yolo_names(folder: Path) -> Sequence[str]:
    """The order of the classes: from ``data.yaml`` in the folder or the one above it, else the alphabet's."""
    import yaml

    file = next((file for file in (folder / "data.yaml", folder.parent / "data.yaml") if file.is_file()), None)
    if file is None:
        return YOLO
    try:
        names = yaml.safe_load(file.read_text(encoding="utf-8"))["names"]
        names = [names[number] for number in range(len(names))]
        if not all(emotion(name) for name in names):
            raise ValueError(f"{names} are not AffectNet's emotions")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise FormatError(f"{file} does not name the classes ({error}). Mend `names`, or move it away.") from error
    return names


def write_affectnet(examples: Sequence[Example], path: str | Path, root: str | Path | None = None) -> None:
    """Write labelled examples of one picture each as AffectNet's table. Question, landmarks and source are not kept.

    Args:
        root: the folder that paths are written relative to: the file's own unless given.

    Raises FormatError for an example without a picture of its own or with a label that is none of EMOTIONS, none at
    all, and files outside the root; DiskFull.
    """
    root, table = Path(path).parent if root is None else Path(root), io.StringIO()
    writer = csv.DictWriter(table, COLUMNS, restval="")
    writer.writeheader()
    for number, example in enumerate(examples, 1):
        if example.label not in EMOTIONS or len(example.images) != 1:
            raise FormatError(f"Example {number} has no single picture, or no label among {', '.join(EMOTIONS)}.")
        row = {COLUMNS[0]: relative(example.images[0], root), "expression": EMOTIONS.index(example.label)}
        measured = {key: example.meta[key] for key in ("valence", "arousal") if key in example.meta}
        writer.writerow(row | measured | dict(zip(FACE, example.meta.get("face", ()))))
    if not examples:
        raise FormatError("There are no examples to write.")
    write_text(Path(path), table.getvalue())
