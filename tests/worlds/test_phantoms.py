"""The phantoms: what is said of a finding is looked up in the pixels, and answers in what is said."""

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
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from helpers.errors import CourseError, UnknownName
from helpers.profiles import root
from helpers.worlds import phantoms
from helpers.worlds.phantoms import patient
from helpers.worlds.phantoms.findings import region_at
from helpers.worlds.phantoms.head import Frame, inside

few = settings(deadline=None, max_examples=25)  # a busy machine is no bug
seeds, splits, kinds = st.integers(0, 10**6), st.sampled_from(phantoms.SPLITS), st.sampled_from(phantoms.FINDINGS)
ill = st.sampled_from(phantoms.FINDINGS[1:])
widths = st.sampled_from([96, 128, 200])


def one(index: int, kind: str, split: str = "heldout") -> phantoms.Slice:
    return next(phantoms.slices(split, 1, start=index, finding=kind))


def grey(slice: phantoms.Slice, side: int = 128) -> np.ndarray:
    return np.asarray(phantoms.render(slice, side), int)[..., 0]


def changed(slice: phantoms.Slice, side: int = 128) -> np.ndarray:
    """How much brighter every pixel is with the finding than without it. The midline stays where it was pushed."""
    return grey(slice, side) - grey(replace(slice, finding=None), side)


# --- drawing ----------------------------------------------------------------------------------------------------------


@few
@given(seeds, splits, kinds, widths)
def test_same_seed_same_slice_and_pixels(index, split, kind, side):
    assert one(index, kind, split) == one(index, kind, split)
    image = phantoms.render(one(index, kind, split), side)
    assert image.size == (side, side) and image.mode == "RGB"
    pixels = np.asarray(image)
    assert np.array_equal(pixels, phantoms.render(one(index, kind, split), side))
    assert (pixels == pixels[..., :1]).all()


@few
@given(seeds, kinds)
def test_a_slice_is_the_same_at_every_size(index, kind):
    found = one(index, kind)
    quiet = replace(found, head=replace(found.head, noise=0.0))
    large = grey(quiet, 192).reshape(96, 2, 96, 2).mean((1, 3))
    assert np.abs(large - grey(quiet, 96)).mean() < 7


@few
@given(seeds, splits)
def test_a_head_is_wholly_in_the_picture(index, split):
    found = one(index, "none", split)
    quiet = grey(replace(found, head=replace(found.head, noise=0.0, slope=(0, 0))))
    assert not quiet[0].any() and not quiet[-1].any() and not quiet[:, 0].any() and not quiet[:, -1].any()
    assert (quiet == 255).mean() > 0.05  # the skull


@few
@given(seeds, ill)
def test_a_finding_lies_inside_the_brain_and_in_its_half(index, kind):
    found = one(index, kind)
    differs = changed(found) != 0
    frame = Frame(found.head, found.z, 128)
    assert differs.any()
    assert frame.depth[differs].min() > -frame.edge
    assert (frame.x[differs] * phantoms.SIDES[found.finding.side]).min() > -1


@few
@given(seeds, ill, widths)
def test_a_box_holds_the_finding_and_nothing_else_changes(index, kind, side):
    found = one(index, kind)
    ys, xs = np.nonzero(changed(found, side))
    x1, y1, x2, y2 = (side * v for v in phantoms.box(found))
    assert 0 <= x1 < x2 <= side and 0 <= y1 < y2 <= side
    assert xs.min() >= x1 - 1.1 and ys.min() >= y1 - 1.1 and xs.max() + 1 <= x2 + 1.1 and ys.max() + 1 <= y2 + 1.1
    assert xs.min() <= x1 + 4 and ys.min() <= y1 + 4 and xs.max() + 1 >= x2 - 4 and ys.max() + 1 >= y2 - 4


