"""The notebook contract of CONTRIBUTING.md, on the sources: no kernel needed."""

from __future__ import annotations

import ast
import re

import pytest
from notebooks import SOURCES, code, each_notebook, prose, read, tags

from helpers.profiles import root

PROFILE_BRANCH = re.compile(r"profile\s*(==|!=|\bin\b|\bnot in\b)|match\s+profile|[\"'](laptop|full|api)[\"']")


def test_there_are_notebooks():
    assert len(SOURCES) >= 7


@each_notebook
def test_source_is_clean(path):
    notebook = read(path)
    assert notebook.metadata.kernelspec.name == "python3"
    assert all(not cell.outputs and cell.execution_count is None for cell in code(notebook))
    ids = [cell.id for cell in notebook.cells]
    assert len(ids) == len(set(ids))


@each_notebook
def test_one_parameters_cell_comes_first(path):
    cells = code(read(path))
    assert [i for i, cell in enumerate(cells) if "parameters" in tags(cell)] == [0]
    assert re.search(r'^profile = "nano"', cells[0].source, re.M)
    assert all(isinstance(node, ast.Assign) for node in ast.parse(cells[0].source).body)


@each_notebook
def test_no_cell_branches_on_a_profile(path):
    for cell in code(read(path))[1:]:
        assert not PROFILE_BRANCH.search(cell.source), cell.source


def test_only_profiles_and_models_branch_on_a_profile():
    allowed = {"profiles.py", "models.py"}
    for path in [*(root() / "helpers").rglob("*.py"), *(root() / "recipes").rglob("*.py")]:
        if path.name not in allowed:
            compared = re.findall(r"profile\s*(?:==|!=)\s*[\"']\w+[\"']|[\"'](?:laptop|full)[\"']\s*(?:==|:)", path.read_text("utf-8"))
            assert not compared, f"{path.name} branches on a profile: {compared}"


@each_notebook
def test_it_opens_and_closes_as_promised(path):
    text = prose(read(path))
    assert re.match(r"# \S", text)
    assert "**You will be able to" in text and "Before you start" in text
    headings = re.findall(r"^## (.+)$", text, re.M)
    for heading in ("Quiz", "Recap", "At full scale", "Next"):
        assert heading in headings, f"no section '{heading}'"


@each_notebook
def test_it_starts_with_the_opening_table(path):
    name = f"{path.parent.name}/{path.stem}"
    assert any(f'notebook.start("{name}"' in cell.source for cell in code(read(path))), "no notebook.start(…) with its own name"


@each_notebook
def test_cells_are_short(path):
    for cell in code(read(path)):
        lines = [line for line in cell.source.splitlines() if line.strip()]
        assert len(lines) <= 16, f"{len(lines)} lines:\n{cell.source}"
        assert all(len(line) <= 120 for line in lines)


@each_notebook
def test_every_claim_and_check_is_shown(path):
    """Only what a cell ends with is displayed: a verdict before that would be neither seen nor tested."""
    for cell in code(read(path)):
        tree = ast.parse(re.sub(r"^[%!].*", "", cell.source, flags=re.M))
        assert len(verdicts(tree)) == len(verdicts(tree.body[-1:])) <= 1, cell.source


def verdicts(nodes: ast.AST | list[ast.stmt]) -> list[ast.Call]:
    """Calls of ``claim`` and ``check``: all in a tree, or those among statements that are nothing else."""
    if isinstance(nodes, list):
        calls = [node.value for node in nodes if isinstance(node, ast.Expr)]
    else:
        calls = list(ast.walk(nodes))
    return [call for call in calls if isinstance(call, ast.Call) and ast.unparse(call.func) in ("claim", "check")]


@pytest.mark.parametrize(
    ("source", "shown"),
    [("claim('a', True)", 1), ("x = 1\ncheck(f, [])", 1), ("claim('a', True)\nx", 0), ("if x:\n    claim('a', x)", 0)],
)
def test_verdicts_are_told_apart(source, shown):
    tree = ast.parse(source)
    assert len(verdicts(tree)) == 1 and len(verdicts(tree.body[-1:])) == shown


@each_notebook
def test_exercises_come_as_stub_check_and_solution(path):
    """Gates in cells of their own, in order, each with a stub that is not written and a solution that is."""
    kinds = []
    for cell in read(path).cells:
        gate = re.match(r"```\{(exercise|solution)-(start|end)\}", cell.source)
        if cell.cell_type == "markdown" and gate:
            kinds.append("-".join(gate.groups()))
            if gate.group(2) == "end":
                assert re.fullmatch(r"```\{(exercise|solution)-end\}\n```", cell.source.strip()), cell.source
        elif tags(cell) & {"exercise", "solution"}:
            kinds.append((tags(cell) & {"exercise", "solution"}).pop())
            assert ("NotImplementedError" in cell.source) == (kinds[-1] == "exercise"), cell.source
    one = ["exercise-start", "exercise", "exercise-end", "solution-start", "solution", "solution-end"]
    assert len(kinds) >= 2 * len(one) and kinds == one * (len(kinds) // len(one)), kinds


@each_notebook
def test_every_quiz_question_explains_every_choice(path):
    questions = re.findall(r'<details class="quiz">(.*?)(?=<details class="quiz">|\Z)', prose(read(path)), re.S)
    assert 3 <= len(questions) <= 4
    for question in questions:
        choices = re.findall(r'<details class="choice">\s*<summary>(.+?)</summary>(.*?)</details>', question, re.S)
        assert len(choices) >= 3
        assert all(len(why.split()) >= 4 for _, why in choices), question


@each_notebook
def test_nothing_unsafe_and_nothing_silent(path):
    for cell in code(read(path)):
        assert not re.search(r"trust_remote_code\s*=\s*(?!False)", cell.source)
        assert not re.search(r"except\b[^\n]*:\s*pass", cell.source)
        assert not re.search(r"(sk-|hf_)[A-Za-z0-9]{8,}", cell.source)


@each_notebook
def test_citations_exist(path):
    keys = set(re.findall(r"^@\w+\{([^,]+),", (root() / "book" / "references.bib").read_text("utf-8"), re.M))
    cited = {key.strip() for group in re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", prose(read(path))) for key in group.split(",")}
    assert cited <= keys, f"not in references.bib: {cited - keys}"


def test_ids_of_exercises_are_unique():
    labels = [label for path in SOURCES for label in re.findall(r"^:label: (\S+)", prose(read(path)), re.M)]
    assert len(labels) == len(set(labels))


@pytest.mark.parametrize("text", ["if profile == 'nano':", 'x = {"laptop": 1}', "match profile:"])
def test_the_branch_pattern_finds_branches(text):
    assert PROFILE_BRANCH.search(text)
