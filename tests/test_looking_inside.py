"""What notebook 01_blip/04_looking_inside writes out, against hand-computed cases, scikit-learn and brute force.

The functions are taken from the notebook itself, so what is tested is what a reader runs. No checkpoint is needed.
"""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from page import define
from PIL import Image, ImageDraw
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestCentroid

from helpers import stats
from helpers.profiles import root
from helpers.worlds import scenes

NOTEBOOK = root() / "notebooks" / "01_blip" / "04_looking_inside.ipynb"
FUNCTIONS = {
    "pca", "nearest_mean", "overlay", "place", "grad_cam", "heat_maps", "rollout", "name_of", "pointing_items", "hit",
    "share_inside", "cover", "always_commonest",
}  # fmt: skip
SIDE, GRID = 96, 8


@pytest.fixture(scope="module")
def notebook() -> dict:
    """The notebook's own definitions (an exercise's from its solution cell), in one namespace."""
    namespace = {
        "np": np, "torch": torch, "random": random, "Image": Image, "ImageDraw": ImageDraw, "stats": stats,
        "scenes": scenes, "seed": 0, "side": SIDE, "grid": GRID,
    }  # fmt: skip
    return define(NOTEBOOK, FUNCTIONS, namespace)


def one_hot(index: int, n: int = GRID * GRID) -> np.ndarray:
    return np.eye(n)[index]


def test_pca_agrees_with_scikit_learn(notebook):
    features = np.random.default_rng(0).normal(size=(50, 12)) * np.arange(1, 13)
    points, shares = notebook["pca"](features, 3)
    reference = PCA(3).fit(features)
    expected = reference.transform(features)
    assert np.allclose(shares, reference.explained_variance_ratio_)
    assert np.allclose(np.abs(points), np.abs(expected))  # a direction's sign is arbitrary


def test_nearest_mean_agrees_with_scikit_learn(notebook):
    rng = np.random.default_rng(1)
    features, labels = rng.normal(size=(60, 4)), [*"abcabc"] * 10
    reference = NearestCentroid().fit(features, labels)
    queries = rng.normal(size=(40, 4))
    assert [notebook["nearest_mean"](features, labels, q) for q in queries] == reference.predict(queries).tolist()


def test_always_commonest_learns_on_the_first_half_only(notebook):
    assert notebook["always_commonest"](["a", "a", "b", "b", "b", "a"]) == pytest.approx(1 / 3)


def test_grad_cam_by_hand(notebook):
    attention = torch.tensor([[[0.5, 0.5], [0.9, 0.1]]])  # one item, two heads, two positions
    gradient = torch.tensor([[[2.0, -4.0], [-1.0, 10.0]]])
    # head 1: (1, 0), its negative gradient cut off; head 2: (0, 1); their mean
    assert torch.allclose(notebook["grad_cam"](attention, gradient), torch.tensor([[0.5, 0.5]]))


def test_heat_maps_take_the_asked_row_and_leave_out_cls(notebook):
    torch.manual_seed(0)
    maps = [torch.rand(2, 3, 5, 1 + 4, requires_grad=True) for _ in range(2)]  # 2 layers, 3 heads, 5 words, 4 patches
    weights = [torch.randn(2, 3, 5, 1 + 4) for _ in maps]  # of a linear score these are the gradients
    score = sum((a * w).sum(dim=(1, 2, 3)) for a, w in zip(maps, weights))
    raw, cam = notebook["heat_maps"](maps, score, torch.tensor([4, 1]))
    assert raw.shape == cam.shape == (2, 2, 4)
    for layer, (a, w) in enumerate(zip(maps, weights)):
        for item, row in enumerate((4, 1)):
            assert torch.allclose(raw[layer, item], a[item, :, row, 1:].mean(0))
            assert torch.allclose(cam[layer, item], (a * w.clamp(min=0))[item, :, row, 1:].mean(0))


def test_rollout_by_hand(notebook):
    """Two words, one patch, two layers, one head, all gradients one: count the ways from the patch to word 0."""
    attentions = [torch.tensor([[[[0.0, 1.0], [0.0, 0.0]]]], requires_grad=True) for _ in range(2)]
    cross = [
        torch.tensor([[[[0.7, 0.1], [0.7, 0.2]]]], requires_grad=True),
        torch.zeros(1, 1, 2, 2, requires_grad=True),
    ]
    score = sum(a.sum(dim=(1, 2, 3)) for a in [*attentions, *cross])
    # Word 0 read 0.1 of the patch itself in layer 1, and in layer 2 all of what word 1 had read: 0.2.
    assert torch.allclose(notebook["rollout"](attentions, cross, score), torch.tensor([[0.3]]))


def test_a_hit_is_on_the_box_give_or_take_half_a_patch(notebook):
    hit = notebook["hit"]
    box = (30.0, 30.0, 42.0, 42.0)  # patch (row 3, column 3) spans 36-48: centre at 42
    assert hit(one_hot(3 * GRID + 3), box, SIDE)
    assert hit(one_hot(2 * GRID + 2), box, SIDE)  # centre at 30, on the corner
    assert not hit(one_hot(4 * GRID + 3), box, SIDE)  # centre at y = 54, twelve pixels below
    assert hit(one_hot(3 * GRID + 1), (24.0, 36.0, 30.0, 48.0), SIDE)  # centre at x = 18, exactly half a patch away
    assert not hit(one_hot(3 * GRID + 1), (24.1, 36.0, 30.0, 48.0), SIDE)


