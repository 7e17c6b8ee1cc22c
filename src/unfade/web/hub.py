"""Who listens to which job: from the thread that runs jobs to the event loop that answers."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

MOST_WAITING = 64  # progress events that a slow listener may be behind; older ones are dropped


@dataclass(frozen=True, slots=True)
class Said:
    """One event of a job: its number and its data (``JobEvent``)."""

    number: int
    data: Mapping[str, Any]

    @property
    def is_state(self) -> bool:
        return self.data["type"] == "state"


class Hub:
    """The last progress of each running job, and the queues of those who follow one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest: dict[str, Said] = {}
        self._listeners: dict[str, set[asyncio.Queue[Said]]] = defaultdict(set)
        self._loop: asyncio.AbstractEventLoop | None = None

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """The event loop that listeners live in."""
        self._loop = loop

    def say(self, job: str, said: Said) -> None:
        """Tell everyone who follows this job; from any thread."""
        with self._lock:
            if said.is_state:
                self._latest.pop(job, None)
            else:
                self._latest[job] = said
            heard = bool(self._listeners.get(job))
        if heard and self._loop is not None:
            with suppress(RuntimeError):  # the loop has just been closed: nobody listens any more
                self._loop.call_soon_threadsafe(self._deliver, job, said)

    def latest(self, job: str) -> Said | None:
        """The last progress of a running job."""
        with self._lock:
            return self._latest.get(job)

    @contextmanager
    def listening(self, job: str) -> Iterator[asyncio.Queue[Said]]:
        """A queue of what is said about this job from now on; in the event loop."""
        queue: asyncio.Queue[Said] = asyncio.Queue()
        with self._lock:
            self._listeners[job].add(queue)
        try:
            yield queue
        finally:
            with self._lock:
                self._listeners[job].discard(queue)
                if not self._listeners[job]:
                    del self._listeners[job]

    def listeners(self) -> int:
        with self._lock:
            return sum(len(each) for each in self._listeners.values())

    def _deliver(self, job: str, said: Said) -> None:
        with self._lock:
            queues = list(self._listeners.get(job, ()))
        for queue in queues:
            if said.is_state or queue.qsize() < MOST_WAITING:
                queue.put_nowait(said)
