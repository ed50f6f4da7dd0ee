"""Where the built book is, which pages it has, and what a browser looks for on each of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Page
from playwright.sync_api import TimeoutError as TooSlow

from helpers.book import toc_files

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"
AXE = ROOT / "_build" / "npm" / "node_modules" / "axe-core" / "axe.min.js"
PAGES = [f"{page}.html" for page in toc_files(ROOT)] + ["search.html", "genindex.html"]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
VIEWS = [("light", WIDE), ("dark", WIDE), ("dark", NARROW), ("light", NARROW)]
TIMEOUT = 120_000  # milliseconds: a busy machine is no reason to fail
UNFOLD = """() => {
  document.querySelectorAll("details").forEach((details) => (details.open = true));
  document.querySelectorAll("button.toggle-button-hidden").forEach((button) => button.click());
}"""
DRAWN = """(theme) => [...document.querySelectorAll(".course-figure")].every(
  (box) => box.dataset.drawn === theme && Number(box.dataset.width) === box.clientWidth
    && box.querySelector(".main-svg") !== null
)"""


@dataclass
class Findings:
    """What was seen on one page, in all views."""

    foreign_requests: list[str] = field(default_factory=list)
    failed_requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    too_wide: list[str] = field(default_factory=list)
    undrawn: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)


def visit(browser: Browser, site: str, path: str) -> Findings:
    """Open a page once, unfold everything on it, and look at it in every view."""
    found = Findings()
    context = browser.new_context(viewport=WIDE, color_scheme="light")
    context.set_default_timeout(TIMEOUT)
    page = context.new_page()
    page.on("console", lambda message: found.errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: found.errors.append(str(error)))
    page.on("request", lambda request: _note_request(found, request.url, site))
    page.on("requestfailed", lambda request: found.failed_requests.append(request.url))
    response = page.goto(site + path)
    if not response.ok:
        found.failed_requests.append(f"{response.status} {path}")
    page.add_style_tag(
        content="* { transition: none !important; animation: none !important }"
    )  # or axe sees mixed colours
    page.evaluate(UNFOLD)
    for theme, size in VIEWS:
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=theme)
        _look_at(page, found, theme, size["width"])
    context.close()
    return found


def _note_request(found: Findings, url: str, site: str) -> None:
    if not url.startswith((site, "data:", "blob:")):
        found.foreign_requests.append(url)


def _look_at(page: Page, found: Findings, theme: str, width: int) -> None:
    view = f"{width} px, {theme}"
    page.wait_for_function("(theme) => document.documentElement.dataset.theme === theme", arg=theme)
    try:
        page.wait_for_function(DRAWN, arg=theme, timeout=TIMEOUT / 2)
    except TooSlow:
        found.undrawn.append(f"{view}: a figure is not drawn in this theme at this width")
    wide = page.evaluate("document.documentElement.scrollWidth")
    if wide > width:
        found.too_wide.append(f"{view}: the page is {wide} px wide")
    if AXE.is_file() and width == WIDE["width"]:
        page.evaluate(AXE.read_text(encoding="utf-8"))
        page.wait_for_timeout(400)  # let the colours finish fading after the theme changed
        result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        for violation in result["violations"]:
            if violation["impact"] in ("serious", "critical"):
                places = "; ".join(node["html"][:120] for node in violation["nodes"][:3])
                found.violations.append(f"{view}: {violation['id']} ({violation['impact']}): {places}")
