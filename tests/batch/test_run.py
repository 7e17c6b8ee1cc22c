"""The loop: idempotent, retries only what may pass, one bad item costs only itself."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inline import InlineExecutor
from PIL import Image
from scans import coded, hashes, scans

from unfade import revert
from unfade.batch import run as loop
from unfade.batch.executors.contract import Job
from unfade.batch.ledger import Chosen
from unfade.batch.order import COPY, Batch, Order
from unfade.batch.plan import Filter
from unfade.batch.run import Outcome
from unfade.batch.task import Treatment
from unfade.errors import (
    OutOfResources,
    PolicyError,
    Unreachable,
    UnreadableInput,
    UsageError,
    WorkerLost,
)
from unfade.files.sidecar import read_record
from unfade.journey import restore


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "FIRST_WAIT_S", 0.01)


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("originals") / "raw"
    scans(folder, 6)
    return folder


@pytest.fixture
def source(originals: Path, tmp_path: Path) -> Path:
    shutil.copytree(originals, tmp_path / "raw")
    return tmp_path / "raw"


@pytest.fixture(scope="module")
def unbroken(originals: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What an unbroken run writes, by name."""
    folder = originals.parent / "restored"
    batch(originals, folder)
    return hashes(folder)


def batch(
    source: Path | str,
    destination: Path | str,
    executor: InlineExecutor | None = None,
    **given: Any,
) -> Outcome:
    order = Order(source=str(source), destination=str(destination), **given)
    with Batch(order) as made:
        made._start = lambda: executor or InlineExecutor()  # type: ignore[method-assign]
        made.plan()
        outcome = made.work()
        made.report()
    return outcome


def failing(*errors: tuple[str, Exception]) -> InlineExecutor:
    """Fails jobs by their names, each error once, in order."""
    left = list(errors)

    def before(job: Job) -> None:
        for each in left:
            if each[0] == job.key:
                left.remove(each)
                raise each[1]

    return InlineExecutor(before)


def test_results_are_those_of_restore(source: Path, tmp_path: Path) -> None:
    outcome = batch(source, tmp_path / "restored")
    assert (outcome.done, outcome.incomplete, outcome.left) == (6, 0, 0)
    for original in sorted(source.rglob("*.*")):
        name = original.relative_to(source)
        alone = tmp_path / "alone" / name
        alone.parent.mkdir(parents=True, exist_ok=True)
        restore(original).save(alone)
        result = tmp_path / "restored" / name
        assert result.read_bytes() == alone.read_bytes()
        record = read_record(result)
        assert record.source["sha256"] == read_record(alone).source["sha256"]
        assert record.job == Treatment().hash


def test_repairs_can_be_taken_back_from_a_batch(source: Path, tmp_path: Path) -> None:
    batch(source, tmp_path / "restored")
    name = "box 1/scan é 001.png"
    assert revert(tmp_path / "restored" / name).resolve() == (source / name).resolve()  # type: ignore[union-attr]


def test_the_source_is_never_written_to(source: Path, tmp_path: Path) -> None:
    before = hashes(source)
    batch(source, tmp_path / "restored")
    assert hashes(source) == before


def test_what_is_done_is_not_done_again(
    source: Path, tmp_path: Path, unbroken: dict[str, str]
) -> None:
    batch(source, tmp_path / "restored")
    executor = InlineExecutor()
    outcome = batch(source, tmp_path / "restored", executor)
    assert executor.ran == []
    assert (outcome.done, outcome.before) == (0, 6)
    assert hashes(tmp_path / "restored") == {**unbroken, **hashes(tmp_path / "restored")}


def test_a_lost_ledger_costs_no_work_twice(source: Path, tmp_path: Path) -> None:
    batch(source, tmp_path / "restored")
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "restored").rglob("*.png")}
    shutil.rmtree(tmp_path / "restored" / ".unfade")
    outcome = batch(source, tmp_path / "restored")
    assert (outcome.done, outcome.adopted) == (6, 6)
    after = {p: p.stat().st_mtime_ns for p in before}
    assert after == before


def test_a_picture_without_its_record_is_finished(
    source: Path, tmp_path: Path, unbroken: dict[str, str]
) -> None:
    """As a power cut may leave it: picture there, record and ledger not."""
    restored = tmp_path / "restored"
    batch(source, restored)
    shutil.rmtree(restored / ".unfade")
    for record in restored.rglob("*.unfade.json"):
        record.unlink()
    outcome = batch(source, restored)
    assert outcome.done == 6
    assert {name: h for name, h in hashes(restored).items() if "json" not in name} == {
        name: h for name, h in unbroken.items() if "json" not in name
    }


def test_a_strangers_file_is_never_replaced(source: Path, tmp_path: Path) -> None:
    stranger = tmp_path / "restored" / "box 1" / "scan é 001.png"
    stranger.parent.mkdir(parents=True)
    stranger.write_bytes(b"someone's work")
    for _ in range(2):  # neither by the first run nor by its repetition
        outcome = batch(source, tmp_path / "restored", retry_failed=True)
        assert outcome.incomplete == 1
        assert stranger.read_bytes() == b"someone's work"
    assert batch(source, tmp_path / "restored", overwrite=True).incomplete == 0
    assert stranger.read_bytes() != b"someone's work"


