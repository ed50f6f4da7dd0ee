"""Ask a vision-language model many things at once: pictures or clips and prompts in, texts out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .batching import batched
from .errors import CourseError

FPS = 2.0  # of a clip's frames, unless told


def conversation(n_pictures: int, prompt: str, is_clip: bool = False) -> list[dict]:
    """One user message: the pictures (or the clip), then the prompt, in the form that chat templates read."""
    seen = [{"type": "video"}] if is_clip else [{"type": "image"}] * n_pictures
    return [{"role": "user", "content": [*seen, {"type": "text", "text": prompt}]}]


def ask(
    model, processor, pictures: Sequence, prompts: Sequence[str], *, max_new_tokens: int = 160, batch_size: int = 32,
    thinking: bool = False, number_pictures: bool = False, fps: float = FPS,
) -> list[str]:  # fmt: skip
    """Answer each prompt about its pictures, greedily; return the texts (``answer_of`` takes reasoning off them).

    Args:
        pictures: for each prompt a PIL image, a list of PIL images, or a clip as a (frames, height, width, 3) uint8
            array of ``fps`` frames per second. All of one call are of one kind.
        thinking: let the template open ``<think>`` (Qwen3-VL).
        number_pictures: name them "Picture 1: " and so on in the prompt, as ``add_vision_id`` does.

    Raises CourseError where the numbers of pictures and prompts differ.
    """
    if len(pictures) != len(prompts):
        raise CourseError(f"{len(prompts)} prompts need as many pictures, not {len(pictures)}.")
    texts: list[str] = []
    for batch in batched(list(zip(pictures, prompts)), batch_size):
        inputs = prepare(processor, *zip(*batch), thinking=thinking, number_pictures=number_pictures, fps=fps)
        texts += generate(model, processor, inputs, max_new_tokens)
    return texts


def prepare(
    processor, pictures: Sequence, prompts: Sequence[str], *, thinking: bool = False, number_pictures: bool = False,
    fps: float = FPS,
):  # fmt: skip
    """What the model reads: ``input_ids`` (n, length) padded on the left, ``pixel_values``, ``image_grid_thw``, …"""
    is_clip = isinstance(pictures[0], np.ndarray)
    each = [p if isinstance(p, (list, tuple)) else [p] for p in pictures]
    texts = [
        processor.apply_chat_template(
            conversation(len(p), prompt, is_clip), add_generation_prompt=True, add_vision_id=number_pictures,
            **({"enable_thinking": True} if thinking else {}),  # a template that does not know it would complain
        )
        for p, prompt in zip(each, prompts)
    ]  # fmt: skip
    if is_clip:
        metadata = [
            {"fps": fps, "total_num_frames": len(clip), "frames_indices": list(range(len(clip)))} for clip in pictures
        ]
        seen = {"videos": list(pictures), "video_metadata": metadata, "do_sample_frames": False}
    else:
        seen = {"images": [picture for several in each for picture in several]}
    return processor(text=texts, padding=True, padding_side="left", return_tensors="pt", **seen)


def generate(model, processor, inputs, max_new_tokens: int) -> list[str]:
    """The model's greedy answers to prepared inputs, as texts."""
    import torch

    with torch.no_grad():
        ids = model.generate(
            **inputs.to(model.device), max_new_tokens=max_new_tokens, do_sample=False,
            temperature=None, top_p=None, top_k=None,
        )  # fmt: skip
    return processor.batch_decode(ids[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)


def answer_of(text: str, thinking: bool = False) -> str:
    """The answer without its reasoning; empty where a model that was to think never came to an end of it."""
    _, closed, answer = text.rpartition("</think>")
    return answer.strip() if closed or not thinking else ""
