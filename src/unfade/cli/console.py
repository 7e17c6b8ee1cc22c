"""Talking to a person at a terminal: progress with time left, JSON for programs, clean text."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

SHOW_AFTER_S = 0.7  # work that ends sooner needs no bar


class Progress:
    """A bar on standard error, only on a terminal and only for work that takes a while.

    Called by the bench as ``progress(says, done, total)``.
    """

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled and sys.stderr.isatty()
        self.prefix = ""
        self._bar: Any = None
        self._task: Any = None
        self._says = ""
        self._since = time.monotonic()

    def __call__(self, says: str, done: int, total: int) -> None:
        if not self.enabled:
            return
        if says != self._says:
            self._says, self._since = says, time.monotonic()
            if self._bar is not None:
                self._bar.reset(self._task, description=self._words(), total=total)
        if self._bar is None and time.monotonic() - self._since > SHOW_AFTER_S:
            self._start(total)
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _words(self) -> str:
        return clean(f"{self.prefix}{self._says}")

    def _start(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self._bar = Bar(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._bar.start()
        self._task = self._bar.add_task(self._words(), total=total)


@contextmanager
def progress(enabled: bool = True) -> Iterator[Progress]:
    """A progress bar that is taken away again whatever happens."""
    bar = Progress(enabled)
    try:
        yield bar
    finally:
        bar.close()


def say(text: str) -> None:
    """A message for people, on standard error."""
    click.echo(clean(text), err=True)


def show(text: str) -> None:
    """A result for people, on standard output."""
    click.echo(clean(text))


def show_json(data: Any) -> None:
    """A result for programs: one JSON object on one line."""
    click.echo(json.dumps(data, ensure_ascii=False, allow_nan=False))


def clean(text: str) -> str:
    """Text without control characters: a file's name must not drive the terminal."""
    return "".join(c if c in "\n\t" or c.isprintable() else f"\\x{ord(c):02x}" for c in text)