def test_a_changed_original_is_restored_again(source: Path, tmp_path: Path) -> None:
    batch(source, tmp_path / "restored")
    name = "box 1/scan é 001.png"
    (source / name).write_bytes(coded(77))
    executor = InlineExecutor()
    batch(source, tmp_path / "restored", executor)
    assert name in executor.ran
    assert len(executor.ran) == 2  # with the check of the treatment
    assert read_record(tmp_path / "restored" / name).source["bytes"] == len(coded(77))


def test_bad_files_cost_only_themselves(
    source: Path, tmp_path: Path, unbroken: dict[str, str]
) -> None:
    for n in range(40):
        (source / f"bad {n}.tif").write_bytes(os.urandom(50))
    (source / "short.png").write_bytes(coded(3)[:200])
    outcome = batch(source, tmp_path / "restored")
    assert (outcome.done, outcome.failed, outcome.retries) == (6, 41, 0)
    assert set(unbroken.items()) <= set(hashes(tmp_path / "restored").items())


def test_an_original_that_vanishes_is_named(source: Path, tmp_path: Path) -> None:
    name = "box 1/scan é 003.png"

    def vanish(job: Job) -> None:
        (source / name).unlink(missing_ok=True)

    outcome = batch(source, tmp_path / "restored", InlineExecutor(vanish))
    assert (outcome.done, outcome.failed) == (5, 1)
    assert "does not exist any more" in _errors(source, tmp_path / "restored")[name]


def _errors(source: Path, destination: Path) -> dict[str, str]:
    from unfade.batch.ledger import Ledger

    with Ledger(str(destination / ".unfade" / "batch.sqlite")) as ledger:
        run = int(ledger.fact("runs"))
        return {row.name: row.error for row in ledger.rows(run=run, states=("failed",))}


@pytest.mark.parametrize(
    "error",
    [
        Unreachable("The store is silent.", "Wait."),
        WorkerLost("The process has died.", "Again."),
        OutOfResources("Too much.", "Less."),
    ],
)
def test_what_may_pass_is_tried_again(error: Exception, source: Path, tmp_path: Path) -> None:
    name = "box 0/scan é 000.jpg"
    executor = failing((name, error), (name, error))
    outcome = batch(source, tmp_path / "restored", executor)
    assert (outcome.done, outcome.failed, outcome.retries) == (6, 0, 2)
    assert executor.ran.count(name) == 3


def test_it_is_not_tried_for_ever(source: Path, tmp_path: Path) -> None:
    name = "box 0/scan é 000.jpg"
    executor = failing(*[(name, Unreachable("Silent.", "Wait."))] * 9)
    outcome = batch(source, tmp_path / "restored", executor, tries=3)
    assert (outcome.done, outcome.failed) == (5, 1)
    assert executor.ran.count(name) == 3


def test_what_cannot_succeed_is_tried_once(source: Path, tmp_path: Path) -> None:
    name = "box 0/scan é 000.jpg"
    executor = failing((name, UnreadableInput("It is damaged.", "Scan it again.")))
    outcome = batch(source, tmp_path / "restored", executor)
    assert (outcome.failed, outcome.retries) == (1, 0)
    again = InlineExecutor()
    batch(source, tmp_path / "restored", again)
    assert name not in again.ran
    batch(source, tmp_path / "restored", again, retry_failed=True)
    assert name in again.ran


def test_what_took_too_much_memory_is_tried_again_alone(source: Path, tmp_path: Path) -> None:
    name = "box 0/scan é 000.jpg"
    executor = failing((name, OutOfResources("Too much.", "Less.")))
    batch(source, tmp_path / "restored", executor)
    assert executor.ran[-1] == name


def test_no_more_is_handed_over_than_keeps_the_executor_busy(source: Path, tmp_path: Path) -> None:
    scans(source, 10, first=10)
    executor = InlineExecutor()
    assert batch(source, tmp_path / "restored", executor).done == 16
    assert executor.most_waiting <= 2 * executor.slots


def test_an_interruption_hands_back_and_goes_on(
    source: Path, tmp_path: Path, unbroken: dict[str, str]
) -> None:
    ran = iter(range(100))

    def interrupt(job: Job) -> None:
        if next(ran) == 3:
            raise KeyboardInterrupt

    outcome = batch(source, tmp_path / "restored", InlineExecutor(interrupt))
    assert outcome.stopped
    assert outcome.left == 4
    assert batch(source, tmp_path / "restored").left == 0
    assert hashes(tmp_path / "restored") == unbroken


def test_a_treatment_that_cannot_be_carried_out_is_said_at_once(
    source: Path, tmp_path: Path
) -> None:
    with pytest.raises(PolicyError):
        batch(
            source, tmp_path / "restored", treatment=Treatment(policy="archive", only=("inpaint",))
        )
    with pytest.raises(UsageError, match="no_such_step"):
        batch(source, tmp_path / "restored", treatment=Treatment(only=("no_such_step",)))
    assert hashes(tmp_path / "restored") == {}