@few
@given(seeds, st.sampled_from([phantoms.HAEMORRHAGE, phantoms.INFARCT, phantoms.SUBDURAL]))
def test_the_share_is_what_is_measured(index, kind):
    """With a window so wide that nothing is clipped, and a finding far brighter than tissue, pixels count it."""
    found = one(index, kind)
    look = replace(found.head, width=6000.0, level=0.0, noise=0.0)
    bright = replace(found, head=look, finding=replace(found.finding, hu=2900.0, inner=2900.0))
    difference = changed(bright, 192)
    measured = difference.sum() / (2900 - 30) * 6000 / 255 / 192**2
    assert measured == pytest.approx(phantoms.share(found), rel=0.06)
    assert phantoms.size(found) == pytest.approx(2 * (phantoms.share(found) * look.fov**2 / np.pi) ** 0.5)


@few
@given(seeds)
def test_the_share_of_a_mass_includes_its_oedema(index):
    found = one(index, phantoms.MASS)
    quiet = replace(found, head=replace(found.head, noise=0.0, csf=-60.0))  # so that oedema differs from every sulcus
    measured = (changed(quiet, 192) != 0).mean()
    assert 0.85 * phantoms.share(found) < measured < 1.3 * phantoms.share(found)
    core = replace(found, finding=replace(found.finding, rim=0.0))
    assert phantoms.share(core) < 0.75 * phantoms.share(found)


def test_findings_are_large_enough_to_be_seen():
    found = list(phantoms.slices("train", 150))
    shares = [phantoms.share(s) for s in found if s.finding]
    assert min(shares) > 0.003 and np.quantile(shares, 0.1) > 0.005 and max(shares) > 0.025 and max(shares) < 0.1
    assert all(phantoms.share(s) == 0 and phantoms.box(s) is None for s in found if not s.finding)


@few
@given(seeds, ill)
def test_findings_are_as_dense_as_is_said(index, kind):
    found = one(index, kind)
    difference, contrast = changed(found), 255 / found.head.width  # grey levels per Hounsfield unit
    bright, dark = (difference > 8 * contrast).mean(), (difference < -5 * contrast).mean()
    assert found.finding.density in phantoms.DENSITIES[kind]
    if kind == phantoms.MASS:
        assert bright > 0.0005 and dark > bright
    else:
        more, less = (bright, dark) if found.finding.density == "hyperdense" else (dark, bright)
        assert more > 0.45 * phantoms.share(found) and less < 0.2 * more


def test_findings_come_in_both_polarities():
    densities = Counter((s.kind, s.finding.density) for s in phantoms.slices("train", 400) if s.finding)
    assert set(densities) == {(kind, d) for kind, ds in phantoms.DENSITIES.items() for d in ds}
    assert min(densities.values()) > 20


def test_sides_are_the_patients():
    """A finding of the patient's right is at the picture's left, as in radiology, unless the head is turned over it."""
    for found in phantoms.slices("heldout", 60):
        if not found.finding:
            continue
        straight = replace(found, head=replace(found.head, angle=0.0, dx=0.0, skew=0.0))
        _, xs = np.nonzero(changed(straight, 96))
        assert (xs.mean() < 48) == (found.finding.side == "right")
        x1, _, x2, _ = phantoms.box(straight)
        assert ((x1 + x2) / 2 < 0.5) == (found.finding.side == "right")


@few
@given(seeds, ill)
def test_the_middle_of_a_finding_is_in_its_region(index, kind):
    found = one(index, kind)
    frame, differs = Frame(found.head, found.z, 96), changed(found, 96) != 0
    u, v, _ = inside(found.head, found.z, frame.x[differs].mean(), frame.y[differs].mean())
    where = region_at(found.level, float(u), float(v))
    # The middle of a bent or cut shape can fall just outside, but never into another half of the brain.
    apart = {("frontal", "occipital"), ("frontal", "cerebellum"), ("temporal", "cerebellum"), ("frontal", "parietal")}
    assert where == found.finding.region or not {(where, found.finding.region), (found.finding.region, where)} & apart


def test_most_of_a_finding_is_in_its_region():
    shares = []
    for found in phantoms.slices("train", 150):
        if found.finding:
            frame, differs = Frame(found.head, found.z, 64), changed(found, 64) != 0
            at = zip(frame.u[differs], frame.v[differs])
            shares.append(np.mean([region_at(found.level, u, v) == found.finding.region for u, v in at]))
    assert np.mean(shares) > 0.85 and np.quantile(shares, 0.05) > 0.5


