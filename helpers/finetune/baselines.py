"""What a fine-tuned model must beat: the majority, itself without the picture, and a linear model on raw pixels."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import CourseError
from ..files import disk_full_is_an_answer
from ..images import open_image
from ..profiles import root
from .formats import AUDIO, IMAGE, Example
from .scoring import Report, score
from .sounds import read_wav, write_wav

GREY = 128
RATE = 16_000


def majority(train: Sequence[Example], examples: Sequence[Example], labels: Sequence[str]) -> Report:
    """The report of whoever always says the most common label of the training data. Raises CourseError without any."""
    counts = Counter(example.label for example in train if example.label is not None)
    if not counts:
        raise CourseError("The training data have no labels, so there is no most common one. Give labelled examples.")
    return score([counts.most_common(1)[0][0]] * len(examples), examples, labels)


def blank(examples: Sequence[Example]) -> list[Example]:
    """The examples with every picture replaced by an evenly grey one of the same size, and every sound by silence.

    A model that does as well on these has learnt from the text. Files are written below ``_build/finetune``.
    """
    return [
        replace(example, images=[_grey(path) for path in example.images],
                audios=[_silence(path) for path in example.audios])
        for example in examples
    ]  # fmt: skip


def text_only(examples: Sequence[Example]) -> list[Example]:
    """The examples without pictures and sounds, and without the placeholders that stood for them."""
    return [
        replace(
            example, images=[], audios=[],
            messages=[m | {"content": m["content"].replace(IMAGE, "").replace(AUDIO, "")} for m in example.messages],
        )
        for example in examples
    ]  # fmt: skip


def pixel_probe(
    train: Sequence[Example], examples: Sequence[Example], labels: Sequence[str], side: int = 32, seed: int = 0
) -> Report:
    """The report of a logistic regression on the first picture's raw grey pixels, scaled to ``side`` × ``side``.

    Raises CourseError for examples without a picture, and where the training data have fewer than two classes.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    known = [label for label in labels if any(e.label == label for e in train)]
    if len(known) < 2:
        raise CourseError(f"A probe needs two classes to tell apart; the training data have {len(known)}.")
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300, random_state=seed))
    probe.fit(_pixels(train, side), [known.index(e.label) for e in train])
    probabilities = np.zeros((len(examples), len(labels)))
    probabilities[:, [list(labels).index(name) for name in known]] = probe.predict_proba(_pixels(examples, side))
    return score(probabilities, examples, labels)


def _pixels(examples: Sequence[Example], side: int) -> np.ndarray:
    if any(not example.images for example in examples):
        raise CourseError("A probe on pixels needs a picture in every example. Leave out those without.")
    pictures = (open_image(example.images[0]).convert("L").resize((side, side)) for example in examples)
    return np.stack([np.asarray(picture, np.float32).ravel() / 255 for picture in pictures])


def _folder() -> Path:
    return root() / "_build" / "finetune" / "blank"


def _grey(path: str) -> str:
    from PIL import Image

    width, height = open_image(path).size
    target = _folder() / f"grey-{width}x{height}.png"
    return _once(target, lambda to: Image.new("L", (width, height), GREY).save(to))


def _silence(path: str) -> str:
    n = len(read_wav(path, RATE))
    return _once(_folder() / f"silence-{n}.wav", lambda to: write_wav(to, np.zeros(n, np.float32)))


def _once(path: Path, write) -> str:
    if not path.exists():
        partial = path.with_name(f".{os.getpid()}-{path.name}")
        with disk_full_is_an_answer(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            write(partial)
            os.replace(partial, path)
    return str(path)
