"""Groups stay whole, classes are spread, and what is on both sides is found."""

from __future__ import annotations

import io
import shutil
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from helpers.errors import BadImage, CourseError
from helpers.finetune import data
from helpers.finetune.formats import Example
from helpers.finetune.splits import dhash, group_alike, leaks, near_duplicates, split_by_group


def example(group, label=None, image=None):
    said = [{"role": "user", "content": "<image>?" if image else "?"}, {"role": "assistant", "content": "x"}]
    return Example(said, [str(image)] if image else [], group=group, label=label)


@pytest.fixture(scope="module")
def patients(tmp_path_factory):
    return data.phantom_examples("train", 120, folder=tmp_path_factory.mktemp("phantoms"), balanced=False)


def test_groups_stay_whole_and_nothing_is_lost(patients):
    sides = split_by_group(patients, {"train": 0.7, "dev": 0.1, "test": 0.2})
    assert sorted(map(id, patients)) == sorted(id(e) for side in sides.values() for e in side)
    groups = [{e.group for e in side} for side in sides.values()]
    assert not (groups[0] & groups[1] or groups[0] & groups[2] or groups[1] & groups[2])
    assert all(side == sorted(side, key=patients.index) for side in sides.values())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.sampled_from("abc")), min_size=3, max_size=60), st.integers(0, 9))
def test_whatever_the_groups_are(drawn, seed):
    examples = [example(f"g{group}", label) for group, label in drawn]
    try:
        sides = split_by_group(examples, seed=seed)
    except CourseError:
        assert len({e.group for e in examples}) < 13  # only few groups can be too few
        return
    assert not {e.group for e in sides["train"]} & {e.group for e in sides["test"]}
    assert len(sides["train"]) + len(sides["test"]) == len(examples) and all(sides.values())
    assert sides == split_by_group(examples, seed=seed)


def test_shares_and_classes_are_kept():
    examples = [example(f"p{i}", "rare" if i % 10 == 0 else "common") for i in range(200) for _ in range(1 + i % 3)]
    sides = split_by_group(examples)
    assert len(sides["test"]) / len(examples) == pytest.approx(0.2, abs=0.02)
    for label in ("rare", "common"):
        n = sum(e.label == label for e in examples)
        assert sum(e.label == label for e in sides["test"]) / n == pytest.approx(0.2, abs=0.07)


def test_the_rarest_class_is_on_every_side():
    examples = [example(f"p{i}", "rare" if i < 2 else "common") for i in range(100)]
    assert {side for side, es in split_by_group(examples).items() if any(e.label == "rare" for e in es)} == {
        "train",
        "test",
    }


def test_the_seed_decides(patients):
    sides = [tuple(sorted({e.group for e in split_by_group(patients, seed=seed)["test"]})) for seed in (0, 0, 1)]
    assert sides[0] == sides[1] != sides[2]


def test_what_cannot_be_split_says_why():
    with pytest.raises(CourseError, match="1 of 2 examples have no group"):
        split_by_group([example("a"), example(None)])
    with pytest.raises(CourseError, match="1 groups cannot"):
        split_by_group([example("a"), example("a")])
    with pytest.raises(CourseError, match="add up to 1"):
        split_by_group([example("a"), example("b")], {"train": 0.8, "test": 0.3})


def jpeg(image):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=40)
    return Image.open(buffer)


COPIES = {
    "compressed": jpeg,
    "smaller": lambda image: image.resize((64, 64)),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.2),
    "more contrast": lambda image: ImageEnhance.Contrast(image).enhance(1.25),
    "noisier": lambda image: Image.fromarray(
        (np.asarray(image, int) + np.random.default_rng(0).normal(0, 6, (128, 128, 1))).clip(0, 255).astype(np.uint8)
    ),
}


@pytest.mark.parametrize("copy", COPIES)
def test_a_copy_is_found_and_other_patients_are_not(patients, copy):
    firsts = {e.group: e for e in patients}.values()
    pictures = [Image.open(e.images[0]).convert("RGB") for e in firsts]
    assert near_duplicates(pictures) == [], "different patients look alike"
    n = len(pictures)
    found = near_duplicates([*pictures, *(COPIES[copy](picture) for picture in pictures[:10])])
    assert sorted(map(sorted, found)) == [[i, n + i] for i in range(10)]


