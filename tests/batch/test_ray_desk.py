"""The desk that passes words between a Ray cluster's jobs and us: slow, or lost with its node."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from unfade.batch.executors import on_ray
from unfade.batch.executors.contract import Event, Job


class RayError(Exception):
    pass


class GetTimeoutError(RayError):
    pass


class FakeRay:
    """A cluster of one job that never ends; ``answers`` are what asking the desk brings."""

    exceptions = SimpleNamespace(RayError=RayError, GetTimeoutError=GetTimeoutError)

    def __init__(self, answers: list[Any]) -> None:
        self.answers, self.asked, self.stopped = answers, 0, list[str]()
        self.killed: list[str] = []

    def is_initialized(self) -> bool:
        return True

    def remote(self, **_: Any) -> Any:
        def wrapped(function: Any) -> Any:
            if isinstance(function, type):
                told = SimpleNamespace(remote=self._ask)
                stop = SimpleNamespace(remote=self.stopped.append)
                return SimpleNamespace(remote=lambda: SimpleNamespace(told=told, stop=stop))
            return SimpleNamespace(remote=lambda job, *_: f"result of {job.key}")

        return wrapped

    def _ask(self) -> str:
        self.asked += 1
        return f"answer {self.asked}"

    def wait(self, results: list[str], **_: Any) -> tuple[list[str], list[str]]:
        return [], results

    def get(self, reference: str, timeout: float) -> Any:
        assert reference == f"answer {self.asked}"
        answer = self.answers.pop(0) if self.answers else []
        if isinstance(answer, Exception):
            raise answer
        return answer

    def cancel(self, result: str, *, force: bool) -> None:
        assert force
        self.killed.append(result)


def under_way(
    monkeypatch: pytest.MonkeyPatch, answers: list[Any], **limits: Any
) -> tuple[on_ray.RayExecutor, FakeRay]:
    ray = FakeRay(answers)
    monkeypatch.setattr(on_ray, "need", lambda *_, **__: ray)
    monkeypatch.setattr(on_ray, "TELL_EVERY_S", -1.0)  # it is asked each time
    executor = on_ray.RayExecutor(workers=1, threads=1, grace_s=0.0)
    executor.submit(Job(key="it", kind="small_jobs:sleep", arguments={}, **limits))
    return executor, ray


def test_what_a_slow_desk_says_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    said = [("started", "it", "node-1"), ("progress", "it", "filling", 0.5)]
    executor, ray = under_way(monkeypatch, [GetTimeoutError(), GetTimeoutError(), said])
    assert executor.events(0.0) == []
    assert executor.events(0.0) == []
    started, progress = executor.events(0.0)
    assert (started.what, started.worker) == ("started", "node-1")
    assert (progress.what, progress.share) == ("progress", 0.5)
    assert ray.asked == 1  # one question: its answer is not lost
    executor.cancel("it")
    executor.events(0.0)
    assert ray.stopped == ["it"]


def test_without_its_desk_a_job_can_be_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    executor, ray = under_way(monkeypatch, [RayError("the actor died")])
    assert executor.events(0.0) == [Event(key="it", what="started", worker="")]
    assert not ray.killed
    executor.cancel("it")
    executor.events(0.0)
    assert ray.killed == ["result of it"]


def test_without_its_desk_a_job_has_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    executor, ray = under_way(monkeypatch, [RayError("the actor died")], time_limit_s=0.0)
    executor.events(0.0)
    assert ray.killed == ["result of it"]
