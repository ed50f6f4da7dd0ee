"""The app "Your own picture", as a person meets it: Voilà on loopback and a real, headless browser.

    COURSE_PANEL_STILL=book/_static/panel.png pytest tests/test_app.py -k still

also keeps the picture of the panel that the book shows.
"""

from __future__ import annotations

import io
import math
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import nbformat
import pytest
from courses import ROOT, clean_environment
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from helpers import apps, picture_app
from helpers.errors import CourseError
from helpers.worlds import scenes

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
AXE = ROOT / "_build" / "npm" / "node_modules" / "axe-core" / "axe.min.js"
TIMEOUT = 180_000  # milliseconds: a busy machine is no reason to fail
SCENE = next(scenes.scenes("heldout", 1))


def as_png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


# What is served


def test_the_app_is_the_notebook_without_what_is_around_the_panel():
    app = nbformat.read(picture_app.write_app(), as_version=4)
    nbformat.validate(app)
    source = nbformat.read(picture_app.root() / picture_app.SOURCE, as_version=4)
    code = [cell.source for cell in app.cells if cell.cell_type == "code"]
    assert code[0].startswith('profile = "nano"') and code[-1].rstrip().endswith("panel")
    assert {cell.source for cell in app.cells[1:]} <= {cell.source for cell in source.cells}
    assert all(f"def {name}(" in "\n".join(code) for name in ("caption", "ask", "match", "retrieve"))
    assert len(app.cells) < len(source.cells) / 3


def test_a_notebook_that_is_missing_or_has_no_app_says_so(tiny_course, monkeypatch):
    monkeypatch.setenv("COURSE_ROOT", str(tiny_course))
    with pytest.raises(CourseError, match="git checkout"):
        picture_app.write_app()
    source = tiny_course / picture_app.SOURCE
    source.parent.mkdir(parents=True)
    shutil.copy(tiny_course / "notebooks" / "01_first" / "01_adds.ipynb", source)
    with pytest.raises(CourseError, match="no cell tagged `app`"):
        picture_app.write_app()


# The app in a browser


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """The address of the app, served as ``course app`` serves it, without a network and with an empty model cache."""
    port = apps.free_port()
    command = [sys.executable, "-m", "helpers.cli", "app", "--no-browser", "--port", str(port)]
    env = clean_environment(ROOT, HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path_factory.mktemp("hub")))
    log = tmp_path_factory.mktemp("voila") / "log"
    with log.open("w") as out:
        server = subprocess.Popen(command, env=env, stdout=out, stderr=out)
    try:
        _wait_for(f"http://127.0.0.1:{port}/voila/static/", server, log)
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.terminate()
        server.wait(timeout=60)


def _wait_for(url: str, server: subprocess.Popen, log: Path) -> None:
    until = time.monotonic() + TIMEOUT / 1000
    while time.monotonic() < until and server.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=10).close()
        except urllib.error.HTTPError:  # it answers, if only that there is nothing here
            return
        except OSError:
            time.sleep(0.5)
        else:
            return
    pytest.fail(f"Voilà did not start:\n{log.read_text()}")


@pytest.fixture(scope="module")
def context():
    """A browser context that may use the clipboard."""
    found = os.environ.get("COURSE_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright:
        if not found and not Path(playwright.chromium.executable_path).is_file():
            pytest.skip("No Chromium: apt-get install chromium, or set COURSE_CHROMIUM to its path.")
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS, timeout=TIMEOUT)
        context = browser.new_context(viewport={"width": 1200, "height": 900})
        context.set_default_timeout(TIMEOUT)
        yield context
        browser.close()


@pytest.fixture(scope="module")
def noticed() -> dict[str, list[str]]:
    """What went wrong or went elsewhere while the page was used."""
    return {"foreign": [], "errors": []}


@pytest.fixture(scope="module")
def page(app: str, context, noticed) -> Page:
    page = context.new_page()
    page.on("request", lambda r: r.url.startswith((app, "data:", "blob:")) or noticed["foreign"].append(r.url))
    page.on("websocket", lambda w: w.url.startswith(app.replace("http", "ws")) or noticed["foreign"].append(w.url))
    page.on("console", lambda m: m.type == "error" and noticed["errors"].append(m.text))
    page.on("pageerror", lambda error: noticed["errors"].append(str(error)))
    page.goto(app)
    page.get_by_label("Drawing area").wait_for()
    return page


