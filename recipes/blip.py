"""Train ``blip-caption``, ``blip-vqa`` and ``blip-itm`` together: ``course models train blip``.

As BLIP itself was pre-trained (Li et al., 2022, section 3.2), one vision tower learns from several losses at once,
and the text transformers share everything but their self-attention:

* LM: caption the image (decoder), half of the time after the prompt "a picture of";
* ITC: image and caption embeddings of a pair are close, of different pairs far apart;
* ITM: does this text fit this image? (encoder with cross-attention and a two-way head);
* VQA: answer a question about the image (encoder, then a decoder of its own);
* patch labels: what stands on each patch, how many of its kind there are and where it stands among the others (a
  linear head that is thrown away). BLIP's tower comes from ImageNet pre-training; this stands in for it, alone for
  the first steps. Without it two runs (37 and 18 minutes, stopped by hand) had learned colours but hardly any shapes;
  without count and place in it, a third read shapes but told left from right no better than chance.

The three checkpoints are then saved apart, each one a stock transformers model.
"""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from torch.nn.functional import cross_entropy, normalize
from transformers import (
    BertTokenizerFast,
    BlipConfig,
    BlipForConditionalGeneration,
    BlipForImageTextRetrieval,
    BlipForQuestionAnswering,
    BlipImageProcessor,
    BlipProcessor,
)

from helpers.profiles import root
from helpers.worlds import scenes

from .patch_labels import SCENE_SIZES, label_loss, scene_labels
from .training import train

SIDE = 96  # pixels
PATCH = 12
WIDTH = 128  # a multiple of 64, NF4's block
BATCH = 64
STEPS = 4000
VISION_STEPS = 800  # of these, patch labels only
QUESTIONS = 2  # per image
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]", "[ENC]"]  # the ids are the positions
VOCABULARY = root() / "data" / "tokenizer" / "blip-vocab.txt"


def build_tokenizer() -> BertTokenizerFast:
    """A BERT-style WordPiece tokenizer with BLIP's [DEC] and [ENC], from the committed vocabulary."""
    pieces = VOCABULARY.read_text(encoding="utf-8").splitlines()
    tokenizer = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return BertTokenizerFast(tokenizer_object=tokenizer, bos_token="[DEC]", additional_special_tokens=["[ENC]"])


def train_vocabulary() -> None:
    """Train the vocabulary on training-split text and write it in BERT's format, one piece a line.

    Run once, by hand, before the first checkpoint: the trainer breaks ties differently in every process, and a
    checkpoint is worth nothing without the very vocabulary it was trained with.
    """
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    alphabet = [*"abcdefghijklmnopqrstuvwxyz0123456789.,:;?!'-"]
    trainer = trainers.WordPieceTrainer(vocab_size=448, special_tokens=SPECIAL, initial_alphabet=alphabet)
    tokenizer.train_from_iterator(_tokenizer_text(), trainer)
    ids = tokenizer.get_vocab()
    VOCABULARY.write_text("\n".join(sorted(ids, key=ids.get)) + "\n", encoding="utf-8")


def _tokenizer_text():
    yield scenes.PROMPT + " what is in this photo? an image, a drawing"
    for scene in scenes.scenes("train", 4000):
        yield from scenes.captions(scene)
        yield from scenes.short_captions(scene)
        yield scenes.catalogue_caption(scene)
    for _, question in scenes.questions("train", 4000):
        yield f"{question.text} {question.answer}"
    yield from scenes.ANSWER_LIST


def build_processor(tokenizer: BertTokenizerFast) -> BlipProcessor:
    tokenizer.model_max_length = 64
    return BlipProcessor(BlipImageProcessor(size={"height": SIDE, "width": SIDE}), tokenizer)


def build_config(vocab_size: int) -> BlipConfig:
    """BLIP's architecture, 128 wide. Vocabulary ids follow SPECIAL; BLIP begins text with [DEC], ends with [SEP].

    ``initializer_range`` is set because BlipVisionConfig's default of 1e-10 is meant for weights that are loaded. With
    0.05 the ITC loss fell much sooner; shapes were not learned until the patch labels came.
    """
    text = dict(
        vocab_size=vocab_size, hidden_size=WIDTH, encoder_hidden_size=WIDTH, intermediate_size=3 * WIDTH,
        num_hidden_layers=3, num_attention_heads=4, max_position_embeddings=64, projection_dim=WIDTH,
        pad_token_id=0, sep_token_id=3, bos_token_id=5, eos_token_id=3, hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0, label_smoothing=0.0, initializer_range=0.05,
    )  # fmt: skip
    vision = dict(
        hidden_size=WIDTH, intermediate_size=4 * WIDTH, num_hidden_layers=4, num_attention_heads=4,
        image_size=SIDE, patch_size=PATCH, initializer_range=0.05,
    )  # fmt: skip
    return BlipConfig(text_config=text, vision_config=vision, projection_dim=WIDTH, image_text_hidden_size=64)


