"""Looks: short tasks that an answer waits for, done in children of their own.

Headers of uploads, small views, tiles: never behind a long restoration, and never in the
server's own process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unfade.batch.executors.contract import Event, Executor, Job
from unfade.web.problems import Busy, reported

MOST_WAITING = 200
LISTEN_S = 0.5
WORK = "unfade.web.work"


class Looks:
    """Ask a child, and wait without holding a thread."""

    def __init__(self, executor: Executor, *, memory_bytes: int, seconds: float) -> None:
        self.executor = executor
        self.memory_bytes = memory_bytes
        self.seconds = seconds
        self._waiting: dict[str, asyncio.Future[Any]] = {}
        self._making: dict[Path, asyncio.Task[None]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="unfade-looks", daemon=True)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(LISTEN_S * 4)
        self.executor.close(kill=True)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    async def ask(self, what: str, arguments: Mapping[str, Any]) -> Any:
        """Have ``what`` done ("look:look_at_file") and return what it returns.

        Raises:
            UnfadeError: what the child raised
            Busy: too many are waiting already
        """
        if len(self._waiting) >= MOST_WAITING:
            raise Busy("Too many pictures are being looked at.", "Try again in a moment.")
        key = uuid.uuid4().hex
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[key] = future
        try:
            self.executor.submit(
                Job(
                    key=key,
                    kind=f"{WORK}.{what}",
                    arguments=dict(arguments) | {"seconds": self.seconds},
                    memory_bytes=self.memory_bytes,
                    time_limit_s=self.seconds,
                )
            )
            return await future
        finally:
            if self._waiting.pop(key, None) is not None and not future.done():
                self.executor.cancel(key)

    async def make(self, target: Path, what: str, arguments: Mapping[str, Any]) -> Path:
        """A file or folder that a child makes, once, however many ask for it at once."""
        if target.exists():
            _used(target)
            return target
        making = self._making.get(target)
        if making is None:
            making = asyncio.create_task(self._make(target, what, arguments))
            self._making[target] = making
            making.add_done_callback(lambda done: self._made(target, done))
        await asyncio.shield(making)
        return target

    async def _make(self, target: Path, what: str, arguments: Mapping[str, Any]) -> None:
        await self.ask(what, dict(arguments) | {"target": str(target)})

    def _made(self, target: Path, done: asyncio.Task[None]) -> None:
        self._making.pop(target, None)
        if not done.cancelled():
            done.exception()  # whoever waited has it; nobody may have

    def _listen(self) -> None:
        while not self._stopping.is_set():
            try:
                events = self.executor.events(LISTEN_S)
            except OSError:
                return  # the executor was closed
            for event in events:
                if event.last and self._loop is not None:
                    with contextlib.suppress(RuntimeError):  # the loop has just been closed
                        self._loop.call_soon_threadsafe(self._answer, event)

    def _answer(self, event: Event) -> None:
        future = self._waiting.pop(event.key, None)
        if future is None or future.done():
            return
        if event.what == "done":
            future.set_result(event.result)
        else:
            future.set_exception(reported(event.error or {}))


def _used(path: Path) -> None:
    """Remember that a view was wanted, for what is deleted first when room is needed."""
    with contextlib.suppress(OSError):
        os.utime(path)
