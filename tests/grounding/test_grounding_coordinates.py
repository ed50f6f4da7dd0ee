"""Sizes and coordinates: what the processors really make of a picture, and round trips to within half a unit."""

import numpy as np
import pytest
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tiny_checkpoints import load_tokenizer

from helpers.errors import BadImage, CourseError
from helpers.grounding import (
    CONVENTIONS,
    Box,
    Point,
    convention,
    iou,
    resized_size,
    to_image,
    to_image_box,
    to_image_point,
    to_model,
)
from helpers.profiles import ModelSpec

SIDES = st.integers(1, 2000)
SIZES = st.tuples(SIDES, SIDES)


@pytest.fixture(scope="module")
def processors():
    """The real processors of both families, with the pixel budget of the nano models."""
    from transformers.models.qwen2_vl.image_processing_qwen2_vl import Qwen2VLImageProcessor

    budget = dict(min_pixels=112 * 112, max_pixels=448 * 448)
    old = transformers.Qwen2_5_VLProcessor(
        Qwen2VLImageProcessor(patch_size=14, **budget), load_tokenizer(), transformers.Qwen2VLVideoProcessor()
    )
    new = transformers.Qwen3VLProcessor(
        Qwen2VLImageProcessor(patch_size=16, **budget), load_tokenizer(), transformers.Qwen3VLVideoProcessor()
    )
    return {"qwen2_5_vl": old, "qwen3_vl": new}


@pytest.mark.parametrize("family", ["qwen2_5_vl", "qwen3_vl"])
@pytest.mark.parametrize("size", [(1, 1), (96, 96), (112, 112), (100, 60), (640, 480), (480, 640), (3, 599), (900, 5)])
def test_the_size_is_the_one_that_the_processor_makes(processors, family, size):
    processor = processors[family]
    picture = Image.fromarray(np.zeros((size[1], size[0], 3), "uint8"))
    made = processor.image_processor(images=[picture], return_tensors="pt", input_data_format="channels_last")
    _, rows, columns = made["image_grid_thw"][0].tolist()
    patch = processor.image_processor.patch_size
    assert resized_size(*size, processor) == (columns * patch, rows * patch)


def test_a_scene_is_seen_by_qwen2_5_vl_as_it_is_drawn(processors):
    assert resized_size(112, 112, processors["qwen2_5_vl"]) == (112, 112)
    assert resized_size(96, 96, processors["qwen2_5_vl"]) == (112, 112)
    assert resized_size(112, 112, processors["qwen3_vl"]) == (128, 128)


@pytest.mark.parametrize("size", [(1, 10_000), (10_000, 1), (0, 5), (5, 0)])
def test_a_picture_that_no_processor_takes_is_told(processors, size):
    with pytest.raises(BadImage, match=f"{size[0]} × {size[1]} pixels"):
        resized_size(*size, processors["qwen3_vl"])


def test_the_convention_of_a_family_is_known_by_its_class():
    spec = ModelSpec("qwen3_vl", "nano", "Qwen3VLForConditionalGeneration", "qwen3_vl")
    assert convention(spec) == convention(transformers.Qwen3VLForConditionalGeneration) == "relative"
    assert convention("Qwen2_5_VLForConditionalGeneration") == "absolute"
    with pytest.raises(CourseError, match="BlipForConditionalGeneration"):
        convention(transformers.BlipForConditionalGeneration)


@settings(deadline=None)
@given(SIZES, SIZES, st.sampled_from(CONVENTIONS), st.data())
def test_a_round_trip_moves_a_coordinate_by_at_most_half_a_unit_of_the_models_grid(size, resized, kind, data):
    xy = data.draw(st.tuples(st.floats(0, size[0]), st.floats(0, size[1])))
    written = to_model(xy, size, resized, kind)
    assert all(type(value) is int for value in written)
    back = to_image(written, size, resized, kind)
    for moved_from, moved_to, side, seen in zip(xy, back, size, resized):
        unit = side / (seen if kind == "absolute" else 1000)  # one unit of the model's grid, in pixels of the picture
        assert abs(moved_from - moved_to) <= unit / 2 + 1e-9


@settings(deadline=None)
@given(SIZES, SIZES, st.sampled_from(CONVENTIONS), st.data())
def test_whole_pixels_come_back_within_half_a_unit_of_the_coarser_grid(size, resized, kind, data):
    """Rounded to pixels again: exact where the model's grid is the finer one, else within half of a unit of it."""
    xy = data.draw(st.tuples(st.integers(0, size[0]), st.integers(0, size[1])))
    back = to_image(to_model(xy, size, resized, kind), size, resized, kind)
    for moved_from, moved_to, side, seen in zip(xy, back, size, resized):
        unit = side / (seen if kind == "absolute" else 1000)
        if unit < 1:
            assert round(moved_to) == moved_from
        else:
            assert abs(moved_to - moved_from) <= unit / 2 + 1e-9


@settings(deadline=None)
@given(SIZES, SIZES, st.sampled_from(CONVENTIONS), st.lists(st.integers(-5000, 5000), min_size=4, max_size=4))
def test_what_a_model_wrote_comes_back_exactly(size, resized, kind, written):
    assert list(to_model(to_image(written, size, resized, kind), size, resized, kind)) == written


def test_the_numbers_of_both_families():
    assert to_model((320, 120), (640, 480), (644, 476), "absolute") == (322, 119)
    assert to_model((320, 120), (640, 480), (644, 476), "relative") == (500, 250)
    assert to_model((0.5, 0.25, 1, 1), (1, 1), (112, 140), "absolute") == (56, 35, 112, 140)
    box = to_image_box(Box("star", 0, 0, 500, 1000), (96, 48), (128, 64), "relative")
    assert box == Box("star", 0, 0, 48, 48)
    assert to_image_point(Point("star", 64, 64), (96, 48), (128, 64), "absolute") == Point("star", 48, 48)


def test_forgetting_the_resize_moves_boxes():
    true = Box("", 500, 300, 600, 400)
    written = to_model(true.xyxy, (640, 480), (448, 336), "absolute")
    assert iou(Box("", *written), true) == 0
    assert iou(to_image_box(Box("", *written), (640, 480), (448, 336), "absolute"), true) > 0.95


def test_a_wrong_convention_and_half_a_pair_are_errors():
    with pytest.raises(CourseError, match="'percent'"):
        to_model((1, 2), (1, 1), (1, 1), "percent")
    with pytest.raises(ValueError, match="3"):
        to_image((1, 2, 3), (1, 1), (1, 1), "absolute")
