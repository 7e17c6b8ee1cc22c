"""``unfade batch`` killed at any moment, then run again: the bytes of an unbroken run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from scans import hashes, scans
from stores import Server, credentials, moto  # noqa: F401

ENDED_S = 300


def start(*arguments: str, environ: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """The program in a process group of its own, as a terminal starts it."""
    path = os.pathsep.join(each for each in sys.path if each)
    return subprocess.Popen(
        [sys.executable, "-m", "unfade", *arguments],
        env=os.environ | {"PYTHONPATH": path} | dict(environ or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # a shell that runs tests in its background hands on that Ctrl-C is not heard
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    process = start(*arguments)
    out, err = process.communicate(timeout=ENDED_S)
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def kill_after(process: subprocess.Popen[str], seconds: float) -> bool:
    """Kill the driver, as the system does when memory is short; False if it had ended."""
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return True
    return False


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed") / "raw"
    scans(folder, 30)
    return folder


@pytest.fixture(scope="module")
def unbroken(source: Path) -> dict[str, str]:
    done = run("batch", str(source), str(source.parent / "unbroken"), "--workers", "2")
    assert done.returncode == 0, done.stderr
    return hashes(source.parent / "unbroken")


def test_killed_again_and_again_it_ends_with_the_same_bytes(
    source: Path, unbroken: dict[str, str]
) -> None:
    restored = source.parent / "killed"
    chance = random.Random(8)
    arguments = ("batch", str(source), str(restored), "--workers", "2", "--no-report")
    kills = 0
    for _ in range(3):
        process = start(*arguments)
        # from the moment that it works, not while Python is starting
        deadline = time.monotonic() + 60
        while not (restored / ".unfade" / "batch.sqlite").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        kills += kill_after(process, chance.uniform(0.05, 0.8))
    done = run(*arguments)
    assert done.returncode == 0, done.stderr
    assert kills >= 1
    found = hashes(restored)
    assert {name: h for name, h in found.items() if "/.unfade-" not in name} == unbroken


def test_left_overs_of_killed_workers_are_cleaned(source: Path) -> None:
    restored = source.parent / "cleaned"
    (restored / "box 0").mkdir(parents=True)
    left = restored / "box 0" / f".unfade-{2**22 - 3}-0123456789ab.png"
    left.write_bytes(b"half a picture")
    kept = [restored / "box 0" / name for name in (".unfade-note.txt", "mine.png")]
    for path in kept:
        path.write_bytes(b"mine")
    os.utime(left, (0, 0))
    shown = run("clean", str(restored), "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert left.name in shown.stdout
    assert left.exists()
    done = run("clean", str(restored))
    assert done.returncode == 0, done.stderr
    assert not left.exists()
    assert all(path.exists() for path in kept)


def test_ctrl_c_stops_hands_back_and_says_how_to_go_on(tmp_path: Path) -> None:
    source, restored = tmp_path / "raw", tmp_path / "stopped"
    scans(source, 60)  # more than are done while the signal is on its way
    process = start("batch", str(source), str(restored), "--workers", "1", "--no-report")
    deadline = time.monotonic() + 60
    while not list(restored.glob("box */*.json")):
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "what is done stays done" in err


@pytest.mark.slow
def test_two_batches_on_one_ledger(source: Path) -> None:
    restored = source.parent / "shared"
    first = start("batch", str(source), str(restored), "--workers", "1", "--no-report")
    deadline = time.monotonic() + 60
    while not list(restored.glob("box */*.json")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    second = run("batch", str(source), str(restored))
    assert second.returncode == 2
    assert "in use by process" in second.stderr
    first.communicate(timeout=ENDED_S)
    assert first.returncode == 0


@pytest.fixture
def server(credentials: None) -> Iterator[Server]:  # noqa: F811
    with moto() as server:
        server.client().create_bucket(Bucket="archive")
        yield server


@pytest.mark.slow
def test_from_bucket_to_bucket_killed_and_gone_on(
    source: Path, unbroken: dict[str, str], server: Server, tmp_path: Path
) -> None:
    """Upload, restore with kills, and compare with what a folder holds."""
    store = ("--endpoint", server.url, "--ledger", str(tmp_path / "ledger.sqlite"))
    raw, restored = "s3://archive/raw/", "s3://archive/restored/"
    up = ("--endpoint", server.url, "--ledger", str(tmp_path / "upload.sqlite"))
    assert kill_after(start("upload", str(source), raw, *up), 2.5) in (True, False)
    done = run("upload", str(source), raw, *up)
    assert done.returncode == 0, done.stderr
    for _ in range(2):
        kill_after(start("batch", raw, restored, "--workers", "2", *store), 5.0)
    done = run("batch", raw, restored, "--workers", "2", *store)
    assert done.returncode == 0, done.stderr
    import hashlib
    import json

    client = server.client()
    keys = [each["Key"] for each in client.list_objects_v2(Bucket="archive")["Contents"]]
    bodies = {key: client.get_object(Bucket="archive", Key=key)["Body"].read() for key in keys}
    found = {
        key.removeprefix("restored/"): hashlib.sha256(body).hexdigest()
        for key, body in bodies.items()
        if key.startswith("restored/") and "unfade-report" not in key
    }
    pictures = {name: h for name, h in unbroken.items() if not name.endswith(".json")}
    assert {name: h for name, h in found.items() if not name.endswith(".json")} == pictures
    assert set(found) == set(unbroken)
    assert {
        key.removeprefix("raw/"): hashlib.sha256(body).hexdigest()
        for key, body in bodies.items()
        if key.startswith("raw/")
    } == hashes(source)
    record = json.loads(bodies["restored/box 1/scan é 001.png.unfade.json"])
    assert record["source"]["uri"] == "s3://archive/raw/box 1/scan é 001.png"
    assert record["source"]["name"] == "scan é 001.png"
    assert "path" not in record["source"]
    assert "restored/unfade-report/index.html" in bodies
    secret = os.environ["AWS_SECRET_ACCESS_KEY"].encode()
    assert not any(secret in body for body in bodies.values())
    assert secret not in (tmp_path / "ledger.sqlite").read_bytes()
