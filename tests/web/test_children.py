"""What a child that reads hostile files cannot do."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from unfade.batch.executors.contract import Event, Executor, Job
from unfade.web.crew import Bounds, Crew

MEGA = 1_000_000


@pytest.fixture
def crew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Crew]:
    here = str(Path(__file__).parent)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([here, os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a secret")
    monkeypatch.setenv("UNFADE_TOKEN", "a secret of ours")
    bounds = Bounds(address_bytes=1500 * MEGA, file_bytes=20 * MEGA, open_files=64)
    made = Crew(workers=1, threads=1, bounds=bounds, scratch=tmp_path)
    yield made
    made.close(kill=True)


def last(crew: Crew, what: str, **arguments: Any) -> Event:
    crew.submit(Job(key=what, kind=f"child_jobs:{what}", arguments=arguments, time_limit_s=60))
    until = time.monotonic() + 90
    while time.monotonic() < until:
        for event in crew.events(1.0):
            if event.last:
                return event
    raise AssertionError("no end")


def code(event: Event) -> str:
    assert event.error is not None, event.result
    return str(event.error["code"])


def test_it_is_an_executor_and_knows_no_secret(crew: Crew) -> None:
    assert isinstance(crew, Executor)
    known = last(crew, "environment").result
    assert not any("secret" in value for value in known.values())
    assert known["UNFADE_OFFLINE"] == "1"


def test_it_reaches_nothing(crew: Crew) -> None:
    """Where the system lets processes give up their network; containers may not."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        got = last(crew, "reach", port=server.getsockname()[1]).result
    alone = last(crew, "environment")  # the child still works
    assert alone.what == "done"
    assert got != "reached" or not _may_unshare()


def test_more_memory_than_is_allowed_is_an_answer(crew: Crew) -> None:
    assert last(crew, "take", bytes=50 * MEGA).result == 50 * MEGA
    assert code(last(crew, "take", bytes=3000 * MEGA)) == "out-of-resources"
    assert last(crew, "take", bytes=MEGA).what == "done"


def test_processor_time_is_ended_by_the_kernel(crew: Crew) -> None:
    began = time.monotonic()
    assert code(last(crew, "spin", seconds=1)) == "worker-lost"
    assert time.monotonic() - began < 60
    assert last(crew, "take", bytes=MEGA).what == "done"  # by another child


def test_files_are_bounded_in_size_and_number(crew: Crew, tmp_path: Path) -> None:
    path = str(tmp_path / "large")
    assert last(crew, "write", path=path, blocks=5).result == 5 << 20
    assert code(last(crew, "write", path=path, blocks=50)) == "unexpected"
    assert os.path.getsize(path) <= 20 * MEGA
    assert last(crew, "open_files").result < 64


def test_a_child_that_was_taken_over_cannot_run_code_here(crew: Crew, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    assert code(last(crew, "lie", canary=str(canary))) == "worker-lost"
    assert not canary.exists()
    assert last(crew, "take", bytes=MEGA).what == "done"


def _may_unshare() -> bool:
    import ctypes

    child = os.fork()
    if child == 0:
        os._exit(0 if ctypes.CDLL(None).unshare(0x40000000) == 0 else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
