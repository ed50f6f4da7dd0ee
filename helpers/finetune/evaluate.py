"""Ask a model held-out examples, and score what it says: before and after a training, on the same patients.

>>> chances = choose(model, processor, held_out, FINDINGS)          # doctest: +SKIP
>>> print(score(chances, held_out, FINDINGS))                       # doctest: +SKIP
>>> texts = answers(model, processor, held_out, max_new_tokens=40)  # doctest: +SKIP

``choose`` is for tasks with classes: one forward pass tells how likely each label is as the reply. ``answers`` writes
the reply, thoughts included.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..batching import batched
from ..errors import CourseError
from ..images import open_image
from .adapt import inference
from .baselines import blank, majority, pixel_probe, text_only
from .formats import Example, to_conversation
from .scoring import Report, difference, found_labels, paired, score
from .sounds import read_wav

__all__ = [
    "Report", "answers", "blank", "choose", "difference", "found_labels", "majority", "paired", "pixel_probe",
    "prompts", "score", "text_only",
]  # fmt: skip

END = "<|im_end|>"
FILES = {"pixel_values", "input_features"}  # what a processor makes of pictures and sounds


def answers(
    model, processor, examples: Sequence[Example], max_new_tokens: int = 64, *, thinking: bool = False,
    batch_size: int = 32,
) -> list[str]:  # fmt: skip
    """The model's replies to the examples' last questions, decoded greedily, without special tokens.

    Args:
        thinking: let the template open ``<think>`` (Qwen3-VL). ``helpers.vision.answer_of`` takes thoughts off.
    """
    texts: list[str] = []
    with inference(model):
        for batch in batched(examples, batch_size):
            inputs = prompts(processor, batch, thinking).to(_device(model))
            ids = model.generate(
                **inputs, max_new_tokens=max_new_tokens, do_sample=False, temperature=None, top_p=None, top_k=None
            )
            texts += processor.batch_decode(ids[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return texts


def choose(model, processor, examples: Sequence[Example], labels: Sequence[str], *, batch_size: int = 32) -> np.ndarray:
    """How likely each label is to be the whole reply: (n, labels), rows that sum to 1.

    A label's log-likelihood is the sum over its tokens and the token that ends the turn, not divided by their number:
    so the values are probabilities of replies, and only compared with one another. (Dividing by the length favours
    long labels, whose last tokens follow from their first.) The prompt is read once per example; the labels share its
    keys and values. Thinking is not opened: thoughts would have to be written first.

    Raises CourseError for fewer than two labels, or one twice.
    """
    import torch

    if len(set(labels)) < max(2, len(labels)):
        raise CourseError(f"To choose takes at least two labels, each once, not {list(labels)}.")
    rows = []
    with inference(model):
        for batch in batched(examples, batch_size):
            rows.append(log_likelihoods(model, processor, batch, labels))
    if not rows:
        return np.zeros((0, len(labels)))
    return torch.cat(rows).double().softmax(dim=1).numpy()


def log_likelihoods(model, processor, examples: Sequence[Example], labels: Sequence[str]):
    """Summed log-likelihood of each label as the whole reply, (n, labels): one batch, in the model's mode."""
    import torch

    device = _device(model)
    inputs = prompts(processor, examples).to(device)
    replies = processor.tokenizer([label + END for label in labels], add_special_tokens=False).input_ids
    n, k, longest = len(examples), len(labels), max(map(len, replies))
    ids = torch.tensor([r + [0] * (longest - len(r)) for r in replies], device=device)
    real = torch.tensor([[1] * len(r) + [0] * (longest - len(r)) for r in replies], device=device)
    mask = inputs["attention_mask"]
    given = {"logits_to_keep": 1} if _keeps(model) else {}
    if not FILES & inputs.keys():
        given["position_ids"] = (mask.cumsum(1) - 1).clamp(min=0).expand(3, -1, -1)
    read = model(**inputs, use_cache=True, **given)
    first = read.logits[:, -1].float().log_softmax(-1)[:, ids[:, 0]]  # prompts end at the right edge
    if longest == 1:
        return first.cpu()
    cache = read.past_key_values
    cache.batch_repeat_interleave(k)
    start = mask.sum(1, keepdim=True)  # where the reply's first token stands, (n, 1)
    if FILES & inputs.keys():
        start = start + _rope_deltas(model, n)
    places = (start + torch.arange(longest, device=device)).repeat_interleave(k, 0)
    follow = model(
        input_ids=ids.repeat(n, 1), past_key_values=cache, use_cache=True, position_ids=places.expand(3, -1, -1),
        attention_mask=torch.cat([mask.repeat_interleave(k, 0), real.repeat(n, 1)], dim=1),
    ).logits.float().log_softmax(-1)  # fmt: skip
    next_ids = ids.repeat(n, 1)[:, 1:, None]
    rest = (follow[:, :-1].gather(2, next_ids)[..., 0] * real.repeat(n, 1)[:, 1:]).sum(1)
    return (first + rest.view(n, k)).cpu()


def prompts(processor, examples: Sequence[Example], thinking: bool = False):
    """What the model reads before its last reply: ``input_ids`` (n, length) padded on the left, and the files."""
    opened = {"enable_thinking": True} if thinking else {}  # a template that does not know it would complain
    texts = [
        processor.apply_chat_template(
            to_conversation(example)[:-1], tokenize=False, add_generation_prompt=True, **opened
        )
        for example in examples
    ]
    if not thinking:  # the template of Qwen3-VL's Thinking edition opens a thought in any case
        texts = [text.removesuffix("<think>\n") for text in texts]
    given: dict = {}
    if any(example.images for example in examples):
        given["images"] = [open_image(path) for example in examples for path in example.images]
    if any(example.audios for example in examples):
        extractor = getattr(processor, "feature_extractor", None)
        if extractor is None:
            raise CourseError("These examples have sound, and this model cannot hear. Choose others, or another base.")
        rate = extractor.sampling_rate
        given["audio"] = [read_wav(path, rate) for example in examples for path in example.audios]
        given["audio_kwargs"] = {"sampling_rate": rate}
    return processor(text=texts, padding=True, padding_side="left", return_tensors="pt", **given)


def _bare(model):
    """The transformers model below adapters."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _device(model):
    return next(model.parameters()).device


def _keeps(model) -> bool:
    import inspect

    return "logits_to_keep" in inspect.signature(_bare(model).forward).parameters


def _rope_deltas(model, n: int):
    """How far M-RoPE's positions run behind the number of tokens, (n, 1): a picture takes fewer than it has tokens.

    Of the last batch that had files: the model leaves them there, so they say nothing about one that has none.
    """
    return _bare(model).model.rope_deltas.view(n, 1)
