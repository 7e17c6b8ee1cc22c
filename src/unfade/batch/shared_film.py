"""One film, its segments shared by the workers of an executor.

The film is begun here, looked at and made by the workers, and delivered here. A worker begins the
same film and writes into the same folder, so what is done stays done whoever dies; where two
workers' pieces meet their frames are compared (see ``film.joints``). The frames are those of a run
in one process, bit for bit. This lies above ``film``, which knows no executors.
"""

from __future__ import annotations

import dataclasses
import os
import time
import uuid
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

from unfade.batch.executors.contract import Executor, Job
from unfade.batch.film_work import MARK
from unfade.batch.run import PATIENCE_S, TRIES, as_error
from unfade.engines.contract import BenchView
from unfade.engines.lent import bench_or_own
from unfade.errors import UnreadableInput
from unfade.film.begun import Begun, begin
from unfade.film.delivery import FilmResult
from unfade.film.joints import astray, was_sought
from unfade.film.journey import FilmJob, decide
from unfade.film.look import Look, Wanted
from unfade.film.measuring import measure, parts_of
from unfade.film.segments import Piece, Work, same
from unfade.film.wishes import FilmWishes
from unfade.film.writer import not_written
from unfade.recipe import Recipe, load_recipe
from unfade.version import VERSION

RUNS_EACH = 4  # jobs for each slot, so that all workers end at about the same time
LEAST_FRAMES = 240  # of a job: it also treats a dozen frames around each end
_PATIENCE_S = 30.0  # for cancelled jobs to end
ONE_WORKER = (
    "Steps for pictures hand their state from frame to frame: this film is made by one worker."
)


def restore_film_shared(
    source: str | os.PathLike[str],
    executor: Executor,
    *,
    output: str | os.PathLike[str] | None = None,
    bench: BenchView | None = None,
    tries: int = TRIES,
    says: Callable[[str], None] | None = None,
    **wishes: Unpack[FilmWishes],
) -> FilmResult:
    """Restore a film with the workers of an executor; see ``film.journey.restore_film``.

    Args:
        executor: its workers must see ``source`` and the folder of ``output`` under the same
            paths; it stays open
        bench: is told how far it is, and asked whether to stop; the workers have their own
        tries: jobs begun for the same segments before their failure is raised
        says: told what must be known before the work, e.g. that one worker makes this film
    Raises:
        WorkerLost, OutOfResources, Unreachable: again and again
        UnfadeError: whatever one worker met; the others are stopped, and what is done is kept
    """
    target = None if output is None else Path(output).absolute()
    with bench_or_own(bench) as work:
        begun = begin(Path(source).absolute(), output=target, bench=work, **wishes)
        if begun.pictures:
            if says is not None:
                says(ONE_WORKER)
            job = decide(begun)
            job.run()
            return job.result()
        share = _Share(executor, begun, _as_plain(target, wishes, begun), tries)
        job = decide(begun, share.measured)
        share.make(job)
        return job.result()


class _Share:
    """What the jobs of one film have in common."""

    def __init__(
        self, executor: Executor, begun: Begun, request: Mapping[str, Any], tries: int
    ) -> None:
        self.executor = executor
        self.tries = tries
        self.name = begun.film.path.name
        folder = begun.work.ledger.folder
        mark = uuid.uuid4().hex
        try:
            (folder / MARK).write_text(mark, encoding="ascii")
        except OSError as error:
            raise not_written(folder, error) from error
        self.arguments = {
            "source": str(begun.film.path),
            "folder": str(folder),
            "mark": mark,
            "unfade": VERSION,
            "request": request,
        }

    def measured(self, work: Work, wanted: Wanted) -> Look:
        """Look at all frames; what is decoded from the beginning anyway is not shared."""
        if work.seeks or work.film.files:
            self._all("look_at", "Measuring", work, parts_of(work))
        return measure(work, wanted)

    def make(self, job: FilmJob) -> None:
        """Make all segments."""
        self._all("make_segments", "Restoring", job.work, job.work.segments())

    def _all(self, what: str, says: str, work: Work, pieces: Sequence[Piece]) -> None:
        missing = [n for n, piece in enumerate(pieces) if work.ledger.done(piece[0]) is None]
        self._through(_Round(self, what, says, work, pieces, missing))
        while again := astray(work.lines(pieces)):
            self._through(_Round(self, what, says, work, pieces, again, from_beginning=True))

    def _through(self, turn: _Round) -> None:
        if not turn.numbers:
            return
        frames = turn.frames()
        try:
            counted = turn.work.bench.map(same, frames, says=turn.says, total=turn.total)
            for _ in counted:
                pass
        finally:
            frames.close()


@dataclass(slots=True)
class _Run:
    """Pieces that one job makes one after the other.

    Attributes:
        tries: how often it was begun without any of them being made
        share: 0-1, how far its job says that it is
    """

    numbers: list[int]
    tries: int = 1
    share: float = 0.0


