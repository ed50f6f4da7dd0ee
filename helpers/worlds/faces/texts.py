"""What can truthfully be said about a face, in words that the course's tokenizer has read.

A description says what is to be seen and follows from the action units alone; only ``explanation`` names an emotion.
"""

from __future__ import annotations

from .emotions import EMOTIONS, NOUNS
from .face import Face, action_units

CHOOSE = f"Which emotion does the face show? Choose one of: {', '.join(EMOTIONS)}."
#: The instruction of the project that this course grew from, word by word.
CHOOSE_ZH = f"识别图像中的情感并从下列8个情感中进行选择[{'，'.join(EMOTIONS)}]"
DESCRIBE = "Describe the eyebrows, the eyes, the nose and the mouth."
TOGETHER = "Listen to the voice and look at the face. Which emotion do they show together?"
HEAR = "Listen to the voice. Which emotion do you hear?"

SEEN = 0.25  # from this strength on, an action unit is worth a word


def seen(face: Face) -> dict[int, float]:
    """The units that are strong enough to be seen, each with the strength of its stronger side."""
    return {unit: max(both) for unit, both in action_units(face).items() if max(both) >= SEEN}


def is_one_sided(face: Face) -> bool:
    """Whether a unit that can be seen moves on one side of the face alone."""
    units = action_units(face)
    return any(min(units[unit]) < SEEN for unit in seen(face))


def _eyebrows(units: dict[int, float]) -> str:
    raised, together, outer = 1 in units, 4 in units, 2 in units
    if raised and together:
        return f"the {'' if outer else 'inner '}eyebrows are raised and drawn together"
    if raised or outer:
        return "the eyebrows are raised"
    if together:
        return "the eyebrows are lowered and drawn together"
    return "the eyebrows are lowered" if units.get(9, 0) > 0.5 else "the eyebrows rest"


def _eyes(units: dict[int, float]) -> str:
    if 43 in units:
        said = "the eyelids droop"
    elif 5 in units:
        said = "the eyes are wide open" if units[5] - units.get(7, 0) >= SEEN else "the eyes stare"
    else:
        said = "the eyelids are tense" if 7 in units else "the eyes are open"
    return said + (", the cheeks are raised, and small wrinkles appear beside the eyes" if 6 in units else "")


def _mouth(units: dict[int, float], one_sided: bool) -> str:
    parts = []
    if one_sided:
        parts.append("one corner of the mouth is tightened and raised, the other is not")
    elif 12 in units:
        parts.append("the corners of the mouth are pulled up")
    if 15 in units:
        parts.append("the corners of the mouth are pulled down")
    if 20 in units:
        parts.append("the lips are stretched towards the ears")
    if 10 in units:
        parts.append("the upper lip is raised")
    if 16 in units:
        parts.append("the lower lip is pulled down")
    if 17 in units:
        parts.append("the chin is raised")
    if 23 in units or 24 in units:
        parts.append("the lips are pressed tightly")
    if 26 in units:
        parts.append("the jaw drops and the mouth is open" + ("" if 20 in units else " and round"))
    elif 25 in units:
        parts.append("the mouth is open")
    return ", ".join(parts) or "the mouth is closed"


def _clauses(face: Face) -> str:
    units = seen(face)
    parts = [_eyebrows(units), _eyes(units)]
    if 9 in units:
        parts.append("the nose is wrinkled")
    return ", ".join([*parts, _mouth(units, is_one_sided(face))])


def description(face: Face) -> str:
    """What is seen: "The eyebrows rest, the eyes are open, the mouth is closed."."""
    said = _clauses(face)
    return f"{said[0].upper()}{said[1:]}."


def explanation(face: Face) -> str:
    """What is seen, and the emotion that is named after it: "The face shows fear: …. Emotion: Fear."."""
    shows = "is neutral" if face.emotion == "Neutral" else f"shows {NOUNS[face.emotion]}"
    return f"The face {shows}: {_clauses(face)}. Emotion: {face.emotion}."


def units_named(face: Face) -> str:
    """The units that are seen: "AU6 and AU12", "AU12 and AU14 on one side", or "none"."""
    names = [f"AU{unit}" for unit in seen(face)]
    if not names:
        return "none"
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    return listed + (" on one side" if is_one_sided(face) else "")
