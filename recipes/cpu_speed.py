"""What makes a Qwen-VL model train fast on a CPU; nothing of it changes what is computed, but for rounding.

- All windows of all pictures are attended to at once. transformers loops over them, which takes longer than the rest.
- Patches do not overlap, so the patch embedding is a linear layer; as the convolution that it is written as, its
  backward pass took a quarter of a step.
- Where the CPU has instructions for bfloat16, linear layers use them: five times as fast as float32 with Intel's matrix
  units (AMX), a third faster with AVX-512's. Attention stays in float32, since its backward pass in bfloat16 is slower
  by more than that.
- Layers are compiled where there is a C++ compiler: a step takes a third less time after the first minute.
"""

from __future__ import annotations

import contextlib
import shutil

import torch
from torch.nn.functional import linear, scaled_dot_product_attention
from transformers import AttentionInterface


def vision_attention(module, query, key, value, attention_mask, scaling, cu_seq_lens_q, **_):
    """All pictures, or all windows of all pictures, at once: (1, heads, n, width) → (1, n, heads, width)."""
    lengths = cu_seq_lens_q.diff().long()
    n, longest = len(lengths), int(lengths.max())
    held = torch.arange(longest) < lengths[:, None]  # (windows, longest): where there is a patch
    spread = lambda x: x[0].new_zeros(n, longest, *x[0].transpose(0, 1).shape[1:])  # noqa: E731
    rows = []
    for x in (query, key, value):
        padded = spread(x)
        padded[held] = x[0].transpose(0, 1)
        rows.append(padded.transpose(1, 2).float())
    with torch.autocast("cpu", enabled=False):
        mask = None if bool(held.all()) else held[:, None, None]
        out = scaled_dot_product_attention(*rows, attn_mask=mask, scale=scaling)
    return out.transpose(1, 2)[held][None], None


def text_attention(module, query, key, value, attention_mask, scaling, **_):
    """Attention in float32, whatever autocast says; a key-value head serves several query heads."""
    with torch.autocast("cpu", enabled=False):
        out = scaled_dot_product_attention(
            query.float(), key.float(), value.float(), attn_mask=attention_mask, scale=scaling, enable_gqa=True
        )
    return out.transpose(1, 2), None


#: "flash" in the name makes transformers hand over all windows at once.
AttentionInterface.register("flash_windows_at_once", vision_attention)
AttentionInterface.register("float32_attention", text_attention)


def mixed_precision() -> contextlib.AbstractContextManager:
    """bfloat16 in linear layers where the CPU has instructions for it, else nothing."""
    can = torch.cpu.get_capabilities()
    fast = can.get("amx_bf16", False) or can.get("avx512_bf16", False)
    return torch.autocast("cpu", dtype=torch.bfloat16) if fast else contextlib.nullcontext()


def speed_up(model: torch.nn.Module) -> None:
    """Make a Qwen-VL model train fast, in place; ``slow_down`` makes it stock again."""
    visual, language = model.model.visual, model.model.language_model
    visual.config._attn_implementation = "flash_windows_at_once"
    language.config._attn_implementation = "float32_attention"
    projection = visual.patch_embed.proj
    visual.patch_embed.forward = lambda x: linear(x, projection.weight.flatten(1), projection.bias)
    if shutil.which("g++"):
        for part in _compiled_parts(model):
            part.forward = torch.compile(part.forward, dynamic=True)


def slow_down(model: torch.nn.Module) -> None:
    """Undo ``speed_up``: attention and forward passes as transformers wrote them."""
    visual, language = model.model.visual, model.model.language_model
    visual.config._attn_implementation = language.config._attn_implementation = "sdpa"
    for part in (visual.patch_embed, *_compiled_parts(model)):
        part.__dict__.pop("forward", None)


def _compiled_parts(model: torch.nn.Module) -> list[torch.nn.Module]:
    blocks = model.model.visual.blocks
    return [*model.model.language_model.layers, *(m for b in blocks for m in (b.norm1, b.norm2, b.mlp))]
