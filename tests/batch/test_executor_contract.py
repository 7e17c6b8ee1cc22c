"""One suite for everything that runs jobs."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from unfade.batch.executors.contract import Event, Executor, Job
from unfade.batch.executors.local import LocalExecutor
from unfade.engines.bench import available_cores


def _local() -> Executor:
    return LocalExecutor(workers=2, grace_s=0.5)


def _ray() -> Executor:
    from unfade.batch.executors.on_ray import RayExecutor

    return RayExecutor(workers=2, grace_s=0.5)


@pytest.fixture(
    scope="module",
    params=[_local, pytest.param(_ray, marks=pytest.mark.slow)],
    ids=["local", "ray"],
)
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    made: Executor = request.param()
    yield made
    made.close(kill=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # Ray does not wait for its own servers
        gc.collect()


def job(kind: str, key: str = "", **facts: Any) -> Job:
    limits = {k: facts.pop(k) for k in ("memory_bytes", "time_limit_s") if k in facts}
    return Job(key=key or kind, kind=f"small_jobs:{kind}", arguments=facts, **limits)


def run(executor: Executor, *jobs: Job, until_s: float = 240.0) -> dict[str, list[Event]]:
    """All events of these jobs, by key."""
    for each in jobs:
        executor.submit(each)
    return collect(executor, {each.key for each in jobs}, until_s)


def collect(executor: Executor, keys: set[str], until_s: float = 240.0) -> dict[str, list[Event]]:
    seen: dict[str, list[Event]] = {key: [] for key in keys}
    deadline = time.monotonic() + until_s
    while not all(events and events[-1].last for events in seen.values()):
        assert time.monotonic() < deadline, f"no end after {until_s} s: {seen}"
        for event in executor.events(1.0):
            seen.setdefault(event.key, []).append(event)
    return seen


def test_it_keeps_the_contract(executor: Executor) -> None:
    assert isinstance(executor, Executor)
    assert executor.slots == 2


def test_each_job_gets_started_then_one_last_event(executor: Executor) -> None:
    seen = run(executor, *(job("add", f"add-{n}", a=n, b=1) for n in range(20)))
    for n in range(20):
        assert [event.what for event in seen[f"add-{n}"]] == ["started", "done"]
        assert seen[f"add-{n}"][-1].result == n + 1
    assert executor.events(None) == []


def test_jobs_run_side_by_side_with_their_share_of_the_cores(
    executor: Executor, tmp_path: Path
) -> None:
    seen = run(
        executor, *(job("process", f"p{n}", until=str(tmp_path), number=2) for n in range(2))
    )
    facts = [events[-1].result for events in seen.values()]
    assert len({fact["pid"] for fact in facts}) == 2
    assert os.getpid() not in {fact["pid"] for fact in facts}
    threads = max(1, available_cores() // 2)
    assert all(fact["threads"] == threads and fact["omp"] == str(threads) for fact in facts)


def test_errors_come_back_as_facts(executor: Executor) -> None:
    seen = run(executor, job("refuse"), job("crash"), job("unpicklable"))
    refused = seen["refuse"][-1].error
    assert refused is not None
    assert (refused["code"], refused["exit_code"], refused["http_status"]) == (
        "unreadable-input",
        3,
        422,
    )
    assert refused["message"] == "`a.tif` is empty, 0 bytes. Copy it again from its source."
    assert refused["retry"] is False
    crashed = seen["crash"][-1].error
    assert crashed is not None
    assert crashed["code"] == "unexpected"
    assert "nobody expected this" in crashed["message"]
    assert "small_jobs" in crashed["trace"]
    assert seen["unpicklable"][-1].what == "failed"


def test_a_process_that_dies_costs_only_its_job(executor: Executor) -> None:
    seen = run(executor, job("die"), *(job("add", f"after-{n}", a=n, b=n) for n in range(4)))
    lost = seen["die"][-1].error
    assert lost is not None
    assert lost["code"] == "worker-lost"
    assert lost["retry"] is True
    assert [seen[f"after-{n}"][-1].result for n in range(4)] == [0, 2, 4, 6]


def test_out_of_memory_costs_only_its_job(executor: Executor) -> None:
    big = job("swallow", "big", bytes=600_000_000, memory_bytes=200_000_000)
    small = job("swallow", "small", bytes=100_000_000, memory_bytes=200_000_000)
    seen = run(executor, big, small)
    error = seen["big"][-1].error
    assert error is not None
    assert error["code"] == "out-of-resources"
    assert "200 MB" in error["message"]
    assert seen["small"][-1].result == 100_000_000


def test_out_of_time_costs_only_its_job(executor: Executor, tmp_path: Path) -> None:
    slow = job("sleep", "slow", s=60, began=str(tmp_path / "began"), time_limit_s=0.5)
    seen = run(executor, slow, job("add", a=1, b=2))
    error = seen["slow"][-1].error
    assert error is not None
    assert error["code"] == "out-of-resources"
    assert "0.5 s" in error["message"]
    assert seen["add"][-1].result == 3


@pytest.mark.parametrize("heeds", [True, False], ids=["heeding", "deaf"])
def test_a_running_job_is_cancelled(executor: Executor, tmp_path: Path, heeds: bool) -> None:
    began = tmp_path / "began"
    executor.submit(job("sleep", "it", s=60, began=str(began), heeds=heeds))
    deadline = time.monotonic() + 30
    while not began.exists() and time.monotonic() < deadline:
        executor.events(0.1)
    executor.cancel("it")
    error = collect(executor, {"it"})["it"][-1].error
    assert error is not None
    assert error["code"] == "cancelled"


def test_a_waiting_job_is_cancelled(executor: Executor, tmp_path: Path) -> None:
    for n in range(3):
        executor.submit(job("sleep", f"s{n}", s=0.5, began=str(tmp_path / f"{n}")))
    executor.cancel("s2")
    executor.cancel("never heard of")
    seen = collect(executor, {"s0", "s1", "s2"})
    assert seen["s2"][-1].error is not None
    assert not (tmp_path / "2").exists()
    assert {seen["s0"][-1].result, seen["s1"][-1].result} == {"slept"}


def test_progress_is_told_in_order(executor: Executor) -> None:
    events = run(executor, job("tell"))["tell"]
    shares = [event.share for event in events if event.what == "progress"]
    assert len(shares) >= 2
    assert shares == sorted(shares)
    assert {event.stage for event in events if event.what == "progress"} == {"stirring"}
    assert events[-1].result == "told"


def test_one_key_is_under_way_once(executor: Executor, tmp_path: Path) -> None:
    first = job("sleep", "twice", s=0.2, began=str(tmp_path / "b"))
    executor.submit(first)
    with pytest.raises(ValueError, match="under way"):
        executor.submit(first)
    collect(executor, {"twice"})
    assert run(executor, first)["twice"][-1].result == "slept"


def test_local_processes_are_used_again_and_replaced_in_time() -> None:
    with LocalExecutor(workers=1, recycle_after=3) as executor:
        facts = [run(executor, job("process", str(n)))[str(n)][-1].result for n in range(4)]
    assert [fact["runs"] for fact in facts] == [1, 2, 3, 1]
    assert len({fact["pid"] for fact in facts}) == 2


def test_workers_do_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    code = (
        "import sys, os, signal\n"
        "from unfade.batch.executors.local import LocalExecutor\n"
        "from unfade.batch.executors.contract import Job\n"
        "if __name__ == '__main__':\n"
        "    executor = LocalExecutor(workers=2)\n"
        "    for n in range(2):\n"
        "        executor.submit(Job(key=str(n), kind='small_jobs:sleep',\n"
        "                            arguments={'s': 60, 'began': sys.argv[1] + str(n)}))\n"
        "    begun = 0\n"
        "    while begun < 2:\n"
        "        for event in executor.events(1.0):\n"
        "            print(event.worker, flush=True)\n"
        "            begun += event.what == 'started'\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    script = tmp_path / "parent.py"
    script.write_text(code)
    path = os.pathsep.join(p for p in sys.path if p)
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "began")],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    pids = [int(line.removeprefix("pid-")) for line in done.stdout.split()]
    assert len(pids) == 2, done.stderr
    _gone(pids)


def _gone(pids: list[int], patience_s: float = 10.0) -> None:
    deadline = time.monotonic() + patience_s
    while any(_alive(pid) for pid in pids):
        assert time.monotonic() < deadline, f"still there: {pids}"
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    """Not counting a dead one that nobody has waited for."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except OSError:
        return False
