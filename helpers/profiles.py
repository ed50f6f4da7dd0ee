"""The profile a notebook runs at, and the registry of models read from ``data/models.yaml``.

This module, ``models`` and ``models.yaml`` are the only places that know about profiles.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from .errors import unknown

PROFILES = ("nano", "laptop", "full", "api")


def root() -> Path:
    """The repository: the nearest folder above this file, or above the working directory, that has the registry.

    ``COURSE_ROOT`` overrides it (for an installed package used with a checkout elsewhere).
    """
    candidates = [os.environ.get("COURSE_ROOT", ""), Path(__file__).resolve().parent.parent, Path.cwd()]
    candidates += list(Path.cwd().parents)
    for candidate in candidates:
        if candidate and (Path(candidate) / "data" / "models.yaml").is_file():
            return Path(candidate)
    raise unknown(
        "checkout of the course at", Path.cwd(), ["set COURSE_ROOT to the folder that holds data/models.yaml"]
    )


@dataclass(frozen=True)
class ModelSpec:
    """One row of the registry: which weights play a role at a profile.

    Attributes:
        role: e.g. "blip-caption".
        profile: the profile the weights belong to (not the one asked for, where that has none).
        model_class: name of the transformers class.
        id: Hugging Face id, or the name below ``data/models`` for nano weights.
        revision: commit hash on the hub; None where none could be verified.
        parameters: number of parameters.
        memory_gb: memory in GB that inference needs at the precision it is loaded with.
        download_gb: size of the download in GB; 0 for nano weights, None where unknown.
        base_url: the OpenAI-compatible endpoint where the model answers, for a hosted one; None for weights.
        note: what a reader should know, e.g. that a fallback was taken.
    """

    role: str
    profile: str
    model_class: str
    id: str
    revision: str | None = None
    parameters: int | None = None
    memory_gb: float = 0.5
    download_gb: float | None = None
    licence: str = ""
    recipe: str | None = None
    base_url: str | None = None
    note: str = ""

    @property
    def is_local(self) -> bool:
        """Whether the weights lie in this repository."""
        return self.profile == "nano"

    @property
    def is_hosted(self) -> bool:
        """Whether the model answers behind somebody's endpoint, and has no weights to load."""
        return self.base_url is not None

    @property
    def path(self) -> Path:
        """Where nano weights lie."""
        return root() / "data" / "models" / self.id

    @property
    def sha256(self) -> str | None:
        """The registered hash of the nano ``model.safetensors`` (``data/models/SHA256SUMS``); None for hub weights."""
        sums = root() / "data" / "models" / "SHA256SUMS"
        lines = sums.read_text(encoding="utf-8").splitlines() if self.is_local and sums.is_file() else []
        return next((line.split()[0] for line in lines if line.endswith(f" {self.id}/model.safetensors")), None)

    @property
    def awaits_training(self) -> bool:
        """Whether the role has no nano weights yet: none are there, and none were ever registered beside the others."""
        sums = root() / "data" / "models" / "SHA256SUMS"
        return self.is_local and sums.is_file() and not self.sha256 and not (self.path / "model.safetensors").exists()

    @property
    def label(self) -> str:
        """What to call the model in front of a reader: a nano model is always called one."""
        size = f"{self.parameters / 1e6:.1f} M parameters" if self.parameters else "unknown size"
        return f"{self.id} (nano, {size}, trained on synthetic data)" if self.is_local else f"{self.id} ({size})"


@lru_cache(maxsize=1)
def registry() -> dict[str, dict]:
    """``data/models.yaml`` as it is: role → {class, stands_for, profiles: {profile: row}}."""
    import yaml

    return yaml.safe_load((root() / "data" / "models.yaml").read_text(encoding="utf-8"))["roles"]


def roles() -> list[str]:
    return list(registry())


def check_profile(profile: str) -> str:
    """Return the profile, or raise UnknownName with the choices."""
    if profile not in PROFILES:
        raise unknown("profile", profile, list(PROFILES))
    return profile


def spec(role: str, profile: str = "nano") -> ModelSpec:
    """The weights for a role at a profile.

    Where the registry has none (BLIP under ``api``), the nano weights stand in and ``note`` says so.
    Raises UnknownName for a role or profile that does not exist.
    """
    check_profile(profile)
    if role not in registry():
        raise unknown("role", role, roles())
    entry = registry()[role]
    row = entry["profiles"].get(profile)
    if row is not None:
        return ModelSpec(role=role, profile=profile, model_class=entry["class"], **row)
    note = f"No model plays {role} under the profile {profile!r}; the nano model stands in."
    return ModelSpec(
        role=role, profile="nano", model_class=entry["class"], **entry["profiles"]["nano"] | {"note": note}
    )


def device() -> str:
    """"cuda" where PyTorch sees a GPU, else "cpu"."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def set_seed(seed: int) -> None:
    """Seed Python, NumPy and PyTorch."""
    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
