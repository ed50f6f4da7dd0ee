"""Held-out scores of the BLIP checkpoints: what the cards state and ``course models check`` recomputes.

Every function takes the model and its processor and a split ("heldout", or "novel" for colour-shape pairs
that training never showed) and returns score name → value.
"""

from __future__ import annotations

import random

import torch

from helpers.batching import batched
from helpers.worlds import scenes

N = 400  # items per score

#: What the card says of the models, of their data and of their scores.
ABOUT = """trained for the course *Hands-On Multimodal LLMs* on synthetic scenes
of coloured shapes. It is **not** a small version of a public model: it knows nothing but that world, and its
answers about photographs mean nothing."""
DATA = "`helpers.worlds.scenes`, split `train`, seed 1; synthetic, no real images, no people"
WHERE = "on two CPU cores for all the models of the recipe together"
SCORES_NOTE = '"novel" scores are on colour-shape pairs that no training picture or text contained.'


def _pixels(processor, batch: list) -> torch.Tensor:
    return processor.image_processor([scenes.render(scene) for scene in batch], return_tensors="pt").pixel_values


def _tokens(processor, texts: list[str]) -> dict[str, torch.Tensor]:
    tokens = processor.tokenizer(texts, padding=True, return_tensors="pt")
    return {"input_ids": tokens.input_ids, "attention_mask": tokens.attention_mask}


@torch.no_grad()
def caption_scores(model, processor, split: str, n: int = N) -> dict[str, float]:
    """Share of greedy captions that are word for word one of the scene's true wordings."""
    exact = 0
    for batch in batched(scenes.scenes(split, n), 50):
        ids = model.generate(_pixels(processor, batch), max_new_tokens=40, do_sample=False, num_beams=1)
        said = processor.batch_decode(ids, skip_special_tokens=True)
        exact += sum(_tidy(text) in scenes.captions(scene) for text, scene in zip(said, batch))
    return {"captions_exact": exact / n}


def _tidy(text: str) -> str:
    """WordPiece decoding leaves spaces before punctuation."""
    return text.strip().replace(" ,", ",")


@torch.no_grad()
def vqa_scores(model, processor, split: str, n: int = 2 * N) -> dict[str, float]:
    """Share of greedy answers that equal the reference, over all question types in equal shares."""
    right = 0
    for batch in batched(scenes.questions(split, n), 50):
        pixel_values = _pixels(processor, [scene for scene, _ in batch])
        tokens = _tokens(processor, [question.text for _, question in batch])
        ids = model.generate(pixel_values=pixel_values, **tokens, max_new_tokens=6, do_sample=False, num_beams=1)
        said = processor.batch_decode(ids, skip_special_tokens=True)
        right += sum(text.strip() == question.answer for text, (_, question) in zip(said, batch))
    return {"vqa_accuracy": right / n}


@torch.no_grad()
def itm_scores(model, processor, split: str, n: int = N) -> dict[str, float]:
    """AUC of the ITM head on true captions against hard negatives; recall@1 of ITC retrieval among 100."""
    from sklearn.metrics import roc_auc_score

    rng = random.Random(0)
    scores, fits = [], []
    for batch in batched(scenes.scenes(split, n), 50):
        pixel_values = _pixels(processor, batch)
        true = [rng.choice(scenes.captions(scene)) for scene in batch]
        false = [scenes.hard_negative(scene, rng, split)[0] for scene in batch]
        for texts, fit in ((true, 1), (false, 0)):
            logits = model(pixel_values=pixel_values, **_tokens(processor, texts)).itm_score
            scores += logits.softmax(-1)[:, 1].tolist()
            fits += [fit] * len(texts)
    return {"itm_auc": float(roc_auc_score(fits, scores))} | retrieval_scores(model, processor, split, n)


@torch.no_grad()
def retrieval_scores(model, processor, split: str, n: int = N) -> dict[str, float]:
    """Recall@1 by ITC similarity, averaged over galleries of 100 and both directions."""
    rng, hits, galleries = random.Random(1), 0.0, 0
    for batch in batched(scenes.scenes(split, n), 100):
        texts = [rng.choice(scenes.captions(scene)) for scene in batch]
        similarity = model(
            pixel_values=_pixels(processor, batch), **_tokens(processor, texts), use_itm_head=False
        ).itm_score
        target = torch.arange(len(batch))
        hits += (
            (similarity.argmax(0) == target).float().mean() + (similarity.argmax(1) == target).float().mean()
        ).item() / 2
        galleries += 1
    return {"retrieval_r1": hits / galleries}


SCORES = {"blip-caption": caption_scores, "blip-vqa": vqa_scores, "blip-itm": itm_scores}


def all_scores(role: str, model, processor) -> dict[str, float]:
    """Held-out scores, and the same on novel pairs with the prefix "novel_"."""
    model.eval()
    score = SCORES[role]
    novel = {f"novel_{name}": value for name, value in score(model, processor, "novel").items()}
    return score(model, processor, "heldout") | novel
