"""A long day in short: what is used is given back."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from studio_live import Live, dusty, live, png


def descriptors(server: Live) -> int:
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def resident_mb(server: Live) -> float:
    with open(f"/proc/{server.process.pid}/statm", encoding="ascii") as facts:
        return int(facts.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def round_trip(server: Live, number: int) -> None:
    upload = server.upload(png(dusty(60, 80, seed=number)))
    job = server.order(upload=upload["id"])
    with server.client.stream("GET", job["links"]["events"]) as stream:
        for line in stream.iter_lines():
            if number % 3 == 0 and line.startswith("id:"):
                break  # who goes away in the middle is forgotten too
    job = server.ended(job)
    assert job["state"] == "succeeded", job["error"]
    for link in ("view", "picture", "tiles", "items"):
        assert server.client.get(job["links"][link]).status_code == 200
    server.client.delete(job["links"]["self"])
    server.client.delete(upload["url"])


@pytest.mark.slow
def test_memory_files_and_descriptors_stay_bounded(folder: Path) -> None:
    with live("--data", str(folder), "--quiet") as server:
        for number in range(15):
            round_trip(server, number)
        began_mb, began = resident_mb(server), descriptors(server)
        for number in range(120):
            round_trip(server, number)
        time.sleep(1)
        assert resident_mb(server) < began_mb * 1.1 + 10
        assert descriptors(server) <= began + 4
        for place in ("uploads", "jobs", "incoming", "scratch"):
            assert not list((folder / place).iterdir()), place
        assert "unfade_listeners 0.0" in server.client.get("/metrics").text
        figures = server.client.get("/metrics").text
        assert 'unfade_jobs_total{kind="restore",state="succeeded"} 135.0' in figures
