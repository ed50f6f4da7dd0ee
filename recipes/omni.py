"""Train ``qwen2_5_omni``: ``course models train omni``.

The Thinker of Qwen2.5-Omni at a small size. The real one began with the vision tower of Qwen2.5-VL, a language model of
Qwen2.5 and the audio encoder of Whisper; this one begins with the vision tower and the language model of
``qwen2_5_vl-m`` and an audio encoder that nothing was taught yet. Then, as for the Qwen-VL models: the towers alone
learn what is on each patch and in each audio token, and after that the whole model learns to talk about pictures, rows
of tones, and both, with the labels beside it. It has seen marks, grey pictures and scenes, and read every word of the
course; it has seen no face and heard no voice, so that chapter 4 can measure what a fine-tuning on those adds.
"""

from __future__ import annotations

import torch
from transformers import (
    AutoTokenizer,
    GenerationConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5OmniProcessor,
    Qwen2_5OmniThinkerConfig,
    Qwen2_5OmniThinkerForConditionalGeneration,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
)

from helpers.profiles import root, spec

from . import omni_data, qwen_vl, tones
from .cpu_speed import mixed_precision, slow_down, speed_up
from .patch_labels import label_loss
from .qwen_vl_data import build_tokenizer
from .qwen_vl_tasks import LEAST, MOST, QWEN2_5
from .training import train

BEGINS_AS = "qwen2_5_vl-m"
STEPS = 3400
LABEL_SHARE = 0.353  # of the steps: the towers alone
AUDIO = dict(num_mel_bins=64, encoder_layers=2, encoder_attention_heads=2, encoder_ffn_dim=256, d_model=64,
             max_source_positions=200, n_window=50)  # fmt: skip
#: The marks that this family's tokenizer knows, by the names that transformers has for them.
TOKENS = {
    "image_token": "<|IMAGE|>", "audio_token": "<|AUDIO|>", "video_token": "<|VIDEO|>",
    "vision_bos_token": "<|vision_bos|>", "vision_eos_token": "<|vision_eos|>", "audio_bos_token": "<|audio_bos|>",
    "audio_eos_token": "<|audio_eos|>",
}  # fmt: skip


def build_config() -> Qwen2_5OmniThinkerConfig:
    """``qwen2_5_vl-m``'s sizes, and two layers that hear."""
    like = qwen_vl.build_config(BEGINS_AS)
    tokenizer = build_tokenizer()
    text = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
            "num_key_value_heads", "max_position_embeddings", "rope_parameters", "eos_token_id",
            "pad_token_id")  # fmt: skip
    vision = ("depth", "hidden_size", "intermediate_size", "num_heads", "out_hidden_size", "fullatt_block_indexes",
              "window_size", "patch_size", "spatial_merge_size", "temporal_patch_size")  # fmt: skip
    named = {"image_token_index": "image_token", "audio_token_index": "audio_token", "video_token_index": "video_token",
             "vision_start_token_id": "vision_bos_token", "vision_end_token_id": "vision_eos_token",
             "audio_start_token_id": "audio_bos_token", "audio_end_token_id": "audio_eos_token"}  # fmt: skip
    ids = {name: tokenizer.convert_tokens_to_ids(TOKENS[token]) for name, token in named.items()}
    return Qwen2_5OmniThinkerConfig(
        text_config={name: getattr(like.text_config, name) for name in text},
        vision_config={name: getattr(like.vision_config, name) for name in vision},
        audio_config=AUDIO | {"output_dim": like.text_config.hidden_size}, tie_word_embeddings=True,
        user_token_id=tokenizer.convert_tokens_to_ids("user"), **ids,
    )  # fmt: skip


def build_model() -> Qwen2_5OmniThinkerForConditionalGeneration:
    """The architecture, with what ``qwen2_5_vl-m`` has learned. Omni's tower keeps queries, keys and values apart."""
    model = Qwen2_5OmniThinkerForConditionalGeneration(build_config())
    begun = Qwen2_5_VLForConditionalGeneration.from_pretrained(spec(BEGINS_AS).path, dtype=torch.float32).state_dict()
    weights = {}
    for name, weight in begun.items():
        if ".qkv." in name:
            weights |= {name.replace("qkv", part): w for part, w in zip("qkv", weight.chunk(3))}
        else:
            weights[name] = weight
    missing, unexpected = model.load_state_dict(weights, strict=False)
    assert not unexpected and all("audio_tower" in name for name in missing), (missing, unexpected)
    return model


