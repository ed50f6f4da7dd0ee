"""What notebook 05_images_and_video writes out, against transformers, the worlds and helpers."""

import ast
import math
import random

import nbformat
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import helpers  # noqa: F401 - before transformers: makes torchvision importable
from helpers import grounding
from helpers.profiles import root
from helpers.worlds import clips, pairs

NOTEBOOK = root() / "notebooks" / "03_vision" / "05_images_and_video.ipynb"
DEFINED = {"swapped", "temporal_patches", "time_axis", "written_time", "written_times", "temporal_iou", "shuffled",
           "seen_span", "caught", "video_tokens", "sampled"}  # fmt: skip


@pytest.fixture(scope="module")
def notebook():
    """The functions as the notebook defines them; a solution comes after its stub and replaces it."""
    sources = [cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]
    nodes = [node for source in sources for node in ast.parse(source).body]
    wanted = [node for node in nodes if isinstance(node, ast.FunctionDef) and node.name in DEFINED]
    namespace = {"math": math, "np": np, "clips": clips, "pairs": pairs}
    exec(compile(ast.Module(wanted, type_ignores=[]), str(NOTEBOOK), "exec"), namespace)
    assert namespace.keys() >= DEFINED
    return namespace


@pytest.fixture(scope="module")
def video_processors():
    from transformers import Qwen2VLVideoProcessor, Qwen3VLVideoProcessor

    size = {"shortest_edge": 4 * 28 * 28, "longest_edge": 10**8}
    return (
        Qwen2VLVideoProcessor(size=size, cap_pixels_per_frame=False),
        Qwen3VLVideoProcessor(size=size, patch_size=16, cap_pixels_per_frame=False),
    )


def named(sentence: str) -> str:
    """The colour and shape that a sentence begins with."""
    return " ".join(sentence.split()[1:3])


@pytest.mark.parametrize("change", pairs.CHANGES)
def test_swapped_is_what_the_world_says_of_the_exchanged_pair(notebook, change):
    """Each true sentence is checked against the things of both scenes, not against the function's own rules."""
    for pair in pairs.pairs("heldout", 25, seed=3, change=change):
        sentence = notebook["swapped"](pair)
        before, after = pair.second, pair.first  # exchanged
        gone = {t for t in before.things if t not in after.things}
        come = {t for t in after.things if t not in before.things}
        if change == "background":
            assert sentence == f"the background became {after.background}"
        elif change == "sign":
            assert sentence == f"the sign changed from {before.sign.text} to {after.sign.text}"
        elif change in ("appears", "disappears"):
            (thing,) = gone | come
            assert named(sentence) == f"{thing.colour} {thing.shape}"
            assert sentence.endswith("appeared" if come else "disappeared") and sentence.startswith("the") != bool(come)
        else:
            (was,), (became,) = gone, come
            assert named(sentence) == f"{was.colour} {was.shape}"
            assert sentence.split()[-1] == getattr(became, change)


@pytest.mark.parametrize("change", pairs.CHANGES)
def test_swapping_twice_changes_nothing(notebook, change):
    other = {"appears": "disappears", "disappears": "appears"}
    for pair in pairs.pairs("heldout", 10, seed=4, change=change):
        back = pairs.Pair(pair.second, pair.first, other.get(change, change), notebook["swapped"](pair))
        assert notebook["swapped"](back) == pair.sentence


@pytest.mark.parametrize("n", [1, 2, 7, 8])
def test_temporal_patches_are_those_of_the_processor(notebook, video_processors, n):
    frames = np.random.default_rng(n).integers(0, 256, (n, 28, 28, 3), dtype=np.uint8)
    cut = video_processors[0](
        videos=[frames], do_sample_frames=False, do_resize=False, do_normalize=False, do_rescale=False,
        return_tensors="pt",
    )  # fmt: skip
    two = notebook["temporal_patches"](frames)
    assert len(two) == cut.video_grid_thw[0, 0] == math.ceil(n / 2)
    # 28 × 28 pixels are 2 × 2 patches: (steps, row, column, channel, frame, y, x)
    theirs = cut.pixel_values_videos.reshape(len(two), 2, 2, 3, 2, 14, 14).numpy()
    ours = two.reshape(len(two), 2, 2, 14, 2, 14, 3).transpose(0, 2, 4, 6, 1, 3, 5)
    assert np.array_equal(theirs, ours)


