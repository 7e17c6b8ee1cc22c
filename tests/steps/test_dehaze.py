"""Dehaze: the seven questions, and haze of known thickness."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from skimage import data

import seven
from unfade.advice import advise
from unfade.condition import look_at
from unfade.engines.contract import PlainBench
from unfade.findings import Findings
from unfade.picture import Picture
from unfade.pixels.colour import linear_to_srgb, srgb_to_linear
from unfade.steps.dehaze import STEP, Haze, Settings, haze_of, take_haze_off

AIR = np.array([0.72, 0.76, 0.8], np.float32)


def clear() -> np.ndarray:
    """Linear light of a scene with something dark everywhere."""
    return srgb_to_linear(data.coffee()[:360, :480].astype(np.float32) / 255)


def through() -> np.ndarray:
    """Transmission that falls towards the top, as distance grows."""
    return np.linspace(0.35, 0.8, 360, dtype=np.float32)[:, None] * np.ones((1, 480), np.float32)


def hazy(dtype: Any = np.uint8) -> Picture:
    t = through()[:, :, None]
    linear = clear() * t + AIR * (1 - t)
    linear[:30] = AIR  # a strip of sky
    return seven.stored(linear_to_srgb(linear), dtype)


def test_neutral() -> None:
    seven.neutral_changes_nothing(STEP, Settings(strength=0))


def test_halo() -> None:
    assert STEP.halo_px(Settings()) == 0
    seven.looks_no_further_than_its_halo(STEP, Settings())


def test_shape_and_depth() -> None:
    seven.keeps_shape_and_depth(STEP, Settings())


def test_range() -> None:
    seven.stays_finite(STEP, Settings(strength=1, least_transmission=0.05), low=0)


def test_tiling() -> None:
    seven.same_bits_for_any_tiling(STEP, Settings())
    seven.same_bits_for_any_tiling(STEP, Settings(), picture=hazy(np.float32))


def test_a_large_picture_is_measured_from_blocks_in_any_grid() -> None:
    large = seven.stored(np.kron(hazy().pixels, np.ones((2, 3, 1), np.float32)), np.uint8)
    measured = seven.measured(STEP, Settings(), large, Findings())
    small = seven.measured(STEP, Settings(), hazy(), Findings())
    assert measured.slope.size <= 121_000
    assert measured.air == pytest.approx(small.air, abs=0.02)
    assert measured.mean == pytest.approx(small.mean, abs=0.03)


def test_is_the_haze_equation_undone() -> None:
    known = Haze(tuple(map(float, AIR)), np.zeros((4, 4), np.float32),
                 np.full((4, 4), 0.5, np.float32), 360, 480, 0.5)  # fmt: skip
    seen = clear() * np.float32(0.5) + AIR * np.float32(0.5)
    picture = Picture(seen)
    assert np.allclose(take_haze_off(seen, known, picture.window, 0.1), clear(), atol=1e-5)


def test_air_and_transmission_are_found() -> None:
    linear = srgb_to_linear(hazy(np.float32).pixels)
    found = haze_of(linear, 360, 480, 1.0)
    assert np.array(found.air) == pytest.approx(AIR, abs=0.03)
    guide = linear @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    estimate = found.slope * guide + found.offset
    assert np.abs(estimate[60:] - through()[60:]).mean() < 0.12


@pytest.mark.parametrize("dtype", seven.DTYPES)
def test_better_than_before(dtype: Any) -> None:
    before, truth = hazy(dtype).pixels[40:], linear_to_srgb(clear())[40:]
    after = seven.drive(STEP, Settings(strength=0.9), hazy(dtype))[40:]
    assert seven.psnr(after, truth) > seven.psnr(before, truth) + 3


def test_fog_is_never_advised_away() -> None:
    found = look_at(hazy(), PlainBench(), only={"tone", "fade", "cast", "clipping"})
    names = advise(found).recipe.step_names
    assert not {"dehaze", "equalise"} & set(names)
