"""Repairs of one frame from the frames around it: lost frames, dirt, line scratches.

Each is a function of a frame and those before and after it, and gives rows for the list. What a
row puts in is computed in the film's own planes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from unfade.film.done import Done
from unfade.film.layout import Frame, Planes
from unfade.film.light import levelled, luma_of, to_codes
from unfade.film.plan import Plan
from unfade.film.repairs import Repair, apply, cut, plane_mask
from unfade.picture import Window
from unfade.record import Evidence
from unfade.steps.film import mend_frames, remove_dirt, remove_lines
from unfade.steps.film.flow import flow_between, small

T = TypeVar("T")


# -- lost frames ----------------------------------------------------------------------------------


def lost_frames_made(plan: Plan) -> Callable[[Done, list[Done], list[Done]], Done]:
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
        a, b = small_of(earlier, plan), small_of(later, plan)
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
class Compared:
    """A frame with what was found on it, its lenders at hand.

    Attributes:
        spots: also those that are too unsure to be repaired
        repairs: of each spot; None of an unsure one
    """

    done: Done
    spots: list[remove_dirt.Spot]
    repairs: list[Repair | None]
    judged: bool = True


def dirt_found(plan: Plan) -> Callable[[Done, list[Done], list[Done]], Compared]:
    settings = plan.settings("remove_dirt", remove_dirt.Settings)

    def work(done: Done, before: list[Done], after: list[Done]) -> Compared:
        first, last = plan.shot_of(done.frame.index)
        here = done.frame.index
        if done.frame.trouble == "missing":
            return Compared(done, [], [], judged=False)
        earlier = plan.neighbour([b.frame for b in before if b.frame.index >= first], here)
        later = plan.neighbour([a.frame for a in after if a.frame.index < last], here)
        if earlier is None or later is None:  # at a cut: nothing tells dirt from what comes or goes
            return Compared(done, [], [], judged=False)
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
            _borrowed(plan, done.frame, spot, pair, compared.flows)
            if spot.confidence >= settings.min_confidence
            else None
            for spot in compared.spots
        ]
        told = Done(done.frame, done.original, done.repairs, compared.says)
        return Compared(told, compared.spots, repairs, judged=not compared.says)

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


def dirt_taken_off(plan: Plan) -> Callable[[Compared, list[Compared], list[Compared]], Done]:
    def work(here: Compared, before: list[Compared], after: list[Compared]) -> Done:
        if not any(here.repairs):
            return here.done
        first, last = plan.shot_of(here.done.frame.index)
        earlier = _judged(before, first, last)
        later = _judged(after, first, last)
        moves = remove_dirt.in_trains(here.spots, earlier, later, here.done.frame.cols)
        kept = [r for r, moving in zip(here.repairs, moves) if r is not None and not moving]
        if not kept:
            return here.done
        frame = here.done.frame.with_planes(apply(here.done.frame.planes, kept, plan.layout))
        return Done(frame, here.done.original, [*here.done.repairs, *kept], here.done.says)

    return work


def _judged(side: list[Compared], first: int, last: int) -> list[remove_dirt.Spot] | None:
    """The spots of the next frame on one side, unless it is of another shot or was not judged."""
    if not side or not first <= side[0].done.frame.index < last or not side[0].judged:
        return None
    return side[0].spots


# -- lines ----------------------------------------------------------------------------------------


def lines_filled(plan: Plan) -> Callable[[Done], Done]:
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


def small_of(frame: Frame, plan: Plan) -> np.ndarray:
    return small(luma_of(frame.planes, plan.layout))