@pytest.mark.parametrize("fps", [0.5, 1.0, 2.0, 3.0, 4.0, 8.0])
def test_time_axis_is_that_of_the_model(notebook, fps):
    from transformers import Qwen2_5_VLModel

    class Model:
        get_rope_index = Qwen2_5_VLModel.get_rope_index
        get_vision_position_ids = Qwen2_5_VLModel.get_vision_position_ids

        class config:
            class vision_config:
                spatial_merge_size, tokens_per_second = 2, 2

    kinds = torch.tensor([[0] * 3 + [2] * 6 + [0] * 2])
    grid, seconds = torch.tensor([[6, 2, 2]]), [2 / fps]
    found, _ = Model().get_rope_index(torch.zeros_like(kinds), kinds, video_grid_thw=grid, second_per_grid_ts=seconds)
    assert (found[0, 0, 3:9] - 3).tolist() == notebook["time_axis"](6, 2 / fps)


@given(
    st.integers(1, 12).flatmap(lambda n: st.lists(st.integers(0, 500), min_size=n, max_size=n).map(sorted)),
    st.sampled_from([1.0, 2.0, 12.5, 24.0, 30.0]),
)
def test_written_times_are_those_of_the_processor(notebook, indices, fps):
    from transformers import Qwen3VLProcessor

    theirs = Qwen3VLProcessor._calculate_timestamps(None, list(indices), fps)
    assert notebook["written_times"](indices, fps) == [f"<{time:.1f} seconds>" for time in theirs]


spans = st.tuples(st.integers(0, 40), st.integers(0, 40)).map(sorted).map(lambda s: (s[0] / 2, s[1] / 2))


@given(spans, spans)
def test_temporal_iou_is_that_of_helpers(notebook, a, b):
    assert notebook["temporal_iou"](a, b) == pytest.approx(grounding.temporal_iou(a, b))


def test_temporal_iou_worked_by_hand(notebook):
    assert notebook["temporal_iou"]((3, 4), (0, 8)) == 1 / 8
    assert notebook["temporal_iou"]((1, 3), (2, 4)) == pytest.approx(1 / 3)
    assert notebook["temporal_iou"]((0, 1), (2, 3)) == 0


@given(st.integers(4, 16), st.sampled_from([1, 2]), st.integers(0, 999))
def test_shuffled_moves_blocks_and_keeps_all_frames(notebook, n, block, seed):
    frames = np.arange(n)[:, None, None, None] * np.ones((1, 2, 2, 3), int)
    order = notebook["shuffled"](frames, block, random.Random(seed))[:, 0, 0, 0].tolist()
    assert sorted(order) == list(range(n)) and order != list(range(n))
    starts = [order[i] for i in range(0, n - n % block, block)]
    assert all(order[i * block : (i + 1) * block] == list(range(s, s + block)) for i, s in enumerate(starts))


@given(st.integers(0, 40), st.integers(1, 12), st.sampled_from([0.25, 0.5, 1.0, 2.0]))
def test_seen_span_is_the_narrowest_that_holds_the_event(notebook, first, length, fps):
    start, end = first / clips.FPS, (first + length) / clips.FPS
    times = [i / fps for i in range(200)]
    expected = max(t for t in times if t <= start), min(t for t in times if t >= end)
    assert notebook["seen_span"](start, end, fps) == pytest.approx(expected)


def test_a_collision_that_is_not_caught_leaves_no_trace(notebook):
    """Where no sampled frame lies within a collision, the frames around it show the same picture."""
    checked = 0
    for clip in clips.clips("heldout", 150, seed=5):
        frames = clips.frames(clip, 48)
        for event in clip.events:
            if event.type == clips.COLLIDES and not notebook["caught"](event, 4):
                before, after = event.first - event.first % 4, event.last + -event.last % 4
                others = [e for e in clip.events if e is not event and e.last > before and e.first < after]
                if after < len(frames) and not others:
                    assert np.array_equal(frames[before], frames[after])
                    checked += 1
    assert checked


@pytest.mark.parametrize(("n", "height", "width"), [(4, 96, 96), (7, 224, 168), (16, 360, 640), (2, 56, 112)])
def test_video_tokens_are_those_of_the_processors(notebook, video_processors, n, height, width):
    for processor in video_processors:
        theirs = processor.get_num_of_video_patches(n, height, width, {}) // 4
        assert notebook["video_tokens"](n, height, width, 2 * processor.patch_size) == theirs
