"""All cells of a study on all cores; what fails is named and the rest goes on.

Cells are independent, each result is kept as soon as it is there, and figures depend neither on
the number of processes nor on the order. A process that dies (out of memory, a crash in a codec)
costs the one cell that kills it.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from unfade.engines.bench import available_cores
from unfade.errors import Cancelled, InputRefused, UsageError
from unfade.study.cell import Done, Row, Task, carry_out_task
from unfade.study.controls import Check, judge
from unfade.study.damage import SOUND, Damage, parse_damage
from unfade.study.methods import Method, parse_methods
from unfade.study.pictures import Problem, by_name, data_set, peer_files, surplus
from unfade.study.spec import Study

ProgressCall = Callable[[str, int, int], None]
# each process has one core; the libraries beneath must not start threads of their own
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a study gave.

    Attributes:
        rows: one for each picture, damage and method that could be measured
        problems: what could not, and why
        check: whether the benchmark can tell harm from no harm
        cells: how many rows were asked for
    """

    study: Study
    rows: tuple[Row, ...]
    problems: tuple[Problem, ...]
    check: Check
    cells: int
    cache: Path


def run_study(
    study: Study,
    *,
    output: str | Path,
    cache: str | Path | None = None,
    keep: bool = False,
    workers: int | None = None,
    progress: ProgressCall | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Outcome:
    """Carry a study out. Tables, plots and the page are written by ``unfade.study.page``.

    Args:
        output: folder for what is written; made when it is not there
        cache: folder of kept figures; None: ``OUTPUT/cache``
        keep: write every result to ``OUTPUT/results/DAMAGE/METHOD``
        workers: processes; None: one for each core; 1: none beside this one
        progress: called as ``progress(says, done, total)``
        cancelled: asked between cells; what is done stays kept
    Raises:
        UsageError, RecipeError, UnreadableInput, ModelMissing: the study cannot begin
        Cancelled: it was stopped; the next run goes on where this one was
    """
    damages, methods = plan(study)
    kept = Path(cache) if cache is not None else Path(output) / "cache"
    kept.mkdir(parents=True, exist_ok=True)
    results = str(Path(output) / "results") if keep else ""
    pictures = data_set(study.data, study.limit)
    peers, problems = _peers(study, damages, methods, pictures)
    tasks = [
        Task(
            name=name,
            path=path,
            damage=damage,
            methods=methods,
            metrics=tuple(metric.name for metric in study.measures),
            seed=study.seed,
            side_px=study.side_px,
            peers={label: files.get(name) for label, files in peers[damage.label].items()},
            cache=kept,
            keep=results,
        )
        for damage in damages
        for name, path in pictures.items()
    ]
    number = min(workers or available_cores(), len(tasks))
    report = progress or _silent
    rows: dict[int, Done] = {}
    for index, done in _carried_out(tasks, number, cancelled):
        rows[index] = done
        report("Studying", len(rows), len(tasks))
    ordered = [rows[index] for index in range(len(tasks))]
    all_rows = tuple(row for done in ordered for row in done.rows)
    problems += [problem for done in ordered for problem in done.problems]
    return Outcome(
        study=study,
        rows=all_rows,
        problems=tuple(problems),
        check=judge(all_rows),
        cells=len(tasks) * len(methods),
        cache=kept,
    )


def plan(study: Study) -> tuple[tuple[Damage, ...], tuple[Method, ...]]:
    """The damages, no damage first, and the methods, controls first.

    Raises:
        UsageError: one label twice
    """
    damages = [parse_damage(SOUND)]
    damages += [d for d in (parse_damage(text) for text in study.damage) if d.label != SOUND]
    labels = [damage.label for damage in damages]
    for label in labels:
        if labels.count(label) > 1:
            raise UsageError(
                f"Two damages are called `{label}`.", "Give one a label: `LABEL=SPEC`."
            )
    return tuple(damages), parse_methods(study.methods)


def _peers(
    study: Study,
    damages: Sequence[Damage],
    methods: Sequence[Method],
    pictures: dict[str, Path],
) -> tuple[dict[str, dict[str, dict[str, Path]]], list[Problem]]:
    """Damage -> method -> name -> file, and what lies there and belongs to no picture."""
    problems: list[Problem] = []
    all_names = by_name(study.data)
    single = len([d for d in damages if d.label != SOUND]) == 1
    peers: dict[str, dict[str, dict[str, Path]]] = {}
    for damage in damages:
        if damage.kind == "folder":
            for name in surplus(by_name(damage.where), all_names):
                message = f"`{name}` belongs to no picture of the data set; it was left out."
                problems.append(Problem(picture=name, damage=damage.label, message=message))
        peers[damage.label] = {}
        for method in (m for m in methods if m.family == "folder"):
            only = single and damage.label != SOUND
            try:
                files = peer_files(method.what, damage.label, only)
            except InputRefused as error:
                problems.append(
                    Problem(
                        picture="", damage=damage.label, method=method.label, message=str(error)
                    )
                )
                files = {}
            for name in surplus(files, all_names):
                message = f"`{name}` belongs to no picture of the data set; it was left out."
                problems.append(
                    Problem(picture=name, damage=damage.label, method=method.label, message=message)
                )
            peers[damage.label][method.label] = files
    return peers, problems


def _carried_out(
    tasks: Sequence[Task], workers: int, cancelled: Callable[[], bool] | None
) -> Iterator[tuple[int, Done]]:
    """Index and outcome of each task, as they come."""
    if workers <= 1:
        for index, task in enumerate(tasks):
            _stop_if(cancelled)
            yield index, carry_out_task(task)
        return
    waiting = list(range(len(tasks)))
    finished: set[int] = set()
    with _one_thread_each():
        try:
            for index, done in _in_pool(tasks, waiting, workers, cancelled):
                finished.add(index)
                yield index, done
        except BrokenProcessPool:
            # nobody says which task it was: those that are left go one at a time
            left = [index for index in waiting if index not in finished]
            yield from _one_by_one(tasks, left, cancelled)


def _one_by_one(
    tasks: Sequence[Task], indices: Sequence[int], cancelled: Callable[[], bool] | None
) -> Iterator[tuple[int, Done]]:
    """In one process with one task at a time, so that it is known which one it died of."""
    queue = list(indices)
    while queue:
        with _pool(1) as pool:
            try:
                while queue:
                    _stop_if(cancelled)
                    done = pool.submit(carry_out_task, tasks[queue[0]]).result()
                    yield queue.pop(0), done
            except BrokenProcessPool:
                task = tasks[queue[0]]
                problem = Problem(
                    picture=task.name,
                    damage=task.damage.label,
                    message="The process that studied it died: out of memory, or a crash.",
                )
                yield queue.pop(0), Done(problems=[problem])


def _in_pool(
    tasks: Sequence[Task],
    indices: Sequence[int],
    workers: int,
    cancelled: Callable[[], bool] | None,
) -> Iterator[tuple[int, Done]]:
    with _pool(workers) as pool:
        running: dict[Future[Done], int] = {}
        queue = list(indices)
        try:
            while queue or running:
                _stop_if(cancelled)
                while queue and len(running) < 2 * workers:
                    index = queue.pop(0)
                    running[pool.submit(carry_out_task, tasks[index])] = index
                ready, _ = wait(running, timeout=1, return_when=FIRST_COMPLETED)
                for future in ready:
                    yield running.pop(future), future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _pool(workers: int) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")  # threads of this process must not be copied
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_begin)


