"""The built book, a server for it, and a browser."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import threading
from pathlib import Path

import pytest
from browsing import ARGUMENTS, BROWSERS, HTML, TIMEOUT, WIDE, visit
from playwright.sync_api import Browser, Page, sync_playwright


@pytest.fixture(scope="session")
def html() -> Path:
    if not (HTML / "index.html").is_file():
        pytest.fail("There is no book at _build/html. Build it first: `make book`, or `course run` and `course book`.")
    return HTML


@pytest.fixture(scope="module")
def site(html: Path):
    """The address of the book, served on loopback at a free port."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(html)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium: ``COURSE_CHROMIUM``, else the system's, else Playwright's own.

    Gone after the module that uses it: while Playwright is there, no other event loop can run.
    """
    found = os.environ.get("COURSE_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright:
        if not found and not Path(playwright.chromium.executable_path).is_file():
            pytest.skip("No Chromium: apt-get install chromium, or set COURSE_CHROMIUM to its path.")
        chromium = playwright.chromium.launch(executable_path=found, args=ARGUMENTS, timeout=TIMEOUT)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Browser, site: str):
    """A function that opens a page of the book in a fresh context."""
    contexts = []

    def start(path: str, **options) -> Page:
        contexts.append(browser.new_context(**{"viewport": WIDE} | options))
        contexts[-1].set_default_timeout(TIMEOUT)
        page = contexts[-1].new_page()
        page.goto(site + path)
        return page

    yield start
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def look(browser: Browser, site: str):
    """A function that visits a page once, in every view, and remembers what it found."""
    return functools.cache(functools.partial(visit, browser, site))
