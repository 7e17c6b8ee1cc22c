"""The page's tests: a service, Debian's Chromium, and a page that is watched while it is used."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import page_server
import pytest
from page_driver import Studio
from page_networks import write_networks
from page_pictures import write_damaged
from playwright.sync_api import Browser, sync_playwright


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running service, empty at first; all tests share it."""
    data = tmp_path_factory.mktemp("studio")
    networks = write_networks(tmp_path_factory.mktemp("networks"))
    process = subprocess.Popen(
        [sys.executable, str(Path(page_server.__file__)), str(data), str(networks)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    assert chromium, "The page's tests drive Chromium (Debian: apt install chromium)."
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_damaged(tmp_path_factory.mktemp("pictures"))


@pytest.fixture
def open_studio(browser: Browser, address: str) -> Iterator[Any]:
    """Opens the page in a fresh browser profile; whatever it complained of fails the test."""
    opened: list[Studio] = []

    def start(**options: Any) -> Studio:
        studio = Studio(browser, address, **options)
        opened.append(studio)
        return studio

    yield start
    for studio in opened:
        studio.close()


@pytest.fixture
def studio(open_studio: Any) -> Studio:
    found: Studio = open_studio()
    return found
