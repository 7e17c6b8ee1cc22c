"""The ledger: what is done stays done, one driver at a time, memory that does not grow."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from unfade.batch.ledger import THUMBS, Chosen, Ledger, Row
from unfade.errors import OutputError, UsageError

ALL = Chosen()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(str(tmp_path / "ledger.sqlite")) as ledger:
        yield ledger


def rows(*names: str, version: str = "1") -> list[Row]:
    return [Row(name=name, target=name, size=10, version=version) for name in names]


def settled(row: Row, state: str = "done", code: str = "", job: str = "J") -> Row:
    return Row(
        name=row.name, target=row.target, version=row.version, state=state,
        job=job if state == "done" else row.job, error_code=code, facts={"items": 3},
    )  # fmt: skip


def state_of(ledger: Ledger, run: int) -> dict[str, str]:
    return {row.name: row.state for row in ledger.rows(run=run)}


def test_rows_are_claimed_once_and_settled(ledger: Ledger) -> None:
    ledger.plan(rows("a", "b", "c"), run=1)
    first = ledger.claim(2, ALL, run=1)
    assert [row.name for row in first] == ["a", "b"]
    assert [row.name for row in ledger.claim(5, ALL, run=1)] == ["c"]
    assert ledger.claim(5, ALL, run=1) == []
    ledger.settle([settled(first[0]), settled(first[1], "failed", "unreadable-input")])
    assert ledger.counts(ALL, 1) == {
        "planned": 0, "running": 1, "done": 1, "failed": 1, "refused": 0, "gone": 0,
    }  # fmt: skip
    (done, *_) = ledger.rows(run=1, states=("done",))
    assert (done.job, done.facts) == ("J", {"items": 3})


def test_planning_again_keeps_what_is_done_and_plans_what_changed(ledger: Ledger) -> None:
    ledger.plan(rows("a", "b", "c"), run=1)
    ledger.settle(settled(row) for row in ledger.claim(3, ALL, run=1))
    ledger.plan([*rows("a"), *rows("b", version="2"), *rows("d")], run=2)
    ledger.replan(job="J", failed=False, overwrite=False)
    assert state_of(ledger, 2) == {"a": "done", "b": "planned", "d": "planned"}
    assert ledger.counts(ALL, 2)["done"] == 1  # c has gone, and is none of this run's


def test_what_was_interrupted_is_planned_again(ledger: Ledger) -> None:
    ledger.plan(rows("a", "b"), run=1)
    ledger.claim(2, ALL, run=1)
    ledger.plan(rows("a", "b"), run=2)
    ledger.replan(job="J", failed=False, overwrite=False)
    assert [row.name for row in ledger.claim(5, ALL, run=2)] == ["a", "b"]


@pytest.mark.parametrize(
    ("code", "again"),
    [
        ("unreachable", True),
        ("worker-lost", True),
        ("output-error", True),
        ("out-of-resources", True),
        ("unreadable-input", False),
        ("unsupported-input", False),
        ("limit-exceeded", False),
        ("policy-error", False),
    ],
)
def test_only_what_may_pass_is_tried_again_by_itself(
    ledger: Ledger, code: str, again: bool
) -> None:
    ledger.plan(rows("a"), run=1)
    ledger.settle(settled(row, "failed", code) for row in ledger.claim(1, ALL, run=1))
    ledger.plan(rows("a"), run=2)
    ledger.replan(job="J", failed=False, overwrite=False)
    assert bool(ledger.claim(1, ALL, run=2)) is again
    ledger.plan(rows("a"), run=3)
    ledger.replan(job="J", failed=True, overwrite=False)
    assert ledger.claim(1, ALL, run=3)


def test_results_of_another_treatment_are_counted_and_replaced_on_request(ledger: Ledger) -> None:
    ledger.plan(rows("a", "b"), run=1)
    a, b = ledger.claim(2, ALL, run=1)
    ledger.settle([settled(a, job="old"), settled(b, job="new")])
    assert ledger.others("new") == 1
    ledger.replan(job="new", failed=False, overwrite=False)
    assert state_of(ledger, 1) == {"a": "done", "b": "done"}
    ledger.replan(job="new", failed=False, overwrite=True)
    assert state_of(ledger, 1) == {"a": "planned", "b": "done"}


def test_a_sample_and_a_limit_choose_the_same_again(ledger: Ledger) -> None:
    names = [f"{n:04}" for n in range(200)]
    ledger.plan(rows(*names), run=1)
    sample = Chosen(sample=20)
    first = {row.name for row in ledger.claim(500, sample, run=1)}
    assert len(first) == 20
    assert first != set(names[:20])
    ledger.plan(rows(*names), run=2)
    ledger.replan(job="J", failed=False, overwrite=False)
    assert {row.name for row in ledger.claim(500, sample, run=2)} == first
    assert ledger.counts(sample, 2)["running"] == 20
    ledger.replan(job="J", failed=False, overwrite=False)
    limited = [row.name for row in ledger.claim(500, Chosen(limit=7), run=2)]
    assert limited == names[:7]


def test_collisions_are_found_with_and_without_case(ledger: Ledger) -> None:
    ledger.plan(
        [
            Row(name="a.jpg", target="a.tif"),
            Row(name="a.png", target="a.tif"),
            Row(name="B.png", target="B.tif", fold="b.tif"),
            Row(name="b.png", target="b.tif", fold="b.tif"),
            Row(name="c.png", target="c.tif"),
        ],
        run=1,
    )
    assert list(ledger.collisions(1)) == [
        ("a.jpg", "a.tif"),
        ("a.png", "a.tif"),
        ("B.png", "b.tif"),
        ("b.png", "b.tif"),
    ]


def test_the_second_driver_is_refused_and_told_who_has_it(ledger: Ledger, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=rf"in use by process {os.getpid()} on .* `--ledger`"):
        Ledger(str(tmp_path / "ledger.sqlite"))


def test_the_lock_dies_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    code = (
        "import sys, os, signal\n"
        "from unfade.batch.ledger import Ledger, Row\n"
        "ledger = Ledger(sys.argv[1])\n"
        "ledger.plan([Row(name='a', target='a')], run=1)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    with Ledger(str(path)) as ledger:
        assert state_of(ledger, 1) == {"a": "planned"}


def test_what_is_no_ledger_is_said(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are notes, not a database, and long enough to be sure of it" * 20)
    with pytest.raises((UsageError, OutputError), match=r"`.*notes\.txt`"):
        Ledger(str(path))
    with pytest.raises(UsageError, match="no kind of ledger"):
        Ledger("mysql://host/db")
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(OutputError, match="cannot be opened"):
        Ledger(str(blocked / "ledger.sqlite"))


def test_only_thumbs_of_the_most_doubtful_are_kept(ledger: Ledger) -> None:
    number = THUMBS * 2 + 10
    names = [f"{n:05}" for n in range(number)]
    for n, name in enumerate(names):
        row = Row(name=name, target=name, doubt=n / number)
        ledger.keep_thumbs(row, (b"before", b"after" if n % 2 else b""))
    kept = ledger.thumbs(names)
    assert len(kept) <= THUMBS + 10
    assert kept[names[-1]] == (b"before", b"after")
    assert set(names[-THUMBS:]) <= set(kept)


def test_an_order_of_names_that_sql_might_take_for_its_own(ledger: Ledger) -> None:
    names = ["'; DROP TABLE items; --", 'quote".tif', "per%cent_.tif", ":name", "ünï 写真.tif"]
    ledger.plan(rows(*names), run=1)
    assert [row.name for row in ledger.claim(9, ALL, run=1)] == names
