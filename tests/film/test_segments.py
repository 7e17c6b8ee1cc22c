"""Long work: the same film however it is cut, stopped and gone on with."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from made_films import Truth, decoded_planes, scene, write_film

from unfade.engines.bench import Bench
from unfade.errors import Cancelled, UnreadableInput
from unfade.film.delivery import read_hashes, was_interrupted
from unfade.film.journey import FilmOptions, open_job, restore_film
from unfade.film.ledger import Ledger


def hashes(source: Path, target: Path, segment_s: float, bench: Bench) -> list[str]:
    options = FilmOptions(keep_cadence=True, segment_s=segment_s)
    result = restore_film(source, output=target, options=options, bench=bench)
    found = read_hashes(result.save(target).hashes_file)
    result.discard()
    return found


@pytest.fixture(scope="module")
def whole(
    dirty: tuple[Path, Truth], tmp_path_factory: pytest.TempPathFactory, bench: Bench
) -> list[str]:
    """The hashes of an unbroken run in one segment."""
    return hashes(dirty[0], tmp_path_factory.mktemp("whole") / "out.mkv", 60, bench)


@pytest.mark.parametrize(("segment_s", "threads"), [(0.04, 1), (0.21, 2), (0.3, 3)])
def test_the_result_does_not_depend_on_segments_or_threads(
    segment_s: float, threads: int, dirty: tuple[Path, Truth], whole: list[str], tmp_path: Path
) -> None:
    with Bench(threads=threads) as bench:
        assert hashes(dirty[0], tmp_path / "out.mkv", segment_s, bench) == whole


def test_a_part_has_the_frames_of_the_whole(
    dirty: tuple[Path, Truth], whole: list[str], tmp_path: Path, bench: Bench
) -> None:
    target = tmp_path / "part.mkv"
    options = FilmOptions(keep_cadence=True, frames=(5, 11))
    result = restore_film(dirty[0], output=target, options=options, bench=bench)
    assert read_hashes(result.save(target).hashes_file) == whole[5:11]


def test_workers_share_segments_in_any_order(
    dirty: tuple[Path, Truth], whole: list[str], tmp_path: Path, bench: Bench
) -> None:
    target = tmp_path / "out.mkv"
    options = FilmOptions(keep_cadence=True, segment_s=0.2)

    def worker() -> object:
        return open_job(dirty[0], output=target, options=options, bench=bench)

    first = worker()
    with pytest.raises(UnreadableInput, match="segments are not made yet"):
        first.result()  # type: ignore[attr-defined]
    for number in (2, 0, 3, 1):
        worker().run([number])  # type: ignore[attr-defined]
    last = worker()
    assert last.count == 4  # type: ignore[attr-defined]
    assert read_hashes(last.result().save(target).hashes_file) == whole  # type: ignore[attr-defined]


def test_a_run_that_is_stopped_goes_on(
    dirty: tuple[Path, Truth], whole: list[str], tmp_path: Path
) -> None:
    target = tmp_path / "out.mkv"
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 27

    with Bench(threads=2, cancelled=stop) as bench, pytest.raises(Cancelled):
        hashes(dirty[0], target, 0.2, bench)
    assert not target.exists()
    done = list(tmp_path.glob(".*/*/segment-*.mkv"))
    assert 0 < len([p for p in done if "partial" not in p.name]) < 4
    with Bench(threads=2) as bench:
        assert hashes(dirty[0], target, 0.2, bench) == whole


@pytest.mark.slow
def test_killed_at_any_moment_the_film_is_the_same(
    dirty: tuple[Path, Truth], whole: list[str], tmp_path: Path
) -> None:
    target = tmp_path / "out.mkv"
    command = [sys.executable, "-m", "unfade", "restore", str(dirty[0]), "-o", str(target),
               "--segment-s", "0.15", "--keep-cadence", "-q"]  # fmt: skip
    chance = np.random.default_rng(7)
    for _ in range(40):
        process = subprocess.Popen(command, env=dict(os.environ))
        try:
            process.wait(timeout=float(chance.uniform(1.0, 6.0)))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        killed = process.returncode == -signal.SIGKILL
        assert killed or process.returncode == 0
        if not killed or (target.exists() and not list(tmp_path.glob(".*"))):
            break  # done, or delivered whole and killed on its way out
        time.sleep(0.05)
    assert read_hashes(target.with_name("out.mkv.framehash")) == whole
    assert not list(tmp_path.glob(".*")), "nothing is left behind"


def test_a_kill_while_a_delivered_job_is_taken_away_can_be_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(tmp_path / ".out.mkv.unfade-work")
    for name in ("delivering", "a", "z"):
        (ledger.folder / name).touch()

    class Killed(BaseException):
        pass

    def killed(*given: object, **named: object) -> None:
        raise Killed

    monkeypatch.setattr(shutil, "rmtree", killed)
    with pytest.raises(Killed):
        ledger.remove(last="delivering")
    assert was_interrupted(tmp_path / "out.mkv")
    monkeypatch.undo()
    ledger.remove(last="delivering")
    assert not list(tmp_path.iterdir())


def test_a_torn_line_of_the_ledger_costs_one_segment(tmp_path: Path) -> None:
    folder = tmp_path / "job"
    ledger = Ledger(folder)
    for name in ("a", "b"):
        ledger.partial(f"{name}.bin").write_bytes(b"piece")
        ledger.finish(name, [f"{name}.bin"])
    with (folder / "ledger.jsonl").open("ab") as file:
        file.write(b'{"name": "c", "fil')
    (folder / "b.bin").write_bytes(b"pie")
    again = Ledger(folder)
    assert again.done("a") is not None
    assert again.done("b") is None, "its file is not whole"
    assert again.done("c") is None
    again.partial("c.bin").write_bytes(b"x")
    again.finish("c", ["c.bin"])
    assert Ledger(folder).done("c") is not None


def test_decoding_goes_on_in_the_middle_of_a_group(tmp_path: Path, bench: Bench) -> None:
    source = tmp_path / "film.mp4"
    frames = (f.astype(np.uint8) for f in scene("pan", 40, 96, 128))
    write_film(source, frames, codec="libx264", options={"bf": "3", "g": "9"})
    target = tmp_path / "copy.mkv"
    options = FilmOptions(segment_s=0.25)
    job = open_job(source, output=target, recipe="none", options=options, bench=bench)
    for number in (5, 3, 6, 1, 0, 2, 4):
        job.run([number])
    job.result().save(target)
    before, after = decoded_planes(source), decoded_planes(target)
    assert all(np.array_equal(a[0], b[0]) for a, b in zip(before, after, strict=True))
