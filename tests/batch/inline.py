"""An executor that runs jobs in this process, one after the other: for tests of the loop."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from unfade.batch.executors.contract import Event, Job, error_facts, function_of


class InlineExecutor:
    """Keeps the contract, but for limits and for cancelling what runs."""

    slots = 2
    threads = 1

    def __init__(self, before: Callable[[Job], None] = lambda job: None) -> None:
        self.before = before  # called with each job; may raise
        self.jobs: deque[Job] = deque()
        self.ran: list[str] = []
        self.kept: dict[str, Any] = {}
        self.most_waiting = 0

    def submit(self, job: Job) -> None:
        if any(each.key == job.key for each in self.jobs):
            raise ValueError(f"a job `{job.key}` is under way")
        self.jobs.append(job)
        self.most_waiting = max(self.most_waiting, len(self.jobs))

    def events(self, timeout_s: float | None = None) -> list[Event]:
        if not self.jobs:
            time.sleep(min(timeout_s or 0.0, 0.01))
            return []
        job = self.jobs.popleft()
        self.ran.append(job.key)
        began = Event(key=job.key, what="started", worker="inline")
        try:
            self.before(job)
            result = function_of(job.kind)(job.arguments, self)
        except Exception as error:
            return [began, Event(key=job.key, what="failed", error=error_facts(error))]
        return [began, Event(key=job.key, what="done", result=result, took_s=0.01)]

    def cancel(self, key: str) -> None:
        self.jobs = deque(job for job in self.jobs if job.key != key)

    def close(self, *, kill: bool = False) -> None:
        self.jobs.clear()

    def progress(self, stage: str, share: float) -> None:
        return

    def cancelled(self) -> bool:
        return False