@few
@given(seeds)
def test_the_midline_is_pushed_away(index):
    found = one(index, phantoms.MASS)
    if found.level == "cerebellum" or found.finding.region == "cerebellum":
        assert found.shift == 0
        return
    assert found.shift * phantoms.SIDES[found.finding.side] < 0 and 1 < abs(found.shift) <= 9
    x1, _, x2, _ = phantoms.box(found)
    difference = np.abs(grey(found) - grey(replace(found, shift=0.0)))
    far = difference[:, int(128 * x2) + 3 :] if x1 + x2 < 1 else difference[:, : max(0, int(128 * x1) - 3)]
    assert far.max() > 15  # not only where the mass is


@few
@given(seeds, kinds)
def test_noise_does_not_tell_of_a_finding(index, kind):
    found = one(index, kind)
    outside = changed(found)
    x1, y1, x2, y2 = (round(128 * v) for v in phantoms.box(found) or (0, 0, 0, 0))
    outside[max(0, y1 - 2) : y2 + 2, max(0, x1 - 2) : x2 + 2] = 0
    assert not outside.any()


@pytest.mark.parametrize("side", [0, -5, 8, 5000])
def test_a_useless_side_is_refused(side):
    with pytest.raises(CourseError, match="side"):
        phantoms.render(one(0, "none"), side)


def test_normal_variants_occur():
    heads = [p.head for p in phantoms.patients("train", 300, finding="none")]
    assert 0.2 < np.mean([abs(h.uneven) > 0.3 for h in heads]) < 0.4
    assert 0.4 < np.mean([bool(h.calcified) for h in heads]) < 0.9
    assert {name for h in heads for name in h.calcified} == {
        "pineal gland", "left choroid plexus", "right choroid plexus"
    }  # fmt: skip
    assert min(h.angle for h in heads) < -12 and max(h.angle for h in heads) > 12


def test_calcifications_are_small_bright_and_no_finding():
    found = [s for p in phantoms.patients("train", 60, finding="none") for s in p.slices if s.level == "basal ganglia"]
    found = [s for s in found if s.head.calcified]
    assert len(found) > 20
    for slice in found:
        difference = grey(slice) - grey(replace(slice, head=replace(slice.head, calcified=())))
        assert difference.max() > 80 and difference.min() >= 0
        assert 0 < (difference > 30).mean() < 0.0045
        assert slice.kind == "none" and "calcification" in phantoms.report(slice)


def test_to_picture_undoes_what_a_frame_does():
    found = one(3, "none")
    frame = Frame(found.head, found.z, 64)
    for row, column in ((5, 9), (40, 31), (60, 2)):
        x, y = phantoms.to_picture(found.head, float(frame.x[row, column]), float(frame.y[row, column]))
        assert (x, y) == pytest.approx(((column + 0.5) / 64, (row + 0.5) / 64), abs=1e-4)


# --- patients and splits ----------------------------------------------------------------------------------------------


@few
@given(seeds, splits, ill)
def test_a_patient_has_several_slices_and_one_finding(index, split, kind):
    ours = next(phantoms.patients(split, 1, start=index, finding=kind))
    assert ours.kind == kind and 3 <= len(ours.slices) <= 5
    assert [s.z for s in ours.slices] == sorted(s.z for s in ours.slices)
    assert {s.patient for s in ours.slices} == {ours.id} and len({s.pixel_seed for s in ours.slices}) > 1
    assert {"cerebellum", "basal ganglia"} < {s.level for s in ours.slices}
    shown = [s.finding for s in ours.slices if s.finding]
    assert shown and len({(f.kind, f.side, f.region, f.density) for f in shown}) == 1
    assert all(s.shift == 0 for s in ours.slices if not s.finding)


@few
@given(seeds, ill)
def test_ids_do_not_depend_on_numpy(index, kind):
    """A numpy number is written in other words by each version, and the id is a hash of what is written."""
    ours = next(phantoms.patients("train", 1, start=index, finding=kind))
    fields = [*vars(ours.finding).values(), *vars(ours.head).values(), *ours.zs]
    assert {type(value) for value in fields} <= {str, float, int, tuple}
    assert len(ours.id) == 10 and int(ours.id, 16) >= 0


