"""What notebook 03_vision/01_how_it_sees writes out, against transformers' own functions and processors.

The functions are taken from the notebook itself, so what is tested is what a reader runs. No checkpoint is needed.
"""

from __future__ import annotations

import ast
import html
import math
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tiny_checkpoints import load_qwen_vl_processor

from helpers.profiles import root
from helpers.worlds import scenes

NOTEBOOK = root() / "notebooks" / "03_vision" / "01_how_it_sees.ipynb"
FUNCTIONS = {
    "place_of", "rebuild", "smart_resize", "visual_tokens", "windows", "kind_of", "framed", "mrope", "positions_of",
    "size_asked",
}  # fmt: skip
NAMES = {"COLOURS", "LINES", "MARK"}
FAMILIES = ("qwen2_5_vl", "qwen3_vl")
sides = st.integers(1, 3000)


@pytest.fixture(scope="module")
def notebook() -> dict:
    """The notebook's own definitions (an exercise's from its solution cell), in one namespace."""
    namespace = {"math": math, "torch": torch, "Image": Image, "html": html}
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        if cell.cell_type == "code" and "exercise" not in cell.metadata.get("tags", []):
            exec(compile(ast.Module(_wanted(cell.source), type_ignores=[]), str(NOTEBOOK), "exec"), namespace)
    assert namespace.keys() >= FUNCTIONS | NAMES
    return namespace


def _wanted(source: str) -> list[ast.stmt]:
    def name(node):
        return getattr(node.targets[0], "id", "") if isinstance(node, ast.Assign) else getattr(node, "name", "")

    return [node for node in ast.parse(source).body if name(node) in FUNCTIONS | NAMES]


@pytest.fixture(scope="module", params=FAMILIES)
def processor(request):
    return load_qwen_vl_processor(request.param)


@pytest.fixture(scope="module")
def original():
    """transformers' own functions; loaded here, since that takes long and after helpers, which prepares torchvision."""
    from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize
    from transformers.vision_utils import get_vision_window_index

    return SimpleNamespace(smart_resize=smart_resize, window_index=get_vision_window_index)


def picture(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng(width * height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@given(sides, sides, st.sampled_from([28, 32]), st.integers(1, 64), st.integers(0, 2000))
def test_smart_resize_agrees_with_transformers(notebook, original, height, width, factor, low, more):
    arguments = (height, width, factor, low * factor**2, (low + more) * factor**2)
    try:
        expected = original.smart_resize(*arguments)
    except ValueError:
        with pytest.raises(ValueError):
            notebook["smart_resize"](*arguments)
    else:
        assert notebook["smart_resize"](*arguments) == expected


@pytest.mark.parametrize("size", [(56, 84), (128, 96), (224, 64), (31, 200), (1000, 30)])
def test_visual_tokens_are_what_the_processor_makes(notebook, processor, size):
    images = processor.image_processor
    factor = images.patch_size * images.merge_size
    limits = {"shortest_edge": 4 * factor**2, "longest_edge": 64 * factor**2}
    grid = images([picture(*size)], return_tensors="pt", size=limits).image_grid_thw
    assert notebook["visual_tokens"](*size, factor, 64 * factor**2) == grid.prod() // 4


def test_rebuild_gives_every_pixel_back(notebook, processor):
    """Also of the second of several pictures, and where height and width differ."""
    images = processor.image_processor
    factor = images.patch_size * images.merge_size
    pictures = [picture(3 * factor, factor), picture(2 * factor, 4 * factor)]
    seen = images(pictures, return_tensors="pt")
    for i, rows in enumerate(seen.pixel_values.split(seen.image_grid_thw.prod(dim=1).tolist())):
        assert notebook["rebuild"](rows, seen.image_grid_thw[i], images).tobytes() == pictures[i].tobytes()


def test_place_of_is_where_the_processor_puts_a_patch(notebook, processor):
    """A picture in which every patch has a grey of its own, read back from the rows."""
    images = processor.image_processor
    rows, columns, side = 4, 6, images.patch_size
    greys = np.arange(rows * columns, dtype=np.uint8).reshape(rows, columns) * 10
    drawn = Image.fromarray(np.repeat(np.repeat(greys, side, 0), side, 1)).convert("RGB")
    seen = images([drawn], return_tensors="pt", do_normalize=False, do_rescale=False).pixel_values
    for row in range(rows):
        for column in range(columns):
            assert seen[notebook["place_of"](row, column, columns)].unique().tolist() == [greys[row, column]]


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 5))
def test_windows_agree_with_transformers(notebook, original, rows, columns, per_side):
    order, ends = original.window_index(torch.tensor([[1, 2 * rows, 2 * columns]]), 2, 28 * per_side, 14)
    found = notebook["windows"](rows, columns, per_side)
    assert order.tolist() == sum(found, [])
    assert ends.diff().tolist() == [4 * len(window) for window in found]


