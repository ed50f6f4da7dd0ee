"""The web apps as a person meets them: Voilà on loopback and a real, headless browser.

    COURSE_PANEL_STILL=book/_static/panel.png COURSE_CHAT_STILL=book/_static/chat.png \\
    COURSE_VISION_STILL=book/_static/vision.png pytest tests/test_app.py -k still

also keeps the pictures of the panels that the book shows.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import nbformat
import psutil
import pytest
from courses import ROOT, clean_environment
from PIL import Image
from playwright.sync_api import Locator, Page, expect, sync_playwright
from scripted_server import Request, Response, answer, fault, scripted_server

from helpers import apps
from helpers.errors import CourseError, UnknownName
from helpers.worlds import puzzles, scenes

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
AXE = ROOT / "_build" / "npm" / "node_modules" / "axe-core" / "axe.min.js"
TIMEOUT = 180_000  # milliseconds: a busy machine is no reason to fail
SCENE = next(scenes.scenes("heldout", 1))
DEFINES = {
    "picture": ("def caption(", "def ask(", "def match(", "def retrieve("),
    "chat": ("connect(", "ChatPanel("),
    "vision": ("connect(", "ChatPanel(", "pictures="),
    "dashboard": ("Dashboard(", "find_runs("),
}
EVIL = "<img src=x onerror=alert(1)>"


def as_png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


# What is served


@pytest.mark.parametrize("name", apps.APPS)
def test_an_app_is_the_notebook_without_what_is_around_the_panel(name):
    app = nbformat.read(apps.write_app(name), as_version=4)
    nbformat.validate(app)
    source = nbformat.read(ROOT / apps.APPS[name].source, as_version=4)
    code = [cell.source for cell in app.cells if cell.cell_type == "code"]
    assert code[0].startswith('profile = "nano"') and code[-1].rstrip().endswith("panel")
    assert {cell.source for cell in app.cells[1:]} <= {cell.source for cell in source.cells}
    assert all(part in "\n".join(code) for part in DEFINES[name])
    assert len(app.cells) < len(source.cells) / 3


@pytest.mark.parametrize("name", apps.APPS)
def test_a_notebook_that_is_missing_or_has_no_app_says_so(name, tiny_course, monkeypatch):
    monkeypatch.setenv("COURSE_ROOT", str(tiny_course))
    with pytest.raises(CourseError, match="git checkout"):
        apps.write_app(name)
    source = tiny_course / apps.APPS[name].source
    source.parent.mkdir(parents=True)
    shutil.copy(tiny_course / "notebooks" / "01_first" / "01_adds.ipynb", source)
    with pytest.raises(CourseError, match="no cell tagged `app`"):
        apps.write_app(name)


def test_an_app_that_does_not_exist_is_named_with_those_that_do():
    with pytest.raises(UnknownName, match="no app 'chatt'. Did you mean 'chat'. Choose one of: picture, chat, vision"):
        apps.write_app("chatt")


# The app in a browser


@contextlib.contextmanager
def serving(folder: Path, *command: str, port: int, **env: str) -> Iterator[subprocess.Popen]:
    """A Voilà, started with this command, that answers at the port; without a network and with an empty model cache."""
    env = clean_environment(ROOT, HF_HUB_OFFLINE="1", HF_HOME=str(folder / "hub"), **env)
    log = folder / "log"
    with log.open("w") as out:
        server = subprocess.Popen([sys.executable, "-m", *command], env=env, stdout=out, stderr=out)
    try:
        _wait_for(f"http://127.0.0.1:{port}/voila/static/", server, log)
        yield server
    finally:
        server.terminate()
        server.wait(timeout=60)


@contextlib.contextmanager
def course_app(name: str, folder: Path) -> Iterator[tuple[str, subprocess.Popen]]:
    """The address of an app, served as ``course app`` serves it, and the server's process."""
    port = apps.free_port()
    command = ("helpers.cli", "app", name, "--no-browser", "--port", str(port))
    with serving(folder, *command, port=port) as server:
        yield f"http://127.0.0.1:{port}/", server


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    with course_app("picture", tmp_path_factory.mktemp("voila")) as (address, _):
        yield address


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
    """What went wrong or went elsewhere while the pages were used."""
    return {"foreign": [], "errors": []}


