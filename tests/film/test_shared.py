"""A film whose segments are shared by workers is the film that one process makes."""

from __future__ import annotations

import dataclasses
import os
import signal
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from inline import InlineExecutor
from made_films import Damage, Truth, damaged, scene, write_film

from unfade.batch.executors.contract import Event, Executor, Job
from unfade.batch.executors.local import LocalExecutor
from unfade.batch.film_work import MARK
from unfade.batch.shared_film import ONE_WORKER, _runs, restore_film_shared
from unfade.cli import main
from unfade.engines.bench import Bench
from unfade.errors import UnreadableInput, WorkerLost
from unfade.film.joints import astray, source_hash, stream_of
from unfade.film.journey import FilmOptions, open_job, restore_film
from unfade.film.layout import Frame
from unfade.film.ledger import Ledger

OPTIONS = FilmOptions(keep_cadence=True, segment_s=0.2)
MISLED: dict[str, Any] = {
    "only": ("remove_dirt", "deflicker"),
    "options": FilmOptions(keep_cadence=True, segment_s=0.42),
}
Papers = tuple[bytes, bytes, dict[str, Any]]


class Watched:
    """An executor that keeps what goes through it."""

    def __init__(self, inner: Executor, seen: Callable[[Event], None] = lambda event: None) -> None:
        self.inner = inner
        self.seen = seen
        self.jobs: list[Job] = []

    @property
    def slots(self) -> int:
        return self.inner.slots

    def submit(self, job: Job) -> None:
        self.jobs.append(job)
        self.inner.submit(job)

    def events(self, timeout_s: float | None = None) -> list[Event]:
        events = self.inner.events(timeout_s)
        for event in events:
            self.seen(event)
        return events

    def cancel(self, key: str) -> None:
        self.inner.cancel(key)

    def close(self, *, kill: bool = False) -> None:
        self.inner.close(kill=kill)

    def named(self, what: str) -> list[Job]:
        return [job for job in self.jobs if job.kind.endswith(f":{what}")]


class Unwilling(InlineExecutor):
    def submit(self, job: Job) -> None:
        raise AssertionError(f"`{job.key}` was submitted")


class Backwards(InlineExecutor):
    """Begins at the film's end, so that no worker knows what those before it have read."""

    slots = 100

    def events(self, timeout_s: float | None = None) -> list[Event]:
        self.jobs.rotate(1)
        return super().events(timeout_s)


@pytest.fixture(scope="module")
def local() -> Iterator[LocalExecutor]:
    with LocalExecutor(workers=2, threads=1, grace_s=2.0) as executor:
        yield executor