def status(page: Page):
    return page.get_by_role("status")


def choose(page: Page, name: str, data: bytes) -> None:
    page.get_by_label("Picture file").set_input_files({"name": name, "mimeType": "image/png", "buffer": data})


def click(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


NEW_ANSWER = """(old) => {
  const now = document.querySelector(".course-answer .widget-html-content").innerHTML;
  return now && now !== old && document.querySelector(".course-status").textContent.startsWith("Done in");
}"""


def answer_to(page: Page, name: str) -> str:
    """Click a button and return the text of its answer, which must differ from the one before."""
    answer = page.locator(".course-answer .widget-html-content")
    old = answer.inner_html()
    click(page, name)
    page.wait_for_function(NEW_ANSWER, arg=old)
    return answer.inner_text().strip()


def clear(page: Page) -> None:
    click(page, "Clear")
    expect(status(page)).to_have_text("", timeout=TIMEOUT)


def test_only_the_panel_shows(page):
    assert page.title() == picture_app.TITLE
    assert page.get_by_role("heading").all_inner_texts()[0].startswith(picture_app.TITLE)
    text = page.locator("body").inner_text()
    assert "stays on this machine" in text and "def caption" not in text and "import torch" not in text


def test_a_file_is_captioned_asked_about_matched_and_retrieved(page):
    clear(page)
    choose(page, "my scene.png", as_png(scenes.render(SCENE)))
    expect(status(page)).to_have_text("Opened my scene.png.", timeout=TIMEOUT)
    expect(page.get_by_alt_text("The picture to ask about")).to_be_visible()
    assert len(answer_to(page, "Caption").split()) >= 4
    page.get_by_label("Question").fill("what colour is the background?")
    page.get_by_label("Question").blur()
    assert answer_to(page, "Ask") in scenes.BACKGROUNDS
    page.get_by_label("Texts, one a line").fill("a red circle\n\n<b>a tax form</b>")
    page.get_by_label("Texts, one a line").blur()
    scores = answer_to(page, "Match")
    assert "<b>a tax form</b>" in scores and "a red circle" in scores
    assert answer_to(page, "Retrieve") and page.locator(".course-answer img").count() == 4


def test_what_is_no_picture_is_refused_in_one_sentence_and_clears_the_answer(page):
    clear(page)
    choose(page, "<img src=x onerror=alert(1)>.png", b"Dear reader, this is no picture.")
    expect(status(page)).to_contain_text("cannot be read as a picture", timeout=TIMEOUT)
    click(page, "Caption")
    expect(status(page)).to_contain_text("cannot be read as a picture")
    assert page.locator(".course-answer").inner_text().strip() == ""


def test_a_name_from_outside_is_never_markup(page):
    clear(page)
    choose(page, "<img src=x onerror=alert(1)>.png", as_png(scenes.render(SCENE)))
    expect(status(page)).to_have_text("Opened <img src=x onerror=alert(1)>.png.", timeout=TIMEOUT)
    assert page.locator('img[src="x"]').count() == 0


def test_a_file_larger_than_a_message_may_be_is_scaled_down_first(page):
    clear(page)
    noise = Image.effect_noise((2200, 2200), 80).convert("RGB")
    data = as_png(noise)
    assert len(data) > 10 * 2**20
    choose(page, "noise.png", data)
    expect(status(page)).to_have_text("Opened noise.png.", timeout=TIMEOUT)
    expect(page.get_by_text("2048 × 2048 pixels")).to_be_visible()


def test_a_drawing_by_mouse_arrives(page):
    clear(page)
    page.get_by_label("Colour").select_option(label="red")
    _stroke(page, [(0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7)])
    expect(status(page)).to_have_text("Opened your drawing.", timeout=TIMEOUT)
    assert _preview(page).getpixel((80, 80))[0] > 180 > 100 > _preview(page).getpixel((80, 80))[1]
    click(page, "Undo")
    page.wait_for_function("(old) => document.querySelector('.course-preview img')?.src !== old", arg=_source(page))
    assert min(_preview(page).getpixel((80, 80))) > 200


def test_a_drawing_by_keyboard_arrives(page):
    clear(page)
    page.get_by_label("Colour").select_option(label="blue")
    page.get_by_label("Drawing area").focus()
    for key in ["Space", *["ArrowRight"] * 4, *["ArrowDown"] * 4, *["ArrowLeft"] * 4, "Space"]:
        page.keyboard.press(key)
    expect(status(page)).to_have_text("Opened your drawing.", timeout=TIMEOUT)
    red, _, blue = _preview(page).getpixel((90, 90))
    assert blue > 150 and red < 100


def _stroke(page: Page, points: list[tuple[float, float]]) -> None:
    """Draw through points given as shares of the drawing area."""
    box = page.get_by_label("Drawing area").bounding_box()
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*at[0])
    page.mouse.down()
    for x, y in at[1:]:
        page.mouse.move(x, y, steps=4)
    page.mouse.up()


