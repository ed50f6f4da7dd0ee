"""The faces: what action units do is found again in the pixels, words and answers in the action units."""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import CourseError, UnknownName
from helpers.profiles import root
from helpers.worlds import faces

unhurried = settings(deadline=None)  # a busy machine is no bug
few = settings(deadline=None, max_examples=25)
seeds, splits, emotions = st.integers(0, 10**6), st.sampled_from(faces.SPLITS), st.sampled_from(faces.EMOTIONS)
unlike_neutral = st.sampled_from(faces.EMOTIONS[1:])


def face(index: int, split: str = "heldout", emotion: str | None = None) -> faces.Face:
    return next(faces.faces(split, 1, start=index, emotion=emotion))


def posed(found: faces.Face, *units: tuple[int, float]) -> faces.Face:
    """The same person with these action units and no others, on both sides."""
    return replace(found, emotion="Neutral", intensity=0.0, second="", twitches=units)


def pixels(found: faces.Face, side: int = 112) -> np.ndarray:
    return np.asarray(faces.render(found, side), int)


# --- drawing ----------------------------------------------------------------------------------------------------------


@few
@given(seeds, splits, emotions, st.integers(32, 160))
def test_same_seed_same_face_and_pixels(index, split, emotion, side):
    one, two = face(index, split, emotion), face(index, split, emotion)
    assert one == two and one.identity.id == two.identity.id and faces.EMOTIONS[one.label] == emotion
    image = faces.render(one, side)
    assert image.size == (side, side) and image.mode == "RGB"
    assert np.array_equal(image, faces.render(two, side))


def test_an_index_is_what_it_was_and_six_pictures_share_an_identity():
    found = list(faces.faces("train", 30, seed=3))
    assert next(faces.faces("train", 1, seed=3, start=17)) == found[17]
    people = list(faces.identities("train", 5, seed=3))
    assert [f.identity for f in found] == [person for person in people for _ in range(faces.PICTURES)]
    assert len({person.id for person in people}) == 5
    assert len({f.view for f in found}) == 30


def test_splits_share_no_identity():
    people = {split: [p for seed in (0, 1) for p in faces.identities(split, 200, seed)] for split in faces.SPLITS}
    ids = {split: {p.id for p in found} for split, found in people.items()}
    assert all(len(found) == 400 for found in ids.values())
    assert not (ids["train"] & ids["heldout"] or ids["train"] & ids["novel"] or ids["heldout"] & ids["novel"])
    assert not any(faces.is_reserved(p) or p.look in faces.NOVEL_LOOKS for p in people["train"])
    assert all(faces.is_reserved(p) and p.look not in faces.NOVEL_LOOKS for p in people["heldout"])
    assert {p.look for p in people["novel"]} == faces.NOVEL_LOOKS


@few
@given(seeds, splits, emotions, emotions)
def test_another_emotion_changes_the_inside_of_the_face_alone(index, split, emotion, other):
    one, two = face(index, split, emotion), face(index, split, other)
    assert (one.identity, one.view, one.side) == (two.identity, two.view, two.side)
    ys, xs = np.nonzero(np.abs(pixels(one) - pixels(two)).max(-1))
    assert bool(len(xs)) == (emotion != other)
    if len(xs):
        left, top, right, bottom = np.array([faces.box(f, "head") for f in (one, two)]).T
        assert xs.min() >= left.min() - 3 and ys.min() >= top.min() - 3
        assert xs.max() <= right.max() + 3 and ys.max() <= bottom.max() + 3


@few
@given(seeds, splits)
def test_boxes_are_inside_the_picture_and_in_their_places(index, split):
    parts = dict(faces.boxes(face(index, split), 96))
    twice = dict(faces.boxes(face(index, split), 192))
    assert all(np.allclose(np.array(parts[name]) * 2, twice[name]) for name in parts)
    left, top, right, bottom = parts["head"]
    for name, (x1, y1, x2, y2) in parts.items():
        assert 0 < x1 < x2 < 96 and -2 < y1 < y2 < 105, name  # the chin of a dropped jaw may leave the picture
        assert left - 3 <= x1 and x2 <= right + 3 and top <= y1 and y2 <= bottom + 3, name
    heights = [(parts[name][1] + parts[name][3]) / 2 for name in ("eyebrows", "eyes", "nose", "mouth")]
    assert heights == sorted(heights)


