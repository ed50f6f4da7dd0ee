"""Which action units make which expression: AffectNet's eight labels as prototypes of the Facial Action Coding System.

Where the numbers come from:

- ``ALWAYS``: the EMFACS table after Ekman and Friesen as Wikipedia's "Affective computing" gives it (happiness 6+12,
  sadness 1+4+15, surprise 1+2+5B+26, fear 1+2+4+5+20+26, anger 4+5+7+23, disgust 9+15+16, contempt R12A+R14A). OpenDBM
  computes the same sets (https://aicure.github.io/open_dbm/docs/2.0/emotional-expressivity), fear with 7.
- ``SOMETIMES``: what other tables add. Ekman and Friesen (1978), table 11-1, as quoted in
  http://www.dgps.de/fachgruppen/methoden/mpr-online/issue4/art3/node4.html (joy 6+12+25, anger 4+5+7+24, disgust
  10+17+4, fear 1+2+4+5+20+25), OpenDBM's 7 in fear, and for sadness, from no table, lids that droop.
- ``MIXTURES``: pairs that occur as compound expressions in Du, Tao and Martinez, "Compound facial expressions of
  emotion", PNAS 111 (2014) E1454.
- ``CLASS_COUNTS``: the manually annotated training images of AffectNet (Mollahosseini, Hasani and Mahoor, 2017,
  https://arxiv.org/abs/1708.03985), the first seven as https://github.com/coder-xinxiaohai/AffectNet_Processing counts
  them, contempt as in the class weights of public training scripts; the eight add up to the 287,651 training images
  that users of its eight-class version report. The 1,000 samples of the project that this course grew from have nearly
  the same shares (46 % happy, 1.5 % contempt).

The weights are ours: how far a unit moves at full intensity, so that a drawing shows it.
"""

from __future__ import annotations

#: In AffectNet's order: the index is AffectNet's label.
EMOTIONS = ("Neutral", "Happy", "Sad", "Surprise", "Fear", "Disgust", "Anger", "Contempt")
NOUNS = dict(zip(EMOTIONS, ("no emotion", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt")))

#: The action units that are drawn, by their number in FACS.
ACTION_UNITS = {
    1: "inner brow raiser",
    2: "outer brow raiser",
    4: "brow lowerer",
    5: "upper lid raiser",
    6: "cheek raiser",
    7: "lid tightener",
    9: "nose wrinkler",
    10: "upper lip raiser",
    12: "lip corner puller",
    14: "dimpler",
    15: "lip corner depressor",
    16: "lower lip depressor",
    17: "chin raiser",
    20: "lip stretcher",
    23: "lip tightener",
    24: "lip pressor",
    25: "lips part",
    26: "jaw drop",
    43: "eyes closed",
}

#: The units of each prototype with their weights.
ALWAYS: dict[str, dict[int, float]] = {
    "Neutral": {},
    "Happy": {6: 0.9, 12: 1.0},
    "Sad": {1: 0.9, 4: 0.6, 15: 1.0},
    "Surprise": {1: 0.9, 2: 1.0, 5: 0.7, 26: 1.0},
    "Fear": {1: 1.0, 2: 0.6, 4: 0.7, 5: 1.0, 20: 1.0, 26: 0.45},
    "Disgust": {9: 1.0, 15: 0.6, 16: 0.6},
    "Anger": {4: 1.0, 5: 0.5, 7: 0.8, 23: 1.0},
    "Contempt": {12: 0.6, 14: 1.0},
}
#: Units that half of all faces with that emotion show as well.
SOMETIMES: dict[str, dict[int, float]] = {
    "Happy": {25: 0.9},
    "Sad": {43: 0.45},
    "Fear": {7: 0.4, 25: 0.6},
    "Disgust": {4: 0.4, 10: 0.9, 17: 0.6},
    "Anger": {24: 0.8},
}
ONE_SIDED = "Contempt"  # the only expression that is drawn on one side of the face alone

#: What can be mixed into an expression. The label stays that of the stronger one, as in AffectNet.
MIXTURES: dict[str, tuple[str, ...]] = {
    "Happy": ("Surprise",),
    "Sad": ("Fear", "Anger", "Surprise", "Disgust"),
    "Surprise": ("Happy", "Fear", "Anger", "Disgust"),
    "Fear": ("Sad", "Surprise", "Anger"),
    "Disgust": ("Sad", "Surprise", "Anger"),
    "Anger": ("Sad", "Fear", "Surprise", "Disgust"),
}

CLASS_COUNTS = dict(zip(EMOTIONS, (74874, 134415, 25459, 14090, 6378, 3803, 24882, 3750)))
#: AffectNet's imbalance: the share of each label among its training images.
CLASS_SHARES = {emotion: count / sum(CLASS_COUNTS.values()) for emotion, count in CLASS_COUNTS.items()}

#: The words of an intensity with its range. Between them nothing is drawn, so that the word is never in doubt.
INTENSITIES = {"weak": (0.4, 0.5), "moderate": (0.62, 0.74), "strong": (0.88, 1.0)}

PLEASANT, NEUTRAL, NOT_PLEASANT = "pleasant", "neutral", "not pleasant"
#: Valence in words that the course's tokenizer has read. Surprise has none: it is pleasant or not.
VALENCE = {
    "Neutral": NEUTRAL,
    "Happy": PLEASANT,
    "Sad": NOT_PLEASANT,
    "Fear": NOT_PLEASANT,
    "Disgust": NOT_PLEASANT,
    "Anger": NOT_PLEASANT,
    "Contempt": NOT_PLEASANT,
}