def test_alike_is_handed_on_and_thresholds_count():
    rng = np.random.default_rng(0)
    base = rng.integers(0, 255, (64, 64)).astype(np.uint8)
    other = rng.integers(0, 255, (64, 64)).astype(np.uint8)
    images = [Image.fromarray(a) for a in (base, other, base, base)]
    assert near_duplicates(images) == [{0, 2, 3}]
    assert near_duplicates(images, distance=64, correlation=-1) == [{0, 1, 2, 3}]
    assert near_duplicates([]) == [] and near_duplicates(images[:1]) == []


def test_where_no_patient_is_known_copies_share_a_group(patients, tmp_path):
    """Enough to split, with a copy and its original on one side; groups that are known stay."""
    firsts = list({e.group: e for e in patients}.values())
    copy = tmp_path / "copy.jpg"
    Image.open(firsts[3].images[0]).convert("L").save(copy, quality=50)
    unknown = [replace(e, group=None) for e in [*firsts, replace(firsts[3], images=[str(copy)])]]
    grouped = group_alike([*unknown, patients[0], example(None)])
    assert [e.images for e in grouped] == [e.images for e in (*unknown, patients[0], example(None))]
    assert grouped[3].group == grouped[len(firsts)].group and grouped[-2].group == patients[0].group
    assert len({e.group for e in grouped}) == len(firsts) + 2
    sides = split_by_group(grouped)
    assert not leaks(sides["train"], sides["test"]).alike


def test_pictures_of_one_grey(tmp_path):
    """Blank pictures are alike, and unlike anything else."""
    grey = [Image.new("L", (32, 32), value) for value in (10, 200)]
    textured = Image.fromarray(np.tile(np.arange(32, dtype=np.uint8) * 8, (32, 1)))
    assert near_duplicates([*grey, textured]) == [{0, 1}]


def test_the_hash_is_of_brightness_from_left_to_right():
    ramp = Image.fromarray(np.tile(np.arange(72, dtype=np.uint8), (64, 1)))
    assert dhash(ramp) == 2**64 - 1 and dhash(ramp.transpose(Image.Transpose.FLIP_LEFT_RIGHT)) == 0


def test_leaks_of_every_kind_are_found(patients, tmp_path):
    train, test = patients[:60], patients[60:]
    groups = {e.group for e in train} & {e.group for e in test}
    clean = [e for e in test if e.group not in groups]
    assert not leaks(train, clean) and "No leak" in str(leaks(train, clean))

    known = train[0]
    same_file = replace(known, group="someone else")
    copy = tmp_path / "copy.jpg"
    Image.open(train[5].images[0]).convert("L").resize((100, 100)).save(copy, quality=60)
    alike = replace(train[5], images=[str(copy)], group="another one")
    found = leaks(train, [*clean, same_file, alike, replace(clean[0], group=known.group)])
    assert found.groups == [known.group]
    assert found.identical == [(known.images[0], known.images[0])]
    assert found.alike == [(train[5].images[0], str(copy))]
    assert found.touched == 3 and found.n_test == len(clean) + 3
    assert [row["count"] for row in found.rows()] == [1, 1, 1]
    assert str(found).startswith(f"3 of {len(clean) + 3} test examples")


def test_the_same_bytes_under_another_name_are_identical_not_alike(patients, tmp_path):
    twin = tmp_path / "twin.png"
    shutil.copy(patients[0].images[0], twin)
    found = leaks(patients[:3], [replace(patients[0], images=[str(twin)], group="x")])
    assert found.identical == [(patients[0].images[0], str(twin))] and not found.alike


def test_leaks_without_pictures_and_without_groups():
    assert not leaks([example(None)], [example(None)])
    assert leaks([example("a")], [example("a")]).groups == ["a"]
    with pytest.raises(BadImage, match="gone.png"):
        leaks([example("a", image="gone.png")], [example("b", image="gone.png")])


def test_a_split_by_slice_leaks_and_one_by_patient_does_not(patients):
    order = np.random.default_rng(0).permutation(len(patients))
    by_slice = leaks([patients[i] for i in order[:90]], [patients[i] for i in order[90:]])
    sides = split_by_group(patients, {"train": 0.75, "test": 0.25})
    by_patient = leaks(sides["train"], sides["test"])
    assert len(by_slice.groups) >= 10 and not by_patient.groups
    assert Counter(e.group for e in patients).most_common(1)[0][1] >= 3