# --- action units -----------------------------------------------------------------------------------------------------


def corners(found: faces.Face) -> np.ndarray:
    """The corners of the mouth, left and right, as (x, y)."""
    return np.array(faces.geometry(found).mouth.corners)


def inner_ends(found: faces.Face) -> np.ndarray:
    return np.array([faces.geometry(found).brows[side][0] for side in ("left", "right")])


def outer_ends(found: faces.Face) -> np.ndarray:
    return np.array([faces.geometry(found).brows[side][-1] for side in ("left", "right")])


def opening(found: faces.Face) -> float:
    return min(eye.opening for eye in faces.geometry(found).eyes.values())


@unhurried
@given(seeds, st.floats(0.5, 1.0))
def test_action_units_move_what_they_are_named_after(index, strength):
    rest = posed(face(index))
    unit = {number: posed(rest, (number, strength)) for number in faces.ACTION_UNITS}
    assert all(faces.action_units(unit[number]) == {number: (strength, strength)} for number in unit)
    across = corners(rest)[1, 0] - corners(rest)[0, 0]
    assert (corners(unit[12])[:, 1] < corners(rest)[:, 1] - 0.02).all()  # up is a smaller y
    assert (corners(unit[15])[:, 1] > corners(rest)[:, 1] + 0.02).all()
    assert np.ptp(corners(unit[12])[:, 0]) > across and np.ptp(corners(unit[20])[:, 0]) > across
    assert (inner_ends(unit[4])[:, 1] > inner_ends(rest)[:, 1] + 0.01).all()
    assert np.ptp(inner_ends(unit[4])[:, 0]) < np.ptp(inner_ends(rest)[:, 0]) - 0.02
    assert (inner_ends(unit[1])[:, 1] < inner_ends(rest)[:, 1] - 0.02).all()
    assert (outer_ends(unit[2])[:, 1] < outer_ends(rest)[:, 1] - 0.02).all()
    both = posed(rest, (1, strength), (4, strength))
    assert (inner_ends(both)[:, 1] < inner_ends(rest)[:, 1]).all()  # raised and drawn together
    assert opening(unit[5]) > opening(rest) > opening(unit[7]) and opening(rest) > opening(unit[43])
    mouths = {number: faces.geometry(shown).mouth for number, shown in unit.items()}
    still = faces.geometry(rest).mouth
    assert still.gap == 0 < mouths[16].gap < mouths[25].gap < mouths[26].gap
    assert faces.geometry(unit[26]).chin > faces.geometry(rest).chin == 1
    assert mouths[10].outer_upper[6][1] < still.outer_upper[6][1] - 0.02
    assert mouths[17].outer_lower[6][1] < still.outer_lower[6][1] - 0.02
    for number in (23, 24):
        thin, thick = (m.outer_lower[6][1] - m.outer_upper[6][1] for m in (mouths[number], still))
        assert thin < 0.8 * thick
    assert faces.geometry(unit[9]).nose[3][1] < faces.geometry(rest).nose[3][1] - 0.02
    for number in (4, 6, 9, 14, 17):  # wrinkles
        assert len(faces.geometry(unit[number]).marks) > len(faces.geometry(rest).marks)


@lru_cache(maxsize=1)
def plain() -> faces.Face:
    """A light, upright, evenly lit face with black brows and nothing that could be taken for a brow or a mouth."""
    found = posed(face(0))
    who = replace(
        found.identity, skin="light", shade=1.0, hair="black", hair_style="none", beard=False, glasses=False, lids=0.0,
        folds=0.0, brow_angle=0.0, mouth_curve=0.0, mouth_slant=0.0, brow_height=0.24, eye_height=-0.1,
        mouth_height=0.55,
    )  # fmt: skip
    view = replace(found.view, x=0.5, y=0.5, scale=0.4, tilt=0.0, turn=0.0, light=0.0, gain=1.0, noise=0.0)
    return replace(found, identity=who, view=view)


