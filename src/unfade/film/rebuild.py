"""Make a restored film again from its original, its record and its list of repairs.

Nothing is detected or measured anew: the samples come from the list, the curves and shifts from
the record, so the bits are the same on any machine. Rows that are struck out leave no trace.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from unfade.engines.contract import BenchView
from unfade.engines.lent import bench_or_own
from unfade.errors import UnreadableInput, UsageError
from unfade.files.limits import Limits
from unfade.files.sidecar import read_record
from unfade.film.delivery import FilmResult
from unfade.film.identity import film_sha256
from unfade.film.journey import open_job
from unfade.film.plan import Plan
from unfade.film.probe import probe
from unfade.film.repairs import Repair, read_list
from unfade.film.wishes import FilmOptions
from unfade.recipe import parse_recipe
from unfade.record import Record
from unfade.steps.film.deflicker import Curves


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuild:
    """What an earlier run decided.

    Attributes:
        record: of the film that was delivered
        rows: its list of repairs
        struck: numbers of rows that are left out
    """

    record: Record
    rows: Path
    struck: frozenset[int]

    @property
    def shots(self) -> list[tuple[int, int]]:
        return [(a, b) for a, b in self.record.findings["film"]["shots"]]

    @property
    def facts(self) -> list[Any]:
        """What tells this rebuilding from others."""
        return [self.record.output.get("sha256", ""), str(self.rows), sorted(self.struck)]

    def put_into(self, plan: Plan) -> None:
        """Curves, shifts and repairs as they were."""
        plan.rebuilt = rows_by_frame(self.rows, self.struck)
        for step in self.record.steps:
            if step.step == "deflicker":
                plan.curves = Curves(step.measured["gains"], step.measured["offsets"])
            if step.step == "stabilise":
                plan.shifts = np.array([step.measured["across"], step.measured["down"]]).T


def is_film_record(record: Record) -> bool:
    """Whether a record belongs to a film."""
    return record.source.get("format") == "film"


def rebuild_film(
    output: str | os.PathLike[str],
    *,
    strike: Collection[int] = (),
    target: str | os.PathLike[str] | None = None,
    original: str | os.PathLike[str] | None = None,
    bench: BenchView | None = None,
    limits: Limits | None = None,
) -> FilmResult:
    """A delivered film made again without some of its repairs.

    Args:
        output: the film that unfade wrote, with its record and its list beside it
        strike: numbers of rows that are struck out
        target: where it will be saved
        original: the original, when it is no longer where the record says
    Raises:
        UnreadableInput: record, list or original are missing, or the original has changed
        UsageError: no such row
    """
    output = Path(output)
    record = read_record(output)
    rows = output.with_name(output.name + ".repairs.parquet")
    source = find_original(output, record, original)
    numbers = {repair.number for repair in read_list(rows)}
    unknown = sorted(set(strike) - numbers)
    if unknown:
        raise UsageError(
            f"`{output.name}` has no repair {unknown[0]}.",
            f"Its list has {len(numbers)}; see {output.name}.repairs.jsonl.",
        )
    said = record.output["options"]
    options = FilmOptions(
        access=said["access"],
        deinterlace=said["deinterlace"],
        ivtc=said["ivtc"],
        keep_cadence=True,
        frames=(record.output["first_frame"],
                record.output["first_frame"] + record.output["frames"]),
        allow_loss=True,
        rate=Fraction(said["rate"]) if said["rate"] else None,
    )  # fmt: skip
    with bench_or_own(bench) as work:
        job = open_job(
            source,
            output=target,
            bench=work,
            recipe=parse_recipe(record.recipe, output.name),
            policy=record.policy,
            options=options,
            limits=limits,
            rebuild=Rebuild(record=record, rows=rows, struck=frozenset(strike)),
        )
        job.run()
        return job.result()


def find_original(output: Path, record: Record, given: str | os.PathLike[str] | None) -> Path:
    """The original of a delivered film, checked by its hash.

    Raises:
        UnreadableInput: it is not there, or not the same any more
    """
    source = Path(given) if given is not None else output.parent / record.source["path"]
    film = probe(source, rate=None) if "%" not in source.name else None
    paths = [source] if film is not None else list(probe(source).files)
    if film_sha256(paths) != record.source["sha256"]:
        raise UnreadableInput(
            f"`{source}` is not the film that was restored: its SHA-256 is another.",
            "Find the file as it was, and name it with `--original`.",
        )
    return source


def rows_by_frame(path: Path, struck: Collection[int]) -> Callable[[int], list[Repair]]:
    """A function that gives each frame's rows of a list, which is read as the film goes on."""
    rows: Iterator[Repair] | None = None
    waiting: Repair | None = None
    last = -1

    def of(frame: int) -> list[Repair]:
        nonlocal rows, waiting, last
        if rows is None or frame <= last:
            rows = read_list(path)
            waiting = next(rows, None)
        last = frame
        found = []
        while waiting is not None and waiting.frame <= frame:
            if waiting.frame == frame and waiting.number not in struck:
                found.append(waiting)
            waiting = next(rows, None)
        return found

    return of
