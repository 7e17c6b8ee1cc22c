"""Drives the page as a person does, and watches it: errors, security reports, foreign requests."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request

HARMLESS = (
    "Service Worker registration blocked by Playwright",
    "Ignoring tile %s loaded before reset",  # OpenSeadragon: a tile came after its picture had gone
)
SLOW_MS = 60_000  # a shared machine may be busy with other tests


class Studio:
    """One visit in a browser profile of its own."""

    def __init__(
        self,
        browser: Browser,
        address: str,
        *,
        theme: str = "light",
        size: tuple[int, int] = (1280, 800),
        locale: str = "en-GB",
        workers: bool = False,
        first: str = "Choose pictures",
        **options: Any,
    ) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.expected: tuple[str, ...] = ()
        self.context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=theme,  # type: ignore[arg-type]
            locale=locale,
            service_workers="allow" if workers else "block",
            **options,
        )
        self.context.set_default_timeout(SLOW_MS)
        self.page: Page = self.context.new_page()
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))
        self.context.on("request", self._request)
        self.address = address
        self.page.goto(address)
        self.button(first).wait_for()

    def add(self, *files: Path, wait: bool = True) -> None:
        """Choose files, and wait until the first was looked at."""
        self.page.set_input_files("input[type=file]", [str(file) for file in files])
        if wait:
            self.page.get_by_role("switch", name="Remove dust").wait_for()

    def restore(self) -> None:
        self.primary.click()
        self.page.get_by_role("tab", name="Result", selected=True).wait_for()
        self.page.get_by_text("Take it home").wait_for()

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name).click()

    def button(self, name: str, exact: bool = False) -> Locator:
        return self.page.get_by_role("button", name=name, exact=exact)

    @property
    def primary(self) -> Locator:
        return self.page.locator("aside button.primary")

    def say(self, text: str) -> Locator:
        return self.page.get_by_text(text).first

    def paint(self, x: float, y: float, to_x: float, to_y: float) -> None:
        """A stroke with the mouse; shares of the viewer."""
        box = self.page.locator("canvas.painting").bounding_box()
        assert box is not None
        self.page.mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] * y)
        self.page.mouse.down()
        self.page.mouse.move(
            box["x"] + box["width"] * to_x, box["y"] + box["height"] * to_y, steps=6
        )
        self.page.mouse.up()

    def close(self) -> None:
        self.context.close()
        wrong = [c for c in self.complaints if not any(e in c for e in self.expected)]
        assert not wrong, wrong
        outside = [r for r in self.requests if not _own(r, self.address)]
        assert not outside, f"asked outside this machine: {outside}"

    def _console(self, message: ConsoleMessage) -> None:
        known = any(text in message.text for text in HARMLESS)
        if message.type in ("error", "warning") and not known:
            self.complaints.append(f"{message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        self.requests.append(f"{request.method} {request.url}")


def _own(request: str, address: str) -> bool:
    url = urlsplit(request.split(" ", 1)[1])
    return url.scheme in ("blob", "data") or url.netloc == urlsplit(address).netloc