def dark(found: faces.Face, part: str, limit: int) -> np.ndarray:
    """Where a part's box, somewhat grown, is dark: (x, y) of each such pixel of a picture of 224 pixels."""
    x1, y1, x2, y2 = (round(v) for v in faces.box(found, part, 224))
    inside = pixels(found, 224)[y1 - 1 : y2 + 2, x1 - 1 : x2 + 2].mean(-1)
    ys, xs = np.nonzero(inside < limit)
    return np.stack([xs + x1 - 1, ys + y1 - 1], 1)


def line_of_the_mouth(found: faces.Face) -> tuple[float, float, float]:
    """The height of the mouth's dark line at its left end, in the middle, and at its right end."""
    ink = dark(found, "mouth", 110)
    return tuple(
        ink[np.abs(ink[:, 0] - x) <= 2, 1].mean() for x in (ink[:, 0].min(), ink[:, 0].mean(), ink[:, 0].max())
    )


def test_a_smile_rises_at_both_ends_in_the_picture_and_a_frown_falls():
    left, middle, right = line_of_the_mouth(posed(plain(), (12, 0.9)))
    assert left < middle - 5 and right < middle - 5
    left, middle, right = line_of_the_mouth(posed(plain(), (15, 0.9)))
    assert left > middle + 5 and right > middle + 5


def test_brows_come_down_and_together_in_the_picture():
    ends = []
    for found in (plain(), posed(plain(), (4, 0.9))):
        ink = dark(found, "eyebrows", 70)
        left = ink[ink[:, 0] < 112]
        inner = left[left[:, 0] >= left[:, 0].max() - 3]
        ends.append((left[:, 0].max(), inner[:, 1].mean()))
    assert ends[1][0] >= ends[0][0] + 2 and ends[1][1] >= ends[0][1] + 4


def test_a_dropped_jaw_opens_the_mouth_in_the_picture():
    shut, wide = (len(dark(found, "mouth", 50)) for found in (plain(), posed(plain(), (26, 0.9))))
    assert wide > 300 and wide > 5 * shut


def unevenness(found: faces.Face) -> float:
    """How much the lower half of the face differs from its mirror image."""
    picture = pixels(found, 224)[112:200]
    return np.abs(picture - picture[:, ::-1]).mean()


def test_contempt_is_on_one_side():
    even = dict(intensity=1.0, strengths=(1.0,) * len(faces.ACTION_UNITS), twitches=(), optional=())
    happy = replace(plain(), emotion="Happy", **even)
    left, right = (replace(plain(), emotion="Contempt", side=side, **even) for side in ("left", "right"))
    assert faces.action_units(left) == {12: (0.6, 0.0), 14: (1.0, 0.0)}
    assert faces.action_units(right) == {12: (0.0, 0.6), 14: (0.0, 1.0)}
    assert min(unevenness(left), unevenness(right)) > 4 * unevenness(happy)
    ends = line_of_the_mouth(left)
    assert ends[0] < ends[2] - 5  # the left corner is raised
    ends = line_of_the_mouth(right)
    assert ends[2] < ends[0] - 5
    assert faces.is_one_sided(left) and not faces.is_one_sided(happy)


@unhurried
@given(seeds, splits, unlike_neutral)
def test_strength_grows_with_intensity(index, split, emotion):
    shown = [replace(face(index, split, emotion), intensity=i / 5) for i in range(6)]
    units = [faces.action_units(f) for f in shown]
    for weak, strong in zip(units, units[1:]):
        for number, sides in weak.items():
            assert all(a <= b <= 1 for a, b in zip(sides, strong[number]))
    assert sum(map(sum, units[5].values())) > sum(map(sum, units[2].values()))
    assert set(faces.ALWAYS[emotion]) <= set(units[5])


def test_pixels_move_further_from_rest_with_intensity():
    for emotion in faces.EMOTIONS[1:]:
        found = [face(i, emotion=emotion) for i in range(4)]
        away = [
            np.mean([np.abs(pixels(replace(f, intensity=i)) - pixels(replace(f, intensity=0.0))).mean() for f in found])
            for i in (0.3, 0.6, 0.9)
        ]
        assert away == sorted(away), emotion


