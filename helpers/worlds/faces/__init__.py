"""Faces: drawn expressions whose action units, emotion, intensity and identity are known exactly, and their voices.

>>> from helpers.worlds import faces
>>> face = next(faces.faces("heldout", 1))
>>> image = faces.render(face)              # a PIL image, 112 × 112
>>> faces.description(face)                 # doctest: +SKIP
>>> faces.voice(face, random.Random(0))     # doctest: +SKIP

These are drawings of nobody, posing prototypes: each emotion is a fixed set of action units (FACS; ``emotions`` says
from which tables) such as textbooks show and people seldom do. **A face does not tell what a person feels.** Barrett,
Adolphs, Marsella, Martinez and Pollak ("Emotional Expressions Reconsidered", Psychological Science in the Public
Interest 20, 2019, 1-68, https://doi.org/10.1177/1529100619832930) reviewed the evidence: people do smile when happy and
scowl when angry, more often than by chance; but how they express an emotion varies across cultures, situations and
people, similar movements express several emotions, and a scowl often means something other than an emotion. A score on
this world says how well a model reads drawings that were made to be read.

So a model that was trained here, or on photographs whose emotion somebody posed or guessed, must not be used to infer
what a person feels, means or intends: not in hiring, at work or at school (there the European Union forbids it:
Regulation 2024/1689, Article 5(1)(f)), not by police, border guards, insurers or shops, not to diagnose, not to tell
whether somebody lies. What it is for: learning how fine-tuning works, and seeing what it does to rare classes and
to people whose resting face looks like an expression.

What is not in here: photographs, profiles, hands, covered faces, time, context, and any link of looks with emotion.
"""

from .emotions import (
    ACTION_UNITS,
    ALWAYS,
    CLASS_COUNTS,
    CLASS_SHARES,
    EMOTIONS,
    INTENSITIES,
    MIXTURES,
    NEUTRAL,
    NOT_PLEASANT,
    NOUNS,
    PLEASANT,
    SOMETIMES,
    VALENCE,
)
from .face import PICTURES, Face, View, action_units, face_rng, faces, sample_face
from .geometry import Geometry, geometry
from .identity import NOVEL_LOOKS, SPLITS, Identity, identities, identity_rng, is_reserved, sample_identity
from .questions import (
    ANSWER,
    ANSWERS,
    CHANCE,
    FEATURES,
    TEXTS,
    Question,
    face_questions,
    intensity_word,
    questions,
    sample_question,
)
from .render import box, boxes, render
from .texts import (
    CHOOSE,
    CHOOSE_ZH,
    DESCRIBE,
    HEAR,
    TOGETHER,
    description,
    explanation,
    is_one_sided,
    seen,
    units_named,
)
from .voice import CUES, Cues, voice

__all__ = [
    "ACTION_UNITS", "ALWAYS", "ANSWER", "ANSWERS", "CHANCE", "CHOOSE", "CHOOSE_ZH", "CLASS_COUNTS", "CLASS_SHARES",
    "CUES", "DESCRIBE", "EMOTIONS", "FEATURES", "HEAR", "INTENSITIES", "MIXTURES", "NEUTRAL", "NOT_PLEASANT", "NOUNS",
    "NOVEL_LOOKS", "PICTURES", "PLEASANT", "SOMETIMES", "SPLITS", "TEXTS", "TOGETHER", "VALENCE", "Cues", "Face",
    "Geometry", "Identity", "Question", "View", "action_units", "box", "boxes", "description", "explanation",
    "face_questions", "face_rng", "faces", "geometry", "identities", "identity_rng", "intensity_word", "is_one_sided",
    "is_reserved", "questions", "render", "sample_face", "sample_identity", "sample_question", "seen", "units_named",
    "voice",
]  # fmt: skip
