"""Train ``qwen2_5_vl-s``, ``-m``, ``-l`` and ``qwen3_vl``: ``course models train qwen_vl``.

Stock transformers models with the patch sizes, window attention, M-RoPE, coordinates and chat templates of the real
ones. Two stages, as real models have more of: at first the vision tower alone learns what stands on each patch (labels
in place of a tower that has seen the web), then the whole model learns to describe, analyse, answer, locate, read,
compare and watch, with the labels beside it. All of them are drawn from the same pictures; the three sizes of
Qwen2.5-VL differ in size and in the number of steps.

Two things make this possible on two CPU cores: a picture's conversations share it, in one forward pass in which none
of them sees another (``qwen_vl_data``), and ``cpu_speed``.

The labels are read off the patches, and once more off the visual tokens that the language model gets. A first run had
them on the patches only. The merger, which nothing had taught before the conversations began, then blew its output up
to 270 times the size of the words' embeddings, nearly the same for every patch; after 900 steps of conversations the
models spoke fluently and looked at nothing (the loss on scenes was 0.57, with the pictures exchanged 0.64). In a second
run the tower went on learning with the language model, without labels, and forgot: the share of patches whose shape it
knew fell from 0.82 to 0.72 within 200 steps. In a third run all was taught at once, and the language model did not
learn to look where a question points; now skills come one after the other (``qwen_vl_data.CURRICULUM``). Where a thing
stands is among the labels because Qwen2.5-VL's tower knows places only relative to each other; still the language model
wrote likely boxes instead of the ones that its visual tokens tell (IoU 0.10), until it was asked for nothing but
places. Late in training a probe of ``-l``'s visual tokens read 0.83 of the signs' patches and 0.81 of the characters:
much that was answered wrongly had not been seen. After 900 more steps of labels it read 0.95 and 0.92.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy
from transformers import (
    GenerationConfig,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
)
from transformers.vision_utils import get_vision_window_index

from helpers.profiles import root

from .cpu_speed import mixed_precision, slow_down, speed_up
from .patch_labels import LABEL_SIZES, label_loss
from .qwen_vl_data import IGNORED, build_tokenizer, talk_batch, visible, vision_batch
from .qwen_vl_tasks import LEAST, MOST, QWEN2_5, QWEN3, Family
from .training import train

#: Hidden size and layers of the language model, then of the vision tower. Widths are multiples of 64 (NF4's block).
SIZES = {
    "qwen2_5_vl-s": (64, 2, 64, 2),
    "qwen2_5_vl-m": (128, 3, 128, 3),
    "qwen2_5_vl-l": (192, 4, 128, 4),
    "qwen3_vl": (192, 4, 128, 4),
}
HEAD = 32  # width of an attention head: 16 rotary frequencies
#: Qwen2.5-VL gives the highest frequencies to time, the next to the vertical and the lowest to the horizontal axis, in
#: shares of 16 : 24 : 24. Of 16 frequencies with a base of 10,000 the horizontal ones would turn by at most 0.003 a
#: column: four columns could not be told apart, and the first run did not tell them apart.
ROPE_THETA, MROPE_SECTION = 1e3, [2, 2, 12]
STEPS = 5800
SHARE_OF_STEPS = {"qwen2_5_vl-s": 0.3, "qwen2_5_vl-m": 0.3, "qwen2_5_vl-l": 1.0, "qwen3_vl": 1.5}
VISION_SHARE = 0.35  # of the steps: the vision tower alone
MUON_LR, ADAMW_LR = 4e-3, 2e-3
LABEL_WEIGHT = 0.3  # of the labels' losses, beside that of the conversations


def family_of(role: str) -> Family:
    return QWEN3 if role == "qwen3_vl" else QWEN2_5


def build_config(role: str) -> Qwen2_5_VLConfig | Qwen3VLConfig:
    """The architecture at a role's size: tied embeddings, a key-value head for two or three query heads."""
    tokenizer = build_tokenizer()
    width, layers, vision_width, depth = SIZES[role]
    heads = width // HEAD
    text = dict(
        vocab_size=len(tokenizer), hidden_size=width, intermediate_size=(8 * width // 3 + 63) // 64 * 64,
        num_hidden_layers=layers, num_attention_heads=heads, num_key_value_heads=heads // 2, tie_word_embeddings=True,
        max_position_embeddings=4096, bos_token_id=None, eos_token_id=tokenizer.convert_tokens_to_ids("<|im_end|>"),
        pad_token_id=tokenizer.convert_tokens_to_ids("<|endoftext|>"),
    )  # fmt: skip
    vision = dict(
        depth=depth, hidden_size=vision_width, intermediate_size=3 * vision_width, num_heads=vision_width // HEAD,
        out_hidden_size=width,
    )  # fmt: skip
    ids = {
        "image_token_id": "<|image_pad|>", "video_token_id": "<|video_pad|>",
        "vision_start_token_id": "<|vision_start|>", "vision_end_token_id": "<|vision_end|>",
    }  # fmt: skip
    ids = {name: tokenizer.convert_tokens_to_ids(token) for name, token in ids.items()}
    rope = {"rope_type": "default", "rope_theta": ROPE_THETA}
    if role == "qwen3_vl":
        text |= {"head_dim": HEAD, "rope_parameters": rope | {"mrope_section": [6, 5, 5], "mrope_interleaved": True}}
        vision |= {"num_position_embeddings": 256, "deepstack_visual_indexes": [0, 2]}
        return Qwen3VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True, **ids)
    text |= {"rope_parameters": rope | {"mrope_section": MROPE_SECTION}}
    vision |= {"fullatt_block_indexes": [depth // 2 - 1, depth - 1], "window_size": 112, "tokens_per_second": 2}
    return Qwen2_5_VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True, **ids)


def build_processor(role: str) -> Qwen2_5_VLProcessor | Qwen3VLProcessor:
    """The real processors; a picture becomes 16 to 256 visual tokens, a clip's frame of 96 pixels nine."""
    token = family_of(role).token
    size = {"shortest_edge": LEAST * token**2, "longest_edge": MOST * token**2}
    clip_size = {"shortest_edge": 4 * token**2, "longest_edge": 1024 * token**2}
    tokenizer = build_tokenizer()
    name = "qwen3_vl" if role == "qwen3_vl" else "qwen2_5_vl"
    template = (root() / "data" / "tokenizer" / "chat_templates" / f"{name}.jinja").read_text(encoding="utf-8")
    tokenizer.chat_template = template
    if role == "qwen3_vl":
        half = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
        images = Qwen2VLImageProcessor(patch_size=16, size=size, **half)
        videos = Qwen3VLVideoProcessor(patch_size=16, size=clip_size, cap_pixels_per_frame=False, **half)
        return Qwen3VLProcessor(images, tokenizer, videos, chat_template=template)
    images = Qwen2VLImageProcessor(size=size)
    videos = Qwen2VLVideoProcessor(size=clip_size, fps=2.0, cap_pixels_per_frame=False)
    return Qwen2_5_VLProcessor(images, tokenizer, videos, chat_template=template)


def build_model(role: str) -> torch.nn.Module:
    config = build_config(role)
    return (Qwen3VLForConditionalGeneration if role == "qwen3_vl" else Qwen2_5_VLForConditionalGeneration)(config)


class Student(torch.nn.Module):
    """A model and the heads that read labels off its patches and its visual tokens (and are thrown away).

    A visual token is what is left of 2 × 2 patches; its heads say what stood on each of the four.
    """

    label_sizes = LABEL_SIZES

    def __init__(self, role: str, model: torch.nn.Module | None = None, image_processor=None) -> None:
        super().__init__()
        self.role, self.model = role, model or build_model(role)
        config = self.model.config
        self.heads = torch.nn.ModuleDict({
            kind: torch.nn.ModuleList([
                torch.nn.Linear(config.vision_config.hidden_size, sum(sizes)),
                torch.nn.Linear(config.text_config.hidden_size, 4 * sum(sizes)),
            ]) for kind, sizes in self.label_sizes.items()
        })  # fmt: skip
        processor = image_processor or build_processor(role).image_processor
        self.mean, self.std = (torch.tensor(v).view(3, 1, 1, 1) for v in (processor.image_mean, processor.image_std))

    def look(self, batch: dict):
        """The tower's output: ``last_hidden_state`` by patches, ``pooler_output`` by visual tokens."""
        pixels = (((batch["pixels"] / 255) - self.mean) / self.std).flatten(1)
        model = self.model.model
        look = model.get_video_features if batch["is_clip"] else model.get_image_features
        return look(pixels, batch["grid"], return_dict=True)

    def joint_losses(self, batch: dict) -> dict[str, torch.Tensor]:
        """``talk_loss``, from which the tower learns too, and a share of the labels', so that it does not forget."""
        with mixed_precision():
            vision = self.look(batch)
        labels = self.label_losses(batch, vision) if "patch_labels" in batch else {}
        return self.talk_loss(batch, handed_on(batch, vision)) | {n: LABEL_WEIGHT * loss for n, loss in labels.items()}

    def talk_loss(self, batch: dict, perceived: dict | None = None) -> dict[str, torch.Tensor]:
        """Cross-entropy of the answers' tokens, the only positions that the head sees.

        The towers do not learn, unless what is ``perceived`` was computed with gradients.
        """
        with mixed_precision():
            hidden = self.model.model(
                input_ids=batch["input_ids"], attention_mask=visible(batch["talks"]), position_ids=batch["positions"],
                use_cache=False, **(perceived or self.perceived(batch)),
            ).last_hidden_state  # fmt: skip
            targets = batch["labels"][:, 1:]
            counted = targets != IGNORED
            logits = self.model.lm_head(hidden[:, :-1][counted])
        return {"lm": cross_entropy(logits.float(), targets[counted])}

    @torch.no_grad()
    def perceived(self, batch: dict) -> dict:
        """What the language model gets beside the text."""
        return handed_on(batch, self.look(batch))

    def label_losses(self, batch: dict, vision=None) -> dict[str, torch.Tensor]:
        """How well the labels can be read off the patches, and off the visual tokens, of what was or is looked at."""
        with mixed_precision():
            vision, kind = vision or self.look(batch), batch["kind"]
            patches, tokens = vision.last_hidden_state, torch.cat(vision.pooler_output)
            if self.role != "qwen3_vl":  # Qwen2.5-VL's tower leaves the patches in the order of its windows
                config = self.model.config.vision_config
                order, _ = get_vision_window_index(batch["grid"], 2, config.window_size, config.patch_size)
                patches = patches.view(-1, 4, patches.shape[-1])[order.argsort()].flatten(0, 1)
            on_patches, on_tokens = self.heads[kind]
            read = {"patch": on_patches(patches), "token": on_tokens(tokens).view(len(patches), -1)}
        return {
            f"{kind[:3]}_{where}": label_loss(
                logits.float().split(self.label_sizes[kind], dim=-1), batch["patch_labels"]
            )
            for where, logits in read.items()
        }


def handed_on(batch: dict, vision) -> dict:
    """The tower's output in the form in which the language model takes it."""
    return {"mm_encoder_outputs": {"video" if batch["is_clip"] else "image": vision}}


def generation_config(role: str, model: torch.nn.Module) -> GenerationConfig:
    """Greedy for Qwen2.5-VL (its own is almost that: temperature 1e-6), Qwen3-VL-Thinking's sampling for the other."""
    text = model.config.text_config
    ends = dict(eos_token_id=text.eos_token_id, pad_token_id=text.pad_token_id)
    if role == "qwen3_vl":
        return GenerationConfig(do_sample=True, temperature=0.6, top_p=0.95, top_k=20, **ends)
    return GenerationConfig(do_sample=False, **ends)


def state_path(name: str) -> Path:
    return Path(__file__).parent.parent / "_build" / "recipes" / f"{name}.pt"


def train_one(role: str, steps: int, seed: int) -> tuple[torch.nn.Module, float]:
    """Train one model; return it and the minutes it took."""
    torch.manual_seed(seed)
    student, family = Student(role), family_of(role)
    speed_up(student.model)
    vision_steps = round(VISION_SHARE * steps)
    tower = torch.nn.ModuleList([student.model.model.visual, student.heads])
    minutes = train(
        tower, student.label_losses, partial(vision_batch, family), steps=vision_steps, peak_lr=MUON_LR,
        adamw_lr=ADAMW_LR, state_path=state_path(f"{role}-vision"),
    )  # fmt: skip
    minutes += train(
        student, student.joint_losses, partial(talk_batch, family, steps - vision_steps), steps=steps - vision_steps,
        peak_lr=MUON_LR, adamw_lr=ADAMW_LR, state_path=state_path(role),
    )  # fmt: skip
    slow_down(student.model)
    student.model.generation_config = generation_config(role, student.model)
    return student.model, minutes


def steps_of(role: str, steps: int = STEPS) -> int:
    """How many steps a role is trained for when the largest is trained for ``steps``."""
    return round(SHARE_OF_STEPS[role] * steps)


def main(steps: int = STEPS, seed: int = 0, roles: Sequence[str] = tuple(SIZES)) -> tuple[dict, dict, dict]:
    """Train; return by role the models, their processors, and the minutes each took."""
    trained = {role: train_one(role, steps_of(role, steps), seed) for role in roles}
    models = {role: model for role, (model, _) in trained.items()}
    minutes = {role: minutes for role, (_, minutes) in trained.items()}
    return models, {role: build_processor(role) for role in roles}, minutes