def build_processor() -> Qwen2_5OmniProcessor:
    """The real processor: a picture becomes 16 to 256 visual tokens, a second of sound 25 audio tokens."""
    token = QWEN2_5.token
    tokenizer = AutoTokenizer.from_pretrained(root() / "data" / "tokenizer" / "qwen", extra_special_tokens=TOKENS)
    template = root() / "data" / "tokenizer" / "chat_templates" / "qwen2_5_omni.jinja"
    tokenizer.chat_template = template.read_text(encoding="utf-8")
    images = Qwen2VLImageProcessor(size={"shortest_edge": LEAST * token**2, "longest_edge": MOST * token**2})
    videos = Qwen2VLVideoProcessor(size={"shortest_edge": 4 * token**2, "longest_edge": 1024 * token**2})
    return Qwen2_5OmniProcessor(
        images, videos, omni_data.feature_extractor(), tokenizer, chat_template=tokenizer.chat_template
    )


class Student(qwen_vl.Student):
    """The model and the heads that read labels off patches, visual tokens and audio tokens (and are thrown away)."""

    label_sizes = omni_data.LABEL_SIZES

    def __init__(self) -> None:
        super().__init__("qwen2_5_omni", build_model(), build_processor().image_processor)
        self.tones = torch.nn.Linear(self.model.config.text_config.hidden_size, sum(tones.LABEL_SIZES))

    def joint_losses(self, batch: dict) -> dict[str, torch.Tensor]:
        """``talk_loss``, from which both towers learn too, and a share of the labels', so that they do not forget."""
        seen, vision = {}, None
        if "pixels" in batch:
            with mixed_precision():
                vision = self.look(batch)
            seen = qwen_vl.handed_on(batch, vision)
        labels = self.label_losses(batch, vision)
        return self.talk_loss(batch, seen | heard(batch)) | {n: qwen_vl.LABEL_WEIGHT * v for n, v in labels.items()}

    def perceived(self, batch: dict) -> dict:
        """Pictures where there are some, as patches that were looked at; sounds as the model itself will hear them."""
        return (super().perceived(batch) if "pixels" in batch else {}) | heard(batch)

    def label_losses(self, batch: dict, vision=None) -> dict[str, torch.Tensor]:
        """How well the labels can be read off patches and visual tokens, or off audio tokens."""
        if batch["kind"] != "tones":
            return super().label_losses(batch, vision)
        with mixed_precision():
            tokens = self.model.model.get_audio_features(**heard(batch), return_dict=True).last_hidden_state
            logits = self.tones(tokens)
        return {"tones": label_loss(logits.float().split(tones.LABEL_SIZES, dim=-1), batch["token_labels"])}


def heard(batch: dict) -> dict:
    """What of a batch the audio tower hears."""
    return {name: batch[name] for name in ("input_features", "feature_attention_mask") if name in batch}


def main(steps: int = STEPS, seed: int = 0) -> tuple[dict, object, float]:
    """Train; return the model by its role, the processor, and the minutes it took."""
    torch.manual_seed(seed)
    student, label_steps = Student(), round(LABEL_SHARE * steps)
    core, lrs = student.model.model, dict(peak_lr=qwen_vl.MUON_LR, adamw_lr=qwen_vl.ADAMW_LR)
    speed_up(student.model)
    towers = torch.nn.ModuleList([core.visual, core.audio_tower, student.heads, student.tones])
    minutes = train(
        towers, student.label_losses, omni_data.label_batch, steps=label_steps,
        state_path=qwen_vl.state_path("qwen2_5_omni-towers"), **lrs,
    )  # fmt: skip
    minutes += train(
        student, student.joint_losses, omni_data.talk_batch, steps=steps - label_steps,
        state_path=qwen_vl.state_path("qwen2_5_omni"), **lrs,
    )  # fmt: skip
    slow_down(student.model)
    text = student.model.config.text_config
    student.model.generation_config = GenerationConfig(
        do_sample=False, eos_token_id=text.eos_token_id, pad_token_id=text.pad_token_id
    )
    return {"qwen2_5_omni": student.model}, build_processor(), minutes