@pytest.fixture(scope="module")
def misled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film that says of every frame that decoding may begin there; one in 17 is true."""
    path = tmp_path_factory.mktemp("misled") / "film.mp4"
    frames = damaged(scene("pan", 60, 96, 128), Damage(dirt=3, flicker=0.05, grain=2), 3)
    write_film(path, frames, codec="mpeg4", options={"g": "17", "bf": "0", "q": "3"})
    whole = path.read_bytes()
    assert whole.count(b"stss") == 1
    path.write_bytes(whole.replace(b"stss", b"free"))
    return path


def papers(result: Any, target: Path) -> Papers:
    """Hashes of the frames, the list of repairs, the record without names."""
    saved = result.save(target)
    result.discard()
    record = dataclasses.asdict(saved.record)
    for what in ("output", "source"):
        record[what] = {k: v for k, v in record[what].items() if k not in ("name", "path", "bytes")}
    return saved.hashes_file.read_bytes(), saved.readable_file.read_bytes(), record


@pytest.fixture(scope="module")
def alone(
    dirty: tuple[Path, Truth], tmp_path_factory: pytest.TempPathFactory, bench: Bench
) -> Papers:
    """What one process makes of the damaged film."""
    target = tmp_path_factory.mktemp("alone") / "out.mkv"
    return papers(restore_film(dirty[0], output=target, options=OPTIONS, bench=bench), target)


@pytest.fixture(scope="module")
def unmisled(misled: Path, tmp_path_factory: pytest.TempPathFactory, bench: Bench) -> Papers:
    """What one process makes of the film with the wrong index, from its beginning."""
    target = tmp_path_factory.mktemp("unmisled") / "out.mkv"
    return papers(restore_film(misled, output=target, bench=bench, **MISLED), target)


def shared(source: Path, target: Path, executor: Any, **more: Any) -> Any:
    return restore_film_shared(source, executor, output=target, **({"options": OPTIONS} | more))


def test_two_workers_make_the_film_of_one_process(
    dirty: tuple[Path, Truth], tmp_path: Path, bench: Bench, local: LocalExecutor, alone: Papers
) -> None:
    target, told = tmp_path / "out.mkv", []
    watched = Watched(local)
    reporting = Bench(threads=1, progress=lambda says, done, total: told.append((says, done)))
    result = shared(dirty[0], target, watched, bench=reporting)
    assert papers(result, target) == alone
    made = [job.arguments["numbers"] for job in watched.named("make_segments")]
    assert made == [[0, 1], [2, 3]]
    assert watched.named("look_at"), "the looks are shared too"
    assert not any(job.arguments["from_beginning"] for job in watched.jobs)
    counted = [done for says, done in told if says == "Restoring"]
    assert counted == list(range(17)), "every frame is counted once"
    assert not list(tmp_path.glob(".*")), "nothing is left behind"


def test_pieces_may_be_temporary(
    dirty: tuple[Path, Truth], tmp_path: Path, local: LocalExecutor, alone: Papers
) -> None:
    result = restore_film_shared(dirty[0], local, options=OPTIONS, bench=Bench(threads=1))
    assert papers(result, tmp_path / "out.mkv") == alone


def test_an_index_that_leads_astray_is_found_out(
    misled: Path, tmp_path: Path, alone: Papers, unmisled: Papers
) -> None:
    target = tmp_path / "out.mkv"
    watched = Watched(Backwards())
    result = shared(misled, target, watched, **MISLED)
    assert papers(result, target) == unmisled
    for what in ("look_at", "make_segments"):
        jobs = watched.named(what)
        again = [job for job in jobs if job.arguments["from_beginning"]]
        assert 0 < len(again) < len(jobs) / 2, "those that began with the wrong frames alone"


def test_without_the_comparison_the_wrong_frames_would_stay(
    misled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unmisled: Papers
) -> None:
    for module in ("batch.shared_film", "film.measuring", "film.segments"):
        monkeypatch.setattr(f"unfade.{module}.astray", lambda lines: [])
    target = tmp_path / "out.mkv"
    result = shared(misled, target, Backwards(), **MISLED)
    assert papers(result, target) != unmisled


def test_workers_by_hand_are_told_of_an_index_that_leads_astray(
    misled: Path, tmp_path: Path, bench: Bench, unmisled: Papers
) -> None:
    target = tmp_path / "out.mkv"

    def worker() -> Any:
        return open_job(misled, output=target, bench=bench, **MISLED)

    for number in reversed(range(worker().count)):
        worker().run([number])
    job = worker()
    with pytest.raises(UnreadableInput, match="index leads elsewhere"):
        job.result()
    job.run()
    assert papers(job.result(), target) == unmisled


def test_a_run_that_goes_on_is_not_led_astray(
    misled: Path, tmp_path: Path, bench: Bench, unmisled: Papers
) -> None:
    target = tmp_path / "out.mkv"
    open_job(misled, output=target, bench=bench, **MISLED).run([0, 1, 2])
    result = restore_film(misled, output=target, bench=bench, **MISLED)
    assert papers(result, target) == unmisled


def test_a_worker_that_is_killed_costs_nothing_but_time(
    dirty: tuple[Path, Truth], tmp_path: Path, alone: Papers
) -> None:
    killed: list[str] = []

    def kill(event: Event) -> None:
        if event.what == "progress" and event.stage == "Restoring" and not killed:
            killed.append(event.key)
            os.kill(int(event.worker.removeprefix("pid-")), signal.SIGKILL)

    target = tmp_path / "out.mkv"
    with LocalExecutor(workers=2, threads=1) as executor:
        watched = Watched(executor, kill)
        result = shared(dirty[0], target, watched)
    assert papers(result, target) == alone
    assert max(Counter(job.key for job in watched.jobs).values()) == 2


def test_a_worker_that_is_lost_again_and_again_is_an_error(
    dirty: tuple[Path, Truth], tmp_path: Path
) -> None:
    def lose(job: Job) -> None:
        if job.kind.endswith("make_segments") and 2 in job.arguments["numbers"]:
            raise WorkerLost("It has died.", "Run it again.")

    executor = InlineExecutor(lose)
    with pytest.raises(WorkerLost, match="has died"):
        shared(dirty[0], tmp_path / "out.mkv", executor, tries=3)
    assert len([key for key in executor.ran if "segment-00002" in key]) == 3
    assert not executor.jobs


def test_what_is_done_is_not_submitted(
    dirty: tuple[Path, Truth], tmp_path: Path, bench: Bench, alone: Papers
) -> None:
    target = tmp_path / "out.mkv"
    open_job(dirty[0], output=target, options=OPTIONS, bench=bench).run()
    result = shared(dirty[0], target, Unwilling())
    assert papers(result, target) == alone


def test_only_what_is_missing_is_submitted(
    dirty: tuple[Path, Truth], tmp_path: Path, bench: Bench, alone: Papers
) -> None:
    target = tmp_path / "out.mkv"
    open_job(dirty[0], output=target, options=OPTIONS, bench=bench).run([0, 2])
    executor = Watched(InlineExecutor())
    result = shared(dirty[0], target, executor)
    assert papers(result, target) == alone
    assert [job.arguments["numbers"] for job in executor.jobs] == [[1], [3]]


def test_interrupted_nothing_goes_on_behind_and_the_next_run_does(
    dirty: tuple[Path, Truth], tmp_path: Path, local: LocalExecutor, alone: Papers
) -> None:
    target = tmp_path / "out.mkv"

    def interrupt(says: str, done: int, total: int) -> None:
        lines = [*tmp_path.glob(".*/*/segment-*.line"), *tmp_path.glob(".*/*/ledger.jsonl")]
        if any('"segment-' in path.read_text() for path in lines):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shared(dirty[0], target, local, bench=Bench(threads=1, progress=interrupt))
    assert local.events(None) == [], "no job is under way any more"
    assert not target.exists()
    watched = Watched(local)
    assert papers(shared(dirty[0], target, watched), target) == alone
    assert sum(len(job.arguments["numbers"]) for job in watched.jobs) < 4
    assert not watched.named("look_at")


@pytest.mark.parametrize("how", ["ivtc", "deinterlace"])
def test_films_with_another_cadence_are_shared(tmp_path: Path, bench: Bench, how: str) -> None:
    moments = list(damaged(scene("pan", 48, 144, 176), Damage(grain=1)))
    if how == "ivtc":  # every second one is shown twice
        frames = [f for n, f in enumerate(moments[:24]) for f in [f] * (1 + n % 2)]
    else:
        frames = moments[::2]
        for frame, later in zip(frames, moments[1::2], strict=True):
            frame[1::2] = later[1::2]
    source, executor = tmp_path / "film.mkv", Watched(InlineExecutor())
    write_film(source, iter(frames))
    order: dict[str, Any] = {
        "only": ["deflicker", "remove_dirt"],
        "options": FilmOptions(segment_s=0.4, **{how: True}),
        "bench": bench,
    }
    one, two = tmp_path / "one.mkv", tmp_path / "two.mkv"
    made = papers(shared(source, one, executor, **order), one)
    assert made == papers(restore_film(source, output=two, **order), two)
    assert len(executor.named("make_segments")) > 1


def test_lost_frames_are_the_same_wherever_a_worker_begins(tmp_path: Path, bench: Bench) -> None:
    good, bad = tmp_path / "good.mkv", tmp_path / "bad.mkv"
    write_film(good, damaged(scene("pan", 40, 96, 128), Damage(dirt=3, grain=2), 3))
    with av.open(str(good)) as given, av.open(str(bad), "w") as out:
        stream = out.add_stream_from_template(given.streams.video[0])
        for n, packet in enumerate(p for p in given.demux(video=0) if p.size):
            # the first frame that a worker reads before its segment, and around where they meet
            fresh = av.Packet(b"\xff" * 12 if n in (8, 19, 20, 29) else bytes(packet))
            fresh.pts, fresh.dts, fresh.time_base = packet.pts, packet.dts, packet.time_base
            fresh.is_keyframe, fresh.stream = True, stream
            out.mux(fresh)
    order: dict[str, Any] = MISLED | {"only": ("mend_frames", "remove_dirt"), "bench": bench}
    one, two = tmp_path / "one.mkv", tmp_path / "two.mkv"
    made = papers(shared(bad, one, Backwards(), **order), one)
    assert made == papers(restore_film(bad, output=two, **order), two)
    lost = [e["frame"] for e in made[2]["findings"]["events"] if e["kind"] == "missing"]
    assert lost == [8, 19, 20, 29]


def test_a_frame_that_was_patched_up_is_no_sign_of_another_film() -> None:
    def patched_up(code: int) -> Frame:
        return Frame(7, 7, (np.full((4, 4), code, np.uint8),), trouble="concealed")

    sound = dataclasses.replace(patched_up(3), trouble="")
    assert source_hash(patched_up(3)) == source_hash(patched_up(5))
    assert source_hash(patched_up(3)) != source_hash(sound)


def test_steps_for_pictures_are_made_by_one_worker(
    clean_film: Path, tmp_path: Path, bench: Bench
) -> None:
    order = {"recipe": "none", "upscale": 2, "bench": bench,
             "options": FilmOptions(keep_cadence=True, frames=(0, 3))}  # fmt: skip
    notes: list[str] = []
    result = restore_film_shared(
        clean_film, Unwilling(), output=tmp_path / "a.mkv", says=notes.append, **order
    )
    assert notes == [ONE_WORKER]
    one = result.save(tmp_path / "a.mkv").hashes_file
    two = restore_film(clean_film, output=tmp_path / "b.mkv", **order).save(tmp_path / "b.mkv")
    assert one is not None
    assert two.hashes_file is not None
    assert one.read_bytes() == two.hashes_file.read_bytes()


def test_a_worker_that_sees_another_folder_is_an_error(
    dirty: tuple[Path, Truth], tmp_path: Path
) -> None:
    def elsewhere(job: Job) -> None:
        (Path(job.arguments["folder"]) / MARK).write_text("another")

    with pytest.raises(UnreadableInput, match=r"is not the driver's.*same paths"):
        shared(dirty[0], tmp_path / "out.mkv", InlineExecutor(elsewhere))


def test_a_worker_that_cannot_read_the_film_is_an_error(
    dirty: tuple[Path, Truth], tmp_path: Path
) -> None:
    source = tmp_path / "film.mkv"
    source.write_bytes(dirty[0].read_bytes())

    def gone(job: Job) -> None:
        source.unlink(missing_ok=True)

    with pytest.raises(UnreadableInput, match=r"cannot be read by process .*same paths"):
        shared(source, tmp_path / "out.mkv", InlineExecutor(gone))


def test_lines_of_workers_are_taken_in_and_their_files_are_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "job"
    main_ledger = Ledger(folder)
    one, two = Ledger(folder, worker="one"), Ledger(folder, worker="two")
    one.partial("a.bin").write_bytes(b"half")
    two.partial("a.bin").write_bytes(b"piece")
    Ledger(folder, worker="three")
    two.finish("a", ["a.bin"])
    assert one.partial("a.bin").exists(), "one worker never takes away another's file"
    assert main_ledger.done("a") is None
    main_ledger.refresh()
    assert main_ledger.done("a") is not None
    assert not list(folder.glob("*.line"))
    one.refresh()
    assert one.done("a") == main_ledger.done("a") == Ledger(folder).done("a")
    assert not one.partial("a.bin").exists(), "who delivers tidies up"


def test_all_of_a_run_that_began_wrong_is_astray() -> None:
    def line(first: int, sought: bool, before: list[Any], tail: Any) -> dict[str, Any]:
        return {"stream": stream_of(first, sought=sought), "source_before": before,
                "source_tails": [tail]}  # fmt: skip

    lines = [
        line(0, False, [], [9, "a"]),
        line(10, True, [[9, "x"]], [19, "b"]),
        line(10, True, [], [29, "c"]),
        line(30, True, [[29, "c"]], [39, "d"]),
    ]
    assert astray(lines) == [1, 2]
    lines[1] = line(10, False, [], [19, "b"])
    lines[2] = line(10, False, [], [29, "y"])
    assert astray(lines) == [3]


def test_runs_of_segments_keep_all_workers_busy() -> None:
    assert _runs([0, 1, 2, 5, 6], 8, 1) == [[0], [1], [2], [5], [6]]
    assert _runs([0, 1, 2, 3, 7, 8, 9], 2, 5) == [[0, 1, 2, 3], [7, 8, 9]]
    assert _runs(range(12), 2, 3) == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]
    runs = _runs(range(720), 2, 1)
    assert len(runs) == 8
    assert [n for run in runs for n in run] == list(range(720))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--workers", "2"], "`--workers` is for films"),
        (["--executor", "local"], "`--executor` is for films"),
        (["--ray-address", "auto"], "`--ray-address` is for films"),
    ],
)
def test_workers_are_for_films(
    options: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["restore", str(tmp_path / "picture.png"), *options])
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


def test_the_command_shares_a_film(
    dirty: tuple[Path, Truth], tmp_path: Path, capsys: pytest.CaptureFixture[str], alone: Papers
) -> None:
    target = tmp_path / "out.mkv"
    command = ["restore", str(dirty[0]), "-o", str(target), "--keep-cadence", "--segment-s", "0.2"]
    with pytest.raises(SystemExit) as ended:
        main([*command, "--ray-address", "auto"])
    assert ended.value.code == 2
    assert "Add `--executor ray`" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main([*command, "--workers", "2", "--threads", "1"])
    assert ended.value.code == 0
    assert target.with_name("out.mkv.framehash").read_bytes() == alone[0]


@pytest.mark.slow
def test_ray_makes_the_film_of_one_process(
    dirty: tuple[Path, Truth], tmp_path: Path, alone: Papers
) -> None:
    from unfade.batch.executors.on_ray import RayExecutor

    target = tmp_path / "out.mkv"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # Ray does not wait for its own servers
        with RayExecutor(workers=2, threads=1) as executor:
            result = shared(dirty[0], target, executor)
    assert papers(result, target) == alone
