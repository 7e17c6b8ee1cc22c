"""Treatment of whole frames: deflicker's curve, denoising over time, the shift of stabilise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from unfade.film.done import Done
from unfade.film.light import luma_of, to_codes, with_curve, with_shift
from unfade.film.plan import Plan
from unfade.picture import Plane
from unfade.steps.film import denoise_frames
from unfade.steps.film.deflicker import Curve
from unfade.steps.film.flow import enlarged, flow_between, small, warped

# -- whole frames ---------------------------------------------------------------------------------


def curved(plan: Plan) -> Callable[[Done], Done]:
    def work(done: Done) -> Done:
        assert plan.curves is not None
        curve: Curve = plan.curves[done.frame.index]
        if curve.nothing:
            return done
        planes = with_curve(done.frame.planes, curve, plan.layout, plan.film.colour)
        return Done(done.frame.with_planes(planes), done.original, done.repairs, done.says)

    return work


def shifted(plan: Plan) -> Callable[[Done], Done]:
    def work(done: Done) -> Done:
        assert plan.shifts is not None
        across, down = (-float(v) for v in plan.shifts[done.frame.index])
        if across == 0 and down == 0:
            return done
        planes = with_shift(done.frame.planes, across, down, plan.layout)
        return Done(done.frame.with_planes(planes), done.original, done.repairs, done.says)

    return work


def denoised(plan: Plan) -> Callable[[Done, list[Done], list[Done]], Done]:
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
        flows = [flow_between(own, small(luma_of(other.planes, layout))) for other in near]
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
