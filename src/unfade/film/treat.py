"""The chain: frames in, treated frames and their repairs out, in order and in bounded memory.

Repairs come first and work on the film's own samples; each is a row of the list. Then what
concerns whole frames: deflicker's curve, denoising, the shift of stabilise, steps for pictures.
A frame depends only on frames within ``REACH`` of it and on what was decided for the whole film,
so any piece can be made on its own and comes out the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from unfade.film.layout import Frame, Planes
from unfade.film.light import black_of, levelled, luma_of, to_codes, with_curve, with_shift
from unfade.film.plan import Plan
from unfade.film.repairs import Repair, apply, check_untouched, cut, plane_mask
from unfade.picture import Plane, Window
from unfade.record import Evidence
from unfade.steps.film import denoise_frames, mend_frames, remove_dirt, remove_lines
from unfade.steps.film.deflicker import Curve
from unfade.steps.film.flow import enlarged, flow_between, small, warped

REACH = 12  # frames before and after that a frame's result may depend on
_NEAR = 3  # how far the nearest frame that is no repeat is looked for
T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True, eq=False)
class Done:
    """One treated frame.

    Attributes:
        frame: with its final planes
        original: as it was read
        repairs: what was put in, in order
        says: why nothing was judged, or ""
        state: what the steady steps hand on to the next frame
    """

    frame: Frame
    original: Frame
    repairs: list[Repair] = field(default_factory=list)
    says: str = ""
    state: Any = None


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
            done = _staged(pool, threads, _mended(plan), done, _NEAR + 1)
        if plan.rebuilt is not None:
            done = map(_from_list(plan), done)
        else:
            if plan.has("remove_dirt"):
                found = _staged(pool, threads, _found(plan), done, _NEAR)
                done = _staged(pool, 1, _cleaned(plan), found, 1)
            if plan.has("remove_lines"):
                done = _in_order(pool, threads, _lines(plan), done)
        done = map(_guarded(plan), done)
        if plan.curves is not None:
            done = _in_order(pool, threads, _curved(plan), done)
        if plan.has("denoise_frames"):
            done = _staged(pool, threads, _denoised(plan), done, 1)
        if plan.shifts is not None:
            done = _in_order(pool, threads, _shifted(plan), done)
        yield from done


# -- walking ------------------------------------------------------------------------------------


def _in_order(
    pool: ThreadPoolExecutor, threads: int, work: Callable[[T], R], items: Iterator[T]
) -> Iterator[R]:
    """Results in order, a few under way."""
    if threads <= 1:
        yield from map(work, items)
        return
    waiting: deque[Future[R]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


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


# -- lost frames ----------------------------------------------------------------------------------


def _mended(plan: Plan) -> Callable[[Done, list[Done], list[Done]], Done]:
    settings = plan.settings("mend_frames", mend_frames.Settings)
    wanted = ("missing", "concealed") if settings.concealed else ("missing",)

    def work(done: Done, before: list[Done], after: list[Done]) -> Done:
        if done.frame.trouble not in wanted:
            return done
        first, last = plan.shot_of(done.frame.index)
        earlier = _first(b.frame for b in before if b.frame.trouble not in wanted)
        later = _first(a.frame for a in after if a.frame.trouble not in wanted)
        if earlier is None or later is None or earlier.index < first or later.index >= last:
            return done
        gap = later.index - earlier.index
        if gap - 1 > settings.longest_gap:
            return done
        share = (done.frame.index - earlier.index) / gap
        a, b = _small_of(earlier, plan), _small_of(later, plan)
        flow, back = flow_between(a, b), flow_between(b, a)
        layout = plan.layout
        planes = tuple(
            to_codes(
                mend_frames.between(
                    one.astype(np.float32), two.astype(np.float32), flow, back, share
                ),
                layout,
            )
            for one, two in zip(earlier.planes, later.planes)
        )
        window = Window(0, 0, done.frame.rows, done.frame.cols)
        repair = Repair(
            frame=done.frame.index,
            step="mend_frames",
            kind="frame",
            window=window,
            evidence=int(Evidence.BORROWED),
            sources=(earlier.index, later.index),
            confidence=0.5,
            mask=np.ones((window.rows, window.cols), bool),
            samples=tuple(p.reshape(-1) for p in planes[: layout.mended]),
            time_s=plan.film.time_s(done.frame.index),
        )
        frame = done.frame.with_planes(planes)
        return Done(frame, done.original, [*done.repairs, repair])

    return work


def _first(items: Iterator[T]) -> T | None:
    return next(items, None)


# -- dirt -----------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class _Compared:
    """A frame with what was found on it, its lenders at hand."""

    done: Done
    spots: list[remove_dirt.Spot]
    repairs: list[Repair]
    judged: bool = True


def _found(plan: Plan) -> Callable[[Done, list[Done], list[Done]], _Compared]:
    settings = plan.settings("remove_dirt", remove_dirt.Settings)

    def work(done: Done, before: list[Done], after: list[Done]) -> _Compared:
        first, last = plan.shot_of(done.frame.index)
        here = done.frame.index
        if done.frame.trouble == "missing":
            return _Compared(done, [], [], judged=False)
        earlier = plan.neighbour([b.frame for b in before if b.frame.index >= first], here)
        later = plan.neighbour([a.frame for a in after if a.frame.index < last], here)
        if earlier is None or later is None:  # at a cut: nothing tells dirt from what comes or goes
            return _Compared(done, [], [], judged=False)
        pair = (earlier, later)
        luma = luma_of(done.frame.planes, plan.layout)
        lumas = [
            levelled(luma_of(f.planes, plan.layout), plan.level(f.index, here), plan.black)
            for f in pair
        ]
        own = small(luma)
        flows = [flow_between(own, small(other)) for other in lumas]
        compared = remove_dirt.find_spots(luma, lumas[0], lumas[1], flows[0], flows[1], settings)
        repairs = [
            _borrowed(plan, done.frame, spot, pair, compared.flows) for spot in compared.spots
        ]
        told = Done(done.frame, done.original, done.repairs, compared.says)
        return _Compared(told, compared.spots, repairs, judged=not compared.says)

    return work


def _borrowed(
    plan: Plan,
    frame: Frame,
    spot: remove_dirt.Spot,
    pair: Sequence[Frame],
    flows: Sequence[np.ndarray | None],
) -> Repair:
    """The row of one spot, with samples carried over from the lender in the film's own planes."""
    k = 0 if spot.side < 0 else 1
    lender, flow = pair[k], flows[k]
    assert flow is not None
    layout = plan.layout
    curve = plan.level(lender.index, frame.index)

    def new(plane: int, where: Window) -> np.ndarray:
        codes = _carried(lender.planes[plane], flow, where, layout.coarse(plane))
        is_light = layout.family != "yuv" or plane == 0
        if is_light:
            top = layout.top
            codes = codes * (255 / top)
            codes = levelled(codes, curve, plan.black) + np.float32(spot.lift)
            codes = codes * (top / 255)
        elif not curve.nothing:
            middle = float(1 << (layout.bits - 1))
            codes = (codes - middle) * np.float32(curve.gain) + middle
        return to_codes(codes, layout)

    return Repair(
        frame=frame.index,
        step="remove_dirt",
        kind="dirt",
        window=spot.window,
        evidence=int(Evidence.BORROWED),
        sources=(lender.index,),
        confidence=spot.confidence,
        mask=spot.mask,
        samples=cut(frame.planes, new, spot.mask, spot.window, layout),
        time_s=plan.film.time_s(frame.index),
    )