def _begin() -> None:
    """In each worker: one thread, whatever the libraries' own ideas are."""
    import signal

    import cv2

    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is told, and stops its workers


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """What workers inherit while they start."""
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(_ONE_THREAD)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _stop_if(cancelled: Callable[[], bool] | None) -> None:
    if cancelled is not None and cancelled():
        raise Cancelled("The study was stopped.", "Run it again: it goes on where it was.")


def _silent(says: str, done: int, total: int) -> None:
    return None


def export(study: Study, folder: str | Path, progress: ProgressCall | None = None) -> int:
    """Write the damaged pictures and their masks for a peer, who lays the results beside them.

    ``FOLDER/DAMAGE/NAME.png`` and ``FOLDER/DAMAGE/masks/NAME.png``.

    Returns:
        how many pictures were written
    """
    from unfade.picture import Picture
    from unfade.study.cell import write_png
    from unfade.study.damage import damaged, seed_for
    from unfade.study.methods import print_of_file
    from unfade.study.pictures import read

    damages, _ = plan(replace(study, methods=()))
    pictures = data_set(study.data, study.limit)
    total, written = len(damages) * len(pictures), 0
    for damage in damages:
        for name, path in pictures.items():
            seed = seed_for(study.seed, print_of_file(path), damage)
            given = damaged(read(path, study.side_px), name, damage, seed, study.side_px)
            place = Path(folder) / damage.label
            write_png(place / f"{name}.png", given.picture)
            if given.mask is not None:
                mask = Picture(given.mask[:, :, None].astype("uint8") * 255)
                write_png(place / "masks" / f"{name}.png", mask)
            written += 1
            (progress or _silent)("Writing", written, total)
    return written