def visit(app: str, context, noticed: dict[str, list[str]]) -> Page:
    """A page at this address that notes what goes wrong or elsewhere."""
    page = context.new_page()
    page.on("request", lambda r: r.url.startswith((app, "data:", "blob:")) or noticed["foreign"].append(r.url))
    page.on("websocket", lambda w: w.url.startswith(app.replace("http", "ws")) or noticed["foreign"].append(w.url))
    page.on("console", lambda m: m.type == "error" and noticed["errors"].append(m.text))
    page.on("pageerror", lambda error: noticed["errors"].append(str(error)))
    page.goto(app)
    return page


@pytest.fixture(scope="module")
def page(app: str, context, noticed) -> Page:
    page = visit(app, context, noticed)
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
    title = apps.APPS["picture"].title
    assert page.title() == title
    assert page.get_by_role("heading").all_inner_texts()[0].startswith(title)
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
    drawn = _source(page)
    click(page, "Undo")
    page.wait_for_function("(old) => document.querySelector('.course-preview img')?.src !== old", arg=drawn)
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


def assert_it_fits(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.set_viewport_size({"width": 1200, "height": 900})


def assert_axe_finds_nothing_serious(page: Page, where: str) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not here: `course book` installs it where there is Node.")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("(where) => axe.run(where, {resultTypes: ['violations']})", where)["violations"]
    serious = [v for v in found if v["impact"] in ("serious", "critical")]
    assert not serious, [(v["id"], [node["html"][:150] for node in v["nodes"]]) for v in serious]


@pytest.mark.parametrize("width", [390, 1200])
def test_the_page_fits_its_window(page, width):
    assert_it_fits(page, width)


def test_axe_finds_nothing_serious(page):
    assert_axe_finds_nothing_serious(page, ".course-panel")


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


# The chat app, with the nano models behind it


@pytest.fixture(scope="module")
def chat_app(tmp_path_factory):
    with course_app("chat", tmp_path_factory.mktemp("chat")) as served:
        yield served


@pytest.fixture(scope="module")
def chat(chat_app, context, noticed) -> Page:
    page = visit(chat_app[0], context, noticed)
    field(page).wait_for()
    return page


def field(page: Page) -> Locator:
    return page.get_by_label("Question (")


def turn(page: Page, number: int) -> Locator:
    return page.locator("article").nth(number)


def ask(page: Page, question: str | None = None) -> Locator:
    """Ask, by the Enter key, and wait for the end of the reply: its turn."""
    number = page.locator("article").count()
    if question is not None:
        field(page).fill(question)
    field(page).press("Enter")
    expect(page.locator("article")).to_have_count(number + 1, timeout=TIMEOUT)
    expect(status(page)).not_to_have_text(re.compile("^Waiting for"), timeout=TIMEOUT)
    return turn(page, number)


def test_only_the_chat_shows(chat):
    title = apps.APPS["chat"].title
    assert chat.title() == title and chat.get_by_role("heading").all_inner_texts()[0].startswith(title)
    text = chat.locator("body").inner_text()
    assert "six kinds of puzzle" in text and "import" not in text and "connect(" not in text
    assert chat.get_by_label("Model").locator("option").all_inner_texts() == ["r1-s", "r1-m", "r1-l"]


def test_an_example_is_answered_with_its_thinking_folded_and_its_times(chat):
    chat.get_by_label("Example").select_option(label="tracking")
    prompt = next(puzzles.puzzles("heldout", "tracking")).prompt
    expect(field(chat)).to_have_value(prompt, timeout=TIMEOUT)
    reply = ask(chat)
    expect(reply).to_contain_text(prompt)
    for name in ("ttft ", "tpot ", "tokens of reasoning", "s in all"):
        expect(reply.locator(".course-note")).to_contain_text(name)
    expect(reply.get_by_text("Thought for")).to_be_visible()
    expect(reply.locator(".course-reasoning")).to_be_hidden()
    reply.locator("summary").press("Enter")
    expect(reply.locator(".course-reasoning")).to_be_visible()
    assert reply.locator(".course-reasoning").inner_text().strip()


def test_models_are_switched_and_asked_not_to_think(chat):
    chat.get_by_label("Model").select_option(label="r1-l")
    chat.get_by_label("Think first").uncheck()
    reply = ask(chat, "Start with 5. Step 1: add 2. What is the result?")
    expect(reply).to_contain_text("To r1-l:")
    expect(reply.locator("details")).to_be_hidden()
    chat.get_by_label("Think first").check()


def test_a_picture_for_a_model_that_reads_text_only_is_refused_with_the_reason(chat):
    before = chat.locator("article").count()
    file = chat.get_by_label("Picture", exact=True)
    file.set_input_files({"name": f"{EVIL}.png", "mimeType": "image/png", "buffer": as_png(scenes.render(SCENE))})
    expect(status(chat)).to_have_text(
        f"r1-l reads text only, so {EVIL}.png is not attached. Choose a model that sees.", timeout=TIMEOUT
    )
    assert file.input_value() == "" and chat.locator("article").count() == before


@pytest.mark.parametrize("width", [390, 1200])
def test_the_chat_fits_its_window(chat, width):
    assert_it_fits(chat, width)


def test_axe_finds_nothing_serious_in_the_chat(chat):
    assert_axe_finds_nothing_serious(chat, ".course-chat")


def test_still_of_a_conversation(chat, tmp_path):
    chat.get_by_role("button", name="Clear").click()
    expect(chat.locator("article")).to_have_count(0, timeout=TIMEOUT)
    chat.get_by_label("Example").select_option(label="commonsense")
    chat.get_by_label("Example").select_option(label="arithmetic")
    expect(field(chat)).to_have_value(next(puzzles.puzzles("heldout", "arithmetic")).prompt, timeout=TIMEOUT)
    ask(chat).locator(".course-said").click()  # takes the selection off the question
    still = Path(os.environ.get("COURSE_CHAT_STILL", tmp_path / "chat.png"))
    chat.locator(".course-chat").screenshot(path=still)
    assert Image.open(still).width > 700


def model_servers(voila: subprocess.Popen) -> list[psutil.Process]:
    found = []
    for process in psutil.Process(voila.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # it ends while we look
            found += [process] if "helpers.server_process" in process.cmdline() else []
    return found


def test_a_page_has_one_model_server_until_it_is_closed(chat, chat_app):
    """The last one that needs the page; whether the server has ended is looked up further down."""
    assert len(model_servers(chat_app[1])) == 1
    chat.close()


# The vision app, with the nano models behind it


@pytest.fixture(scope="module")
def vision(context, noticed, tmp_path_factory):
    with course_app("vision", tmp_path_factory.mktemp("vision")) as (address, _):
        page = visit(address, context, noticed)
        field(page).wait_for()
        yield page
        page.close()


def test_still_of_a_picture_talked_about_in_two_turns(vision, tmp_path):
    vision.get_by_label("Model").select_option(label="qwen2_5_vl-l")
    vision.get_by_label("Example picture").select_option(label="scene 4")
    expect(status(vision)).to_have_text("scene 4 will be shown with the question.", timeout=TIMEOUT)
    described = ask(vision)
    expect(described).to_contain_text("To qwen2_5_vl-l, with scene 4: Describe the image.")
    expect(described.locator(".course-said")).to_contain_text("background")
    expect(described.get_by_alt_text("The picture shown with the question")).to_be_visible()
    answered = ask(vision, "what colour is the background? Answer with one word.")
    expect(answered.locator(".course-said")).to_have_text(re.compile("^(white|grey|black)$"))
    expect(answered.get_by_alt_text("The picture shown with the question")).to_be_hidden()  # it is in the history
    answered.locator(".course-said").click()  # takes the selection off the question
    assert_it_fits(vision, 390)
    still = Path(os.environ.get("COURSE_VISION_STILL", tmp_path / "vision.png"))
    vision.locator(".course-chat").screenshot(path=still)
    assert Image.open(still).width > 700


# The dashboard, over the runs that are recorded in the repository


@pytest.fixture(scope="module")
def dashboard(context, noticed, tmp_path_factory):
    with course_app("dashboard", tmp_path_factory.mktemp("dashboard")) as (address, _):
        page = visit(address, context, noticed)
        page.get_by_label("Run").wait_for()
        yield page


def sample(page: Page) -> Locator:
    return page.locator(".course-sample")


def test_only_the_dashboard_shows_with_scores_and_an_answer(dashboard):
    title = apps.APPS["dashboard"].title
    assert dashboard.title() == title and "import" not in dashboard.locator("body").inner_text()
    expect(sample(dashboard)).to_contain_text("Prompt")
    expect(dashboard.locator(".course-dashboard table")).to_contain_text("[")  # an interval


def test_answers_are_chosen_by_run_task_model_and_outcome_and_stepped_through(dashboard):
    dashboard.get_by_label("Run").select_option(label="reasoning_grid-nano")
    expect(sample(dashboard)).to_contain_text("r1-", timeout=TIMEOUT)
    dashboard.get_by_label("Task").select_option(label="tracking")
    outcome = dashboard.get_by_label("Outcome")
    expect(sample(dashboard)).to_contain_text("tracking", timeout=TIMEOUT)
    wrong = outcome.locator("option", has_text="incorrect (")
    expect(wrong).to_have_count(1, timeout=TIMEOUT)
    outcome.select_option(label=wrong.inner_text())
    expect(sample(dashboard)).to_contain_text("incorrect", timeout=TIMEOUT)
    before = sample(dashboard).inner_text()
    dashboard.get_by_role("button", name="Next").click()
    expect(sample(dashboard)).not_to_have_text(before, timeout=TIMEOUT, use_inner_text=True)
    expect(dashboard.get_by_role("button", name="Previous")).to_be_enabled()


@pytest.mark.parametrize("width", [390, 1200])
def test_the_dashboard_fits_its_window(dashboard, width):
    assert_it_fits(dashboard, width)


def test_axe_finds_nothing_serious_in_the_dashboard(dashboard):
    assert_axe_finds_nothing_serious(dashboard, ".course-dashboard")


# The panel in a browser, with a server behind it that does what a test needs

PANEL = """
from PIL import Image

from helpers.chat_panel import ChatPanel
pictures = {{"a red one": Image.new("RGB", (56, 56), "red")}}
panel = ChatPanel({url!r}, ["scripted"], pictures=pictures, max_pixels=(3136,))
panel
"""


def scripted(request: Request) -> Response:
    question = request.body["messages"][-1]["content"]
    if isinstance(question, list):
        return answer("a picture of " + " ".join(part["type"] for part in question))
    if question == "fail":
        return fault(500, f"out\nof memory {EVIL}")
    if question == "slow":
        return answer(["word "] * 100, reasoning=["hm "] * 30, delay=0.1)
    return answer(f"{EVIL} **said**", reasoning=f"{EVIL} thought")


@pytest.fixture(scope="module")
def panel(context, noticed, tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("panel"), apps.free_port()
    with scripted_server(scripted) as models:
        cells = [nbformat.v4.new_code_cell(PANEL.format(url=models.base_url), id="panel")]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), folder / "panel.ipynb")
        address = (f"--port={port}", f"--Voila.ip={apps.HOST}", "--no-browser")
        path = apps.voila_environment()["JUPYTER_PATH"]
        command = ("voila", *apps.voila_arguments(folder / "panel.ipynb"), *address)
        with serving(folder, *command, port=port, JUPYTER_PATH=path):
            page = visit(f"http://127.0.0.1:{port}/", context, noticed)
            field(page).wait_for()
            yield page


def test_what_a_model_says_is_never_markup(panel):
    reply = ask(panel, f"{EVIL} asked")
    reply.locator("summary").click()
    for name, text in (("reasoning", "thought"), ("said", "**said**")):
        expect(reply.locator(f".course-{name}")).to_have_text(f"{EVIL} {text}", timeout=TIMEOUT)
    expect(reply).to_contain_text(f"To scripted: {EVIL} asked")
    assert panel.locator('img[src="x"]').count() == 0


def test_what_goes_wrong_is_one_line(panel):
    reply = ask(panel, "fail")
    expect(reply.locator(".course-error")).to_have_text(f"server_error: HTTP 500: out of memory {EVIL}")
    expect(reply.locator(".course-note")).to_be_hidden()


def test_a_reply_grows_stays_unfolded_and_is_stopped(panel):
    number = panel.locator("article").count()
    field(panel).fill("slow")
    panel.get_by_role("button", name="Ask").click()
    reply = turn(panel, number)
    expect(reply.locator("summary")).to_contain_text("Thinking for", timeout=TIMEOUT)
    expect(reply.locator(".course-reasoning")).to_be_hidden()
    reply.locator("summary").click()
    expect(reply.locator(".course-reasoning")).to_contain_text("hm hm hm hm hm")
    expect(reply.locator(".course-said")).to_contain_text("word word", timeout=TIMEOUT)
    expect(reply.locator(".course-note")).to_contain_text("tpot")
    expect(reply.locator(".course-reasoning")).to_be_visible()
    panel.get_by_role("button", name="Stop").click()
    expect(status(panel)).to_have_text("Stopped.", timeout=TIMEOUT)
    expect(reply.locator(".course-error")).to_have_text("Stopped.")
    expect(reply.locator(".course-reasoning")).to_be_visible()
    assert len(reply.locator(".course-said").inner_text().split()) < 100
    assert ask(panel, "go on").locator(".course-said").inner_text().endswith("**said**")


def test_pictures_are_shown_before_and_with_their_question(panel):
    waiting = panel.get_by_alt_text("goes with the next question")
    expect(waiting).to_be_hidden()
    panel.get_by_label("Example picture").select_option(label="a red one")
    expect(status(panel)).to_have_text("a red one will be shown with the question.", timeout=TIMEOUT)
    expect(waiting).to_be_visible()
    reply = ask(panel, "What is this?")
    expect(reply).to_contain_text("To scripted, with a red one:")
    expect(reply.locator(".course-said")).to_have_text("a picture of image_url text")
    shown = reply.get_by_alt_text("The picture shown with the question")
    assert shown.evaluate("image => image.complete && image.naturalWidth") == 56
    file = panel.get_by_label("Picture", exact=True)
    file.set_input_files({"name": "mine.png", "mimeType": "image/png", "buffer": as_png(scenes.render(SCENE))})
    expect(status(panel)).to_have_text("mine.png will be shown with the question.", timeout=TIMEOUT)
    expect(panel.get_by_label("Example picture")).to_have_value("none")
    assert waiting.evaluate("image => [image.naturalWidth, image.width, image.height]") == [96, 96, 96]  # not stretched
    panel.get_by_role("button", name="Remove picture").click()
    expect(waiting).to_be_hidden(timeout=TIMEOUT)
    expect(ask(panel, "And now?").get_by_alt_text("The picture shown")).to_be_hidden()
    assert_it_fits(panel, 390)


def test_axe_finds_nothing_serious_in_a_panel_with_pictures(panel):
    assert_axe_finds_nothing_serious(panel, ".course-chat")


def test_an_empty_question_is_not_sent(panel):
    number = panel.locator("article").count()
    field(panel).fill("  ")
    field(panel).press("Enter")
    expect(status(panel)).to_have_text("Type a question first.", timeout=TIMEOUT)
    assert panel.locator("article").count() == number


def test_the_model_server_has_ended_with_its_page(chat_app):
    until = time.monotonic() + sum(apps.CULLING.values()) + TIMEOUT / 1000
    while model_servers(chat_app[1]):
        assert time.monotonic() < until, "the model server outlived its page"
        time.sleep(0.5)


def test_nothing_went_wrong_and_nothing_went_elsewhere(page, noticed):
    """The last one: looks back on all that the tests above did in the pages."""
    assert noticed == {"foreign": [], "errors": []}
