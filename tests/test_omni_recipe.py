"""The recipe of ``qwen2_5_omni``: what it reads is what the real processor makes of it, and where it begins."""

from __future__ import annotations

import contextlib

import pytest
import torch
from PIL import Image

from helpers.profiles import spec
from recipes import omni, omni_data, qwen_vl


@pytest.fixture(scope="module")
def student():
    torch.manual_seed(0)
    return omni.Student().eval()


@pytest.fixture(scope="module")
def processor():
    return omni.build_processor()


@pytest.mark.parametrize("kind", ["scenes", "grey", "strokes", "tones", "both"])
def test_a_conversation_is_read_as_the_processor_reads_it(student, processor, kind):
    for example in omni_data.examples_of(kind, 3, 2):
        example.talks, sound = example.talks[:1], getattr(example, "sound", None)
        parts = [{"type": "image"}] * len(example.pictures) + [{"type": "audio"}] * (sound is not None)
        messages = []
        for turn in example.talks[0]:
            asked = {"type": "text", "text": turn.question}
            messages.append({"role": "user", "content": [asked] if messages else [*parts, asked]})
            messages.append({"role": "assistant", "content": [{"type": "text", "text": turn.answer}]})
        read = processor(
            text=[processor.apply_chat_template(messages).removesuffix("\n")],
            images=[Image.fromarray(p) for p in example.pictures] or None,
            audio=None if sound is None else [sound], return_tensors="pt",
        )  # fmt: skip
        ours = omni_data.encode(example)
        assert ours.ids == read["input_ids"][0].tolist()
        lengths = read["feature_attention_mask"].sum(-1) if sound is not None else None
        positions, _ = student.model.model.get_rope_index(
            read["input_ids"], read.get("image_grid_thw"), None, read["attention_mask"], False, lengths, None
        )
        assert positions[:, 0].T.tolist() == [list(p) for p in ours.positions]


@pytest.mark.parametrize("kind", ["strokes", "tones", "both"])
def test_the_loss_is_that_of_transformers(student, kind, monkeypatch):
    """One conversation, with nothing made fast."""
    monkeypatch.setattr(qwen_vl, "mixed_precision", contextlib.nullcontext)
    [example] = omni_data.examples_of(kind, 5, 1)
    example.talks = example.talks[:1]
    alone = omni_data.qwen_vl_data.collate([omni_data.encode(example)])
    seen = omni_data.vision_inputs([example], omni_data.QWEN2_5) if example.pictures else {}
    heard = omni_data.hear([example]) if example.sound is not None else {}
    with torch.no_grad():
        ours = student.talk_loss(alone | seen | heard)["lm"]
        pixels = {}
        if seen:
            values = ((seen["pixels"] / 255 - student.mean) / student.std).flatten(1)
            pixels = {"pixel_values": values, "image_grid_thw": seen["grid"]}
        ids = alone["input_ids"]
        theirs = student.model(
            input_ids=ids, attention_mask=torch.ones_like(ids), labels=alone["labels"], **pixels, **heard
        ).loss
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-3)


def test_it_begins_with_what_qwen2_5_vl_m_knows():
    begun = omni.Qwen2_5_VLForConditionalGeneration.from_pretrained(spec(omni.BEGINS_AS).path, dtype=torch.float32)
    model = omni.build_model()
    torch.testing.assert_close(model.model.language_model.state_dict(), begun.model.language_model.state_dict())
    grid, pixels = torch.tensor([[1, 8, 8]]), torch.randn(64, 3 * 2 * 14 * 14)
    with torch.no_grad():
        ours = model.model.visual.eval()(pixels, grid).pooler_output
        theirs = begun.model.visual.eval()(pixels, grid).pooler_output
    torch.testing.assert_close(ours, theirs)


def test_batches_are_functions_of_their_step(student):
    for make, loss in ((omni_data.label_batch, student.label_losses), (omni_data.talk_batch, student.joint_losses)):
        kinds = set()
        for step in range(12):
            batch, again = make(step), make(step)
            tensors = [name for name in batch if torch.is_tensor(batch[name])]
            assert all(torch.equal(batch[name], again[name]) for name in tensors)
            kinds.add(("pixels" in batch, "input_features" in batch))
        with torch.no_grad():
            assert all(torch.isfinite(value) for value in loss(batch).values())
        assert len(kinds) > 1


def test_what_is_seen_and_heard_together_teaches_both_towers():
    student, examples = omni.Student(), omni_data.examples_of("both", 2, 2)
    talks = omni_data.qwen_vl_data.collate([omni_data.encode(example) for example in examples])
    losses = student.joint_losses(
        omni_data.perceived("both", examples) | talks | omni_data.labels_of("both", examples)
    )  # fmt: skip
    assert sorted(losses) == ["lm", "str_patch", "str_token"]
    losses["lm"].backward()
    for tower in (student.model.model.visual, student.model.model.audio_tower):
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in tower.parameters())


def test_it_fits_into_six_megabytes():
    assert 2 * sum(p.numel() for p in omni.build_model().parameters()) < 6e6
