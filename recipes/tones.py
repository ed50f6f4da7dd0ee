"""Short rows of tones with a pitch contour: what the model that chapter 4 teaches voices to has heard before.

A second of harmonic tones: how many, how high, rising or falling, loud or soft, rough or clear, steady or trembling.
They are no voices, have no vowels and no mood.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import numpy as np

RATE = 16000  # samples per second, as the real feature extractor wants
SECONDS = 1.0
PER_SECOND = 25  # audio tokens
COUNTS = tuple(range(2, 8))
PITCHES = 24  # classes of pitch, two semitones each from 65 Hz on
#: The questions about a row of tones with their answers.
QUESTIONS = {
    "How many tones are there?": tuple(str(n) for n in COUNTS),
    "Does the pitch rise or fall?": ("falls", "stays", "rises"),
    "Is the tone high or low?": ("low", "middle", "high"),
    "Is the sound loud or soft?": ("soft", "loud"),
    "Is the sound rough or clear?": ("clear", "rough"),
    "Does the pitch tremble?": ("no", "yes"),
    "Does the pitch vary much?": ("no", "yes"),
}
#: How many classes each label of an audio token has: pitch here, count, contour, loudness, roughness, tremble, range.
LABEL_SIZES = [1 + PITCHES, 1 + len(COUNTS), 4, 3, 3, 3, 3]


@dataclass(frozen=True)
class Tones:
    """``base`` in Hz, ``slope`` and ``range`` in semitones, the others from 0 to 1."""

    count: int
    base: float
    slope: float
    range: float
    loudness: float
    roughness: float
    tremble: float
    seed: int


def sample_tones(rng: random.Random) -> Tones:
    """Draw a row of tones; what is asked about is plainly the one or the other."""
    far = lambda low, high, *_: rng.choice((rng.uniform(*low), rng.uniform(*high)))  # noqa: E731
    slope = rng.choice((rng.uniform(-9, -3.5), rng.uniform(-1.5, 1.5), rng.uniform(3.5, 9)))
    return Tones(
        rng.choice(COUNTS), 80 * 5 ** rng.random(), slope, far((0, 1.2), (2.5, 5)), far((0, 0.35), (0.65, 1)),
        far((0, 0.25), (0.6, 1)), far((0, 0.2), (0.6, 1)), rng.randrange(2**31),
    )  # fmt: skip


def answers(tones: Tones) -> dict[str, str]:
    """The answer to every question of QUESTIONS that this row can be asked."""
    found = [
        COUNTS.index(tones.count), 1 + (tones.slope > 2) - (tones.slope < -2),
        (tones.base > 130) + (tones.base > 220), int(tones.loudness > 0.5), int(tones.roughness > 0.5),
        int(tones.tremble > 0.5), int(tones.range > 2),
    ]  # fmt: skip
    return {question: options[i] for (question, options), i in zip(QUESTIONS.items(), found)}


def _contour(tones: Tones, time: np.ndarray, noise: np.random.Generator) -> np.ndarray:
    """The pitch in semitones against the base."""
    share = time / SECONDS
    which = np.minimum((share * tones.count).astype(int), tones.count - 1)
    accents = noise.uniform(-1, 1, tones.count)
    accents *= tones.range / max(0.3, np.abs(accents - accents.mean()).max())
    inside = share * tones.count - which
    shake = 1.2 * tones.tremble * np.sin(2 * math.pi * 6.5 * time + noise.uniform(0, 6.28))
    return tones.slope * (share - 0.5) + (accents - accents.mean())[which] * np.sin(np.pi * inside) + shake


def render(tones: Tones) -> tuple[np.ndarray, np.ndarray]:
    """The sound (RATE * SECONDS float32 samples from -1 to 1) and the labels (25, 7) of its audio tokens."""
    noise = np.random.default_rng(tones.seed)
    n = int(RATE * SECONDS)
    time = np.arange(n) / RATE
    pitch = tones.base * 2 ** (_contour(tones, time, noise) / 12)
    phase = 2 * math.pi * np.cumsum(pitch) / RATE
    inside = (time / SECONDS * tones.count) % 1
    sound = sum(k ** -noise.uniform(0.7, 1.6) * np.sin(k * phase) * (k * pitch < 7000) for k in range(1, 13))
    sound = sound * (1 - 0.45 * tones.roughness * (1 + np.sin(phase / 2)))
    sound = sound * np.sin(np.pi * np.clip(inside, 0.02, 0.98)) ** 0.6
    sound *= 0.03 * 8**tones.loudness / max(1e-6, float(np.sqrt((sound**2).mean())))
    sound += noise.uniform(0.003, 0.015) * noise.standard_normal(n)
    middle = ((np.arange(PER_SECOND) + 0.5) / PER_SECOND * n).astype(int)
    steps = np.clip(np.log2(pitch[middle] / 65) * 6, 0, PITCHES - 1).astype(int)
    whole = [1 + options.index(said) for said, options in zip(answers(tones).values(), QUESTIONS.values())]
    whole = [whole[0], whole[1], *whole[3:]]  # how high is told token by token
    labels = np.concatenate([1 + steps[:, None], np.tile(whole, (PER_SECOND, 1))], axis=1)
    return np.clip(sound, -1, 1).astype(np.float32), labels.astype(np.int64)
