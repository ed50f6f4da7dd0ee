"""What the executed notebooks say: every stub refused, every solution passing, every claim holding."""

from __future__ import annotations

from notebooks import code, each_notebook, read_executed, tags

from helpers.exercises import CHECK_MIME, CLAIM_MIME

FIGURES = {"application/vnd.plotly.v1+json", "image/png", "image/svg+xml", "image/jpeg"}


def verdicts(cell, mime: str) -> list[dict]:
    return [output.data[mime] for output in cell.outputs if mime in output.get("data", {})]


@each_notebook
def test_no_cell_failed(path):
    for cell in code(read_executed(path)):
        assert not [output for output in cell.outputs if output.output_type == "error"]


@each_notebook
def test_stubs_are_refused_and_solutions_pass(path):
    cells = code(read_executed(path))
    stubs = [i for i, cell in enumerate(cells) if "exercise" in tags(cell)]
    solutions = [i for i, cell in enumerate(cells) if "solution" in tags(cell)]
    assert len(stubs) == len(solutions) >= 2
    for stub, solution in zip(stubs, solutions):
        refused = [v for cell in cells[stub:solution] for v in verdicts(cell, CHECK_MIME)]
        assert refused and not any(v["passed"] for v in refused)
        assert all("not written yet" in v["message"] for v in refused), refused
        passed = verdicts(cells[solution], CHECK_MIME)
        assert passed and all(v["passed"] for v in passed), passed
        assert {v["name"] for v in refused} == {v["name"] for v in passed}


@each_notebook
def test_every_claim_holds_at_nano(path):
    claims = [v for cell in code(read_executed(path)) for v in verdicts(cell, CLAIM_MIME)]
    assert claims, "the prose rests on no claim"
    assert not [v["name"] for v in claims if not v["passed"]]


@each_notebook
def test_every_figure_has_alt_text(path):
    for cell in code(read_executed(path)):
        if any(FIGURES & set(output.get("data", {})) for output in cell.outputs):
            alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
            assert len(alt.split()) >= 4, f"alt text {alt!r} of:\n{cell.source}"


@each_notebook
def test_nothing_is_shown_on_stderr(path):
    """Warnings and bars in a teaching page are noise; a notebook that needs one shows it on purpose."""
    for cell in code(read_executed(path)):
        noise = [o.text for o in cell.outputs if o.output_type == "stream" and o.name == "stderr"]
        assert not noise, noise
