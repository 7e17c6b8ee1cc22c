"""Reading, computing and encoding at the same time: one thread each, with short queues between.

The queues bound memory: a fast reader waits for a slow step. An error on either side ends the
other side and is raised where the work is asked for.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

T = TypeVar("T")
_END = object()


def ahead(items: Iterator[T], depth: int) -> Iterator[T]:
    """The same items, made up to ``depth`` ahead by a thread of their own."""
    waiting: queue.Queue[object] = queue.Queue(maxsize=depth)
    stopped = threading.Event()
    failed: list[BaseException] = []

    def produce() -> None:
        try:
            for item in items:
                if not _put(waiting, item, stopped):
                    return
        except BaseException as error:  # raised again by the consumer
            failed.append(error)
        finally:
            _put(waiting, _END, stopped)
            close = getattr(items, "close", None)
            if close is not None:
                close()

    thread = threading.Thread(target=produce, name="unfade-read", daemon=True)
    thread.start()
    try:
        while (item := waiting.get()) is not _END:
            yield item  # type: ignore[misc]
        if failed:
            raise failed[0]
    finally:
        stopped.set()
        thread.join()


class Behind:
    """Calls ``work`` with each item that is put in, in order, on a thread of its own."""

    def __init__(self, work: Callable[[T], None], depth: int) -> None:
        self._work = work
        self._waiting: queue.Queue[object] = queue.Queue(maxsize=depth)
        self._failed: list[BaseException] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="unfade-write", daemon=True)
        self._thread.start()

    def put(self, item: object) -> None:
        """Hand over one item.

        Raises:
            whatever ``work`` raised on an earlier one
        """
        if not _put(self._waiting, item, self._stopped):
            self._end()

    def close(self) -> None:
        """Wait until everything is done."""
        _put(self._waiting, _END, self._stopped)
        self._end()

    def abandon(self) -> None:
        """Stop without waiting for what is queued."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stopped.is_set():
                try:
                    item = self._waiting.get(timeout=0.2)
                except queue.Empty:
                    continue
                if item is _END:
                    return
                self._work(item)  # type: ignore[arg-type]
        except BaseException as error:  # raised again by ``put`` or ``close``
            self._failed.append(error)
        finally:
            self._stopped.set()

    def _end(self) -> None:
        self._thread.join()
        if self._failed:
            raise self._failed[0]


def _put(waiting: queue.Queue[object], item: object, stopped: threading.Event) -> bool:
    while not stopped.is_set():
        try:
            waiting.put(item, timeout=0.2)
            return True
        except queue.Full:
            continue
    return False
