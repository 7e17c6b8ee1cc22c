"""Film: what is held, what is new in each frame, and what has a course in time."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from degrade_scenes import one, scene

from unfade.degrade import DegradationRecipe, degrade_frames
from unfade.degrade.kinds import find_damage
from unfade.degrade.recipe import Stage
from unfade.degrade.whole.projection import drifting


def frames(count: int, rows: int = 90, cols: int = 120) -> list[np.ndarray]:
    return [scene(rows, cols)] * count


def test_a_frame_is_a_function_of_seed_and_number() -> None:
    whole = list(degrade_frames(frames(5), "film", 3))
    part = list(degrade_frames(frames(2), "film", 3, start=3))
    for a, b in zip(whole[3:], part, strict=True):
        assert np.array_equal(a.pixels, b.pixels)
        assert a.parameters == b.parameters
    assert not np.array_equal(whole[0].pixels, whole[1].pixels)


def test_fading_is_held_and_grain_is_new() -> None:
    outs = list(degrade_frames(frames(4), "film", 3))
    assert len({str(out.drawn("fading")) for out in outs}) == 1
    assert len({str(out.drawn("grain")) for out in outs}) == 1
    grain = list(degrade_frames(frames(2), one("grain"), 3))
    assert not np.array_equal(grain[0].pixels, grain[1].pixels)
    fading = list(degrade_frames(frames(2), one("fading"), 3))
    assert np.array_equal(fading[0].pixels, fading[1].pixels)


def test_dirt_lies_on_one_frame_only() -> None:
    outs = list(degrade_frames(frames(6, 200, 300), one("dirt", count=150, radius_px=3.0), 1))
    assert all(out.mask.any() for out in outs)
    for a, b in itertools.pairwise(outs):
        assert (a.mask & b.mask).sum() < 0.3 * min(a.mask.sum(), b.mask.sum())


def test_lines_stay_near_their_column_and_end() -> None:
    recipe = one("lines", count=3.0, frames=[20, 40], drift_px=2.0)
    seen: list[set[int]] = []
    columns: dict[float, list[float]] = {}
    for out in degrade_frames(frames(80, 60, 400), recipe, 5):
        seen.append({round(i.parameters["column_px"] / 8) for i in out.items})
        for item in out.items:
            columns.setdefault(item.parameters["width_px"], []).append(item.parameters["column_px"])
        assert np.array_equal(out.mask, out.classes == 13)
    counts = [len(s) for s in seen]
    assert 0.8 < np.mean(counts) < 6
    lives = [len(c) for c in columns.values()]
    assert max(lives) <= 41
    assert max(lives) >= 10
    assert max(np.ptp(c) for c in columns.values()) <= 4.001
    moves = [abs(a - b) for c in columns.values() for a, b in itertools.pairwise(c)]
    assert max(moves) < 2.5


def test_flicker_changes_the_light_by_its_density() -> None:
    recipe = one("flicker", density=0.05, hold_frames=1.0, tilt=0.0)
    outs = list(degrade_frames(frames(60, 20, 20), recipe, 2))
    drawn = [out.drawn("flicker")[0]["density"] for out in outs]
    assert np.std(drawn) == pytest.approx(0.05, rel=0.35)
    assert np.corrcoef(drawn, [out.pixels.mean() for out in outs])[0, 1] < -0.95


def test_drift_is_smooth_and_has_its_variance() -> None:
    values = np.array([drifting((1, 2), 3, frame, 8.0) for frame in range(1500)])
    assert values.std() == pytest.approx(1, abs=0.15)
    assert np.quantile(np.abs(np.diff(values)), 0.9) < 0.5
    assert np.corrcoef(values[:-1], values[1:])[0, 1] > 0.9


def test_weave_moves_the_frame_and_its_marks_as_far_as_it_says() -> None:
    down, right = np.mgrid[:128, :128].astype(np.float32)

    def waves(by_down: float, by_right: float) -> np.ndarray:
        wave = np.sin((down - by_down) / 7) + np.cos((right - by_right) / 5)
        return (0.5 + 0.2 * wave)[:, :, None].astype(np.float32)

    for seed in range(3):
        recipe = one("weave", down_px=2.0, across_px=1.5)
        out = next(degrade_frames([waves(0, 0)], recipe, seed))
        drawn = out.drawn("weave")[0]
        wanted = waves(drawn["down_px"], drawn["across_px"])
        inner = np.s_[10:-10, 10:-10]
        assert np.abs(out.pixels[inner] - wanted[inner]).max() < 2e-3


def test_marks_go_with_the_weave() -> None:
    weave = Stage(settings=find_damage("weave").settings(down_px=3.0, across_px=3.0))
    dirt = Stage(settings=find_damage("dirt").settings(count=40, radius_px=4.0, light_share=1.0))
    recipe = DegradationRecipe(reference_px=0, stages=(dirt, weave))
    dark = np.full((200, 200, 3), 0.1, np.float32)
    for out in degrade_frames([dark] * 4, recipe, 2):
        light = (out.pixels > 0.3).all(axis=2)
        assert light.any()
        assert out.mask[light].all()
        assert np.array_equal(out.classes > 0, out.mask)