def test_findings_reach_some_slices_only():
    reached = [[bool(s.finding) for s in p.slices] for p in phantoms.patients("train", 250) if p.finding]
    assert np.mean([sum(r) > 1 for r in reached]) > 0.25
    assert np.mean([not all(r) for r in reached]) > 0.9


def test_all_findings_come_in_turn_and_an_index_is_what_it_was():
    found = list(phantoms.slices("train", 10))
    assert [s.kind for s in found] == list(phantoms.FINDINGS) * 2
    assert next(phantoms.slices("train", 1, start=7)) == found[7]
    assert [p.kind for p in phantoms.patients("heldout", 5)] == list(phantoms.FINDINGS)
    assert len({s.patient for s in phantoms.slices("train", 200)}) == 200


def test_slices_without_a_finding_are_of_the_healthy_and_of_the_ill(monkeypatch):
    """Otherwise a model could learn to tell patients apart, not slices."""
    drawn = []

    def watched(*args):
        drawn.append(phantoms.sample_patient(*args))
        return drawn[-1]

    monkeypatch.setattr(patient, "sample_patient", watched)
    for split in phantoms.SPLITS:
        drawn.clear()
        found = list(phantoms.slices(split, 60, finding="none"))
        kinds = Counter(p.kind for p in drawn if any(s.patient == p.id for s in found))
        assert all(s.finding is None for s in found) and len({s.patient for s in found}) == 60
        assert kinds["none"] == 0 if split == "novel" else 15 < kinds["none"] < 45


def test_splits_share_no_patient():
    ids = {split: {p.id for p in phantoms.patients(split, 250)} for split in phantoms.SPLITS}
    ids["train"] |= {p.id for p in phantoms.patients("train", 100, seed=1)}
    ids["train"] |= {s.patient for s in phantoms.slices("train", 250)}
    ids["heldout"] |= {s.patient for s in phantoms.slices("heldout", 250)}
    assert not ids["train"] & ids["heldout"] and not ids["novel"] & (ids["train"] | ids["heldout"])
    assert len(ids["train"]) > 340  # other seeds, other patients


@few
@given(seeds, ill)
def test_reserved_patients_and_novel_combinations_are_never_trained_on(index, kind):
    patients = {split: next(phantoms.patients(split, 1, start=index, finding=kind)) for split in phantoms.SPLITS}
    assert not phantoms.is_reserved(patients["train"]) and phantoms.is_reserved(patients["heldout"])
    for split, ours in patients.items():
        novel = (ours.kind, ours.finding.region) in phantoms.NOVEL_COMBINATIONS
        assert novel == (split == "novel")
        assert ours.finding.region in phantoms.regions(split, kind)


def test_every_finding_and_region_is_trained_on_and_one_of_each_is_novel():
    for kind in phantoms.FINDINGS[1:]:
        assert len(phantoms.regions("train", kind)) >= 3 and len(phantoms.regions("novel", kind)) == 1
    trained = Counter(r for kind in phantoms.FINDINGS[1:] for r in phantoms.regions("train", kind))
    assert set(trained) == set(phantoms.REGIONS) and min(trained.values()) >= 2
    seen = Counter((s.finding.side, s.finding.region) for s in phantoms.slices("train", 400) if s.finding)
    assert len(seen) == 2 * len(phantoms.REGIONS)


def test_wrong_names_are_answered_by_the_right_ones():
    with pytest.raises(UnknownName, match="train, heldout, novel"):
        next(phantoms.slices("test", 1))
    with pytest.raises(UnknownName, match="train, heldout, novel"):
        phantoms.sample_patient(random.Random(0), "test")
    with pytest.raises(UnknownName, match="haemorrhage"):
        next(phantoms.slices("train", 1, finding="hemorrhage"))
    with pytest.raises(UnknownName, match="infarct"):
        next(phantoms.patients("train", 1, finding="stroke"))
    with pytest.raises(UnknownName, match="left, right"):
        phantoms.sample_slice(random.Random(0), "train", phantoms.MASS, side="both")
    with pytest.raises(UnknownName, match="parietal"):
        phantoms.sample_slice(random.Random(0), "train", phantoms.SUBDURAL, region="cerebellum")
    with pytest.raises(UnknownName, match="yes/no"):
        phantoms.sample_question(random.Random(0), "train", "colour")
    with pytest.raises(CourseError, match="novel"):
        next(phantoms.patients("novel", 1, finding="none"))


