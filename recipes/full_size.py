"""QLoRA and generation at full size on a GPU, with random weights: ``python -m recipes.full_size``.

Memory and time do not depend on what the weights are, so nothing is downloaded: the real configurations
(``data/configurations``) are filled with random numbers, put into NF4 with the towers spared, and given LoRA of rank
16. Measured are the peak memory of training steps beside the calculator's prediction, the time of a step, the time to
the first token and the tokens a second. Writes ``data/measured/full_size.json``. A model of 8 billion parameters passes
through 16 bits on its way and needs a GPU with 24 GB.
"""

from __future__ import annotations

import inspect
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

import torch

from helpers.errors import CourseError
from helpers.files import write_json
from helpers.finetune import configurations, memory
from helpers.profiles import root
from helpers.records import device_name, versions

MODELS = ("Qwen/Qwen3-VL-8B-Thinking", "Qwen/Qwen2.5-Omni-7B", "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B")
TOWERS = ("visual", "audio_tower")
RANK, TOKENS, REPLY, NEW_TOKENS = 16, 1024, 256, 64
SIDE = 32  # patches of a picture's side: 16 × 16 visual tokens
WARM_UP, STEPS = 2, 5


@dataclass(frozen=True)
class Measured:
    """Seconds and GB (10⁹ bytes). ``predicted_gb`` is the calculator's; ``peak_gb`` is None on a CPU."""

    peak_gb: float | None
    predicted_gb: float
    step_seconds: float
    train_tokens_per_second: float
    ttft_seconds: float
    tokens_per_second: float


def main() -> int:
    """Measure every model of MODELS and write the record. Raises CourseError without a GPU."""
    if not torch.cuda.is_available():
        raise CourseError("There is no GPU here, and nothing was measured. On a machine with one of 24 GB or more, run "
                          "`python -m recipes.full_size` again.")  # fmt: skip
    rows = {}
    for name in MODELS:
        rows[name] = vars(measure(adapted(build(name, "cuda"))))
        print(name, rows[name], flush=True)
        torch.cuda.empty_cache()
    made = {"command": "python -m recipes.full_size", "date": datetime.now(UTC).date().isoformat(),
            "device": device_name(), "versions": versions(), "weights": "random", "batch_size": 1, "tokens": TOKENS,
            "image_tokens": SIDE**2 // 4, "rank": RANK, "checkpointing": True, "models": rows}  # fmt: skip
    write_json(root() / "data" / "measured" / "full_size.json", made)
    return 0


def build(name: str, device: str) -> torch.nn.Module:
    """A real architecture with random weights in bfloat16."""
    import transformers

    configuration = configurations.read(name)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device(device):
            model = getattr(transformers, configuration.model_class)(configurations.model_config(configuration))
    finally:
        torch.set_default_dtype(before)
    return model.eval()


def adapted(model: torch.nn.Module) -> torch.nn.Module:
    """The model with its linear layers in NF4, double quantised, but for towers and head, and LoRA on them."""
    from bitsandbytes.nn import Linear4bit, Params4bit
    from peft import LoraConfig, get_peft_model

    names = []
    for name, layer in memory.linear_layers(model, TOWERS):
        small = Linear4bit(layer.in_features, layer.out_features, layer.bias is not None, layer.weight.dtype,
                           compress_statistics=True, quant_type="nf4", device="meta")  # fmt: skip
        small.weight = Params4bit(layer.weight.data, requires_grad=False, quant_type="nf4", compress_statistics=True,
                                  module=small).to(layer.weight.device)  # fmt: skip
        small.bias = layer.bias
        model.set_submodule(name, small)
        names.append(name)
    model.is_loaded_in_4bit = True
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return get_peft_model(model, LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules=names))


def sample(model: torch.nn.Module, tokens: int = TOKENS) -> dict:
    """One conversation of random tokens with a picture, if the model sees; the last REPLY tokens are the answer."""
    config = model.config
    device = next(model.parameters()).device
    ids = torch.randint(10, 1000, (1, tokens), device=device)
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    vision = getattr(config, "vision_config", None)
    if vision is not None:
        n = SIDE**2 // vision.spatial_merge_size**2
        ids[0, 4], ids[0, 5 : 5 + n], ids[0, 5 + n] = (
            config.vision_start_token_id, config.image_token_id, config.vision_end_token_id,
        )  # fmt: skip
        width = 3 * vision.temporal_patch_size * vision.patch_size**2
        dtype = next(p.dtype for p in model.parameters() if p.is_floating_point())
        batch["pixel_values"] = torch.randn(SIDE**2, width, device=device, dtype=dtype)
        batch["image_grid_thw"] = torch.tensor([[1, SIDE, SIDE]], device=device)
        if "mm_token_type_ids" in inspect.signature(model.get_base_model().forward).parameters:
            batch["mm_token_type_ids"] = (ids == config.image_token_id).int()
    return batch


def measure(model: torch.nn.Module, tokens: int = TOKENS) -> Measured:
    """Train some steps, then generate."""
    batch = sample(model, tokens)
    labels = batch["input_ids"].clone()
    labels[:, :-REPLY] = -100
    image_tokens = int((batch["input_ids"] == getattr(model.config, "image_token_id", -1)).sum())
    model.train()
    model.activation_checkpointing_enable(activation_checkpointing_kwargs={"use_reentrant": False})
    predicted = memory.training_bytes(model, 1, tokens, image_tokens=image_tokens, checkpointing=True)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    on_gpu = batch["input_ids"].is_cuda
    seconds = []
    for step in range(WARM_UP + STEPS):
        if on_gpu and step == WARM_UP:
            torch.cuda.reset_peak_memory_stats()
        seconds.append(_timed(lambda: _step(model, optimizer, batch | {"labels": labels}), on_gpu))
    peak = torch.cuda.max_memory_allocated() / 1e9 if on_gpu else None
    step_seconds = median(seconds[WARM_UP:])
    model.activation_checkpointing_disable()
    first, several = (_generate(model, batch, n, on_gpu) for n in (1, NEW_TOKENS))
    speed = (NEW_TOKENS - 1) / max(1e-9, several - first)
    return Measured(peak, predicted.total / 1e9, step_seconds, tokens / step_seconds, first, speed)


def _step(model, optimizer, batch: dict) -> None:
    model(**batch, use_cache=False).loss.backward()
    optimizer.step()
    optimizer.zero_grad()


def _generate(model, batch: dict, n: int, on_gpu: bool) -> float:
    """Seconds for exactly ``n`` new tokens, after one run to warm up."""
    model.eval()
    how = {"min_new_tokens": n, "max_new_tokens": n, "do_sample": False}
    with torch.no_grad():
        return min(_timed(lambda: model.generate(**batch, **how), on_gpu) for _ in range(2))


def _timed(work, on_gpu: bool) -> float:
    """Seconds that some work takes, until the GPU has done it."""
    started = time.monotonic()
    work()
    if on_gpu:
        torch.cuda.synchronize()
    return time.monotonic() - started


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CourseError as error:
        sys.exit(str(error))