def pixel_values(images: list, processor: BlipProcessor) -> torch.Tensor:
    """What the processor makes of images that already have its size, (n, 3, 96, 96), without its overhead."""
    to_channels = lambda values: torch.tensor(values).view(3, 1, 1)  # noqa: E731
    mean, std = to_channels(processor.image_processor.image_mean), to_channels(processor.image_processor.image_std)
    pixels = torch.from_numpy(np.stack([np.asarray(image) for image in images])).permute(0, 3, 1, 2)
    return (pixels / 255 - mean) / std


class JointBlip(torch.nn.Module):
    """The three models with one vision tower and shared text weights, and the four losses."""

    def __init__(self, config: BlipConfig) -> None:
        super().__init__()
        self.caption = BlipForConditionalGeneration(config)
        self.vqa = BlipForQuestionAnswering(config)
        self.itm = BlipForImageTextRetrieval(config)
        self.patch_head = torch.nn.Linear(WIDTH, sum(SCENE_SIZES))
        self.log_temperature = torch.nn.Parameter(torch.tensor(0.07).log())
        self.vqa.vision_model = self.itm.vision_model = self.caption.vision_model
        source = self.caption.text_decoder.bert
        for encoder in (self.vqa.text_encoder, self.itm.text_encoder):
            encoder.embeddings = source.embeddings
            for layer, shared in zip(encoder.encoder.layer, source.encoder.layer):
                layer.crossattention, layer.intermediate, layer.output = (
                    shared.crossattention, shared.intermediate, shared.output,
                )  # fmt: skip

    def losses(self, batch: dict) -> dict[str, torch.Tensor]:
        image = self.caption.vision_model(batch["pixel_values"]).last_hidden_state
        if "lm" not in batch:
            return {"patch": self._patch(batch, image)}
        lm = self.caption.text_decoder(**batch["lm"], encoder_hidden_states=image).loss
        return {
            "patch": self._patch(batch, image), "lm": lm, "vqa": self._vqa(batch, image),
            "itc": 0.3 * self._itc(batch, image), "itm": self._itm(batch, image),
        }  # fmt: skip

    def _patch(self, batch: dict, image: torch.Tensor) -> torch.Tensor:
        logits = self.patch_head(image[:, 1:]).flatten(0, 1).split(SCENE_SIZES, dim=-1)
        return label_loss(logits, batch["patch_labels"].flatten(0, 1))

    def _vqa(self, batch: dict, image: torch.Tensor) -> torch.Tensor:
        image = image.repeat_interleave(QUESTIONS, dim=0)
        question = self.vqa.text_encoder(**batch["question"], encoder_hidden_states=image).last_hidden_state
        return self.vqa.text_decoder(**batch["answer"], encoder_hidden_states=question).loss

    def _itc(self, batch: dict, image: torch.Tensor) -> torch.Tensor:
        text = self.itm.text_encoder(**batch["itc"]).last_hidden_state
        image_feat = normalize(self.itm.vision_proj(image[:, 0]), dim=-1)
        text_feat = normalize(self.itm.text_proj(text[:, 0]), dim=-1)
        logits = image_feat @ text_feat.t() / self.log_temperature.exp()
        target = torch.arange(len(logits))
        return (cross_entropy(logits, target) + cross_entropy(logits.t(), target)) / 2

    def _itm(self, batch: dict, image: torch.Tensor) -> torch.Tensor:
        image = image.repeat_interleave(2, dim=0)  # a text that fits, and one that does not
        text = self.itm.text_encoder(**batch["itm"], encoder_hidden_states=image).last_hidden_state
        return cross_entropy(self.itm.itm_head(text[:, 0]), batch["itm_target"])


def with_bos(input_ids: torch.Tensor) -> torch.Tensor:
    """Decoder input: [CLS] replaced by [DEC], as BLIP does."""
    input_ids = input_ids.clone()
    input_ids[:, 0] = SPECIAL.index("[DEC]")
    return input_ids


