"""pyproject.toml, requirements.lock, environment.yml, Makefile, README and workflows say the same thing."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import distribution, packages_distributions, version
from pathlib import Path

import pytest
import yaml
from courses import ROOT
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from helpers import cli, doctor

PLATFORMS = {
    "linux": {"sys_platform": "linux", "os_name": "posix", "platform_system": "Linux", "platform_machine": "x86_64"},
    "macos": {"sys_platform": "darwin", "os_name": "posix", "platform_system": "Darwin", "platform_machine": "arm64"},
    "windows": {"sys_platform": "win32", "os_name": "nt", "platform_system": "Windows", "platform_machine": "AMD64"},
}
PYTHONS = ("3.11.2", "3.11.9", "3.12.1", "3.13.0")  # 3.11.2 is Debian 12's


@cache
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def asked_for() -> list[Requirement]:
    extra = [one for group in project()["optional-dependencies"].values() for one in group]
    return [Requirement(one) for one in [*project()["dependencies"], *extra]]


@cache
def lock_lines() -> tuple[str, ...]:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))


def locked(platform: str, python: str) -> dict[str, list[str]]:
    """What the lock installs on a platform: name → versions (there should be one)."""
    full = {"python_full_version": python, "python_version": ".".join(python.split(".")[:2]), "extra": ""}
    environment = PLATFORMS[platform] | full | {"implementation_name": "cpython"}
    found: dict[str, list[str]] = {}
    for requirement in map(Requirement, lock_lines()):
        if requirement.marker is None or requirement.marker.evaluate(environment):
            found.setdefault(canonicalize_name(requirement.name), []).append(str(requirement.specifier))
    return found


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_lock_pins_everything_asked_for_once_on_every_platform(platform, python):
    found = locked(platform, python)
    assert all(len(pins) == 1 and re.fullmatch(r"==[\w.]+", pins[0]) for pins in found.values())
    for requirement in asked_for():
        (pin,) = found[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(pin.removeprefix("==")), f"{requirement} against {pin}"


def test_the_lock_names_no_index_no_hash_and_no_build():
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert not re.search(r"https?://|--|\+cpu|\+cu|file:", text)
    assert not [line for line in lock_lines() if line.startswith(("nvidia", "cuda", "triton"))]


def test_platform_packages_are_where_they_belong():
    assert "pywinpty" in locked("windows", "3.12.1") and "pywinpty" not in locked("linux", "3.12.1")
    assert "appnope" in locked("macos", "3.12.1") and "appnope" not in locked("windows", "3.12.1")
    assert "pexpect" in locked("linux", "3.12.1") and "pexpect" not in locked("windows", "3.12.1")


def test_installed_versions_are_the_locked_ones():
    """`make test` installs the lock, so what it tests is what it says."""
    assert doctor.packages().status == "ok", doctor.packages().detail


def test_the_lock_is_complete():
    """Every package that an installed locked package needs here is locked too: nothing comes along unpinned."""
    known = {canonicalize_name(name) for name in doctor.locked()}
    for name in sorted(known):
        for line in distribution(name).requires or []:
            need = Requirement(line)
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                cuda = re.match(r"nvidia|cuda|triton", need.name)
                assert cuda or canonicalize_name(need.name) in known, f"{name} needs {need}, which is not locked"


def imported(path: Path) -> set[str]:
    """The top-level modules that a Python file or the code cells of a notebook import."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        code = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
        text = "\n".join("".join(cell["source"]) for cell in code if not "".join(cell["source"]).startswith("%"))
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module.split(".")[0])
    return found


def test_everything_imported_is_asked_for():
    """What only comes along with another package may be gone with that package's next version."""
    declared = {canonicalize_name(Requirement(one).name) for one in project()["dependencies"]}
    origin = {module: {canonicalize_name(name) for name in names} for module, names in packages_distributions().items()}
    files = [p for folder in ("helpers", "recipes", "book/_ext") for p in (ROOT / folder).rglob("*.py")]
    for path in [*files, *(ROOT / "notebooks").glob("*/*.ipynb")]:
        own = {"helpers", "recipes", *(p.stem for p in path.parent.glob("*.py"))}
        for module in imported(path) - own - sys.stdlib_module_names:
            assert origin.get(module, set()) & declared, f"{path.name} imports {module}; pyproject.toml lacks it"


def test_python_versions_agree():
    assert project()["requires-python"] == ">=3.11,<3.14"
    admitted = [minor for minor in range(8, 20) if SpecifierSet(project()["requires-python"]).contains(f"3.{minor}")]
    assert ((3, admitted[0]), (3, admitted[-1])) == doctor.PYTHONS
    matrix = workflow("test")["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert matrix == [f"3.{minor}" for minor in admitted]


def test_conda_users_get_the_same():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    *plain, pip = environment["dependencies"]
    assert f"python{project()['requires-python']}" in plain
    assert pip["pip"] == ["-r requirements.lock", "-e ."]
    assert f"conda activate {environment['name']}" in (ROOT / "README.md").read_text(encoding="utf-8")


def workflow(name: str) -> dict:
    return yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text(encoding="utf-8"))


def test_ci_runs_the_readme_commands():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "    make book " in readme and "    make test " in readme
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()[-1] == "make test"
    assert {"run": "make test"} in workflow("test")["jobs"]["test"]["steps"]
    assert {"run": "make book"} in workflow("publish")["jobs"]["book"]["steps"]


def test_every_command_the_readme_names_exists():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    assert set(re.findall(r"\bmake ([a-z]+)", readme)) <= targets
    course = {name for action in cli.parser()._actions for name in getattr(action, "choices", None) or ()}
    named = set(re.findall(r"(?:`|/|\\|    )course ([a-z]+)", readme))
    assert named and named <= course


def test_the_console_script_is_the_command():
    scripts = {entry.name: entry.value for entry in distribution(project()["name"]).entry_points}
    assert scripts["course"] == "helpers.cli:main" and version(project()["name"]) == project()["version"]


def test_no_file_names_this_machine_or_a_package_index():
    command = ["git", "ls-files", "-z", "-co", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    suspicious = re.compile(r"/(root|work/main|opt/wheels|opt/pypi)/|--(extra-)?index-url|registry\s*=\s*https?://")
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.suffix in (".safetensors", ".png", ".ico", ".woff2") or name == "tests/test_packaging.py":
            continue
        if path.is_file():
            found = suspicious.search(path.read_text(encoding="utf-8", errors="replace"))
            assert not found, f"{name}: {found.group()}"
