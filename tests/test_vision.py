"""Asking a vision-language model many things at once, with tiny real models of both families."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from tiny_checkpoints import load_tokenizer

from helpers import vision
from helpers.errors import CourseError
from helpers.worlds import clips, pairs, scenes
from recipes import qwen_vl


@pytest.fixture(scope="module", params=["qwen2_5_vl-s", "qwen3_vl"])
def loaded(request):
    torch.manual_seed(0)
    model = qwen_vl.build_model(request.param).eval()
    model.generation_config = qwen_vl.generation_config(request.param, model)
    return model, qwen_vl.build_processor(request.param)


def several(kind: str, n: int) -> list:
    """``n`` things to ask about, of different sizes where they are pictures."""
    drawn = list(scenes.scenes("heldout", n))
    if kind == "pictures":
        return [scenes.render(scene, side) for scene, side in zip(drawn, (112, 150, 96, 224, 112))]
    if kind == "pairs":
        return [pairs.render(pair) for pair in pairs.pairs("heldout", n)]
    return [clips.frames(clip) for clip in clips.clips("heldout", n)]


@torch.no_grad()
def next_token(model, processor, shown: list, prompts: list[str]) -> torch.Tensor:
    """Logits (n, vocabulary) of the first token of each answer."""
    return model(**vision.prepare(processor, shown, prompts)).logits[:, -1]


@pytest.mark.parametrize("kind", ["pictures", "pairs", "clips"])
def test_asked_together_each_gets_the_answer_it_gets_alone(loaded, kind):
    model, processor = loaded
    shown, prompts = several(kind, 5), ["Describe it.", "What?", "Count the stars in it, please.", "Where?", "Read."]
    together = vision.ask(model, processor, shown, prompts, max_new_tokens=6, batch_size=2)
    assert together == [vision.ask(model, processor, [s], [p], max_new_tokens=6)[0] for s, p in zip(shown, prompts)]
    expected = [next_token(model, processor, [s], [p]) for s, p in zip(shown, prompts)]  # finer than the answers
    torch.testing.assert_close(next_token(model, processor, shown, prompts), torch.cat(expected), atol=1e-5, rtol=0)
    assert all((a - b).abs().max() > 1e-3 for a, b in itertools.combinations(expected, 2))  # pictures and prompts count


def test_two_calls_give_the_same_answer_although_the_model_samples_by_itself(loaded):
    model, processor = loaded
    shown = several("pictures", 2)
    first, second = (vision.ask(model, processor, shown, ["a", "b"], max_new_tokens=12) for _ in range(2))
    assert first == second


def test_a_prompt_has_its_pictures_numbered_and_its_thinking_opened_where_that_is_asked_for(loaded):
    _, processor = loaded
    pair, tokenizer = several("pairs", 1), load_tokenizer()
    plain, numbered, thinking = (
        tokenizer.decode(vision.prepare(processor, pair, ["What?"], **options)["input_ids"][0])
        for options in ({}, {"number_pictures": True}, {"thinking": True} if "think" in processor.chat_template else {})
    )
    assert "Picture" not in plain and plain.endswith("<|im_start|>assistant\n")
    assert "Picture 1: <|vision_start|>" in numbered and "Picture 2: <|vision_start|>" in numbered
    assert thinking.endswith("<think>\n" if "think" in processor.chat_template else "assistant\n")


def test_an_odd_number_of_frames_makes_one_more_temporal_patch(loaded):
    _, processor = loaded
    frames = np.zeros((9, 96, 96, 3), dtype=np.uint8)
    assert vision.prepare(processor, [frames], ["What?"])["video_grid_thw"].tolist()[0][0] == 5


def test_as_many_prompts_as_pictures(loaded):
    with pytest.raises(CourseError, match="2 prompts need as many pictures, not 1"):
        vision.ask(*loaded, several("pictures", 1), ["a", "b"])


@pytest.mark.parametrize(
    ("text", "thinking", "answer"),
    [
        ("I see a star.\n</think>\n\nred", True, "red"), ("I see a star, and", True, ""), ("red", False, "red"),
        ("a </think> b </think> c", True, "c"), ("", True, ""),
    ],
)  # fmt: skip
def test_the_answer_is_what_follows_the_reasoning(text, thinking, answer):
    assert vision.answer_of(text, thinking) == answer
