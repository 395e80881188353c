"""A real browser: Debian's Chromium, started for the tests of a module and ended after them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

PHONE, DESK = (375, 812), (1280, 800)


@dataclass
class Opened:
    """A page in the browser, with everything it complained of and everything it asked for."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def evaluate(self, script: str) -> Any:
        return self.page.evaluate(script)

    def draw_all(self) -> None:
        """Scroll through, since figures are drawn when they come near the window."""
        for place in self.page.locator(".plot").all():
            place.scroll_into_view_if_needed()
            place.locator(".main-svg").first.wait_for()


Open = Callable[..., Opened]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("chromium is not here; install Debian's package chromium")
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """``open_page(html, size, dark=…, scripts=…)``: the page as a file, in a browser without a network."""
    with opening(browser, tmp_path) as open_it:
        yield open_it


@contextmanager
def opening(browser: Browser, folder: Path) -> Iterator[Open]:
    """What the fixture gives, for as long as the block lasts."""
    with ExitStack() as stack:

        def open_it(html: str, size: tuple[int, int] = DESK, *, dark: bool = False, scripts: bool = True) -> Opened:
            file = folder / "page.html"
            file.write_text(html, encoding="utf-8")
            context = browser.new_context(
                viewport={"width": size[0], "height": size[1]},
                offline=True,
                color_scheme="dark" if dark else "light",
                java_script_enabled=scripts,
            )
            stack.callback(context.close)
            opened = Opened(context.new_page())
            opened.page.on("console", lambda message: opened.complaints.append(message.text))
            opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
            opened.page.on("request", lambda request: opened.requests.append(request.url))
            opened.page.goto(file.as_uri())
            return opened

        yield open_it