class _Round:
    """Pieces of a film, handed to the executor until all are made."""

    def __init__(
        self,
        share: _Share,
        what: str,
        says: str,
        work: Work,
        pieces: Sequence[Piece],
        numbers: Sequence[int],
        *,
        from_beginning: bool = False,
    ) -> None:
        self.share = share
        self.what = what
        self.says = says
        self.work = work
        self.pieces = pieces
        self.numbers = numbers
        self.from_beginning = from_beginning
        self.total = self._frames(numbers)
        self.executor = share.executor
        least = -(-LEAST_FRAMES // max(1, pieces[0][2] - pieces[0][1]))
        self.waiting = deque(_Run(run) for run in _runs(numbers, self.executor.slots, least))
        self.alone: deque[_Run] = deque()  # the last try, when nothing else takes memory
        self.under_way: dict[str, _Run] = {}

    def frames(self) -> Generator[int, None, None]:
        """Yields once for each frame that is made; stops all jobs when it is closed."""
        told, made = 0, 0
        try:
            while self._feed():
                for event in self.executor.events(PATIENCE_S):
                    run = self.under_way.get(event.key)
                    if run is None:
                        continue
                    if event.what == "progress":
                        run.share = event.share
                    elif event.last:
                        del self.under_way[event.key]
                        made += self._ended(run, event.error)
                under_way = sum(r.share * self._frames(r.numbers) for r in self.under_way.values())
                while told < min(self.total, int(made + under_way)):
                    told += 1
                    yield told
            while told < self.total:
                told += 1
                yield told
        finally:
            self._stop()

    def _feed(self) -> bool:
        """Keep the executor busy; False when nothing is left at all."""
        while self.waiting and len(self.under_way) < 2 * self.executor.slots:
            self._begin(self.waiting.popleft())
        if self.alone and not self.under_way:
            self._begin(self.alone.popleft())
        return bool(self.under_way)

    def _begin(self, run: _Run) -> None:
        first, last = (self.pieces[n][0] for n in (run.numbers[0], run.numbers[-1]))
        key = f"{self.share.name}, {first}" + (f" to {last}" if first != last else "")
        chosen = {"numbers": run.numbers, "from_beginning": self.from_beginning}
        self.executor.submit(
            Job(
                key=key,
                kind=f"unfade.batch.film_work:{self.what}",
                arguments=self.share.arguments | chosen,
            )
        )
        self.under_way[key] = run

    def _ended(self, run: _Run, error: Mapping[str, Any] | None) -> int:
        """What a job leaves: frames that are made, and the rest to be tried again.

        Raises:
            UnfadeError: trying again cannot help, or has not
        """
        self.work.ledger.refresh()
        left = [n for n in run.numbers if not self._is_made(n)]
        made = self._frames(run.numbers) - self._frames(left)
        if not left:
            return made
        if error is None:
            raise UnreadableInput(
                f"A worker has made {self.pieces[left[0]][0]}, but it is not in "
                f"`{self.work.ledger.folder}`.",
                "Workers must see the folder of the result under the same path.",
            )
        tries = 1 if made else run.tries + 1
        if not error.get("retry") or tries > self.share.tries:
            raise as_error(error)
        again = _Run(left, tries)
        (self.alone if tries == self.share.tries else self.waiting).append(again)
        return made

    def _is_made(self, number: int) -> bool:
        line = self.work.ledger.done(self.pieces[number][0])
        return line is not None and not (self.from_beginning and was_sought(line))

    def _frames(self, numbers: Sequence[int]) -> int:
        return sum(self.pieces[n][2] - self.pieces[n][1] for n in numbers)

    def _stop(self) -> None:
        """Stop what is under way and wait for its end: nothing is written behind our back."""
        for key in self.under_way:
            self.executor.cancel(key)
        until = time.monotonic() + _PATIENCE_S
        while self.under_way and time.monotonic() < until:
            for event in self.executor.events(PATIENCE_S):
                if event.last:
                    self.under_way.pop(event.key, None)


def _runs(numbers: Sequence[int], slots: int, least: int) -> list[list[int]]:
    """Numbers that follow each other, in runs for so many slots.

    Args:
        least: numbers that make a run worth beginning, as long as there is one for each slot
    """
    longest = max(-(-len(numbers) // (slots * RUNS_EACH)), min(-(-len(numbers) // slots), least))
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1 and len(runs[-1]) < longest:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs


def _as_plain(target: Path | None, wishes: FilmWishes, begun: Begun) -> dict[str, Any]:
    """Output and wishes as plain data that means the same on another machine."""
    recipe = wishes.get("recipe", "auto")
    parse = isinstance(recipe, Recipe) or str(recipe) not in ("auto", "none")
    if parse:
        recipe = (recipe if isinstance(recipe, Recipe) else load_recipe(str(recipe))).to_text()
    options = begun.options
    folder = options.work or begun.temporary
    if folder is not None:
        options = dataclasses.replace(options, work=folder.absolute())
    limits = wishes.get("limits")
    return {
        **wishes,
        "output": target,
        "only": tuple(wishes.get("only", ())),
        "skip": tuple(wishes.get("skip", ())),
        "settings": {name: dict(own) for name, own in (wishes.get("settings") or {}).items()},
        "recipe": recipe if parse else str(recipe),
        "parse": parse,
        "options": {f.name: getattr(options, f.name) for f in dataclasses.fields(options)},
        "limits": None if limits is None else dataclasses.asdict(limits),
    }
