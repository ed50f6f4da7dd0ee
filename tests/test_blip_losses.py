"""The losses and the label mask that chapter 1's fine-tuning notebook writes out, against the library and the recipe.

The functions are read out of the notebook itself, so what is tested is what a student reads.
"""

from __future__ import annotations

import ast
import json
import math
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.worlds import scenes
from recipes import blip

NOTEBOOK = Path(__file__).parent.parent / "notebooks" / "01_blip" / "05_finetuning.ipynb"
TEXTS = ["a large red circle", "two small blue rings on a grey background", "a white wall"]


def from_notebook(*names: str, **given: object) -> dict:
    """What the notebook's code cells define under these names, with ``given`` in place of its other variables."""
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    code = [ast.parse("".join(cell["source"])) for cell in cells if cell["cell_type"] == "code"]
    namespace: dict = {"torch": torch, "math": math, "IGNORED": -100} | given
    for statement in (statement for cell in code for statement in cell.body):
        if isinstance(statement, ast.FunctionDef) and statement.name in names:
            exec(compile(ast.Module([statement], []), str(NOTEBOOK), "exec"), namespace)
    missing = set(names) - namespace.keys()
    assert not missing, f"the notebook defines no {', '.join(sorted(missing))}"
    return namespace


LOSSES = from_notebook("cross_entropy", "lm_loss", "itm_loss", "itc_loss")

VOCABULARY_SIZE = 280


@pytest.fixture(scope="module")
def joint() -> blip.JointBlip:
    torch.manual_seed(0)
    return blip.JointBlip(blip.build_config(VOCABULARY_SIZE)).eval()


@pytest.fixture(scope="module")
def tokenizer():
    return blip.build_tokenizer()


def tokens(joint: blip.JointBlip, n: int, length: int = 9) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(n)
    ids = torch.randint(7, VOCABULARY_SIZE, (n, length), generator=generator)
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def picture_features(joint: blip.JointBlip, n: int) -> torch.Tensor:
    return torch.randn(n, 65, blip.WIDTH, generator=torch.Generator().manual_seed(100 + n))


@torch.no_grad()
def test_lm_loss_equals_the_text_decoders(joint):
    batch = tokens(joint, 4)
    labels = batch["input_ids"].clone()
    labels[:, :3] = -100
    labels[1, 6:] = -100
    output = joint.caption.text_decoder(**batch, labels=labels, encoder_hidden_states=picture_features(joint, 4))
    torch.testing.assert_close(LOSSES["lm_loss"](output.logits, labels), output.loss)


@torch.no_grad()
def test_itm_loss_equals_the_recipes(joint):
    batch, image, fits = tokens(joint, 6), picture_features(joint, 3), torch.tensor([0, 1, 1, 0, 1, 0])
    expected = joint._itm({"itm": batch, "itm_target": fits}, image)
    image = image.repeat_interleave(2, dim=0)  # two texts for each picture
    text = joint.itm.text_encoder(**batch, encoder_hidden_states=image).last_hidden_state
    torch.testing.assert_close(LOSSES["itm_loss"](joint.itm.itm_head(text[:, 0]), fits), expected)


@torch.no_grad()
def test_itc_loss_equals_the_recipes_and_the_librarys(joint):
    from transformers.models.blip.modeling_blip import image_text_contrastive_loss

    batch, image, temperature = tokens(joint, 5), picture_features(joint, 5), joint.log_temperature.exp()
    normalize = torch.nn.functional.normalize
    text_feat = normalize(joint.itm.text_proj(joint.itm.text_encoder(**batch).last_hidden_state[:, 0]), dim=-1)
    similarity = normalize(joint.itm.vision_proj(image[:, 0]), dim=-1) @ text_feat.t()
    by_hand = LOSSES["itc_loss"](similarity, temperature)
    torch.testing.assert_close(by_hand, joint._itc({"itc": batch}, image))
    torch.testing.assert_close(by_hand, image_text_contrastive_loss(similarity / temperature))


@given(n=st.integers(1, 6), choices=st.integers(2, 9), seed=st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_cross_entropy_equals_pytorchs(n, choices, seed):
    generator = torch.Generator().manual_seed(seed)
    logits = 10 * torch.randn(n, choices, generator=generator)
    target = torch.randint(0, choices, (n,), generator=generator)
    expected = torch.nn.functional.cross_entropy(logits, target)
    torch.testing.assert_close(LOSSES["cross_entropy"](logits, target), expected)


def test_knowing_nothing_costs_the_logarithm_of_the_number_of_choices():
    assert LOSSES["itc_loss"](torch.zeros(8, 8), 0.07).item() == pytest.approx(math.log(8))
    assert LOSSES["itm_loss"](torch.zeros(3, 2), torch.tensor([0, 1, 1])).item() == pytest.approx(math.log(2))


def test_ignored_positions_have_no_say_in_the_lm_loss():
    logits = torch.randn(2, 6, 11, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([[5, -100, -100, 4, 3, -100], [5, -100, 6, 7, 8, 3]])
    disturbed = logits.clone()
    disturbed[0, [0, 1, 4, 5]] += 50 * torch.arange(11.0)  # they predict the ignored 1, 2 and 5, and nothing
    loss = LOSSES["lm_loss"]
    assert loss(disturbed, labels).item() == pytest.approx(loss(logits, labels).item())
    disturbed[0, 2] += torch.arange(11.0)  # predicts token 3, which counts
    assert loss(disturbed, labels).item() != pytest.approx(loss(logits, labels).item())


def test_the_mask_equals_the_recipes(tokenizer):
    class Config:
        bos_token_id = blip.SPECIAL.index("[DEC]")

    labelled = from_notebook("labelled", tokenizer=tokenizer, config=Config, device="cpu")["labelled"]
    by_hand = labelled([scenes.PROMPT] * len(TEXTS), TEXTS)
    by_recipe = blip.for_decoder(tokenizer, [f"{scenes.PROMPT} {text}" for text in TEXTS], [True] * len(TEXTS))
    assert {name: tensor.tolist() for name, tensor in by_hand.items()} == {
        name: tensor.tolist() for name, tensor in by_recipe.items()
    }


def test_the_mask_trains_on_the_caption_and_its_end_and_on_nothing_else(tokenizer):
    class Config:
        bos_token_id = blip.SPECIAL.index("[DEC]")

    labelled = from_notebook("labelled", tokenizer=tokenizer, config=Config, device="cpu")["labelled"]
    labels = labelled(["catalogue:"] * len(TEXTS), TEXTS)["labels"]
    for row, text in zip(labels, TEXTS):
        assert row[row != -100].tolist() == tokenizer(text).input_ids[1:]  # without [CLS], with [SEP]
