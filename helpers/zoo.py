"""``course models``: list what there is, check the cards, download real weights, train nano ones again."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

from .errors import CourseError, MissingModel, unknown
from .files import check_disk
from .models import free_memory_gb, memory_gb
from .profiles import PROFILES, ModelSpec, check_profile, registry, roles, root, spec

FILES = ["*.safetensors", "*.safetensors.index.json", "*.json", "*.txt", "*.model", "*.jinja"]  # no pickles, no code
UNKNOWN_GB = 2.0  # disk asked for where nobody verified a download's size


def show(profile: str | None = None) -> int:
    """Print which weights play which role, at one profile or all."""
    rows = [("role", "profile", "weights", "parameters", "licence", "download", "memory", "here")]
    for role in roles():
        for name in PROFILES if profile is None else [check_profile(profile)]:
            if name in registry()[role]["profiles"]:
                rows.append(_row(spec(role, name)))
            elif profile:
                rows.append((role, name, "none: the nano model stands in", *[""] * 5))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths)).rstrip())
    return 0


def _row(row: ModelSpec) -> tuple[str, ...]:
    size = "in the repository" if row.is_local else row.base_url or _gb(row)
    parameters = f"{row.parameters / 1e6:,.1f} M" if row.parameters else "unknown"
    here = "hosted" if row.is_hosted else "yes" if present(row) else "no"
    return row.role, row.profile, row.id, parameters, row.licence, size, f"{memory_gb(row):.1f} GB", here


def _gb(row: ModelSpec) -> str:
    return "size unknown" if row.download_gb is None else f"{row.download_gb} GB"


def present(row: ModelSpec) -> bool:
    """Whether the weights are on this machine: in data/models, or whole in the Hugging Face cache."""
    if row.is_local:
        return (row.path / "model.safetensors").is_file()
    if _cached(row, "config.json") is None:
        return False
    if index := _cached(row, "model.safetensors.index.json"):  # small, so it is there long before what it lists
        shards = set(json.loads(Path(index).read_text(encoding="utf-8"))["weight_map"].values())
        return all(_cached(row, shard) for shard in shards)
    return _cached(row, "model.safetensors") is not None


def _cached(row: ModelSpec, name: str) -> str | None:
    """Where a file of a model lies in the Hugging Face cache, if it does."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(row.id, name, revision=row.revision)
    return found if isinstance(found, str) else None


def check(wanted: list[str]) -> int:
    """Check nano checkpoints against the registry and their cards; 1 when one is not what it claims to be."""
    for role in wanted:
        if role not in roles():
            raise unknown("role", role, roles())
    failures = []
    for role in wanted or roles():
        row = spec(role)
        if row.awaits_training and not wanted:
            print(f"{role}: not trained yet; `course models train {row.recipe}` makes it", flush=True)
            continue
        print(f"{role}: measuring on held-out data …", flush=True)
        problems = [*_check_checkpoint(row)]
        print(f"{role}: {'; '.join(problems) if problems else 'true'}", flush=True)
        failures += problems
    print("Every card is true." if not failures else f"{len(failures)} claims do not hold.")
    return int(bool(failures))


def _check_checkpoint(row: ModelSpec):
    """Yield what is wrong with a nano checkpoint: files, hash, number of parameters, scores."""
    from recipes.checkpoints import read_card, scorer

    from .models import load

    if row.sha256 is None:
        yield "its hash is not registered in data/models/SHA256SUMS"
    try:
        model, processor, _ = load(row.role)
        claimed = read_card(row.role)["scores"]
    except (MissingModel, OSError, KeyError, ValueError) as error:
        yield f"cannot be checked: {error}"
        return
    counted = sum(parameter.numel() for parameter in model.parameters())
    if counted != row.parameters:
        yield f"has {counted:,} parameters; models.yaml says {row.parameters or 'nothing'}"
    measure = scorer(row.recipe)
    measured = measure.all_scores(row.role, model, processor)
    for name in sorted(measured.keys() | claimed.keys()):
        if name not in measured or name not in claimed:
            yield f"{name} is {'claimed but not measured' if name in claimed else 'measured but not on the card'}"
            continue
        print(f"  {name}: card {claimed[name]:.3f}, measured {measured[name]:.3f}", flush=True)
        if overstated(claimed[name], measured[name], measure.N):
            yield f"the card claims {name} {claimed[name]:.3f}; measured {measured[name]:.3f}"