def test_expressions_are_what_the_tables_say():
    tables = {"Neutral": set(), "Happy": {6, 12}, "Sad": {1, 4, 15}, "Surprise": {1, 2, 5, 26}, "Disgust": {9, 15, 16},
              "Fear": {1, 2, 4, 5, 20, 26}, "Anger": {4, 5, 7, 23}, "Contempt": {12, 14}}  # fmt: skip
    for emotion, expected in tables.items():
        assert set(faces.ALWAYS[emotion]) == expected
    for found in faces.faces("heldout", 200):
        units, possible = set(faces.action_units(replace(found, twitches=()))), set()
        for emotion in filter(None, (found.emotion, found.second)):
            possible |= set(faces.ALWAYS[emotion]) | set(faces.SOMETIMES.get(emotion, {}))
        assert set(faces.ALWAYS[found.emotion]) <= units <= possible


# --- how often --------------------------------------------------------------------------------------------------------


def test_shares_are_those_of_affectnet():
    assert list(faces.CLASS_SHARES) == list(faces.EMOTIONS) and sum(faces.CLASS_SHARES.values()) == pytest.approx(1)
    assert sum(faces.CLASS_COUNTS.values()) == 287_651
    n = 3000
    drawn = Counter(f.emotion for f in faces.faces("train", n, balanced=False))
    for emotion, share in faces.CLASS_SHARES.items():
        assert abs(drawn[emotion] - n * share) < 4 * (n * share * (1 - share)) ** 0.5, emotion


@few
@given(seeds, splits)
def test_balanced_every_eight_hold_each_emotion_once(block, split):
    found = [f.emotion for f in faces.faces(split, 8, seed=1, start=8 * block)]
    assert sorted(found) == sorted(faces.EMOTIONS)


def test_one_emotion_can_be_asked_for():
    assert {f.emotion for f in faces.faces("novel", 10, emotion="Fear")} == {"Fear"}


def test_intensities_mixtures_and_neutral_faces():
    found = list(faces.faces("train", 800))
    for f in found:
        bands = [word for word, (low, high) in faces.INTENSITIES.items() if low <= f.intensity <= high]
        assert bands == ([] if f.emotion == "Neutral" else [faces.intensity_word(f)])
        assert bool(f.second) == bool(f.share) and (not f.second or f.second in faces.MIXTURES[f.emotion])
        assert max(map(max, faces.action_units(f).values())) <= (0.15 if f.emotion == "Neutral" else 1)
    mixed = [f for f in found if f.second]
    assert 0.06 * 800 < len(mixed) < 0.16 * 800
    assert {f.emotion for f in mixed} == set(faces.MIXTURES)
    strong = faces.sample_face(random.Random(0), emotion="Sad", intensity="strong")
    assert strong.emotion == "Sad" and 0.88 <= strong.intensity <= 1


# --- words and questions ----------------------------------------------------------------------------------------------

#: What a description must say where one of these units is strong, and must not say where none of them can be seen.
SAID = {
    "eyebrows are raised": (1, 2), "drawn together": (4,), "cheeks are raised": (6,), "nose is wrinkled": (9,),
    "upper lip is raised": (10,), "corners of the mouth are pulled down": (15,), "lower lip is pulled down": (16,),
    "chin is raised": (17,), "stretched": (20,), "pressed tightly": (23, 24), "mouth is open": (25, 26),
    "eyelids droop": (43,),
}  # fmt: skip


@unhurried
@given(seeds, splits)
def test_descriptions_say_what_is_seen_and_nothing_else(index, split):
    found = face(index, split)
    units, said = faces.action_units(found), faces.description(found)
    for words, numbers in SAID.items():
        strength = max(max(units.get(number, (0, 0))) for number in numbers)
        assert (words in said) == (strength >= 0.25), (words, said)
    left, right = units.get(12, (0, 0))
    assert ("corners of the mouth are pulled up" in said) == (min(left, right) >= 0.25)
    assert ("one corner" in said) == (found.emotion == "Contempt")
    assert not any(word in said for word in faces.NOUNS.values())
    told = faces.explanation(found)
    assert told.endswith(f"Emotion: {found.emotion}.") and said[1:-1] in told
    named = {int(number) for number in re.findall(r"AU(\d+)", faces.units_named(found))}
    assert named == {number for number, sides in units.items() if max(sides) >= 0.25}


