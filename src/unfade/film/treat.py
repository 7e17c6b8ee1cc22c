"""The chain: frames in, treated frames and their repairs out, in order and in bounded memory.

Repairs come first and work on the film's own samples; each is a row of the list. Then what
concerns whole frames: deflicker's curve, denoising, the shift of stabilise, steps for pictures.
A frame depends only on frames within ``REACH`` of it and on what was decided for the whole film,
so any piece can be made on its own and comes out the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import Any, TypeVar

from unfade.engines.ordered import in_order
from unfade.film.done import Done
from unfade.film.layout import Frame
from unfade.film.mending import dirt_found, dirt_taken_off, lines_filled, lost_frames_made
from unfade.film.plan import Plan
from unfade.film.repairs import apply, check_untouched
from unfade.film.whole import curved, denoised, shifted

REACH = 12  # frames before and after that a frame's result may depend on
_NEAR = 3  # how far the nearest frame that is no repeat is looked for
T = TypeVar("T")
R = TypeVar("R")


def treated(frames: Iterator[Frame], plan: Plan, *, threads: int) -> Iterator[Done]:
    """Carry out the temporal steps of a plan on frames in order.

    Args:
        frames: a run of the film; its ends may be cut anywhere
        threads: frames worked on at a time; makes no difference to the result
    Raises:
        PromiseBroken: samples outside the repairs changed
    """
    with ThreadPoolExecutor(max(1, threads), thread_name_prefix="unfade-film") as pool:
        done: Iterator[Done] = (Done(frame, frame) for frame in frames)
        if plan.has("mend_frames") and plan.rebuilt is None:
            done = _staged(pool, threads, lost_frames_made(plan), done, _NEAR + 1)
        if plan.rebuilt is not None:
            done = map(_from_list(plan), done)
        else:
            if plan.has("remove_dirt"):
                found = _staged(pool, threads, dirt_found(plan), done, _NEAR)
                done = _staged(pool, 1, dirt_taken_off(plan), found, 1)
            if plan.has("remove_lines"):
                done = _in_order(pool, threads, lines_filled(plan), done)
        done = map(_guarded(plan), done)
        if plan.curves is not None:
            done = _in_order(pool, threads, curved(plan), done)
        if plan.has("denoise_frames"):
            done = _staged(pool, threads, denoised(plan), done, 1)
        if plan.shifts is not None:
            done = _in_order(pool, threads, shifted(plan), done)
        yield from done


# -- walking ------------------------------------------------------------------------------------


def _in_order(
    pool: ThreadPoolExecutor, threads: int, work: Callable[[T], R], items: Iterator[T]
) -> Iterator[R]:
    """Results in order, a few under way."""
    if threads <= 1:
        yield from map(work, items)
        return
    jobs = (partial(work, item) for item in items)
    with closing(in_order(pool, jobs, threads + 1)) as done:
        yield from done


def _staged(
    pool: ThreadPoolExecutor,
    threads: int,
    work: Callable[[Any, list[Any], list[Any]], R],
    items: Iterator[Any],
    reach: int,
) -> Iterator[R]:
    """``work(item, before, after)`` with up to ``reach`` items on each side, nearest first."""

    def windows() -> Iterator[tuple[Any, list[Any], list[Any]]]:
        held: deque[Any] = deque()
        centre = 0
        for item in items:
            held.append(item)
            if len(held) - centre > reach:
                yield _around(held, centre, reach)
                centre += 1
                if centre > reach:
                    held.popleft()
                    centre -= 1
        while centre < len(held):
            yield _around(held, centre, reach)
            centre += 1

    return _in_order(pool, threads, lambda window: work(*window), windows())


def _around(held: deque[Any], centre: int, reach: int) -> tuple[Any, list[Any], list[Any]]:
    items = list(held)
    before = items[max(0, centre - reach) : centre][::-1]
    return items[centre], before, items[centre + 1 : centre + 1 + reach]


# -- the guard and the list ---


def _from_list(plan: Plan) -> Callable[[Done], Done]:
    """Repairs of a list that was made before, instead of new ones."""
    rebuilt = plan.rebuilt
    assert rebuilt is not None

    def work(done: Done) -> Done:
        rows = rebuilt(done.frame.index)
        if not rows:
            return Done(done.original, done.original)
        planes = apply(done.original.planes, rows, plan.layout)
        return Done(done.original.with_planes(planes), done.original, list(rows))

    return work


def _guarded(plan: Plan) -> Callable[[Done], Done]:
    def work(done: Done) -> Done:
        if done.frame.planes is not done.original.planes:
            check_untouched(
                done.original.planes, done.frame.planes, done.repairs, plan.layout,
                done.frame.index,
            )  # fmt: skip
        return done

    return work