# --- words ------------------------------------------------------------------------------------------------------------

REGION = r"(left|right) (?:(frontal|parietal|temporal|occipital) lobe|(basal ganglia)|(cerebell)ar hemisphere)"


def place(text: str) -> set[tuple[str, str]]:
    """Every side and region that a text names."""
    found = {(side, *filter(None, names)) for side, *names in re.findall(REGION, text)}
    return {(side, "cerebellum" if name == "cerebell" else name) for side, name in found}


@few
@given(seeds, splits, kinds)
def test_a_report_says_what_is_there(index, split, kind):
    found = one(index, kind, split)
    said = phantoms.report(found)
    assert "CT" in said and found.level in said
    shift = re.search(r"shifted by (\d+) mm to the (left|right)", said)
    assert bool(shift) == (abs(found.shift) >= 2) == ("not shifted" not in said)
    if shift:
        assert int(shift[1]) == round(abs(found.shift)) and shift[2] != found.finding.side
    if kind == "none":
        assert "scan is normal" in said and not place(said) and "%" not in said
        return
    finding = found.finding
    assert place(said) == {(finding.side, finding.region)} and "normal." not in said.replace("normal finding.", "")
    assert [float(v) for v in re.findall(r"([\d.]+)% of the area", said)] == [round(100 * phantoms.share(found), 1)]
    assert re.search(r"suggests .*\.", said)[0].count(kind) == 1 and finding.density in said
    assert all(other not in said.split("suggests")[1] for other in phantoms.FINDINGS[1:] if other != kind)
    across, down = re.search(r"located (left of|right of|near) the centre and in the (\w+) part", said).groups()
    x1, y1, x2, y2 = phantoms.box(found)
    assert (across == "left of") == (x1 + x2 < 0.84) and (across == "right of") == (x1 + x2 > 1.16)
    assert (down == "upper") == (y1 + y2 < 0.8) and (down == "lower") == (y1 + y2 > 1.2)


@few
@given(seeds, splits, kinds)
def test_summary_and_reasoning_agree_with_the_truth(index, split, kind):
    found = one(index, kind, split)
    entries = dict(part.split(": ") for part in re.split(r"\. |\.$", phantoms.summary(found)) if part)
    thought = phantoms.reasoning(found)
    assert entries["Finding"] == kind and entries["Modality"] == "CT"
    assert found.level in thought and thought.split("So the finding is ")[1].count(kind) == 1
    if kind == "none":
        assert len(entries) == 2 and not place(thought)
        return
    finding = found.finding
    assert place(thought) == {(finding.side, finding.region)}
    assert (entries["Side"], entries["Density"]) == (finding.side, finding.density)
    assert entries["Region"].removesuffix(" lobe") == finding.region
    assert entries["Area"] == f"{100 * phantoms.share(found):.1f}% of the image"
    picture, side = re.search(r"On the (\w+) side of the image, so the (\w+) side", thought).groups()
    assert side == finding.side != picture
    assert ("dark" in thought) == (finding.density != "hyperdense" or kind == phantoms.MASS)
    assert ("bright," in thought) == (finding.density == "hyperdense" and kind != phantoms.MASS)


@lru_cache
def said() -> list[str]:
    texts = [*phantoms.REPORT, phantoms.SUMMARY]
    for split in phantoms.SPLITS:
        for found in phantoms.slices(split, 60):
            texts += [phantoms.report(found), phantoms.summary(found), phantoms.reasoning(found)]
            texts += [text for q in phantoms.questions(found, random.Random(0)) for text in (q.prompt, q.answer)]
    return texts