def solve(found: faces.Face, question: faces.Question) -> str:
    """The answer, worked out from the face once more."""
    units = {number: max(sides) for number, sides in faces.action_units(found).items()}
    positive = {"Happy": "pleasant", "Neutral": "neutral"}
    numbers = {"eyebrows raised": (1, 2), "together": (4,), "cheeks": (6,), "nose": (9,), "up": (12,), "down": (15,),
               "pressed": (23, 24), "stretched": (20,)}  # fmt: skip
    if question.type == "emotion":
        return found.emotion
    if question.type == "valence":
        return positive.get(found.emotion, "not pleasant")
    if question.type == "intensity":
        return "weak" if found.intensity < 0.55 else "strong" if found.intensity > 0.8 else "moderate"
    if question.type == "yes/no":
        asked = question.text.rstrip("?").split()[-1]
        return "yes" if asked in (faces.NOUNS[found.emotion], found.emotion.lower()) else "no"
    if "wide open" in question.text:
        return "yes" if units.get(5, 0) - units.get(7, 0) > 0.25 else "no"
    if "mouth open" in question.text:
        return "yes" if faces.geometry(found).mouth.gap > 0.06 else "no"
    if "asymmetric" in question.text:
        return "yes" if found.emotion == "Contempt" else "no"
    if "both corners" in question.text:
        return "yes" if min(faces.action_units(found).get(12, (0, 0))) > 0.25 else "no"
    wanted = next(which for words, which in numbers.items() if words in question.text)
    return "yes" if max(units.get(number, 0) for number in wanted) > 0.25 else "no"


@unhurried
@given(seeds, splits)
def test_answers_follow_from_the_face(index, split):
    found = face(index, split)
    asked = faces.questions(found, random.Random(index))
    assert len({q.type for q in asked}) == len(asked) and {q.type for q in asked} <= set(faces.ANSWERS)
    assert {"emotion", "yes/no"} <= {q.type for q in asked}
    for question in asked:
        assert question.text in faces.TEXTS[question.type] and question.answer in faces.ANSWERS[question.type]
        assert question.prompt == f"{question.text} {faces.ANSWER[question.type]}"
        assert question.answer == solve(found, question), question


def test_answers_are_balanced_for_every_type():
    n = 64
    for type, answers in faces.ANSWERS.items():
        pairs = list(faces.face_questions("heldout", n, seed=2, type=type))
        assert all(q.type == type and q.answer == solve(f, q) for f, q in pairs)
        counts = Counter(q.answer for _, q in pairs)
        p = faces.CHANCE[type]
        assert set(counts) == set(answers), type
        assert all(abs(c - n * p) < 4 * (n * p * (1 - p)) ** 0.5 for c in counts.values()), (type, counts)


def test_a_text_gives_its_answer_away_in_no_type():
    """Whoever knows each text's most frequent answer guesses little better than chance."""
    for type in ("yes/no", "eyebrows", "mouth"):
        answers: dict[str, Counter] = {}
        for _, q in faces.face_questions("train", 160, seed=5, type=type):
            answers.setdefault(q.text, Counter())[q.answer] += 1
        assert set(answers) == set(faces.TEXTS[type])
        assert sum(max(c.values()) for c in answers.values()) / 160 < 0.68, type


def test_all_types_are_asked_in_equal_shares():
    asked = Counter(q.type for _, q in faces.face_questions("novel", 2 * len(faces.ANSWERS)))
    assert asked == dict.fromkeys(faces.ANSWERS, 2)