@pytest.fixture(scope="module")
def models() -> list:
    """Both families without weights: positions come from the configuration alone."""
    import transformers

    sizes = dict(hidden_size=64, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
                 num_key_value_heads=1, vocab_size=64)  # fmt: skip
    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [4, 6, 6]}
    vision = dict(depth=1, hidden_size=64, intermediate_size=64, num_heads=2, out_hidden_size=64)
    text = sizes | {"rope_parameters": rope}
    with torch.device("meta"):
        return [
            transformers.Qwen2_5_VLForConditionalGeneration(
                transformers.Qwen2_5_VLConfig(text_config=text, vision_config=vision | {"fullatt_block_indexes": [0]})
            ),
            transformers.Qwen3VLForConditionalGeneration(
                transformers.Qwen3VLConfig(
                    text_config=text | {"head_dim": 32}, vision_config=vision | {"deepstack_visual_indexes": [0]}
                )
            ),
        ]


def positions_of_model(model, parts: list) -> list:
    types = sum(([0] * p if isinstance(p, int) else [1] * (p[0] * p[1]) for p in parts), [])
    grids = torch.tensor([[1, 2 * p[0], 2 * p[1]] for p in parts if not isinstance(p, int)])
    ids = torch.zeros(1, len(types), dtype=torch.long)
    return model.model.get_rope_index(ids, torch.tensor([types]), grids)[0][:, 0].tolist()


grids = st.tuples(st.integers(1, 6), st.integers(1, 6))
counts = st.integers(1, 5)


@given(counts, grids, counts)
def test_mrope_agrees_with_both_models(notebook, models, before, grid, after):
    for model in models:
        assert notebook["mrope"](before, *grid, after).tolist() == positions_of_model(model, [before, grid, after])


@given(counts, grids, counts, grids, counts)
def test_positions_of_several_pictures_agree_with_both_models(notebook, models, before, one, between, other, after):
    parts = [before, one, between, other, after]
    for model in models:
        assert notebook["positions_of"](parts) == positions_of_model(model, parts)


def test_every_token_of_a_prompt_has_a_kind(notebook):
    kinds = {notebook["kind_of"](token) for token in ("<|im_start|>", "<|vision_start|>", "<|image_pad|>", " star")}
    assert kinds == notebook["COLOURS"].keys() == notebook["LINES"].keys()


def test_tokens_are_escaped(notebook):
    assert "&lt;b&gt;" in notebook["framed"]("<b>", "words") and "<b>" not in notebook["framed"]("<b>", "words")


def test_size_asked_is_that_of_the_thing_with_the_colour(notebook):
    asked = [(s, q) for s, q in scenes.questions("heldout", 400, seed=3) if q.type == "shape"]
    assert len(asked) > 20
    for scene, question in asked:
        things = [t for t in scene.things if t.shape == question.answer and f"is {t.colour}?" in question.text]
        assert notebook["size_asked"](scene, question) in {t.size for t in things}
