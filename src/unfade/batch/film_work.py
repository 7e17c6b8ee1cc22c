"""One film's pieces, inside an executor: begin the same film, make what was asked for.

A process begins a film once and keeps it for its next jobs. What it makes goes into the folder
that all workers share; nothing but words goes through the executor.
"""

from __future__ import annotations

import contextlib
import os
import socket
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unfade.batch.executors.contract import JobView
from unfade.engines.bench import Bench
from unfade.errors import UnreadableInput
from unfade.files.limits import Limits
from unfade.film.begun import Begun, begin
from unfade.film.journey import FilmJob, decide
from unfade.film.look import Look, Wanted
from unfade.film.measuring import look_at_parts, looks_of, parts_of
from unfade.film.segments import Work
from unfade.film.wishes import FilmOptions
from unfade.recipe import parse_recipe
from unfade.version import VERSION

MARK = "shared"  # a file in the job's folder; what it holds tells workers that it is the same one
_SAME_FOLDER = (
    "Workers must see the film and the folder of the result under the same paths, and run the "
    "same unfade."
)


def look_at(arguments: Mapping[str, Any], view: JobView) -> None:
    """Measure some parts of a film.

    Args:
        arguments: source, request, folder, mark, unfade; numbers, from_beginning
    Raises:
        UnreadableInput: film or folder are not those of the driver
    """
    begun = _desk(arguments, view).begun
    begun.work.ledger.refresh()
    look_at_parts(
        begun.work,
        begun.wanted,
        arguments["numbers"],
        from_beginning=bool(arguments["from_beginning"]),
    )


def make_segments(arguments: Mapping[str, Any], view: JobView) -> None:
    """Make some segments of a film that was looked at; see ``look_at``."""
    job = _desk(arguments, view).job
    job.work.ledger.refresh()
    job.run(arguments["numbers"], from_beginning=bool(arguments["from_beginning"]))


class _Desk:
    """A film in this process, with the bench that tells the job of the moment."""

    def __init__(self, arguments: Mapping[str, Any], view: JobView) -> None:
        self.mark = str(arguments["mark"])
        self.view = view
        self.bench = Bench(
            threads=view.threads, progress=self._progress, cancelled=lambda: self.view.cancelled()
        )
        self.begun: Begun = _begun(arguments, self.bench)
        self._job: FilmJob | None = None

    @property
    def job(self) -> FilmJob:
        if self._job is None:
            self.begun.work.ledger.refresh()
            self._job = decide(self.begun, _looked_before)
        return self._job

    def _progress(self, says: str, done: int, total: int) -> None:
        self.view.progress(says, done / max(1, total))


def _desk(arguments: Mapping[str, Any], view: JobView) -> _Desk:
    """The film of these arguments, begun at the first of its jobs that comes to this process."""
    kept = view.kept.get("film")
    if kept is None or kept.mark != arguments["mark"]:
        import cv2

        cv2.setNumThreads(view.threads)  # threads x processes = cores
        if kept is not None:
            kept.bench.close()
        kept = view.kept["film"] = _Desk(arguments, view)
    kept.view = view
    return kept


def _begun(arguments: Mapping[str, Any], bench: Bench) -> Begun:
    source, folder = Path(arguments["source"]), Path(arguments["folder"])
    here = f"process {os.getpid()} of `{socket.gethostname()}`"
    if "%" not in source.name and not os.access(source, os.R_OK):
        raise UnreadableInput(f"`{source}` cannot be read by {here}.", _SAME_FOLDER)
    if _mark_of(folder) != arguments["mark"]:
        raise UnreadableInput(
            f"The folder `{folder}` is not the driver's for {here}.", _SAME_FOLDER
        )
    if arguments["unfade"] != VERSION:
        raise UnreadableInput(
            f"The driver is unfade {arguments['unfade']}, {here} unfade {VERSION}.", _SAME_FOLDER
        )
    request = dict(arguments["request"])
    if request.pop("parse"):
        request["recipe"] = parse_recipe(request["recipe"])
    if request["limits"] is not None:
        request["limits"] = Limits(**request["limits"])
    request["options"] = FilmOptions(**request["options"])
    begun = begin(source, bench=bench, worker=uuid.uuid4().hex[:12], **request)
    if begun.work.ledger.folder != folder:
        with contextlib.suppress(OSError):
            begun.work.ledger.folder.rmdir()
        raise UnreadableInput(f"`{source}` is another film for {here}.", _SAME_FOLDER)
    return begun


def _mark_of(folder: Path) -> str:
    try:
        return (folder / MARK).read_text(encoding="ascii")
    except OSError:
        return ""


def _looked_before(work: Work, wanted: Wanted) -> Look:
    """What was measured already; a worker never measures what others have."""
    missing = [name for name, _, _ in parts_of(work) if work.ledger.done(name) is None]
    if missing:
        raise UnreadableInput(
            f"`{work.ledger.folder}` lacks {missing[0]}, which was measured.", _SAME_FOLDER
        )
    return looks_of(work)
