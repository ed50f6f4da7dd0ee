"""``course models``: lists, checks, downloads from a hub that a test plays, and trains through a recipe."""

import sys
import types

import pytest
import yaml
from courses import ROOT, course

from helpers import doctor, zoo
from helpers.errors import CourseError, MissingModel, UnknownName
from helpers.files import DiskFull
from helpers.models import load
from helpers.profiles import registry, roles, spec


def test_list_names_every_role_and_whether_it_is_here(capsys):
    assert zoo.show() == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    registered = {(role, profile) for role in roles() for profile in registry()[role]["profiles"]}
    assert {(row[0], row[1]) for row in rows[1:]} == registered
    assert all(row[-1] == "yes" for row in rows if row[1] == "nano" and not spec(row[0]).awaits_training)
    zoo.show("api")
    without = [role for role in roles() if "api" not in registry()[role]["profiles"]]
    assert capsys.readouterr().out.count("the nano model stands in") == len(without)


@pytest.mark.parametrize(
    ("claimed", "measured", "n", "verdict"),
    [
        (0.95, 0.95, 400, False),
        (0.95, 0.94, 400, False),  # four answers of 400
        (0.95, 0.90, 400, True),
        (0.80, 0.95, 400, False),  # modesty is no fault
        (1.00, 1.00, 400, False),
        (1.00, 0.98, 400, True),
        (0.002, 0.0, 400, False),
        (0.90, 0.88, 10_000, True),
    ],
)
def test_what_counts_as_overstated(claimed, measured, n, verdict):
    assert zoo.overstated(claimed, measured, n) is verdict


def test_check_finds_lies(monkeypatch, capsys):
    """The scoring itself is tested by the recipes' tests and by `make models`; here, what is made of scores."""
    scores = {"itm_auc": 0.9, "retrieval_r1": 0.5}
    monkeypatch.setattr("recipes.blip_scores.all_scores", lambda role, model, processor: scores)
    monkeypatch.setattr("recipes.checkpoints.read_card", lambda role: {"scores": dict(scores)})
    assert zoo.check(["blip-itm"]) == 0
    assert "Every card is true" in capsys.readouterr().out
    for card, says in [
        ({"itm_auc": 0.97, "retrieval_r1": 0.5}, "claims itm_auc 0.970; measured 0.900"),
        ({"itm_auc": 0.9}, "retrieval_r1 is measured but not on the card"),
        (scores | {"iq": 1.0}, "iq is claimed but not measured"),
    ]:
        monkeypatch.setattr("recipes.checkpoints.read_card", lambda role, card=card: {"scores": card})
        assert zoo.check(["blip-itm"]) == 1
        assert says in capsys.readouterr().out


def test_check_counts_parameters_and_finds_damage(monkeypatch, capsys, tiny_course):
    for recipe in {row.recipe for role in roles() if not (row := spec(role)).awaits_training}:
        monkeypatch.setattr(f"recipes.{recipe}_scores.all_scores", lambda role, model, processor: {})
    monkeypatch.setattr("recipes.checkpoints.read_card", lambda role: {"scores": {}})
    assert zoo.check([]) == 0  # models.yaml's numbers of parameters are true
    monkeypatch.setenv("COURSE_ROOT", str(tiny_course))
    assert zoo.check(["blip-vqa"]) == 1
    assert "is missing" in capsys.readouterr().out


