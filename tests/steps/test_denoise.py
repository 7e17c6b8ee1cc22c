"""Denoise: the seven questions, and what noise findings mean to it."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data
from skimage.restoration import denoise_nl_means, denoise_wavelet

import seven
from unfade.engines.contract import PlainBench
from unfade.errors import SettingsError
from unfade.findings import Findings, Noise
from unfade.steps.denoise import (
    METHODS,
    STEP,
    Settings,
    buades2005,
    chang2000,
    measure,
    remove_noise,
)

NOISY = Findings(noise=Noise(says="Noise of 0.05.", confidence=0.9, sigma=0.05))
methods = pytest.mark.parametrize("method", METHODS)


def with_noise(pixels: np.ndarray, sigma: float, seed: int = 7) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (pixels + rng.normal(0, sigma, pixels.shape)).astype(np.float32)


def picture_of(name: str) -> np.ndarray:
    pixels = {"astronaut": data.astronaut, "coffee": data.coffee}[name]()
    return pixels[100:228, 150:278].astype(np.float32) / 255


@methods
def test_neutral(method: str) -> None:
    seven.neutral_changes_nothing(STEP, Settings(method=method, strength=0), NOISY)


@methods
def test_halo(method: str) -> None:
    seven.looks_no_further_than_its_halo(STEP, Settings(method=method), NOISY)


@methods
def test_shape_and_depth(method: str) -> None:
    seven.keeps_shape_and_depth(STEP, Settings(method=method), NOISY)


@methods
def test_range(method: str) -> None:
    # wavelets may ripple beside an edge from end to end of the scale; means of pixels may not
    room = 0.3 if method == "wavelet" else 1e-5
    seven.stays_finite(STEP, Settings(method=method), NOISY, low=-room, high=1 + room)


@methods
@pytest.mark.parametrize("keep_grain", [0.0, 0.3])
def test_tiling(method: str, keep_grain: float) -> None:
    seven.same_bits_for_any_tiling(STEP, Settings(method=method, keep_grain=keep_grain), NOISY)


def test_tiling_of_correlated_noise_across_the_grid_of_the_treatment() -> None:
    noise = Noise(says="Grain.", confidence=0.9, sigma=0.05, correlation_px=1.5)
    wide = seven.photo(70, 300, left=100)
    seven.same_bits_for_any_tiling(STEP, Settings(), Findings(noise=noise), picture=wide)


@pytest.mark.parametrize("sigma", [10 / 255, 25 / 255])
def test_at_least_as_near_as_independent_implementations(sigma: float) -> None:
    lead: dict[str, list[float]] = {method: [] for method in METHODS}
    for clean in (picture_of("astronaut"), picture_of("coffee")):
        noisy = with_noise(clean, sigma)
        others = {
            "nlm": denoise_nl_means(
                noisy, patch_size=5, patch_distance=7, h=0.6 * sigma, sigma=sigma, channel_axis=-1
            ),
            "wavelet": denoise_wavelet(
                noisy, sigma=sigma, wavelet="db2", channel_axis=-1, convert2ycbcr=True
            ),
        }
        for method, other in others.items():
            ours = remove_noise(noisy, sigma, method=method)
            lead[method].append(seven.psnr(ours, clean) - seven.psnr(other, clean))
    assert np.mean(lead["nlm"]) >= -0.1
    assert min(lead["nlm"]) >= -0.3  # large even areas gain from skimage's larger patch
    assert min(lead["wavelet"]) >= 0.5


def test_nlm_agrees_with_the_definition_at_a_pixel() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.uniform(0.45, 0.55, (40, 40, 1)).astype(np.float32)
    row, col, sigma = 20, 19, 0.04
    reach, patch = buades2005.SEARCH_RADIUS_PX, buades2005.PATCH_RADIUS_PX
    plane = pixels[:, :, 0].astype(np.float64)

    def likeness(r: int, c: int, down: int, right: int) -> float:
        def around(y: int, x: int) -> np.ndarray:
            return plane[y - patch : y + patch + 1, x - patch : x + patch + 1]

        mean = np.mean((around(r, c) - around(r + down, c + right)) ** 2) / sigma**2
        t = max(mean - 2, 0) / buades2005.DECAY**2
        return max(1 - t / 8, 0) ** 8

    total = value = 0.0
    near = range(-patch, patch + 1)
    for down in range(-reach, reach + 1):
        for right in range(-reach, reach + 1):
            weight = sum(likeness(row + y, col + x, down, right) for y in near for x in near)
            total += weight
            value += weight * plane[row + down, col + right]
    ours = buades2005.denoise_nlm(pixels, [sigma])[row, col, 0]
    assert ours == pytest.approx(value / total, abs=1e-6)


def test_wavelet_transform_is_inverted_when_nothing_is_shrunk() -> None:
    pixels = seven.photo(45, 61).pixels
    same = chang2000.denoise_wavelet(pixels, [1e-7] * 3)
    assert np.abs(same - pixels).max() < 2e-6


@methods
def test_white_noise_alone_goes_nearly_whole(method: str) -> None:
    flat = np.full((150, 150, 3), 0.5, np.float32)
    left = remove_noise(with_noise(flat, 0.05), 0.05, method=method) - flat
    assert left.std() < 0.25 * 0.05


def test_known_correlation_gets_correlated_noise_out() -> None:
    rng = np.random.default_rng(5)
    white = rng.normal(0, 1, (130, 130, 3))
    soft = sum(
        np.roll(white, (y, x), (0, 1)) * np.exp(-(x * x + y * y) / (2 * 0.75**2))
        for y in range(-3, 4)
        for x in range(-3, 4)
    )
    clean = picture_of("astronaut")
    noisy = (clean + 0.06 * (soft / soft.std())[:128, :128]).astype(np.float32)
    as_white = seven.psnr(remove_noise(noisy, 0.06), clean)
    as_grain = seven.psnr(remove_noise(noisy, 0.06, correlation_px=1.5), clean)
    assert as_grain > as_white + 1


def test_shares_of_correlated_noise_are_those_of_a_blur() -> None:
    assert chang2000.noise_shares(0) == [1.0] * 12
    assert chang2000.noise_shares(0.05) == pytest.approx([1.0] * 12, abs=1e-9)
    rng = np.random.default_rng(1)
    white = rng.normal(0, 1, (600, 600))
    taps = np.exp(-(np.arange(-6, 7) ** 2) / (2 * 0.75**2))
    blur = np.apply_along_axis(np.convolve, 0, white, taps, "same")
    blur = np.apply_along_axis(np.convolve, 1, blur, taps, "same")
    blur /= blur[20:-20, 20:-20].std()
    _, details = chang2000._split(blur.astype(np.float32), 1)
    found = [float((d[20:-20, 20:-20] ** 2).mean()) for d in details]
    assert found == pytest.approx(chang2000.noise_shares(1.5)[:3], rel=0.1)


@methods
@pytest.mark.parametrize(("sigma", "by_db"), [(10 / 255, 4.0), (25 / 255, 7.0)])
def test_better_than_before(method: str, sigma: float, by_db: float) -> None:
    clean = picture_of("astronaut")
    seven.improves(
        lambda noisy: remove_noise(noisy, sigma, method=method),
        with_noise(clean, sigma),
        clean,
        by_db=by_db,
    )


def test_kept_grain_is_a_share_of_brightness_noise_and_no_colour_noise() -> None:
    noisy = with_noise(picture_of("coffee"), 0.05)
    clean = remove_noise(noisy, 0.05)
    kept = remove_noise(noisy, 0.05, keep_grain=0.4) - clean
    assert np.ptp(kept, axis=2).max() < 1e-6
    weights = np.array([0.2126, 0.7152, 0.0722])
    assert np.allclose(kept[:, :, 0], 0.4 * ((noisy - clean) @ weights), atol=1e-6)


def test_all_grain_kept_in_grey_is_the_picture_itself() -> None:
    noisy = with_noise(picture_of("coffee")[:, :, :1], 0.05)
    assert np.array_equal(remove_noise(noisy, 0.05, keep_grain=1.0), noisy)


def test_sigma_comes_from_settings_then_channels_then_luminance() -> None:
    picture = seven.photo(8, 8)
    channels = Noise(says="", confidence=1.0, sigma=0.01, sigma_channels=(0.02, 0.01, 0.03))

    def found(settings: Settings, noise: Noise) -> tuple[float, ...]:
        return measure(picture, settings, Findings(noise=noise), PlainBench()).sigma

    assert found(Settings(sigma=0.04), channels) == (0.04,) * 3
    assert found(Settings(strength=2), channels) == (0.04, 0.02, 0.06)
    assert found(Settings(), Noise(says="", confidence=1.0, sigma=0.01)) == (0.01,) * 3


@pytest.mark.parametrize("noise", [None, Noise(says="Too little flat ground.")])
def test_unknown_noise_is_an_error_that_names_the_setting(noise: Noise | None) -> None:
    with pytest.raises(SettingsError, match="`sigma`") as caught:
        measure(seven.photo(8, 8), Settings(), Findings(noise=noise), PlainBench())
    assert noise is None or "Too little flat ground" in str(caught.value)


@methods
def test_no_noise_no_change(method: str) -> None:
    picture = seven.photo(30, 30)
    assert np.array_equal(
        seven.drive(STEP, Settings(method=method, sigma=0.0), picture), picture.pixels
    )