def texts() -> set[str]:
    said = {faces.CHOOSE, faces.DESCRIBE, faces.TOGETHER, faces.HEAR}
    for split in faces.SPLITS:
        for found in faces.faces(split, 150, seed=7):
            said |= {faces.description(found), faces.explanation(found), faces.units_named(found), found.emotion}
    said |= {f"{text} {faces.ANSWER[type]}" for type, asked in faces.TEXTS.items() for text in asked}
    return said | {answer for answers in faces.ANSWERS.values() for answer in answers}


def test_all_words_were_read_by_the_tokenizer():
    corpus = "\n".join(p.read_text() for p in sorted((root() / "data" / "tokenizer" / "corpus").glob("*.txt")))
    known = {word.lower() for word in re.findall(r"[A-Za-z]+", corpus)}
    assert faces.CHOOSE in corpus and faces.CHOOSE_ZH in corpus
    for text in texts():
        missing = {word for word in re.findall(r"[A-Za-z]+", text) if word.lower() not in known}
        assert not missing, text


def test_all_texts_go_through_the_tokenizer_and_back():
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(root() / "data" / "tokenizer" / "qwen")
    for text in sorted(texts() | {faces.CHOOSE_ZH}):
        ids = tokenizer(text).input_ids
        assert tokenizer.decode(ids) == text and len(ids) <= 120


# --- voices -----------------------------------------------------------------------------------------------------------


@few
@given(seeds, emotions, st.floats(0.25, 2.0), st.sampled_from([8000, 16000, 24000]))
def test_a_voice_is_a_waveform(index, emotion, seconds, rate):
    for speaker in (emotion, face(index, emotion=emotion)):
        sound = faces.voice(speaker, random.Random(index), seconds, rate)
        assert sound.shape == (round(seconds * rate),) and sound.dtype == np.float32
        assert np.isfinite(sound).all() and 0.01 < np.abs(sound).max() <= 1
        assert np.array_equal(sound, faces.voice(speaker, random.Random(index), seconds, rate))
    assert not np.array_equal(sound, faces.voice(speaker, random.Random(index + 1), seconds, rate))


