"""Load a role's model and processor at a profile, with errors that say what to do."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from .errors import MissingModel, NotEnoughMemory
from .profiles import ModelSpec, device, spec


class Loaded(NamedTuple):
    """A model in eval mode, its processor, and the registry row they came from."""

    model: object
    processor: object
    spec: ModelSpec


def load(role: str, profile: str = "nano", download: bool = True) -> Loaded:
    """Load a role's weights: ``model, processor, spec = load("blip-caption", profile)``.

    Nano weights are read from ``data/models`` after their hash was checked; others from the Hugging Face cache or hub
    at the pinned revision, as safetensors only and without remote code. With ``download=False`` the hub is not asked:
    a click in a panel must not start a download of gigabytes.

    Raises:
        UnknownName: the role or the profile does not exist.
        MissingModel: weights absent, damaged, or not to be fetched from here.
        NotEnoughMemory: less memory is free than the weights need.
    """
    chosen = spec(role, profile)
    check_memory(chosen)
    if chosen.is_local:
        check_files(chosen)
    import transformers

    transformers.utils.logging.disable_progress_bar()  # "Loading weights" bars drown a notebook's output
    try:
        try:
            model, processor = _from_pretrained(chosen, local_files_only=True)
        except OSError:  # not in the cache: only now ask the hub, whose client retries for minutes without a network
            if chosen.is_local or not download:
                raise
            model, processor = _from_pretrained(chosen, local_files_only=False)
    except OSError as error:
        raise MissingModel(_cannot_fetch(chosen)) from error
    return Loaded(model.to(device()).eval(), processor, chosen)


def _from_pretrained(chosen: ModelSpec, local_files_only: bool) -> tuple:
    """The model and its processor, from safetensors at the pinned revision and without remote code."""
    import torch
    import transformers

    source, revision = (str(chosen.path), None) if chosen.is_local else (chosen.id, chosen.revision)
    where = {"revision": revision, "local_files_only": local_files_only, "trust_remote_code": False}
    dtype = torch.bfloat16 if _bytes_each(chosen) == 2 else torch.float32
    processor = transformers.AutoProcessor.from_pretrained(source, **where)
    model_class = getattr(transformers, chosen.model_class)
    return model_class.from_pretrained(source, **where, use_safetensors=True, dtype=dtype), processor


def check_files(chosen: ModelSpec) -> None:
    """Raise MissingModel unless the nano checkpoint is there and has the hash the registry states."""
    weights = chosen.path / "model.safetensors"
    restore = (
        f"Restore it with `git checkout -- data/models/{chosen.id}` "
        f"or retrain it: `course models train {chosen.recipe}`."
    )
    if chosen.awaits_training:
        train = f"Train it: `course models train {chosen.recipe}`."
        raise MissingModel(f"The checkpoint of {chosen.role} is missing: it was not trained yet. {train}")
    if not weights.is_file():
        raise MissingModel(f"The checkpoint of {chosen.role} is missing ({weights}). {restore}")
    if chosen.sha256 and file_sha256(weights) != chosen.sha256:
        raise MissingModel(
            f"The checkpoint of {chosen.role} is damaged: {weights} does not have the registered hash. {restore}"
        )
    for name in ("config.json", "tokenizer.json"):
        if not (chosen.path / name).is_file():
            raise MissingModel(f"The checkpoint of {chosen.role} is incomplete: {name} is missing. {restore}")


def file_sha256(path) -> str:
    """The SHA-256 of a file, read in pieces."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _bytes_each(chosen: ModelSpec) -> int:
    """Of a parameter as it is loaded here: public models take half the room on a GPU."""
    return 2 if device() == "cuda" and not chosen.is_local else 4


def memory_gb(chosen: ModelSpec) -> float:
    """What a model takes as it is loaded here: its weights, 15 % for activations, and 0.4 GB for the process."""
    if chosen.parameters is None or chosen.is_hosted or chosen.is_local:
        return chosen.memory_gb
    return chosen.parameters * _bytes_each(chosen) * 1.15e-9 + 0.4


def check_memory(chosen: ModelSpec, needed: float | None = None) -> None:
    """Raise NotEnoughMemory when the weights cannot fit into what is free (GPU memory where there is a GPU).

    ``needed`` is in GB, and what ``memory_gb`` says unless given. A hosted model has no weights to fit: MissingModel.
    """
    if chosen.is_hosted:
        raise MissingModel(
            f"{chosen.id} is hosted: it answers at {chosen.base_url} (`helpers.server.connect`, or --base-url) and "
            "cannot be loaded or served here."
        )
    free, needed = free_memory_gb(), memory_gb(chosen) if needed is None else needed
    if free < needed:
        smaller = {"full": "laptop", "laptop": "nano"}.get(chosen.profile)
        advice = f'Set profile = "{smaller}" in the parameters cell' if smaller else "Close other programs"
        raise NotEnoughMemory(
            f"{chosen.id} needs about {needed:.1f} GB and {free:.1f} GB are free. {advice} and run again."
        )


def free_memory_gb() -> float:
    """Free memory in GB of the device that models are loaded to."""
    import psutil
    import torch

    if torch.cuda.is_available():
        return torch.cuda.mem_get_info()[0] / 1e9
    return psutil.virtual_memory().available / 1e9


def _cannot_fetch(chosen: ModelSpec) -> str:
    if chosen.is_local:
        return (
            f"The checkpoint of {chosen.role} cannot be read. Restore it with "
            f"`git checkout -- data/models/{chosen.id}` or retrain it: `course models train {chosen.recipe}`."
        )
    return (
        f"{chosen.id} at revision {chosen.revision or 'main'} is neither in the Hugging Face cache nor reachable as "
        f"safetensors from here. With a network: `course models pull --profile {chosen.profile}` (HF_ENDPOINT sets a "
        'mirror). Without: set profile = "nano" in the parameters cell.'
    )