def _carried(
    plane: np.ndarray, flow: np.ndarray, where: Window, coarse: tuple[int, int]
) -> np.ndarray:
    """A window of a lender's plane as seen from the frame, in float codes."""
    import cv2

    across, down = coarse
    rows = (np.arange(where.top, where.bottom, dtype=np.int64) << down).clip(0, flow.shape[0] - 1)
    cols = (np.arange(where.left, where.right, dtype=np.int64) << across).clip(0, flow.shape[1] - 1)
    step = flow[rows[:, None], cols[None, :]]
    map_x = np.arange(where.left, where.right, dtype=np.float32)[None, :] + step[:, :, 0] / (
        1 << across
    )
    map_y = np.arange(where.top, where.bottom, dtype=np.float32)[:, None] + step[:, :, 1] / (
        1 << down
    )
    # only the part that is reached into is made float
    low_y, high_y = _span(map_y, plane.shape[0])
    low_x, high_x = _span(map_x, plane.shape[1])
    part = plane[low_y:high_y, low_x:high_x].astype(np.float32)
    return np.asarray(
        cv2.remap(
            part, np.float32(map_x - low_x), np.float32(map_y - low_y), cv2.INTER_LANCZOS4,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.float32,
    )  # fmt: skip


def _span(places: np.ndarray, size: int) -> tuple[int, int]:
    low = int(np.clip(np.floor(places.min()) - 5, 0, size - 1))
    high = int(np.clip(np.ceil(places.max()) + 6, low + 1, size))
    return low, high


def _cleaned(plan: Plan) -> Callable[[_Compared, list[_Compared], list[_Compared]], Done]:
    def work(here: _Compared, before: list[_Compared], after: list[_Compared]) -> Done:
        if not here.spots:
            return here.done
        first, last = plan.shot_of(here.done.frame.index)
        earlier = _judged(before, first, last)
        later = _judged(after, first, last)
        moves = remove_dirt.in_trains(here.spots, earlier, later, here.done.frame.cols)
        kept = [r for r, moving in zip(here.repairs, moves) if not moving]
        if not kept:
            return here.done
        frame = here.done.frame.with_planes(apply(here.done.frame.planes, kept, plan.layout))
        return Done(frame, here.done.original, [*here.done.repairs, *kept], here.done.says)

    return work


def _judged(side: list[_Compared], first: int, last: int) -> list[remove_dirt.Spot] | None:
    """The spots of the next frame on one side, unless it is of another shot or was not judged."""
    if not side or not first <= side[0].done.frame.index < last or not side[0].judged:
        return None
    return side[0].spots


# -- lines ----------------------------------------------------------------------------------------


def _lines(plan: Plan) -> Callable[[Done], Done]:
    def work(done: Done) -> Done:
        lines = plan.lines.get(done.frame.index)
        if not lines:
            return done
        layout, frame = plan.layout, done.frame
        luma = luma_of(frame.planes, layout)
        repairs = []
        planes = frame.planes
        for line in lines:
            left, right = remove_lines.exact_columns(luma, line)
            if not 0 < right - left <= remove_lines.WIDEST_PX + 4:
                continue
            window = Window(0, left, frame.rows, right)
            mask = np.ones((window.rows, window.cols), bool)
            repair = Repair(
                frame=frame.index,
                step="remove_lines",
                kind="line",
                window=window,
                evidence=int(Evidence.ESTIMATED),
                sources=(),
                confidence=line.confidence,
                mask=mask,
                samples=_filled(planes, window, mask, plan, frame.index),
                time_s=plan.film.time_s(frame.index),
            )
            planes = apply(planes, [repair], layout)
            repairs.append(repair)
        if not repairs:
            return done
        return Done(frame.with_planes(planes), done.original, [*done.repairs, *repairs], done.says)

    return work


def _filled(
    planes: Planes, window: Window, mask: np.ndarray, plan: Plan, index: int
) -> tuple[np.ndarray, ...]:
    layout = plan.layout

    def new(plane: int, where: Window) -> np.ndarray:
        margin = 2 * where.cols + 8
        left = max(0, where.left - margin)
        right = min(planes[plane].shape[1], where.right + margin)
        strip = planes[plane][:, left:right].astype(np.float32)
        hole = np.zeros(strip.shape, bool)
        hole[:, where.left - left : where.right - left] = plane_mask(mask, window, layout, plane)[1]
        filled = remove_lines.fill_across(strip, hole, seed=index * 4 + plane)
        return to_codes(filled[:, where.left - left : where.right - left], layout)

    return cut(planes, new, mask, window, layout)


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


# -- whole frames ---------------------------------------------------------------------------------


def _curved(plan: Plan) -> Callable[[Done], Done]:
    def work(done: Done) -> Done:
        assert plan.curves is not None
        curve: Curve = plan.curves[done.frame.index]
        if curve.nothing:
            return done
        planes = with_curve(done.frame.planes, curve, plan.layout, plan.film.colour)
        return Done(done.frame.with_planes(planes), done.original, done.repairs, done.says)

    return work


def _shifted(plan: Plan) -> Callable[[Done], Done]:
    def work(done: Done) -> Done:
        assert plan.shifts is not None
        across, down = (-float(v) for v in plan.shifts[done.frame.index])
        if across == 0 and down == 0:
            return done
        planes = with_shift(done.frame.planes, across, down, plan.layout)
        return Done(done.frame.with_planes(planes), done.original, done.repairs, done.says)

    return work


def _denoised(plan: Plan) -> Callable[[Done, list[Done], list[Done]], Done]:
    settings = plan.settings("denoise_frames", denoise_frames.Settings)

    def work(done: Done, before: list[Done], after: list[Done]) -> Done:
        layout, frame = plan.layout, done.frame
        first, last = plan.shot_of(frame.index)
        near = [d.frame for d in (*before[:1], *after[:1]) if first <= d.frame.index < last]
        if not near:
            return done
        luma = luma_of(frame.planes, layout)
        grain = denoise_frames.grain_level(luma)
        own = small(luma)
        flows = [flow_between(own, _small_of(other, plan)) for other in near]
        weights = []
        for other, flow in zip(near, flows):
            there = warped(luma_of(other.planes, layout), enlarged(flow, *luma.shape))
            weights.append(denoise_frames.agreement(luma, there, 1.5 * grain + 0.5))
        planes: list[np.ndarray] = []
        for k, plane in enumerate(frame.planes[: layout.mended]):
            carried = [
                (denoise_frames.brought(other.planes[k].astype(np.float32), flow),
                 _sized(weight, plane.shape))
                for other, flow, weight in zip(near, flows, weights)
            ]  # fmt: skip
            planes.append(
                denoise_frames.steadied(plane.astype(np.float32), carried, settings.strength)
            )
        calmer = luma_of((*planes, *frame.planes[layout.mended :]), layout)
        share = np.float32(denoise_frames.share_kept(luma, calmer, settings.most_loss))
        mixed = tuple(
            to_codes((1 - share) * new + share * old, layout)
            for new, old in zip(planes, frame.planes)
        )
        new_frame = frame.with_planes((*mixed, *frame.planes[layout.mended :]))
        return Done(new_frame, done.original, done.repairs, done.says)

    return work


def _sized(weight: Plane, shape: tuple[int, ...]) -> Plane:
    import cv2

    if weight.shape == shape:
        return weight
    return np.asarray(cv2.resize(weight, shape[::-1], interpolation=cv2.INTER_AREA), np.float32)


def _small_of(frame: Frame, plan: Plan) -> np.ndarray:
    return small(luma_of(frame.planes, plan.layout))


__all__ = ["REACH", "Done", "black_of", "treated"]
