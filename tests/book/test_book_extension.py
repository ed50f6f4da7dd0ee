"""What the book's Sphinx extension promises, on books of a few pages."""

from __future__ import annotations

import base64
import json

import pytest
from minibook import FIGURE, PNG, alt, code, make, markdown, shows

from helpers.book import BookError, build
from helpers.exercises import CLAIM_MIME, claim
from helpers.plots import table

PLOTLY = "application/vnd.plotly.v1+json"
WIDGET = "application/vnd.jupyter.widget-view+json"
PROGRESS = {WIDGET: {"model_id": "b"}, "text/plain": "  0%|          | 0/3 [00:00<?, ?it/s]"}


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A book with everything that is allowed, and an address; built without ``package.json``, as if without Node."""
    cells = [
        markdown("# One\n\nWords, $p(x)$, $a < b ≈ c$ and a quotation {cite}`li2022blip`."),
        code('profile = "nano"\nn = 3', tags=["parameters"]),
        code('# Parameters\nprofile = "nano"\n', tags=["injected-parameters"]),
        code("figure", shows(bundle={PLOTLY: FIGURE}), **alt('Two bars, "b" is < c')),
        code("image", shows(image_png=PNG), **alt("A grey pixel.")),
        code("claim", shows(bundle=claim("it <holds>", True)._repr_mimebundle_())),
        code("table", shows(text_html=str(table([{"a": 1}])))),
        code("panel", shows(bundle={WIDGET: {"model_id": "a"}, "text/plain": "VBox(children=())"})),
        code("bar", shows(bundle=PROGRESS)),
        code("noise", {"output_type": "stream", "name": "stderr", "text": "a warning"}),
    ]
    pages = {
        "first": "# First\n\n![A grey pixel](dot.png)\n\n```{glossary}\nterm\n  Its meaning.\n```\n",
        "timing": "# Times\n\n```{course-timings}\n```\n",
        "bibliography": "# Works\n\n```{bibliography}\n```\n",
    }
    two = [markdown("# Two"), code("n = 3", tags=["parameters"]), code("n = 4", tags=["injected-parameters"])]
    folder = make(
        tmp_path_factory.mktemp("good"),
        pages,
        {"01_a/01_one": cells, "01_a/02_two": two},
        "https://github.com/OWNER/NAME",
    )
    (folder / "book" / "dot.png").write_bytes(base64.b64decode(PNG))
    timings = [
        {
            "name": "01_a/01_one", "profile": "laptop", "seconds": 75.2, "peak_memory_mb": 2048.0, "status": "ok",
            "started": "2026-11-21T09:00:00+00:00", "device": "Some CPU, 2 cores", "versions": {"torch": "9.8.7"},
        },
    ]  # fmt: skip
    (folder / "_build" / "executed" / "timings.json").write_text(json.dumps(timings), encoding="utf-8")
    build(source=folder, log=lambda line: None)
    return folder / "_build" / "html"


@pytest.fixture(scope="module")
def one(good) -> str:
    return (good / "notebooks" / "01_a" / "01_one.html").read_text(encoding="utf-8")


def test_a_plotly_figure_is_in_the_page_with_its_alt_text(good, one):
    assert 'role="group" aria-label="Two bars, &quot;b&quot; is &lt; c"' in one
    assert '"y":[1,2]' in one
    assert "<noscript><p>Interactive figure (needs JavaScript): Two bars" in one
    assert "_static/plotly.min.js" in one and (good / "_static" / "plotly.min.js").stat().st_size > 1e6
    assert "plotly.min.js" not in (good / "book" / "first.html").read_text(encoding="utf-8")


def test_checks_and_claims_show_their_html_and_keep_their_data_to_themselves(one):
    assert "Holds in this run" in one and "it &lt;holds&gt;" in one
    assert CLAIM_MIME not in one


def test_a_widget_is_a_note_and_a_progress_bar_is_nothing(one):
    assert one.count('class="course-widget-note"') == 1
    assert "VBox(" not in one and "0/3" not in one


def test_standard_error_is_left_out(one):
    assert "a warning" not in one


def test_nothing_points_at_a_library_elsewhere(good):
    for page in good.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        for host in ("jsdelivr", "cdnjs", "unpkg", "cdn.plot.ly", "require.js"):
            assert host not in text, f"{page.name}: {host}"
        assert '<script src="http' not in text and '<link href="http' not in text


def test_formulas_are_mathml_where_there_is_no_mathjax(one):
    assert "<math" in one and "tex-mml-chtml" not in one
    assert '<code class="math">a &lt; b ≈ c</code>' in one  # what docutils cannot convert is shown as it was written


def test_the_run_is_stated_from_the_timings_or_else_from_papermill(good, one):
    stated = one.split('class="course-run">')[1].split("</p>")[0]
    assert "with profile laptop on 21 November 2026 in 1 min 15 s with 2.0 GB of memory on Some CPU" in stated
    assert "torch 9.8.7" in stated
    two = (good / "notebooks" / "01_a" / "02_two.html").read_text(encoding="utf-8")
    assert "Executed with profile nano on 22 November 2026 in 12 s." in two


def test_the_timing_page_has_a_row_for_each_measured_notebook(good):
    text = (good / "book" / "timing.html").read_text(encoding="utf-8")
    assert 'href="../notebooks/01_a/01_one.html">One</a>' in text
    assert "1 min 15 s" in text and "2.0 GB" in text and "laptop" in text
    assert 'href="../notebooks/01_a/02_two.html">Two</a></p>' not in text


def test_injected_parameters_show_only_where_they_change_something(good, one):
    assert "# Parameters" not in one
    assert "injected-parameters" in (good / "notebooks" / "01_a" / "02_two.html").read_text(encoding="utf-8")


def test_launch_buttons_appear_with_the_address(one):
    assert "https://mybinder.org/v2/gh/OWNER/NAME/main?urlpath=lab/tree/notebooks/01_a/01_one.ipynb" in one
    assert "https://colab.research.google.com/github/OWNER/NAME/blob/colab/notebooks/01_a/01_one.ipynb" in one


def test_the_download_has_no_outputs_and_installs_itself_on_colab(good):
    notebook = json.loads((good / "_sources" / "notebooks" / "01_a" / "01_one.ipynb").read_text(encoding="utf-8"))
    assert "git clone --depth 1 https://github.com/OWNER/NAME" in "".join(notebook["cells"][0]["source"])
    assert not any(cell.get("outputs") for cell in notebook["cells"])
    assert not any("injected-parameters" in cell["metadata"].get("tags", []) for cell in notebook["cells"])


def test_without_an_address_there_are_no_launch_buttons(tmp_path):
    build(source=make(tmp_path, {"first": "# First"}, {"01_a/01_one": [markdown("# One")]}), log=lambda line: None)
    text = (tmp_path / "_build" / "html" / "notebooks" / "01_a" / "01_one.html").read_text(encoding="utf-8")
    assert "mybinder" not in text and "colab" not in text
    downloaded = (tmp_path / "_build" / "html" / "_sources" / "notebooks" / "01_a" / "01_one.ipynb").read_text("utf-8")
    assert "_sources/notebooks/01_a/01_one.ipynb" in text and "git clone" not in downloaded


def test_pictures_without_words_fail_the_build(tmp_path):
    """One book with every way to have no alt text; each is named with its page, and all in one go."""
    cells = [
        markdown("# One"),
        code("figure", shows(bundle={PLOTLY: FIGURE})),
        code("image", shows(image_png=PNG)),
        code("named", shows(image_png=PNG), **alt("output_7.png")),
        code("html", shows(text_html='<div><img src="data:image/png;base64,"></div>')),
    ]
    page = "# First\n\n![](dot.png)\n\n![dot.png](dot.png)\n\n![--](dot.png)\n\n<img src='dot.png' alt='dot.png'>\n"
    folder = make(tmp_path, {"first": page}, {"01_a/01_one": cells})
    (folder / "book" / "dot.png").write_bytes(base64.b64decode(PNG))
    with pytest.raises(BookError) as failure:
        build(source=folder, log=lambda line: None)
    said = str(failure.value)
    assert said.count("a Plotly figure has no alt text") == 1
    assert said.count("an image has no alt text") == 2
    assert said.count("an image has the alt text 'output_7.png', which says nothing") == 1
    assert said.count("an image has the alt text 'dot.png', which says nothing") == 1
    assert said.count("an image has the alt text '--', which says nothing") == 1
    assert said.count("an <img> has no alt text") == 1
    assert said.count("an <img> has the alt text 'dot.png'") == 1
    assert "notebooks/01_a/01_one.ipynb" in said and '"mystnb": {"image": {"alt"' in said
    assert not (folder / "_build" / "html").exists()
