"""Every page of the built book, in a real browser: two widths, both themes, with and without JavaScript."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from browsing import AXE, NARROW, PAGES, ROOT, TIMEOUT

FILE_NAME = re.compile(r"\S+\.(png|jpe?g|gif|svg|webp)", re.IGNORECASE)
NOTEBOOKS = [page for page in PAGES if page.startswith("notebooks/")]
every_page = pytest.mark.parametrize("path", PAGES)


@every_page
def test_nothing_is_asked_of_another_host(look, path):
    found = look(path)
    assert found.foreign_requests == []
    assert found.failed_requests == []


@every_page
def test_no_error_in_the_console(look, path):
    assert look(path).errors == []


@every_page
def test_no_horizontal_scrolling(look, path):
    assert look(path).too_wide == []


@every_page
def test_every_figure_is_drawn_in_the_theme_and_at_the_width_of_the_page(look, path):
    assert look(path).undrawn == []


@every_page
def test_accessibility(look, path):
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: it comes with `course book` where Node (npm) is installed.")
    assert look(path).violations == []


@every_page
def test_every_picture_says_what_it_shows(open_page, path):
    page = open_page(path, java_script_enabled=False)
    alts = page.eval_on_selector_all("main img", "images => images.map(image => image.getAttribute('alt'))")
    wrong = [alt for alt in alts if not (alt or "").strip() or FILE_NAME.fullmatch(alt.strip())]
    assert wrong == []
    labels = page.eval_on_selector_all(".course-figure", "boxes => boxes.map(box => box.getAttribute('aria-label'))")
    assert all(label and not FILE_NAME.fullmatch(label) for label in labels)


@every_page
def test_without_javascript_the_content_is_there(open_page, path):
    page = open_page(path, java_script_enabled=False)
    if path == "search.html":  # the search itself is a script, and the page has to say so
        assert "JavaScript" in page.locator("main").inner_text()
        return
    assert page.locator("article h1").first.is_visible()
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    for selector in (".cell_input", "article table", "article p", ".course-gallery img", ".course-figure noscript"):
        for element in page.locator(f"{selector} >> visible=false").all():
            folded = element.evaluate("element => element.closest('details:not([open])') !== null")
            assert folded or not element.inner_text().strip(), f"hidden without JavaScript: {selector}"
    sizes = page.eval_on_selector_all("main img", "images => images.map(image => image.naturalWidth)")
    assert all(sizes)


@pytest.mark.parametrize("path", NOTEBOOKS)
def test_a_notebook_page_says_how_it_was_executed(open_page, path):
    line = open_page(path, java_script_enabled=False).locator("p.course-run").inner_text()
    assert re.search(r"Executed with profile \w+ on \d+ \w+ 20\d\d in .+ s", line), line


@pytest.mark.parametrize("path", NOTEBOOKS)
def test_the_notebook_can_be_downloaded_without_outputs(html, path):
    text = (html / path).read_text(encoding="utf-8")
    name = path.removesuffix(".html") + ".ipynb"
    assert f"_sources/{name}" in text
    downloaded = json.loads((html / "_sources" / name).read_text(encoding="utf-8"))
    source = json.loads((ROOT / name).read_text(encoding="utf-8"))
    cells = [cell for cell in downloaded["cells"] if cell["id"] != "colab-install"]
    same = ["".join(cell["source"]) for cell in cells] == ["".join(cell["source"]) for cell in source["cells"]]
    assert same, f"{name} has changed since the book was built: `course run` and `course book` build it again"
    assert not any(cell.get("outputs") for cell in downloaded["cells"])


@pytest.mark.parametrize("word", ["nucleus", "retrieval"])
def test_search_finds_a_term_of_the_glossary(open_page, word):
    page = open_page(f"search.html?q={word}")
    page.locator("#search-results li a[href*=glossary]").first.wait_for(timeout=TIMEOUT)  # results come one by one


def test_the_front_door_leads_to_the_first_page(open_page):
    page = open_page("index.html")
    page.wait_for_url(f"**/{PAGES[0]}")
    assert page.locator("h1").first.inner_text().startswith("Hands-On Multimodal LLMs")


def test_the_book_works_as_files_too(browser, html):
    """Opened by a double click: figures, formulas and search need no server."""
    errors = []
    page = browser.new_page(viewport=NARROW)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto((html / "notebooks/01_blip/01_captioning.html").as_uri())
    page.wait_for_function("document.querySelector('.course-figure .main-svg') !== null", timeout=TIMEOUT)
    assert errors == []
    page.goto((html / "search.html").as_uri() + "?q=nucleus")  # finds pages; only their summaries need a server
    page.locator("#search-results li a").first.wait_for(timeout=TIMEOUT)
    page.close()


def test_a_quiz_is_worked_with_the_keyboard(open_page):
    page = open_page("notebooks/01_blip/01_captioning.html")
    quiz = page.locator("details.quiz").first
    quiz.locator("summary").first.focus()
    page.keyboard.press("Enter")
    assert quiz.get_attribute("open") is not None
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    choice = quiz.locator("details.choice").first
    assert choice.get_attribute("open") is not None
    assert choice.inner_text().strip() != choice.locator("summary").inner_text().strip()


def test_the_dark_theme_is_there_from_the_start(open_page):
    page = open_page(PAGES[0], color_scheme="dark")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    lightness = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3)")
    assert max(map(int, lightness)) < 60


def test_it_prints_in_the_light_theme(open_page):
    page = open_page("notebooks/01_blip/01_captioning.html", color_scheme="dark")
    page.locator(".course-figure[data-drawn=dark]").first.wait_for()
    page.emulate_media(media="print")
    page.locator(".course-figure[data-drawn=light]").first.wait_for()
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    page.emulate_media(media="screen")
    page.locator(".course-figure[data-drawn=dark]").first.wait_for()


def test_plotly_is_loaded_only_where_there_is_a_figure(html):
    for path in PAGES:
        text = (html / path).read_text(encoding="utf-8")
        assert ("plotly.min.js" in text) == ('class="course-figure"' in text), path


def test_formulas_come_from_this_book(html):
    with_formulas = [path for path in PAGES if 'class="math' in (html / path).read_text(encoding="utf-8")]
    for path in with_formulas:
        text = (html / path).read_text(encoding="utf-8")
        assert "_static/mathjax/tex-mml-chtml.js" in text or "<math" in text, path


def test_no_page_names_this_machine(html):
    places = {str(ROOT), str(Path.home())} - {"/"}
    files = [*html.rglob("*.html"), *html.rglob("*.ipynb")]
    assert [str(file) for file in files if any(place in file.read_text("utf-8") for place in places)] == []
