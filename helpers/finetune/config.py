"""The settings of a fine-tuning: one dataclass, in Python or in a YAML file, the same in both.

>>> Config(train="phantoms", steps=200)                 # doctest: +SKIP
>>> read_config("config.yaml")                          # doctest: +SKIP
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import CourseError, unknown

WORLDS = ("phantoms", "faces")
FORMATS = ("alpaca", "sharegpt", "messages", "medtrinity", "affectnet")
OPTIMIZERS = ("adamw", "adamw_8bit", "paged_adamw_8bit")
SCHEDULERS = ("constant", "constant_with_warmup", "linear", "cosine")
CHOICES = {
    "format": FORMATS, "vision": ("adapt", "freeze"), "optimizer": OPTIMIZERS, "scheduler": SCHEDULERS,
    "sampling": ("balanced",),
}  # fmt: skip
LEAST = {
    "rank": 1, "alpha": 1, "steps": 1, "batch_size": 1, "accumulate": 1, "warmup": 0.0, "max_length": 1,
    "save_steps": 1, "train_size": 1, "held_out_size": 1, "seed": 0, "dropout": 0.0, "learning_rate": 0.0,
}  # fmt: skip
PATHS = ("train", "held_out", "output")


class BadConfig(CourseError):
    """Settings that do not exist, have the wrong type, or contradict each other."""


@dataclass(frozen=True)
class Config:
    """What to train, on what, and how. Raises BadConfig for a wrong type or value.

    Attributes:
        base: the role whose weights are adapted, e.g. "qwen3_vl" or "qwen2_5_omni".
        profile: whose weights play the role.
        train, held_out: a data file, or a world: "phantoms" or "faces". Without ``held_out``, nothing is held out of a
            file, and of a world its own held-out patients or identities are taken.
        format: the layout of the data files, one of FORMATS.
        roots: the folders that the data's pictures may lie in (that of the data file unless given).
        train_size, held_out_size: how many examples of a world.
        options: what else the world's function takes: ``{"task": "report"}``, ``{"modality": "audio"}``.
        output: the folder of this run: log, checkpoints, adapter.
        four_bit, double_quant: store the base in NF4, and its scales in 8 bits too (Dettmers et al., 2023).
        rank, alpha, dropout, targets: LoRA's (Hu et al., 2021). ``targets``: "all-linear" or names of layers.
        vision: "adapt" puts LoRA into the towers for pictures and sound too; "freeze" leaves them alone. Their own
            weights are quantised in neither case.
        steps, batch_size, accumulate: of the optimiser; batch_size is per process and per forward pass.
        learning_rate, warmup, scheduler: the peak, the share of the steps until it, and one of SCHEDULERS.
        optimizer: one of OPTIMIZERS; the 8-bit ones are those of bitsandbytes.
        max_length: tokens of an example at most; None for any.
        checkpointing: compute activations a second time instead of keeping them.
        class_weights: "balanced" weighs an example by the inverse of its class's share; or a weight for each label.
        sampling: "balanced" draws every class equally often; None takes every example once per epoch.
        thinking: see ``collate.Collator``.
        allow: what preflight may let pass with a warning (``refusals.ALLOWABLE``), to measure a mistake on purpose.
        save_steps: steps between checkpoints.
    """

    base: str = "qwen3_vl"
    profile: str = "nano"
    train: str = "phantoms"
    held_out: str | None = None
    format: str = "messages"
    roots: list[str] | None = None
    train_size: int = 2000
    held_out_size: int = 400
    options: dict = field(default_factory=dict)
    output: str = "_build/finetune/run"
    four_bit: bool = True
    double_quant: bool = True
    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    targets: str | list[str] = "all-linear"
    vision: str = "adapt"
    steps: int = 200
    batch_size: int = 32
    accumulate: int = 1
    learning_rate: float = 2e-3
    warmup: float = 0.05
    scheduler: str = "linear"
    optimizer: str = "adamw"
    max_length: int | None = None
    checkpointing: bool = False
    class_weights: str | dict | None = None
    sampling: str | None = None
    thinking: bool | None = None
    allow: list[str] = field(default_factory=list)
    seed: int = 0
    save_steps: int = 100

    def __post_init__(self) -> None:
        hints = typing.get_type_hints(Config)
        for name, value in vars(self).items():
            if not _fits(value, hints[name]):
                wanted = Config.__annotations__[name].replace("None", "nothing")
                raise BadConfig(f"`{name}` should be {wanted}, not {value!r} ({type(value).__name__}). Correct it.")
            if name in CHOICES and value is not None and value not in CHOICES[name]:
                raise BadConfig(f"`{name}` cannot be {value!r}. Choose one of: {', '.join(CHOICES[name])}.")
            if name in LEAST and value is not None and value < LEAST[name]:
                raise BadConfig(f"`{name}` should be at least {LEAST[name]}, not {value}.")
        if isinstance(self.class_weights, str) and self.class_weights != "balanced":
            raise BadConfig('`class_weights` should be "balanced" or a weight for each label. Correct it.')
        if self.dropout >= 1:
            raise BadConfig(f"`dropout` is a share of what is dropped, below 1, not {self.dropout}.")
        if self.warmup >= 1:
            raise BadConfig(f"`warmup` is a share of the steps, below 1, not {self.warmup}.")

    def replace(self, **changes) -> Config:
        """The same settings but for some."""
        return from_dict(dataclasses.asdict(self) | changes)

    @property
    def folder(self) -> Path:
        """``output`` as an absolute path; a relative one starts at the course's folder."""
        from ..profiles import root

        return Path(self.output) if Path(self.output).is_absolute() else root() / self.output