def overstated(claimed: float, measured: float, n: int) -> bool:
    """Whether a card claims more than was measured on ``n`` items, beyond noise.

    The items are the same each time, so on one machine both agree exactly; another processor may round differently
    and flip a few answers. Two standard errors of a proportion on ``n`` items are allowed for that, and at least two
    items (at 1.0 the standard error is zero). A card that claims too little is not at fault.
    """
    share = min(max(measured, 0.0), 1.0)
    return claimed - measured > max(2 / n, 2 * (share * (1 - share) / n) ** 0.5)


def pull(profile: str, yes: bool = False) -> int:
    """Download a profile's weights into the Hugging Face cache, after having said how many GB and where to."""
    from huggingface_hub import constants

    check_profile(profile)
    rows = {row.id: row for role in roles() if not ((row := spec(role, profile)).is_local or row.is_hosted)}
    missing = [row for row in rows.values() if not present(row)]
    if not missing:
        print(f"Nothing to download: every model of the profile {profile!r} is on this machine.")
        return 0
    cache = Path(constants.HF_HUB_CACHE)
    for row in missing:
        print(f"  {row.id} at {(row.revision or 'main')[:8]}: {_gb(row)}, licence {row.licence}")
    total = sum(row.download_gb or 0 for row in missing)
    more = " and what is of unknown size" if any(row.download_gb is None for row in missing) else ""
    print(f"{total:.1f} GB{more} from {constants.ENDPOINT} into {cache}", flush=True)
    largest = max(map(memory_gb, missing))
    if largest > free_memory_gb():
        print(f"Note: the largest needs {largest:.1f} GB of memory to run; {free_memory_gb():.1f} GB are free now.")
    check_disk(cache, sum(UNKNOWN_GB if row.download_gb is None else row.download_gb for row in missing))
    if not yes and not _agreed():
        print("Nothing was downloaded.")
        return 1
    for row in missing:
        _download(row)
    print(f"Done: {len(missing)} models are in {cache}. Use them: `course run --profile {profile}`.")
    return 0


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise CourseError("There is nobody to ask. Say --yes to download.")
    return input("Download? [y/N] ").strip().lower() in ("y", "yes")


def _download(row: ModelSpec) -> None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    try:
        snapshot_download(row.id, revision=row.revision, allow_patterns=FILES)
    except GatedRepoError as error:
        raise MissingModel(f"{row.id} asks for consent: accept its terms on its page, then `hf auth login`.") from error
    except RevisionNotFoundError as error:
        advice = "The pin was not verified: correct `revision` in data/models.yaml."
        raise MissingModel(f"{row.id} has no revision {row.revision}. {advice}") from error
    except RepositoryNotFoundError as error:
        raise MissingModel(f"{row.id} is not on the hub (any more). Correct its id in data/models.yaml.") from error
    except OSError as error:  # every network error of the hub's client is one
        raise MissingModel(
            f"{row.id} could not be downloaded ({type(error).__name__}). Check the network, or set HF_ENDPOINT to a "
            "mirror of the hub, and run the same command again: finished files are kept. Nano needs no download."
        ) from error


def train(name: str, steps: int | None = None) -> int:
    """Train a recipe's checkpoints and save each with its card and hash; ``name`` is a recipe or a role it trains.

    Of a recipe that trains its roles apart (it has ``steps_of``), a role's name trains this one alone.
    """
    recipe = recipe_of(name)
    module = importlib.import_module(f"recipes.{recipe}")
    checkpoints = importlib.import_module("recipes.checkpoints")
    steps = module.STEPS if steps is None else steps
    if steps < 1:
        raise CourseError(f"--steps needs at least 1, not {steps}.")
    print(f"Training {recipe} for {steps} steps; Ctrl-C stops it, the same command goes on.", flush=True)
    apart = hasattr(module, "steps_of")
    models, processors, minutes = module.main(steps=steps, **({"roles": [name]} if apart and name in roles() else {}))
    for role, model in models.items():
        print(f"{role}: measuring on held-out data and saving …", flush=True)
        where = checkpoints.save(
            role, model, processors[role] if apart else processors,
            recipe=recipe, command=role if apart else recipe, seed=0,
            steps=module.steps_of(role, steps) if apart else steps, minutes=minutes[role] if apart else minutes,
        )  # fmt: skip
        print(f"{role}: {where.relative_to(root())}", flush=True)
    print("Check the cards with `course models check`; start over by removing _build/recipes.")
    return 0


def recipe_of(name: str) -> str:
    """The recipe meant by its own name or by a role it trains. Raises UnknownName."""
    by_role = {role: entry["profiles"]["nano"]["recipe"] for role, entry in registry().items()}
    known = sorted({*by_role.values(), *by_role})
    if name not in known:
        raise unknown("recipe or role", name, known)
    return by_role.get(name, name)