def pitches(sound: np.ndarray, rate: int) -> np.ndarray:
    """Time (s) and pitch (octaves over 1 Hz) wherever it sounds, by autocorrelation."""
    frame, found = rate // 16, []
    for start in range(0, len(sound) - frame, rate // 50):
        piece = sound[start : start + frame] - sound[start : start + frame].mean()
        if (piece**2).mean() > 0.2 * (sound**2).mean():
            like = np.fft.irfft(np.abs(np.fft.rfft(piece, 2 * frame)) ** 2)[:frame]
            lag = rate // 500 + like[rate // 500 : rate // 65].argmax()
            found.append((start / rate, np.log2(rate / lag)))
    return np.array(found or [(0.0, 7.0)])


def test_pitch_follows_the_emotion_and_the_speaker():
    def pitch(emotion: str, who: faces.Identity | None = None) -> float:
        said = [replace(f, identity=who or f.identity) for f in faces.faces("heldout", 24, emotion=emotion)]
        sounds = [faces.voice(f, random.Random(i), rate=8000) for i, f in enumerate(said)]
        return float(np.mean([np.median(pitches(sound, 8000)[:, 1]) for sound in sounds]))

    sad, anger = pitch("Sad"), pitch("Anger")
    assert anger > sad + 0.15  # octaves
    low, high = (pitch("Neutral", replace(face(0).identity, pitch=base)) for base in (100.0, 240.0))
    assert high > low + 0.7


# --- how hard it is ---------------------------------------------------------------------------------------------------


def balanced_accuracy(known: np.ndarray, labels: np.ndarray, asked: np.ndarray, truth: np.ndarray, penalty: float):
    """Of a ridge regression on one-hot labels: a linear probe."""
    mean, spread = known.mean(0), known.std(0) + 1e-6
    known, asked = (known - mean) / spread, (asked - mean) / spread
    weights = np.linalg.solve(known @ known.T + penalty * np.eye(len(known)), np.eye(8)[labels] - 1 / 8)
    guess = (asked @ known.T @ weights).argmax(1)
    return float(np.mean([(guess[truth == label] == label).mean() for label in range(8)]))


@lru_cache(maxsize=1)
def people() -> tuple[list[faces.Face], list[faces.Face]]:
    return list(faces.faces("train", 800)), list(faces.faces("heldout", 400))


def labels(found: list[faces.Face]) -> np.ndarray:
    return np.array([f.label for f in found])


def test_raw_pixels_give_little_away_to_a_linear_probe_and_the_nearest_picture_nothing():
    train, test = people()
    known, asked = (np.stack([pixels(f, 32).reshape(-1) / 255 for f in part]) for part in people())
    score = max(balanced_accuracy(known, labels(train), asked, labels(test), p) for p in (100.0, 1000.0, 10000.0))
    assert 0.15 < score < 0.5
    nearest = [labels(train)[((known - one) ** 2).sum(1).argmin()] for one in asked]
    assert np.mean(nearest == labels(test)) < 0.22


def test_action_units_give_everything_away():
    """The task can be solved: what is hard about it is to see the action units."""
    train, test = people()

    def units(part):
        return np.array([[v for n in faces.ACTION_UNITS for v in faces.action_units(f).get(n, (0, 0))] for f in part])

    assert balanced_accuracy(units(train), labels(train), units(test), labels(test), 1.0) > 0.95


def heard(sound: np.ndarray, rate: int) -> list[float]:
    """Loudness, pitch, its range and slope, brightness, and how fast the loudness changes."""
    when, pitch = pitches(sound, rate).T
    slope = np.polyfit(when, pitch, 1)[0] if len(pitch) > 2 else 0.0
    power, at = np.abs(np.fft.rfft(sound)) ** 2, np.fft.rfftfreq(len(sound), 1 / rate)
    loud = np.sqrt((sound[: len(sound) // 100 * 100].reshape(-1, 100) ** 2).mean(1))
    tempo = np.log(np.abs(np.fft.rfft(loud - loud.mean()))[1:10] + 1e-5)
    bright = np.log((power * at).sum() / power.sum())
    return [np.log(loud.mean()), np.median(pitch), pitch.std(), slope, bright, *tempo]


def test_the_voice_alone_is_better_than_chance_and_far_from_sure():
    train, test = people()
    known, asked = (
        np.array([heard(faces.voice(f, random.Random(f.view.pixel_seed), rate=8000), 8000) for f in part])
        for part in (train[:400], test[:240])
    )
    score = balanced_accuracy(known, labels(train[:400]), asked, labels(test[:240]), 10.0)
    assert 0.22 < score < 0.7


# --- bad input --------------------------------------------------------------------------------------------------------


def test_wrong_names_are_answered_by_the_right_ones():
    with pytest.raises(UnknownName, match="train, heldout, novel"):
        next(faces.faces("test", 1))
    with pytest.raises(UnknownName, match="train, heldout, novel"):
        next(faces.identities("valid", 1))
    with pytest.raises(UnknownName, match="train, heldout, novel"):
        faces.sample_identity(random.Random(0), "test")
    with pytest.raises(UnknownName, match="Did you mean 'Happy'"):
        next(faces.faces("train", 1, emotion="happy"))
    with pytest.raises(UnknownName, match="Contempt"):
        faces.action_units(replace(face(0), emotion="Joy"))
    with pytest.raises(UnknownName, match="weak, moderate, strong"):
        faces.sample_face(random.Random(0), intensity="medium")
    with pytest.raises(UnknownName, match="valence"):
        faces.sample_question(random.Random(0), "train", "arousal")
    with pytest.raises(UnknownName, match="eyebrows"):
        faces.box(face(0), "ear")
    with pytest.raises(UnknownName, match="Neutral"):
        faces.voice("Joy", random.Random(0))


@pytest.mark.parametrize("side", [0, 16, 5000])
def test_a_useless_side_is_refused(side):
    with pytest.raises(CourseError, match="from 32 to 1024"):
        faces.render(face(0), side)


@pytest.mark.parametrize("wrong", [{"seconds": 0}, {"seconds": float("nan")}, {"rate": 100}, {"rate": 10**6}])
def test_a_useless_length_or_rate_is_refused(wrong):
    with pytest.raises(CourseError, match="A voice cannot"):
        faces.voice("Sad", random.Random(0), **wrong)
