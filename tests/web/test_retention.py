"""Nothing is kept longer than was said."""

from __future__ import annotations

import time
from pathlib import Path

from fastapi.testclient import TestClient
from studio_live import ended

from unfade.web.rows import NewJob
from unfade.web.schemas.jobs import State


def test_what_is_old_is_deleted_and_what_is_needed_stays(client: TestClient, scan: bytes) -> None:
    studio = client.app.state.studio  # type: ignore[attr-defined]
    data: Path = studio.rules.data
    names = ("old.png", "needed.png", "fresh.png")
    files = [("file", (name, scan)) for name in names]
    old, needed, fresh = client.post("/v1/uploads", files=files).json()["uploads"]
    wanted = {"upload": old["id"]}
    job = ended(
        client, client.post("/v1/jobs", json=wanted, headers={"Idempotency-Key": "old"}).json()
    )
    client.get(old["picture"])
    waiting = NewJob(user="local", kind="restore", name="x", request={}, upload=needed["id"])
    studio.queue.add(waiting)
    studio.store.change_job(waiting.id, state=State.RUNNING)  # and nobody hands it out
    long_ago = time.time() - studio.rules.retention_s - 60
    for upload in (old, needed):
        studio.store.change_upload(upload["id"], touched=long_ago)
    studio.store.change_job(job["id"], touched=long_ago)
    studio.store.change_job(waiting.id, touched=long_ago)
    studio.sweep()
    assert client.get(old["url"]).status_code == 404
    assert client.get(job["links"]["self"]).status_code == 404
    assert client.get(job["links"]["events"]).status_code == 404
    assert not (data / "uploads" / old["id"]).exists() and not (data / "jobs" / job["id"]).exists()
    for upload in (needed, fresh):
        assert client.get(upload["url"] + "/file").content == scan
    studio.queue.finish(waiting.id, State.CANCELLED)


def test_what_a_crash_left_is_swept_up_at_the_start(client: TestClient, upload: dict) -> None:
    studio = client.app.state.studio  # type: ignore[attr-defined]
    data: Path = studio.rules.data
    stray = "f" * 32
    (data / "uploads" / stray).mkdir()
    (data / "jobs" / stray / "1").mkdir(parents=True)
    (data / "incoming" / stray).write_bytes(b"half")
    made = client.post("/v1/uploads/resumable", json={"name": "half.png", "bytes": 100}).json()
    studio.shelf.sweep(*studio.store.known())
    assert not list(data.rglob(stray))
    assert client.get(upload["url"] + "/file").status_code == 200
    assert (data / "incoming" / made["id"]).exists()
