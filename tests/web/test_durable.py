"""What was accepted is done: over a kill of the server, of a child, and an orderly stop."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from studio_live import Live, dusty, live, png

from unfade.errors import UsageError
from unfade.web.shelf import Shelf


def children(server: Live) -> list[int]:
    """Process ids of the server's children that do jobs (they give way: niceness 5 more)."""
    found = []
    own = os.getpriority(os.PRIO_PROCESS, server.process.pid)
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(stat[1]) == server.process.pid and int(stat[16]) > own:
                found.append(int(folder.name))
    return found


def wait_for(server: Live, job: dict, state: str) -> dict:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        now = server.client.get(job["links"]["self"]).json()
        if now["state"] == state and (state != "running" or now["progress"]):
            return dict(now)  # running: a child is really at it
        time.sleep(0.02)
    raise AssertionError(f"{now['state']} is not {state}")


@pytest.fixture(scope="module")
def slow_scan() -> bytes:
    """A picture that takes some seconds."""
    return png(dusty(500, 700))


def test_kill_of_the_server_loses_and_doubles_nothing(folder: Path, slow_scan: bytes) -> None:
    options = ("--data", str(folder), "--workers", "1")
    first = Live(*options)
    upload = first.upload(slow_scan)
    jobs = []
    for number in range(2):
        answer = first.client.post(
            "/v1/jobs", json={"upload": upload["id"]}, headers={"Idempotency-Key": f"k{number}"}
        )
        jobs.append(answer.json())
    wait_for(first, jobs[0], "running")
    orphans = children(first)
    first.kill()
    with live(*options) as second:
        for number, job in enumerate(jobs):
            again = second.client.post(
                "/v1/jobs", json={"upload": upload["id"]}, headers={"Idempotency-Key": f"k{number}"}
            )
            assert again.json()["id"] == job["id"]
        done = [second.ended(job) for job in jobs]
        assert [job["state"] for job in done] == ["succeeded"] * 2
        assert done[0]["attempts"] == 2
        assert len(second.client.get("/v1/jobs").json()["jobs"]) == 2
        pictures = {second.client.get(job["links"]["picture"]).content for job in done}
        assert len(pictures) == 1
        missed = second.client.get(
            done[0]["links"]["events"], headers={"Last-Event-ID": "1000001"}
        ).text
        assert missed.count('"queued"') == 1 and missed.count('"succeeded"') == 1
    assert orphans and not any(Path(f"/proc/{pid}").exists() for pid in orphans)


@pytest.mark.slow
def test_stop_lets_go_of_what_runs_and_the_next_start_takes_it_up(
    folder: Path, slow_scan: bytes
) -> None:
    options = ("--data", str(folder), "--workers", "1")
    first = Live(*options)
    upload = first.upload(slow_scan)
    jobs = [first.order(upload=upload["id"]) for _ in range(2)]
    wait_for(first, jobs[0], "running")
    assert first.stop() == 0
    with live(*options) as second:
        assert [second.ended(job)["state"] for job in jobs] == ["succeeded", "succeeded"]


@pytest.mark.slow
def test_death_of_a_child_costs_one_attempt(folder: Path, slow_scan: bytes) -> None:
    with live("--data", str(folder), "--workers", "1") as server:
        upload = server.upload(slow_scan)
        job = server.order(upload=upload["id"])
        wait_for(server, job, "running")
        (child,) = children(server)
        os.kill(child, signal.SIGKILL)
        ended = server.ended(job)
        assert (ended["state"], ended["attempts"]) == ("succeeded", 2)
        # three deaths are an answer
        job = server.order(upload=upload["id"])
        for attempt in (1, 2, 3):
            while server.client.get(job["links"]["self"]).json()["attempts"] < attempt:
                time.sleep(0.02)
            wait_for(server, job, "running")
            for child in children(server):
                os.kill(child, signal.SIGKILL)
            time.sleep(0.1)
        ended = server.ended(job)
        assert (ended["state"], ended["error"]["code"]) == ("failed", "worker-lost")
        assert "died 3 times" in ended["error"]["detail"]
        assert server.client.get("/readyz").status_code == 200


def test_cancel_stops_what_runs_and_what_waits(folder: Path, slow_scan: bytes) -> None:
    with live("--data", str(folder), "--workers", "1") as server:
        upload = server.upload(slow_scan)
        running, waiting = (server.order(upload=upload["id"]) for _ in range(2))
        wait_for(server, running, "running")
        for job in (waiting, running):
            assert server.client.post(f"{job['links']['self']}/cancel").status_code == 202
        assert server.client.get(waiting["links"]["self"]).json()["state"] == "cancelled"
        began = time.monotonic()
        ended = server.ended(running)
        assert (ended["state"], ended["error"]["code"]) == ("cancelled", "cancelled")
        assert time.monotonic() - began < 15
        assert server.client.get(f"{running['links']['self']}/picture").status_code == 404
        # deleting stops too, and the upload is free again
        third = server.order(upload=upload["id"])
        wait_for(server, third, "running")
        assert server.client.delete(upload["url"]).json()["code"] == "conflict"
        assert server.client.delete(third["links"]["self"]).status_code == 200
        assert server.client.delete(upload["url"]).status_code == 200


def test_two_servers_do_not_share_a_folder(folder: Path) -> None:
    first = Shelf(folder, 1)
    with pytest.raises(UsageError, match="Another server is using the folder"):
        Shelf(folder, 1)
    first.close()
    Shelf(folder, 1).close()


def test_ephemeral_leaves_nothing(tmp_path: Path) -> None:
    with live("--ephemeral", environment={"TMPDIR": str(tmp_path)}) as server:
        server.upload(png(np.zeros((20, 20, 3), np.uint8)))
        assert list(tmp_path.glob("unfade-*/uploads/*/original.png"))
        assert server.stop() == 0
    assert not list(tmp_path.iterdir())