def _source(page: Page) -> str:
    return page.get_by_alt_text("The picture to ask about").get_attribute("src")


def _preview(page: Page) -> Image.Image:
    with urllib.request.urlopen(_source(page)) as data:  # a data: URL
        return Image.open(io.BytesIO(data.read())).convert("RGB")


PUT_INTO_CLIPBOARD = """async (url) => {
  const blob = await (await fetch(url)).blob();
  await navigator.clipboard.write([new ClipboardItem({"image/png": blob})]);
}"""
PASTE_EVENT = """async (url) => {
  const file = new File([await (await fetch(url)).blob()], "pasted.png", {type: "image/png"});
  const data = new DataTransfer();
  data.items.add(file);
  const event = new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true});
  document.querySelector(".course-canvas").dispatchEvent(event);
}"""


def test_a_picture_is_pasted_by_button_and_by_keys(page, context, app):
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=app)
    clear(page)
    choose(page, "first.png", as_png(scenes.render(SCENE)))
    expect(status(page)).to_have_text("Opened first.png.", timeout=TIMEOUT)
    url = _source(page)
    clear(page)
    page.evaluate(PUT_INTO_CLIPBOARD, url)
    click(page, "Paste")
    expect(status(page)).to_have_text("Opened the pasted picture.", timeout=TIMEOUT)
    clear(page)
    page.evaluate(PASTE_EVENT, url)
    expect(status(page)).to_have_text("Opened pasted.png.", timeout=TIMEOUT)


def test_weights_that_are_not_here_are_said_to_be_missing_with_the_command_that_fetches_them(page):
    clear(page)
    choose(page, "scene.png", as_png(scenes.render(SCENE)))
    expect(status(page)).to_have_text("Opened scene.png.", timeout=TIMEOUT)
    menu = page.get_by_label("Model")
    options = menu.locator("option").all_inner_texts()
    menu.select_option(label=next(label for label in options if "blip-image-captioning-base" in label))
    click(page, "Caption")
    expect(status(page)).to_contain_text("course models pull --profile laptop", timeout=TIMEOUT)
    menu.select_option(label=options[0])
    assert answer_to(page, "Caption")


@pytest.mark.parametrize("width", [390, 1200])
def test_the_page_fits_its_window(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.set_viewport_size({"width": 1200, "height": 900})


def test_axe_finds_nothing_serious(page):
    if not AXE.is_file():
        pytest.skip("axe-core is not here: `course book` installs it where there is Node.")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run('.course-panel', {resultTypes: ['violations']})")["violations"]
    serious = [v for v in found if v["impact"] in ("serious", "critical")]
    assert not serious, [(v["id"], [node["html"][:150] for node in v["nodes"]]) for v in serious]


def test_still_of_a_drawing_and_its_caption(page, tmp_path):
    clear(page)
    page.get_by_label("Background").select_option(label="white")
    page.get_by_label("Colour").select_option(label="blue")
    turns = [2 * math.pi * i / 24 for i in range(25)]
    _stroke(page, [(0.5 + 0.13 * math.cos(turn), 0.5 + 0.13 * math.sin(turn)) for turn in turns])
    page.get_by_label("Texts, one a line").fill("a blue circle\na red circle")
    page.get_by_label("Texts, one a line").blur()
    expect(status(page)).to_have_text("Opened your drawing.", timeout=TIMEOUT)
    assert answer_to(page, "Caption")
    still = Path(os.environ.get("COURSE_PANEL_STILL", tmp_path / "panel.png"))
    page.locator(".course-panel").screenshot(path=still)
    assert Image.open(still).width > 700


def test_nothing_went_wrong_and_nothing_went_elsewhere(page, noticed):
    """The last one: looks back on all that the tests above did in the page."""
    assert noticed == {"foreign": [], "errors": []}
