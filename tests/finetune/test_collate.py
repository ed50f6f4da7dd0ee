"""Batches as training sees them: equal to the processor's own, labels where they belong, whole pictures or none."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from omni import build_omni, load_omni_processor
from tiny_checkpoints import load_qwen_vl_processor

from helpers.errors import BadImage, CourseError
from helpers.finetune import data, refusals
from helpers.finetune.collate import EMPTY_THOUGHT, IGNORED, Collator, encode, render
from helpers.finetune.formats import Example
from helpers.finetune.refusals import Refused
from helpers.images import open_image
from helpers.vision import conversation


@pytest.fixture(scope="module")
def processor():
    return load_qwen_vl_processor("qwen3_vl")


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    return data.phantom_examples("train", 6, folder=tmp_path_factory.mktemp("phantoms"), task="mixed", traces=True)


def said(messages, *roles):
    return Example([{"role": role, "content": text} for role, text in zip(roles, messages)])


def with_answer(example, answer):
    return replace(example, messages=[example.messages[0], {"role": "assistant", "content": answer}])


def test_training_sees_the_prompt_that_inference_gives(processor, examples):
    """Ids, patches and grid up to the reply are those of the generation prompt that opens a thought."""
    for example in examples:
        encoded = encode(example, processor)
        question = example.messages[0]["content"].removeprefix("<image>")
        text = processor.apply_chat_template(
            conversation(1, question), add_generation_prompt=True, enable_thinking=True
        )
        prompt = processor(text=[text], images=[open_image(example.images[0])], return_tensors="pt")
        n = prompt["input_ids"].shape[1]
        assert torch.equal(encoded["input_ids"][:n], prompt["input_ids"][0])
        assert (encoded["labels"][:n] == IGNORED).all() and (encoded["labels"][n:-1] != IGNORED).all()
        assert torch.equal(encoded["pixel_values"], prompt["pixel_values"])
        assert torch.equal(encoded["image_grid_thw"], prompt["image_grid_thw"])


def test_a_batch_is_its_examples_padded_on_the_right(processor, examples):
    batch = Collator(processor)(examples)
    longest = batch["input_ids"].shape[1]
    lengths = [len(encode(example, processor)["input_ids"]) for example in examples]
    assert max(lengths) == longest and len(set(lengths)) > 1, "nothing was padded"
    for row, (example, n) in enumerate(zip(examples, lengths)):
        alone = encode(example, processor)
        assert torch.equal(batch["input_ids"][row, :n], alone["input_ids"])
        assert torch.equal(batch["labels"][row, :n], alone["labels"])
        assert (batch["input_ids"][row, n:] == processor.tokenizer.pad_token_id).all()
        assert (batch["labels"][row, n:] == IGNORED).all()
        assert batch["attention_mask"][row].tolist() == [1] * n + [0] * (longest - n)
    assert batch["image_grid_thw"].shape == (len(examples), 3)
    assert len(batch["pixel_values"]) == batch["image_grid_thw"].prod(dim=1).sum()


def test_an_example_is_encoded_once(processor, examples, monkeypatch):
    collator = Collator(processor)
    first = collator(examples[:2])
    monkeypatch.setattr("helpers.finetune.collate.encode", lambda *args, **how: pytest.fail("encoded again"))
    second = collator(examples[:2])
    assert all(torch.equal(first[key], second[key]) for key in first)
    with pytest.raises(pytest.fail.Exception):
        collator([replace(examples[0])])  # equal, but another object: nothing is assumed of it


def test_what_does_not_fit_is_encoded_anew(processor, examples, monkeypatch):
    monkeypatch.setattr("helpers.finetune.collate.CACHE_BYTES", 10)
    collator = Collator(processor)
    assert torch.equal(collator(examples[:1])["labels"], collator(examples[:1])["labels"])
    assert not collator._kept


def test_replies_are_cut_and_pictures_are_not(processor, examples):
    whole = encode(examples[0], processor)
    short = encode(examples[0], processor, max_length=100)
    for key in ("input_ids", "labels", "attention_mask"):
        assert torch.equal(short[key], whole[key][:100])
    assert torch.equal(short["pixel_values"], whole["pixel_values"])
    with pytest.raises(Refused, match=f"{len(whole['input_ids'])} or more") as caught:
        encode(examples[0], processor, max_length=10)
    assert caught.value.reason == refusals.CUT


def test_thoughts_are_added_and_taken_out(processor, examples):
    plain = with_answer(examples[0], "none")
    assert render(plain, processor, thinking=True).endswith(f"{EMPTY_THOUGHT}none<|im_end|>\n")
    assert "<think>" not in render(examples[0], processor, thinking=False)
    assert render(examples[0], processor, thinking=False).endswith("<|im_start|>assistant\nnone<|im_end|>\n")
    for thinking in (None, True):
        assert render(examples[0], processor, thinking) == render(examples[0], processor)
    assert render(plain, processor) == render(plain, processor, thinking=False)


def test_pictures_and_their_places_must_agree(processor, examples):
    processor = load_qwen_vl_processor("qwen3_vl")
    processor.chat_template = "{% for m in messages %}<|im_start|>{{ m.role }}\nwords<|im_end|>\n{% endfor %}"
    with pytest.raises(Refused, match="has 1 pictures.*a place for 0") as caught:
        encode(examples[0], processor)
    assert caught.value.reason == refusals.COUNTS


def test_a_model_that_cannot_hear_is_not_given_sounds(processor, tmp_path):
    heard = data.face_examples("train", 1, folder=tmp_path, modality="audio")[0]
    with pytest.raises(Refused, match="has 1 sounds.*a place for 0"):
        encode(heard, processor)


@pytest.mark.parametrize("text", ["<|im_end|>\n<|im_start|>assistant\nyes", "<|image_pad|>", "<|IMAGE|>"])
def test_control_tokens_in_the_text_are_refused(processor, text):
    """Otherwise a question could hold a reply that is trained on, or a picture that is not there."""
    with pytest.raises(Refused) as caught:
        encode(said([f"What? {text}", "none"], "user", "assistant"), processor)
    assert caught.value.reason == refusals.CONTROL


def test_text_alone_and_several_turns(processor):
    several = said(["A?", "one", "B?", "two"], "user", "assistant", "user", "assistant")
    labels = encode(several, processor)["labels"]
    assert processor.tokenizer.decode(labels[labels != IGNORED]) == "one<|im_end|>two<|im_end|>"
    labels = encode(several, processor, last_only=True)["labels"]
    assert processor.tokenizer.decode(labels[labels != IGNORED]) == "two<|im_end|>"
    assert "pixel_values" not in Collator(processor)([several])


def test_pictures_beside_examples_without(processor, examples):
    batch = Collator(processor)([said(["Hi", "hello"], "user", "assistant"), examples[0]])
    assert batch["input_ids"].shape[0] == 2 and batch["image_grid_thw"].shape == (1, 3)


def test_missing_and_broken_files_say_so(processor, examples, tmp_path):
    with pytest.raises(BadImage, match="no file"):
        encode(replace(examples[0], images=[str(tmp_path / "gone.png")]), processor)
    (tmp_path / "noise.wav").write_bytes(b"RIFFnoise")
    heard = Example([{"role": "user", "content": "<audio>?"}, {"role": "assistant", "content": "x"}],
                    audios=[str(tmp_path / "noise.wav")])  # fmt: skip
    with pytest.raises(CourseError, match="cannot be read"):
        encode(heard, load_omni_processor())


def test_omni_hears_and_sees(tmp_path):
    """Faces, voices and both in one batch go through the real class, and each kind of file matters."""
    processor = load_omni_processor()
    several = [e for kind in data.MODALITIES for e in data.face_examples("train", 2, folder=tmp_path, modality=kind)]
    batch = Collator(processor)(several)
    assert batch["image_grid_thw"].shape == (4, 3)
    assert batch["input_features"].shape == (4, 32, 200) and batch["feature_attention_mask"].shape == (4, 200)
    assert (batch["feature_attention_mask"].sum(1) == 100).all()  # one second of the two
    model = build_omni(processor)
    loss = model(**batch).loss
    assert torch.isfinite(loss)
    for key in ("pixel_values", "input_features"):
        assert model(**(batch | {key: batch[key] * 0})).loss != loss, f"{key} does not matter"
    labels = batch["labels"][0]
    assert processor.tokenizer.decode(labels[labels != IGNORED]) == f"{several[0].label}<|im_end|>"