def test_sample_then_all(source: Path, tmp_path: Path, unbroken: dict[str, str]) -> None:
    first = batch(source, tmp_path / "restored", chosen=Chosen(sample=2))
    assert (first.total, first.done) == (2, 2)
    rest = batch(source, tmp_path / "restored")
    assert (rest.before, rest.done) == (2, 4)
    assert hashes(tmp_path / "restored") == unbroken


def test_a_dry_run_writes_nothing(source: Path, tmp_path: Path) -> None:
    order = Order(source=str(source), destination=str(tmp_path / "restored"), dry=True)
    with Batch(order) as made:
        assert made.plan().counts["planned"] == 6
    assert not (tmp_path / "restored").exists()


def test_another_extension_for_all(source: Path, tmp_path: Path) -> None:
    outcome = batch(source, tmp_path / "restored", treatment=Treatment(extension=".tif"))
    assert outcome.done == 6
    found = sorted(p.name for p in (tmp_path / "restored").rglob("*.tif"))
    assert found == [f"scan é {n:03}.tif" for n in range(6)]


def test_metrics_against_a_reference(source: Path, tmp_path: Path) -> None:
    reference = tmp_path / "reference"
    shutil.copytree(source, reference)
    (reference / "box 1" / "scan é 001.png").unlink()
    batch(source, tmp_path / "restored", reference=str(reference))
    import pandas

    table = pandas.read_parquet(tmp_path / "restored" / "unfade-report" / "items.parquet")
    table = table.set_index("name")
    assert np.isnan(table.loc["box 1/scan é 001.png", "metric.mse"])
    assert table.loc["box 1/scan é 003.png", "metric.ssim"] > 0.5


def test_copying_skips_what_is_there_and_never_overwrites(source: Path, tmp_path: Path) -> None:
    (source / "notes.txt").write_text("box 3: the sea")
    (source / "empty").touch()
    facts = {"kind": COPY, "filter": Filter(everything=True)}
    store = tmp_path / "store"
    (store / "box 0").mkdir(parents=True)
    shutil.copy(source / "box 0" / "scan é 000.jpg", store / "box 0")
    (store / "notes.txt").write_text("another")
    outcome = _copied(source, store, **facts)
    assert (outcome.done, outcome.adopted, outcome.failed) == (7, 1, 1)
    assert (store / "notes.txt").read_text() == "another"
    (store / "notes.txt").unlink()
    outcome = _copied(source, store, **facts)
    assert (outcome.done, outcome.before) == (1, 7)
    assert hashes(store) == hashes(source)


def _copied(source: Path, store: Path, **facts: Any) -> Outcome:
    with Batch(Order(source=str(source), destination=str(store), **facts)) as made:
        made._start = InlineExecutor  # type: ignore[method-assign]
        return made.work()


@pytest.fixture
def report(source: Path, tmp_path: Path) -> Iterator[Path]:
    (source / "=cmd|' '!A1.png").write_bytes(b"broken")
    (source / "<img src=x onerror=alert(1)>.png").write_bytes(coded(5))
    Image.fromarray(np.full((40, 40), 128, np.uint8)).save(source / "plain.png")
    batch(source, tmp_path / "restored")
    yield tmp_path / "restored" / "unfade-report"


def test_the_report_is_whole_and_says_where_to_look(report: Path, source: Path) -> None:
    page = (report / "index.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "onerror=alert(1)&gt;" in page
    assert "<img src=x" not in page
    assert page.count("data:image/jpeg;base64,") >= 9  # before and after
    assert "http" not in page.replace("http-equiv", "")
    assert "expected to be wrong" in page
    first = page.index("Without a result")
    assert first < page.index("By doubt") < page.index("By folder")
    with Image.open(report / "sheet-01.jpg") as sheet:
        assert sheet.width > 1000


def test_the_table_opens_in_pandas_and_in_a_spreadsheet(report: Path) -> None:
    import pandas

    table = pandas.read_parquet(report / "items.parquet").set_index("name")
    assert len(table) == 9
    done = table[table["state"] == "done"]
    assert len(done) == 8
    assert done["sha256"].str.len().eq(64).all()
    shares = done[[c for c in done.columns if c.endswith("_share") and "." not in c]]
    shares = shares.drop(columns="changed_share")
    assert np.allclose(shares.sum(axis=1), 1.0)
    assert (done["doubt"].between(0, 1)).all()
    assert table.loc["=cmd|' '!A1.png", "error_code"] == "unsupported-input"
    assert table.loc["plain.png", "changed_share"] == 0
    cells = pandas.read_csv(report / "items.csv")
    assert "'=cmd|' '!A1.png" in set(cells["name"])  # no formula
    assert len(cells) == 9
    summary = json.loads((report / "summary.json").read_text())
    assert {each["folder"]: each["done"] for each in summary["folders"]} == {
        ".": 2,
        "box 0": 3,
        "box 1": 3,
    }
