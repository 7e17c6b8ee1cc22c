"""Equalise: the seven questions, and agreement with OpenCV's CLAHE."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from skimage import data

import seven
from unfade.findings import Findings
from unfade.picture import Picture
from unfade.steps.equalise import STEP, Settings, curves_of


def flat_light(name: str = "camera", dtype: Any = np.uint8) -> Picture:
    """A photograph whose contrast is gone, in one half dark and in the other light."""
    pixels = getattr(data, name)().astype(np.float32) / 255
    pixels = pixels[:, :, None] if pixels.ndim == 2 else pixels
    slope = np.linspace(0.15, 0.65, pixels.shape[1], dtype=np.float32)[None, :, None]
    return seven.stored(slope + 0.2 * pixels, dtype)


@pytest.mark.parametrize("settings", [Settings(strength=0), Settings(clip_limit=1)])
def test_neutral(settings: Settings) -> None:
    assert settings.neutral
    picture = flat_light()
    result = seven.drive(STEP, settings, picture)
    # curves of clip limit 1 are straight to rounding
    assert np.abs(result - picture.pixels).max() < 0.5 / 255


def test_strength_0_changes_nothing() -> None:
    seven.neutral_changes_nothing(STEP, Settings(strength=0))


def test_halo() -> None:
    assert STEP.halo_px(Settings()) == 0
    seven.looks_no_further_than_its_halo(STEP, Settings())


def test_shape_and_depth() -> None:
    seven.keeps_shape_and_depth(STEP, Settings())


def test_range() -> None:
    seven.stays_finite(STEP, Settings(clip_limit=20), low=0, high=1)


@pytest.mark.parametrize("regions", [1, 3, 8])
def test_tiling(regions: int) -> None:
    seven.same_bits_for_any_tiling(STEP, Settings(regions=regions))


def test_curves_rise_keep_the_limit_and_the_ends() -> None:
    rng = np.random.default_rng(0)
    counts = (rng.exponential(1, (3, 3, 256)) ** 3 * 100).astype(np.int64)
    counts[0, 0] = 0
    curves = curves_of(counts, 2.5)
    slopes = np.diff(curves, axis=2) * 256
    assert slopes.min() >= 0
    assert slopes.max() <= 2.5 * 1.01
    assert curves.min() >= 0 and curves.max() <= 1
    assert np.allclose(curves[0, 0], (np.arange(256) + 0.5) / 256, atol=1e-6)


@pytest.mark.parametrize("limit", [2.0, 4.0])
def test_agrees_with_opencv(limit: float) -> None:
    picture = flat_light()
    mine = seven.drive(STEP, Settings(clip_limit=limit), picture)
    theirs = cv2.createCLAHE(limit, (8, 8)).apply(picture.samples[:, :, 0])
    # OpenCV spreads what is cut off only once, so its curves are a little steeper
    assert seven.psnr(mine[:, :, 0], theirs / 255) > 30
    assert np.corrcoef(mine.ravel(), theirs.ravel())[0, 1] > 0.99


def test_local_contrast_rises_where_it_was_lost_and_noise_is_held() -> None:
    picture = flat_light()
    result = seven.drive(STEP, Settings(clip_limit=4), picture)

    def contrast(pixels: np.ndarray) -> float:
        fields = pixels[:, :, 0].reshape(8, 64, 8, 64).std(axis=(1, 3))
        return float(np.median(fields))

    assert contrast(result) > 1.8 * contrast(picture.pixels)
    noise = 0.5 + np.random.default_rng(0).normal(0, 0.005, (256, 256, 1))
    plain = seven.stored(noise.astype(np.float32), np.float32)
    held = seven.drive(STEP, Settings(clip_limit=2), plain)
    assert held.std() < 2.1 * plain.pixels.std()


def test_hue_is_kept_and_no_channel_clips() -> None:
    picture = seven.photo(200, 220, dtype=np.float32)
    result = seven.drive(STEP, Settings(clip_limit=4), picture)
    assert result.max() <= 1 + 1e-6
    before, after = picture.pixels, result
    lit = (before.min(axis=2) > 0.05) & (after.min(axis=2) > 0.01)
    shares = [p[lit] / p[lit].sum(axis=1, keepdims=True) for p in (before, after)]
    assert np.allclose(*shares, atol=1e-4)


def test_better_than_before_and_the_record() -> None:
    clean = (data.camera()[:, :, None] / 255).astype(np.float32)
    reference = cv2.createCLAHE(2.0, (8, 8)).apply(data.camera())[:, :, None] / 255
    picture = flat_light()
    assert seven.psnr(picture.pixels, clean) < 20
    seven.improves(
        lambda pixels: seven.drive(
            STEP, Settings(clip_limit=6), seven.stored(pixels, np.uint8), Findings()
        ),
        picture.pixels,
        reference.astype(np.float32),
        by_db=0.5,
    )
    measured = seven.measured(STEP, Settings(regions=4), picture, Findings())
    assert measured.to_dict()["regions"] == 4
    assert 1 < measured.to_dict()["steepest"] <= 2.05