def tokenize(tokenizer: BertTokenizerFast, texts: list[str]) -> dict[str, torch.Tensor]:
    tokens = tokenizer(texts, padding=True, return_tensors="pt")
    return {"input_ids": tokens.input_ids, "attention_mask": tokens.attention_mask}


def for_decoder(tokenizer: BertTokenizerFast, texts: list[str], prompted: list[bool] | None = None) -> dict:
    """Decoder input and labels: -100 on padding, and on the prompt where there is one."""
    tokens = tokenize(tokenizer, texts)
    labels = tokens["input_ids"].masked_fill(tokens["attention_mask"] == 0, -100)
    if prompted:
        prompt_length = len(tokenizer(scenes.PROMPT).input_ids) - 1  # [CLS] and the prompt, without [SEP]
        labels[torch.tensor(prompted), :prompt_length] = -100
    return tokens | {"input_ids": with_bos(tokens["input_ids"]), "labels": labels}


def make_batch(processor: BlipProcessor, step: int) -> dict:
    """Batch ``step`` of training: 64 scenes, half of them drawn for a balanced question; texts after VISION_STEPS."""
    rng = random.Random(f"blip/batch/{step}")
    drawn = [_draw(step * BATCH + i, balanced=i % 2 == 0) for i in range(BATCH)]
    images, labels, captions, questions, itm = zip(*drawn)
    vision = {"pixel_values": pixel_values(images, processor), "patch_labels": torch.from_numpy(np.stack(labels))}
    if step < VISION_STEPS:
        return vision
    prompted = [rng.random() < 0.5 for _ in captions]
    lm_texts = [f"{scenes.PROMPT} {text}" if p else text for text, p in zip(captions, prompted)]
    asked = [q for both in questions for q in both]
    tokenizer = processor.tokenizer
    return vision | {
        "lm": for_decoder(tokenizer, lm_texts, prompted),
        "question": tokenize(tokenizer, [q.text for q in asked]),
        "answer": for_decoder(tokenizer, [q.answer for q in asked]),
        "itc": tokenize(tokenizer, list(captions)),
        "itm": tokenize(tokenizer, [text for both in itm for text in both]),
        "itm_target": torch.tensor([1, 0] * len(itm)),
    }


def _draw(index: int, balanced: bool) -> tuple:
    """One image, its patch labels, a caption, two questions, and for ITM a text that fits and one that does not."""
    rng = scenes.scene_rng("train", 1, index)
    scene, first = scenes.sample_question(rng) if balanced else (scenes.sample_scene(rng), None)
    questions = [first] if first else []
    while len(questions) < QUESTIONS:
        about = scenes.questions_about(scene, rng)
        type = rng.choice(sorted({q.type for q in about}))
        questions.append(rng.choice([q for q in about if q.type == type]))
    if rng.random() < 0.25:
        itm = rng.choice(scenes.short_captions(scene)), rng.choice(scenes.short_negatives(scene, rng))
    else:
        itm = rng.choice(scenes.captions(scene)), _hard_negative(scene, rng)
    caption = rng.choice(scenes.captions(scene))
    labels = scene_labels(scene, SIDE // PATCH).reshape(-1, len(SCENE_SIZES))
    return scenes.render(scene), labels, caption, questions, itm


def _hard_negative(scene: scenes.Scene, rng: random.Random) -> str:
    """The best of three draws: few scenes have a relation, a count or a sign, and these are hard to learn."""
    drawn = [scenes.hard_negative(scene, rng) for _ in range(3)]
    return min(drawn, key=lambda negative: negative[1] not in ("relation", "count", "sign"))[0]


def state_path(name: str) -> Path:
    return Path(__file__).parent.parent / "_build" / "recipes" / f"{name}.pt"


def main(steps: int = STEPS, seed: int = 0) -> tuple[dict[str, torch.nn.Module], BlipProcessor, float]:
    """Train; return the three models by role, their processor, and the minutes it took."""
    torch.manual_seed(seed)
    processor = build_processor(build_tokenizer())
    joint = JointBlip(build_config(len(processor.tokenizer)))
    minutes = train(
        joint, joint.losses, lambda step: make_batch(processor, step),
        steps=steps, peak_lr=3e-3, state_path=state_path("blip"),
    )  # fmt: skip
    return {"blip-caption": joint.caption, "blip-vqa": joint.vqa, "blip-itm": joint.itm}, processor, minutes
