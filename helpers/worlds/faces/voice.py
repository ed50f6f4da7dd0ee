"""A voice-like tone for an emotion: syllables of harmonics with a pitch contour, and no words.

What an emotion does to a voice (``CUES``) follows the table at
https://en.wikibooks.org/wiki/Hypnosis/Chapters/Methods/Voice_Emotions_Table, whose terms are those of Murray and Arnott
(Journal of the Acoustical Society of America 93, 1993, 1097-1108): joy, sorrow, anger, fear, disgust and surprise by
pitch, range, contour, rate, intensity and quality. It has no contempt, which here is a weaker disgust. The numbers are
ours. Scherer's review (Speech Communication 40, 2003, 227-256) says why a cue is only a cue: speakers differ, and
nobody uses all of them. So each cue varies from voice to voice, the base pitch is the speaker's own, and there is
noise: the voice alone tells an emotion better than chance and far from surely.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import numpy as np

from ...errors import CourseError, unknown
from .emotions import EMOTIONS, INTENSITIES
from .face import Face

RATES = (8000, 48000)  # samples per second
SECONDS = (0.25, 30.0)
PITCHES = (55.0, 600.0)  # Hz; no voice leaves this range
VOWELS = ((700, 1200, 2500), (400, 2000, 2600), (300, 850, 2300), (500, 1700, 2450), (450, 950, 2350))  # formants in Hz


@dataclass(frozen=True)
class Cues:
    """What makes a tone sound like a mood: ``pitch`` and ``slope`` (from begin to end) in semitones against the
    speaker's base, ``range`` in semitones up and down, ``tempo`` in syllables per second, ``loudness`` in
    decibels, ``roughness`` and ``tremble`` from 0 to 1.
    """

    pitch: float = 0.0
    range: float = 2.0
    slope: float = -1.0
    tempo: float = 4.5
    loudness: float = 0.0
    roughness: float = 0.1
    tremble: float = 0.0


#: The voice of each emotion at full intensity.
CUES = {
    "Neutral": Cues(),
    "Happy": Cues(pitch=5, range=4.5, slope=2, tempo=5.4, loudness=5),
    "Sad": Cues(pitch=-2, range=1.2, slope=-4, tempo=3.3, loudness=-6),
    "Surprise": Cues(pitch=5, range=4, slope=7, tempo=5.8, loudness=4),
    "Fear": Cues(pitch=7, range=3, slope=1, tempo=6.5, loudness=0, roughness=0.2, tremble=0.9),
    "Disgust": Cues(pitch=-4, range=2.4, slope=-6, tempo=2.8, loudness=-3, roughness=0.6),
    "Anger": Cues(pitch=6, range=4.5, slope=-1, tempo=5.2, loudness=8, roughness=0.9),
    "Contempt": Cues(pitch=-3, range=2, slope=-4, tempo=3.6, loudness=-2, roughness=0.3),
}
#: By how much (standard deviation) each cue differs from voice to voice, whatever the emotion.
SPREAD = Cues(pitch=2.5, range=0.8, slope=2.5, tempo=0.7, loudness=3.5, roughness=0.18, tremble=0.15)


def voice(face_or_emotion: Face | str, rng: random.Random, seconds: float = 1.0, rate: int = 16000) -> np.ndarray:
    """A voice as ``round(seconds * rate)`` float32 samples between -1 and 1.

    A face speaks with its identity's pitch and its own intensity (and what is mixed in); for the name of an emotion a
    speaker and an intensity are drawn. Same face and state of ``rng``, same samples.
    """
    if not SECONDS[0] <= seconds <= SECONDS[1]:
        raise CourseError(f"A voice cannot last {seconds} seconds. Choose a time from {SECONDS[0]} to {SECONDS[1]}.")
    if not RATES[0] <= rate <= RATES[1]:
        raise CourseError(f"A voice cannot have {rate} samples per second. Choose from {RATES[0]} to {RATES[1]}.")
    cues, base = _heard(face_or_emotion, rng)
    return _sound(cues, base, np.random.default_rng(rng.getrandbits(32)), round(seconds * rate), rate)


def _heard(face_or_emotion: Face | str, rng: random.Random) -> tuple[Cues, float]:
    """The cues of this voice, and its base pitch in Hz."""
    if isinstance(face_or_emotion, Face):
        face = face_or_emotion
        emotion, intensity, base = face.emotion, face.intensity, face.identity.pitch
        parts = [(emotion, intensity), (face.second, intensity * face.share)]
    else:
        emotion, base = face_or_emotion, 100 * 2.4 ** rng.random()
        parts = [(emotion, rng.uniform(INTENSITIES["moderate"][0], 1.0))]
    if emotion not in EMOTIONS:
        raise unknown("emotion", emotion, list(EMOTIONS))
    found = {}
    for name, spread in vars(SPREAD).items():
        rest = getattr(CUES["Neutral"], name)
        told = sum(amount * (getattr(CUES[of], name) - rest) for of, amount in parts if of)
        used = rng.choice((0.3, 1.0, 1.0))  # nobody uses all cues
        found[name] = rest + used * told + rng.gauss(0, spread)
    return Cues(**found), base


def _sound(cues: Cues, base: float, noise: np.random.Generator, n: int, rate: int) -> np.ndarray:
    time = np.arange(n) / rate
    share = time * rate / n
    tempo = min(8.0, max(2.0, cues.tempo))
    count = max(1, round(tempo * n / rate))
    syllable = np.minimum((share * count).astype(int), count - 1)
    inside = share * count - syllable  # how far the syllable is, from 0 to 1
    accents = noise.uniform(-1, 1, count)
    accents -= accents.mean()  # what is meant is the range, not another pitch
    semitones = (
        cues.pitch + cues.slope * (share - 0.5) + max(0.3, cues.range) * accents[syllable] * np.sin(np.pi * inside)
    )
    semitones = semitones + 0.8 * max(0.0, cues.tremble) * np.sin(2 * math.pi * 6.5 * time + noise.uniform(0, 6.28))
    jitter = noise.standard_normal(n // (rate // 200) + 2)  # a new one every 5 ms
    semitones = semitones + 0.5 * max(0.0, cues.roughness) * np.interp(time * 200, np.arange(len(jitter)), jitter)
    pitch = np.clip(base * 2 ** (semitones / 12), *PITCHES)
    phase = 2 * math.pi * np.cumsum(pitch) / rate
    tone = _harmonics(phase, pitch, syllable, noise, cues.roughness, rate)
    rough = min(1.0, max(0.0, cues.roughness))
    tone *= 1 - 0.45 * rough * (1 + np.sin(phase / 2))  # every second cycle is weaker: a harsh, creaking voice
    tone *= np.sin(np.pi * np.clip(inside, 0.02, 0.98)) ** 0.6
    tone *= 0.08 * 10 ** (min(10.0, max(-14.0, cues.loudness)) / 20) / max(1e-6, float(np.sqrt((tone**2).mean())))
    tone += noise.uniform(0.004, 0.02) * noise.standard_normal(n)  # the room
    return np.clip(tone, -1, 1).astype(np.float32)


def _harmonics(
    phase: np.ndarray, pitch: np.ndarray, syllable: np.ndarray, noise: np.random.Generator, roughness: float, rate: int
) -> np.ndarray:
    """Harmonics that fall off with their number (less so in a harsh voice), shaped by a vowel for each syllable."""
    formants = np.array(VOWELS, float)[noise.integers(len(VOWELS), size=syllable[-1] + 1)] * noise.uniform(0.9, 1.15)
    around = formants[syllable]
    fall = 1.4 - 0.6 * min(1.0, max(0.0, roughness))
    tone = np.zeros_like(phase)
    for k in range(1, 25):
        frequency = k * pitch
        heard = frequency < 0.45 * rate  # above, it would come back as another tone
        vowel = sum(1 / (1 + ((frequency - around[:, i]) / (120 + 60 * i)) ** 2) for i in range(3))
        tone += heard * (0.15 + vowel) * k**-fall * np.sin(k * phase)
    return tone
