"""Grain: what is made looks and measures like what is there, and belongs to the place."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.filters import gaussian

from unfade.picture import Window
from unfade.pixels.grain import add_grain, measure_grain, parts, white_noise


def grainy(sigma: float, clump_px: float, channels: int = 1, size: int = 192) -> np.ndarray:
    """A gentle ramp with grain of known strength and size, the same in all channels."""
    noise = np.random.default_rng(7).normal(size=(size, size))
    if clump_px > 0:
        noise = gaussian(noise, clump_px, mode="wrap")
    noise *= sigma / noise.std()
    ramp = np.linspace(0.3, 0.6, size)[None, :]
    return np.repeat((ramp + noise)[:, :, None], channels, axis=2).astype(np.float32)


def hole(size: int = 192) -> np.ndarray:
    mask = np.zeros((size, size), bool)
    mask[70:120, 60:130] = True
    return mask


def neighbours_agree(plane: np.ndarray, step: int) -> float:
    """Autocorrelation at ``step`` pixels across."""
    plane = plane - plane.mean()
    return float((plane[:, step:] * plane[:, :-step]).mean() / (plane**2).mean())


def test_noise_belongs_to_the_place() -> None:
    whole = white_noise(Window(-5, -3, 60, 70), seed=4)
    part = white_noise(Window(10, 20, 30, 50), seed=4)
    assert np.array_equal(whole[15:35, 23:53], part)
    assert not np.array_equal(part, white_noise(Window(10, 20, 30, 50), seed=5))
    assert not np.array_equal(part, white_noise(Window(10, 20, 30, 50), seed=4, channel=1))


def test_noise_is_white_and_gaussian() -> None:
    noise = white_noise(Window(0, 0, 500, 500), seed=0).astype(np.float64)
    assert abs(noise.mean()) < 0.01
    assert abs(noise.std() - 1) < 0.01
    assert abs((noise**4).mean() - 3) < 0.1
    assert abs((np.abs(noise) > 2).mean() - 0.0455) < 0.003
    for other in (noise[1:], noise[:, 1:]):
        same = noise[: other.shape[0], : other.shape[1]]
        assert abs((other * same).mean()) < 0.01
    power = np.abs(np.fft.fft2(noise)) ** 2 / noise.size
    assert power.max() < 25  # no line stands out: the largest of 250,000 is about ln 250,000


@pytest.mark.parametrize("clump_px", [0.0, 0.7, 1.2])
def test_strength_is_measured(clump_px: float) -> None:
    found = measure_grain(grainy(0.04, clump_px), hole())
    middle = float(found.sigma[95, 95, 0])
    assert 0.034 < middle < 0.044


@pytest.mark.parametrize("clump_px", [0.0, 0.7, 1.2])
@pytest.mark.parametrize("channels", [1, 3])
def test_repair_has_the_grain_of_its_surround(clump_px: float, channels: int) -> None:
    pixels, mask = grainy(0.04, clump_px, channels), hole()
    ramp = np.linspace(0.3, 0.6, 192, dtype=np.float32)[None, :, None]
    filled = np.where(mask[:, :, None], ramp, pixels).astype(np.float32)
    window = Window(0, 0, 192, 192)
    mended = add_grain(filled, mask, measure_grain(pixels, mask), amount=1, seed=3, window=window)
    repair = (parts(mended) - parts(filled))[70:120, 60:130, 0]
    assert 0.8 < repair.std() / (0.04 * np.sqrt(channels)) < 1.2
    for step in (1, 2):
        expected = np.exp(-(step**2) / (4 * clump_px**2)) if clump_px else 0.0
        assert abs(neighbours_agree(repair, step) - expected) < 0.12
    if channels == 3:  # grey grain makes no colour
        assert np.abs(mended - mended[:, :, :1]).max() < 1e-5
    assert np.array_equal(mended[~mask], filled[~mask])


def test_half_the_amount_is_half_the_grain() -> None:
    pixels, mask = grainy(0.04, 0.7), hole()
    filled = np.where(mask[:, :, None], np.float32(0.45), pixels)
    found, window = measure_grain(pixels, mask), Window(0, 0, 192, 192)
    full = add_grain(filled, mask, found, amount=1, seed=3, window=window) - filled
    half = add_grain(filled, mask, found, amount=0.5, seed=3, window=window) - filled
    assert np.allclose(half, full / 2, atol=1e-6)
    none = add_grain(filled, mask, found, amount=0, seed=3, window=window)
    assert np.array_equal(none, filled)


def test_flat_pictures_get_none() -> None:
    pixels, mask = np.full((64, 64, 3), 0.4, np.float32), np.zeros((64, 64), bool)
    mask[30:34, 5:60] = True
    found = measure_grain(pixels, mask)
    assert found.sigma.max() < 1e-6
    mended = add_grain(pixels, mask, found, amount=1, seed=0, window=Window(0, 0, 64, 64))
    assert np.allclose(mended, pixels, atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 2, 1), (1, 40, 3), (40, 1, 1), (5, 5, 3)])
def test_small_pictures(shape: tuple[int, int, int]) -> None:
    pixels = np.random.default_rng(0).random(shape, np.float32)
    mask = np.zeros(shape[:2], bool)
    mask[0, 0] = True
    found = measure_grain(pixels, mask)
    window = Window(0, 0, shape[0], shape[1])
    assert np.isfinite(add_grain(pixels, mask, found, amount=1, seed=0, window=window)).all()


def test_edges_and_texture_are_not_grain() -> None:
    """A hard edge through otherwise quiet grain does not raise the strength."""
    pixels = grainy(0.01, 0.7)
    pixels[:, 96:] += 0.3
    mask = np.zeros((192, 192), bool)
    mask[90:96, 30:160] = True
    found = measure_grain(pixels, mask)
    assert found.sigma[mask].max() < 0.013