def test_every_word_is_one_that_the_tokenizer_has_read():
    corpus = " ".join(p.read_text(encoding="utf-8") for p in (root() / "data" / "tokenizer" / "corpus").glob("*.txt"))
    known = set(re.findall(r"[a-z]+", corpus.lower()))
    assert not {word for text in said() for word in re.findall(r"[a-z]+", text.lower())} - known


def test_all_texts_go_through_the_tokenizer_and_back():
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(root() / "data" / "tokenizer" / "qwen")
    for text in sorted(set(said())):
        ids = tokenizer(text).input_ids
        assert tokenizer.decode(ids) == text and len(ids) <= 180, text


# --- questions --------------------------------------------------------------------------------------------------------


@few
@given(seeds, splits, st.sampled_from(tuple(phantoms.ANSWERS)))
def test_answers_are_true(index, split, type):
    found, question = phantoms.sample_question(phantoms.patient_rng(split, 3, index), split, type)
    asked = [question, *phantoms.questions(found, random.Random(index))]
    assert {q.type for q in asked[1:]} == set(phantoms.ANSWERS) - (set() if found.finding else {"side", "region"})
    for q in asked:
        assert q.answer in phantoms.ANSWERS[q.type] and q.prompt.startswith(q.text)
        assert all(answer in q.prompt for answer in phantoms.ANSWERS[q.type])
        if q.type == "finding":
            assert q.answer == found.kind
        elif q.type == "yes/no":
            named = re.fullmatch(r"Is there an? (.*)\?|Is the scan normal\?", q.text)[1] or "none"
            assert q.answer == ("yes" if named == found.kind else "no")
            assert (named, found.kind) != (phantoms.HAEMORRHAGE, phantoms.SUBDURAL)
        else:
            assert q.answer == getattr(found.finding, q.type)


def test_types_come_in_equal_shares_and_answers_nearly():
    asked = [q for _, q in phantoms.slice_questions("heldout", 1200)]
    assert set(Counter(q.type for q in asked).values()) == {300}
    for type, answers in phantoms.ANSWERS.items():
        given = Counter(q.answer for q in asked if q.type == type)
        assert set(given) == set(answers)
        assert max(given.values()) < 300 / len(answers) + 5 * (300 / len(answers)) ** 0.5


def test_guessing_from_the_text_alone_is_near_chance():
    """A classifier that reads only the question gets at most ten points more than guessing, in every type."""
    train, test = ([q for _, q in phantoms.slice_questions("train", n, seed=s)] for n, s in ((2000, 11), (1600, 12)))
    for type, chance in phantoms.CHANCE.items():
        known, asked = ([q for q in part if q.type == type] for part in (train, test))
        blind = make_pipeline(CountVectorizer(), MultinomialNB())
        blind.fit([q.text for q in known], [q.answer for q in known])
        score = blind.score([q.text for q in asked], [q.answer for q in asked])
        assert score <= chance + 0.10, f"{type}: the text alone gives {score:.2f}, guessing {chance:.2f}"


def test_a_linear_probe_on_pixels_stays_weak():
    """Ridge regression on 32 × 32 pixels, with the best of several penalties chosen for it, is far from the truth."""
    pixels, labels = [], []
    for split, n in (("train", 600), ("heldout", 300)):
        found = list(phantoms.slices(split, n, seed=21))
        pixels.append(np.stack([grey(s).reshape(32, 4, 32, 4).mean((1, 3)).ravel() / 255 for s in found]))
        labels.append(np.array([phantoms.FINDINGS.index(s.kind) for s in found]))
    (x, x_test), (y, y_test) = pixels, labels
    x, x_test, classes = x - x.mean(0), x_test - x.mean(0), len(phantoms.FINDINGS)
    scores = []
    for penalty in (1, 10, 100, 1000):
        weights = np.linalg.solve(x @ x.T + penalty * np.eye(len(x)), np.eye(classes)[y] - 1 / classes)
        guess = (x_test @ (x.T @ weights)).argmax(1)
        scores.append(np.mean([(guess[y_test == k] == k).mean() for k in range(classes)]))
    assert max(scores) < 0.5, f"macro accuracy {max(scores):.2f}, chance {1 / classes:.2f}"
