"""Sharpen: the seven questions, halos and colour."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.filters import gaussian, unsharp_mask

import seven
from unfade.steps.sharpen import STEP, Settings, sharpen_edges
from unfade.steps.sharpen.he2010 import smooth_within_edges, window_radius


def blurred(pixels: np.ndarray, sigma: float) -> np.ndarray:
    return gaussian(pixels, sigma, channel_axis=-1).astype(np.float32)


METHOD = pytest.mark.parametrize("method", ["unsharp", "guided"])


@METHOD
def test_neutral(method: str) -> None:
    seven.neutral_changes_nothing(STEP, Settings(amount=0, method=method))


@METHOD
@pytest.mark.parametrize("radius_px", [0.3, 1.0, 4.0])
def test_halo(radius_px: float, method: str) -> None:
    settings = Settings(radius_px=radius_px, amount=2, method=method)
    seven.looks_no_further_than_its_halo(STEP, settings)


@METHOD
def test_shape_and_depth(method: str) -> None:
    seven.keeps_shape_and_depth(STEP, Settings(radius_px=2.0, method=method))


@METHOD
def test_range(method: str) -> None:
    free = Settings(amount=3, overshoot=1, threshold=0, method=method)
    seven.stays_finite(STEP, free, low=0, high=1)


@METHOD
@pytest.mark.parametrize("radius_px", [0.7, 10.0])
def test_tiling(radius_px: float, method: str) -> None:
    seven.same_bits_for_any_tiling(STEP, Settings(radius_px=radius_px, method=method))


def test_the_guided_filter_is_opencvs_box_means() -> None:
    """He's formulas, written with another library's box filter in float64."""
    import cv2

    plane = seven.photo(90, 110, channels=1).pixels[:, :, 0].astype(np.float64)
    side = 2 * window_radius(2.0) + 1

    def mean(x: np.ndarray) -> np.ndarray:
        return np.asarray(cv2.blur(x, (side, side), borderType=cv2.BORDER_REFLECT))

    variance = mean(plane * plane) - mean(plane) ** 2
    slope = variance / (variance + 0.06**2)
    other = mean(slope) * plane + mean(mean(plane) - slope * mean(plane))
    ours = smooth_within_edges(plane.astype(np.float32), radius_px=2.0, edge=0.06)
    assert np.abs(ours - other).max() < 1e-4


def test_guided_lifts_texture_and_leaves_no_halo_beside_an_edge() -> None:
    chance = np.random.default_rng(8)
    sharp = np.full((80, 120, 1), 0.25, np.float32)
    sharp[:, 60:] = 0.75
    soft = blurred(sharp, 1.2)
    texture = blurred(chance.normal(0, 0.05, soft.shape).astype(np.float32), 0.7)

    def overshoot(method: str) -> float:
        result = sharpen_edges(soft, radius_px=1.5, amount=1.5, method=method)
        return float(max(result.max() - 0.75, 0.25 - result.min()))

    def gain(method: str) -> float:
        result = sharpen_edges(soft + texture, radius_px=1.5, amount=1.5, method=method)
        far = (slice(8, -8), slice(8, 45))
        return float(result[far].std() / (soft + texture)[far].std())

    assert overshoot("unsharp") > 0.04
    assert overshoot("guided") < 0.01
    assert gain("guided") > 1.3


@pytest.mark.parametrize("radius_px", [0.8, 3.0])
def test_plain_settings_are_the_unsharp_mask_of_scikit_image(radius_px: float) -> None:
    # away from the ends of the scale, where both clip in their own way
    grey = 0.3 + 0.4 * seven.photo(80, 90, channels=1).pixels
    ours = sharpen_edges(grey, radius_px=radius_px, amount=0.5)
    other = unsharp_mask(grey[:, :, 0].astype(np.float64), radius=radius_px, amount=0.5)
    inner = (slice(12, -12), slice(12, -12))
    # scikit-image blurs out to four deviations, unfade to three
    assert np.abs(ours[:, :, 0][inner] - other[inner]).max() < 2e-3


@pytest.mark.parametrize("sigma", [0.8, 1.2])
def test_better_than_before(sigma: float) -> None:
    clean = seven.photo(128, 128).pixels
    seven.improves(
        lambda soft: sharpen_edges(
            soft, radius_px=sigma, amount=1.0, threshold=0.004, overshoot=0.03
        ),
        blurred(clean, sigma),
        clean,
        by_db=1.0,
    )


@pytest.mark.parametrize("overshoot", [0.0, 0.02, 0.1])
def test_brightness_stays_near_the_range_of_its_neighbours(overshoot: float) -> None:
    edge = np.full((20, 40, 1), 0.3, np.float32)
    edge[:, 20:] = 0.7
    soft = blurred(edge, 1.5)
    result = sharpen_edges(soft, radius_px=1.5, amount=3, overshoot=overshoot)
    padded = np.pad(soft[:, :, 0], 1, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
    low, high = windows.min(axis=(2, 3)), windows.max(axis=(2, 3))
    assert (result[:, :, 0] >= low - overshoot - 1e-6).all()
    assert (result[:, :, 0] <= high + overshoot + 1e-6).all()
    slope = np.abs(np.diff(result[10, :, 0])).max()
    assert slope > 1.15 * np.abs(np.diff(soft[10, :, 0])).max()


def test_all_channels_change_alike() -> None:
    pixels = blurred(seven.photo(60, 60).pixels * 0.5 + 0.25, 1.0)
    change = sharpen_edges(pixels, radius_px=1, amount=1) - pixels
    assert np.abs(change).max() > 0.02
    assert np.ptp(change, axis=2).max() < 1e-6


def test_differences_below_the_threshold_stay() -> None:
    rng = np.random.default_rng(3)
    pixels = (0.5 + rng.normal(0, 0.004, (60, 60, 1))).astype(np.float32)
    free = np.abs(sharpen_edges(pixels, radius_px=1, amount=1) - pixels).mean()
    held = np.abs(sharpen_edges(pixels, radius_px=1, amount=1, threshold=0.04) - pixels).mean()
    assert held < 0.05 * free


def test_flat_picture_is_unmoved_and_input_is_not_written_to() -> None:
    flat = np.full((30, 31, 3), 0.4, np.float32)
    before = flat.copy()
    assert np.abs(sharpen_edges(flat, radius_px=3, amount=3) - before).max() < 1e-6
    assert np.array_equal(flat, before)


def test_guided_is_better_than_before() -> None:
    clean = seven.photo(128, 128).pixels
    seven.improves(
        lambda soft: sharpen_edges(soft, radius_px=1.0, amount=1.0, method="guided", edge=0.15),
        blurred(clean, 0.8),
        clean,
        by_db=0.5,
    )