def test_a_hit_does_not_confuse_rows_with_columns(notebook):
    low_left = (2.0, 74.0, 20.0, 92.0)
    assert notebook["hit"](one_hot(7 * GRID), low_left, SIDE) and not notebook["hit"](one_hot(7), low_left, SIDE)


def test_a_flat_map_points_nowhere(notebook):
    assert not notebook["hit"](np.zeros(GRID * GRID), (0.0, 0.0, 96.0, 96.0), SIDE)
    assert notebook["hit"](one_hot(0), (0.0, 0.0, 96.0, 96.0), SIDE)


def test_every_thing_of_the_world_can_be_hit(notebook):
    """With half a patch of tolerance even the smallest thing has a patch that counts, and most patches do not."""
    patches = np.eye(GRID * GRID)
    for scene in scenes.scenes("heldout", 60, seed=9):
        for _, box in scenes.boxes(scene, SIDE):
            share = np.mean([notebook["hit"](one, box, SIDE) for one in patches])
            assert 0 < share < 0.4


def test_pointing_items_name_exactly_one_thing(notebook):
    items = notebook["pointing_items"](40)
    assert len(items) == 40 and len({i for _, i in items}) > 1
    for scene, i in items:
        shapes = [thing.shape for thing in scene.things]
        assert len(shapes) > 1 and shapes.count(shapes[i]) == 1
        thing = scene.things[i]
        assert notebook["name_of"](scene, thing) in {f"{a} {thing.colour} {thing.shape}" for a in ("a", "an")}
        assert scenes.captions(scene)[0].split().count(thing.shape) == 1  # the word stands in the caption, once


def test_share_inside_by_brute_force(notebook):
    heat = np.random.default_rng(2).random(GRID * GRID)
    box = (20.0, 8.0, 60.0, 44.0)
    centres = [(12 * c + 6, 12 * r + 6) for r in range(GRID) for c in range(GRID)]
    inside = [20 <= x <= 60 and 8 <= y <= 44 for x, y in centres]
    assert notebook["share_inside"](heat, box, SIDE) == pytest.approx(heat[inside].sum() / heat.sum())


def test_cover_paints_the_chosen_patches_and_nothing_else(notebook):
    pixels = torch.rand(2, 3, SIDE, SIDE)
    covered = notebook["cover"](pixels, torch.tensor([[0, 9], [63, 62]]))
    changed = (covered != pixels).any(dim=1)  # (2, side, side)
    expected = torch.zeros_like(changed)
    expected[0, :12, :12] = expected[0, 12:24, 12:24] = True
    expected[1, 84:, 72:] = True
    assert (changed & ~expected).sum() == 0 and changed.sum() > 0.99 * expected.sum()
    assert torch.allclose(covered[0, :, 0, 0], pixels[0].flatten(1).median(dim=-1).values)


def test_overlay_frames_the_hottest_patch(notebook):
    picture = Image.new("RGB", (SIDE, SIDE), "red")
    shown = notebook["overlay"](picture, one_hot(2 * GRID + 5), zoom=2)
    assert shown.size == (2 * SIDE, 2 * SIDE)
    assert shown.getpixel((5 * 24, 2 * 24)) == (255, 255, 255)  # a corner of the frame
    assert shown.getpixel((5, 5)) == (96, 90, 110)  # fog elsewhere
    assert notebook["place"](one_hot(2 * GRID + 5)) == "top centre"
    assert notebook["place"](one_hot(7 * GRID)) == "bottom left"


@pytest.fixture(scope="module")
def tiny_matcher():
    """A matcher with random weights: what follows from the architecture must hold for any weights."""
    from transformers import BlipConfig, BlipForImageTextRetrieval  # after helpers, which prepares torchvision

    torch.manual_seed(0)
    small = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2, "initializer_range": 0.2}
    text = small | {"vocab_size": 50, "encoder_hidden_size": 32, "num_hidden_layers": 3, "max_position_embeddings": 16}
    vision = small | {"num_hidden_layers": 2, "image_size": 32, "patch_size": 8}
    return BlipForImageTextRetrieval(
        BlipConfig(text_config=text, vision_config=vision, image_text_hidden_size=16)
    ).eval()


def test_a_word_has_no_grad_cam_in_the_last_layer(notebook, tiny_matcher):
    image = tiny_matcher.vision_model(torch.rand(2, 3, 32, 32)).last_hidden_state
    ids = torch.tensor([[1, 7, 8, 2], [1, 9, 10, 2]])
    out = tiny_matcher.text_encoder(ids, encoder_hidden_states=image.detach(), output_attentions=True)
    score = tiny_matcher.itm_head(out.last_hidden_state[:, 0])[:, 1]
    raw, of_word = notebook["heat_maps"](out.cross_attentions, score, torch.tensor([2, 2]))
    _, of_cls = notebook["heat_maps"](out.cross_attentions, score, torch.tensor([0, 0]))
    assert (of_word[-1] == 0).all() and (raw[-1] > 0).all()
    assert all(layer.abs().sum() > 0 for layer in [*of_word[:-1], *of_cls])


def test_pooler_output_is_cls_normalised_twice(tiny_matcher):
    out = tiny_matcher.vision_model(torch.rand(2, 3, 32, 32))
    assert torch.allclose(out.pooler_output, tiny_matcher.vision_model.post_layernorm(out.last_hidden_state[:, 0]))


def test_blip_model_would_not_find_the_text_weights_of_a_matcher(tiny_matcher):
    from transformers import BlipModel

    names = {key.split(".")[0] for key in BlipModel(tiny_matcher.config).state_dict()}
    assert {"text_model", "visual_projection", "text_projection"} <= names
    assert not {"text_encoder", "vision_proj", "text_proj"} & names