def read_config(path: str | Path) -> Config:
    """Settings from a YAML file; relative paths in it start at the file's own folder.

    Raises BadConfig for a file that is missing or no YAML, a key that does not exist, and as Config does.
    """
    import yaml

    path = Path(path)
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadConfig(f"There is no file {path}. Relative paths start at {Path.cwd()}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfig(f"{path} cannot be read ({error}). Give a YAML file.") from error
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        raise BadConfig(f"{path}{line} is no YAML ({getattr(error, 'problem', error)}). Mend the line.") from error
    if not isinstance(found, dict):
        raise BadConfig(f"{path} should have one setting a line, as in `steps: 200`.")
    here = path.resolve().parent
    for name in PATHS:
        if isinstance(found.get(name), str) and found[name] not in WORLDS:
            found[name] = str(here / found[name])
    if isinstance(found.get("roots"), list):
        found["roots"] = [str(here / folder) if isinstance(folder, str) else folder for folder in found["roots"]]
    return from_dict(found)


def from_dict(settings: Mapping) -> Config:
    """Settings from a mapping. Raises BadConfig; for a key that does not exist with the nearest one."""
    names = [each.name for each in dataclasses.fields(Config)]
    for name in settings:
        if name not in names:
            raise BadConfig(str(unknown("setting", name, names)))
    return Config(**{name: _as_number(name, value) for name, value in settings.items()})


def _as_number(name: str, value: object) -> object:
    """YAML 1.1 takes 2e-4 for a text (2.0e-4 would be a number), and 1 is a learning rate too."""
    if Config.__annotations__[name] != "float" or isinstance(value, bool) or not isinstance(value, (int, str)):
        return value
    try:
        return float(value)
    except ValueError:
        return value


def _fits(value: object, hint: object) -> bool:
    """Whether a value is of an annotated type; True is not taken for a number."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return any(_fits(value, each) for each in typing.get_args(hint))
    if typing.get_origin(hint) is list:
        [inner] = typing.get_args(hint)
        return isinstance(value, list) and all(_fits(each, inner) for each in value)
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, hint) and (hint is bool or not isinstance(value, bool))