@pytest.fixture
def empty_cache(monkeypatch, tmp_path):
    """No weights on this machine, and a record of what would be downloaded."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(zoo, "present", lambda row: row.is_local)
    asked = []
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *args, **kwargs: asked.append((args[0], kwargs)))
    return asked


def test_pull_says_how_much_and_where_to_first(empty_cache, capsys, tmp_path):
    assert zoo.pull("laptop", yes=True) == 0
    said = capsys.readouterr().out
    assert " GB" in said and str(tmp_path / "hub") in said and "licence bsd-3-clause" in said
    ids = {row.id for role in roles() if not (row := spec(role, "laptop")).is_local}
    assert {name for name, _ in empty_cache} == ids
    for name, given in empty_cache:
        assert len(given["revision"]) == 40, f"{name} is not pinned"
        assert not any(pattern in given["allow_patterns"] for pattern in ("*", "*.bin", "*.py", "*.h5", "*.msgpack"))


def test_hosted_models_have_nothing_to_download(empty_cache, capsys):
    assert zoo.pull("api", yes=True) == 0 and empty_cache == []
    assert zoo.show("api") == 0
    assert "https://dashscope.aliyuncs.com/compatible-mode/v1" in capsys.readouterr().out


def test_pull_asks_before_it_downloads(empty_cache, monkeypatch, capsys):
    with pytest.raises(CourseError, match="--yes"):  # nobody at the keyboard
        zoo.pull("laptop")
    monkeypatch.setattr("sys.stdin", types.SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("builtins.input", lambda question: "n")
    assert zoo.pull("laptop") == 1
    assert empty_cache == [] and "Nothing was downloaded" in capsys.readouterr().out


def test_pull_refuses_a_disk_that_is_too_small(empty_cache, monkeypatch):
    monkeypatch.setattr("helpers.files.shutil.disk_usage", lambda path: types.SimpleNamespace(free=0.2e9))
    with pytest.raises(DiskFull, match="are needed.*0.2 GB are free"):
        zoo.pull("laptop", yes=True)
    assert empty_cache == []


def test_nothing_to_pull_at_nano(capsys):
    assert zoo.pull("nano") == 0
    assert "Nothing to download" in capsys.readouterr().out


def test_pull_without_a_network_says_what_to_do(tmp_path):
    """The real client of the hub, with nothing behind the address."""
    done = course(
        "models", "pull", "--profile", "laptop", "--yes",
        HF_HOME=str(tmp_path / "hf"), HF_ENDPOINT="http://127.0.0.1:9",
    )  # fmt: skip
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "could not be downloaded" in done.stderr and "HF_ENDPOINT" in done.stderr
    assert not list(tmp_path.rglob("*.safetensors"))


def test_hub_errors_are_explained(empty_cache, monkeypatch):
    from huggingface_hub import errors

    for kind, says in [
        (errors.GatedRepoError, "accept its terms"),
        (errors.RevisionNotFoundError, "correct `revision`"),
        (errors.RepositoryNotFoundError, "not on the hub"),
        (OSError, "could not be downloaded"),
    ]:

        def fail(*args, kind=kind, **kwargs):
            raise kind.__new__(kind)

        monkeypatch.setattr("huggingface_hub.snapshot_download", fail)
        with pytest.raises(MissingModel, match=says):
            zoo.pull("laptop", yes=True)


def test_train_runs_the_recipe_and_saves_every_role(monkeypatch, capsys):
    recipe = types.ModuleType("recipes.blip")
    recipe.STEPS = 7
    recipe.main = lambda steps: ({"blip-caption": "a model", "blip-vqa": "another"}, "a processor", steps / 10)
    saved = []
    keeper = types.ModuleType("recipes.checkpoints")
    keeper.save = lambda *args, **kwargs: saved.append((args, kwargs)) or ROOT / "data" / "models" / args[0]
    monkeypatch.setitem(sys.modules, "recipes.blip", recipe)
    monkeypatch.setitem(sys.modules, "recipes.checkpoints", keeper)
    assert zoo.train("blip-vqa") == 0
    expected = [("blip-caption", "a model", "a processor"), ("blip-vqa", "another", "a processor")]
    assert [args for args, _ in saved] == expected
    assert saved[0][1] == {"recipe": "blip", "command": "blip", "seed": 0, "steps": 7, "minutes": 0.7}
    zoo.train("blip", steps=3)
    assert saved[-1][1]["steps"] == 3


def test_of_a_recipe_that_trains_its_roles_apart_one_can_be_trained_alone(monkeypatch, capsys):
    def main(steps, roles=("qwen2_5_vl-s", "qwen3_vl")):
        return {r: f"model {r}" for r in roles}, {r: f"processor {r}" for r in roles}, {r: len(r) / 10 for r in roles}

    recipe, keeper, saved = types.ModuleType("recipes.qwen_vl"), types.ModuleType("recipes.checkpoints"), []
    recipe.STEPS, recipe.main, recipe.steps_of = 8, main, lambda role, steps: steps // (2 if role.endswith("-s") else 1)
    keeper.save = lambda *args, **kwargs: saved.append((args, kwargs)) or ROOT / "data" / "models" / args[0]
    monkeypatch.setitem(sys.modules, "recipes.qwen_vl", recipe)
    monkeypatch.setitem(sys.modules, "recipes.checkpoints", keeper)
    zoo.train("qwen_vl")
    assert [(args[0], args[2], kwargs["steps"]) for args, kwargs in saved] == [
        ("qwen2_5_vl-s", "processor qwen2_5_vl-s", 4), ("qwen3_vl", "processor qwen3_vl", 8)
    ]  # fmt: skip
    zoo.train("qwen3_vl")
    told = {"recipe": "qwen_vl", "command": "qwen3_vl", "seed": 0, "steps": 8, "minutes": 0.8}
    assert saved[2:] == [(("qwen3_vl", "model qwen3_vl", "processor qwen3_vl"), told)]


def test_recipes_are_found_by_name_and_by_role():
    assert {zoo.recipe_of(name) for name in ("blip", *roles())} == {"blip", "r1", "r1_base", "qwen_vl", "omni"}
    assert zoo.recipe_of("r1-l") == "r1"
    with pytest.raises(UnknownName, match="Did you mean 'blip'"):
        zoo.recipe_of("blib")
    for role in roles():
        assert (ROOT / "recipes" / f"{zoo.recipe_of(role)}.py").is_file()


def test_a_role_without_weights_is_named_and_stops_nothing(own_registry, capsys):
    """A role can be registered before it is trained; only asking for it is an error."""
    assert zoo.check([]) == 0
    said = capsys.readouterr().out
    assert "seer: not trained yet; `course models train sight` makes it" in said and "Every card is true" in said
    assert zoo.check(["seer"]) == 1 and "it was not trained yet" in capsys.readouterr().out
    zoo.show()
    assert capsys.readouterr().out.splitlines()[-1].split()[-1] == "no"
    (check,) = doctor.checkpoints()
    assert (check.status, check.detail) == ("note", "not trained yet") and "course models train sight" in check.advice
    with pytest.raises(MissingModel, match="not trained yet. Train it: `course models train sight`"):
        load("seer")
    (own_registry / "data" / "models" / "SHA256SUMS").unlink()  # no hashes at all: then weights were lost
    assert zoo.check([]) == 1 and "git checkout -- data/models/seer" in capsys.readouterr().out


@pytest.fixture
def own_registry(tmp_path, monkeypatch):
    """A course with one role that has no weights."""
    (tmp_path / "data" / "models").mkdir(parents=True)
    (tmp_path / "data" / "models" / "SHA256SUMS").write_text("0" * 64 + "  another/model.safetensors\n")
    row = {"class": "Qwen3VLForConditionalGeneration", "profiles": {"nano": {"id": "seer", "recipe": "sight"}}}
    (tmp_path / "data" / "models.yaml").write_text(yaml.safe_dump({"roles": {"seer": row}}))
    monkeypatch.setenv("COURSE_ROOT", str(tmp_path))
    registry.cache_clear()
    yield tmp_path
    registry.cache_clear()
