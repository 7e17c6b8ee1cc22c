from __future__ import annotations

import numpy as np
import pytest
from eye_scenes import (
    BENCH,
    ODD_PICTURES,
    ThreadedBench,
    drawing,
    flat_picture,
    grey_photo,
    noisy,
    photo,
    smooth_photo,
    stored,
)
from skimage import data, filters

from unfade.condition import noise
from unfade.condition.flat_noise import flat_noise
from unfade.condition.white_noise import white_noise
from unfade.picture import Picture


@pytest.mark.parametrize("sigma", [3, 5, 10, 20, 35, 50])
def test_white_noise_on_a_textured_photograph_within_ten_percent(sigma: float) -> None:
    # halved, which takes off most of the photograph's own noise and leaves its texture
    scene = grey_photo().reshape(256, 2, 256, 2).mean(axis=(1, 3))
    found = noise.look(stored(noisy(scene, sigma)), BENCH)
    assert found.sigma is not None and found.confidence is not None
    assert 255 * found.sigma == pytest.approx(sigma, rel=0.10)
    assert found.grain is False and found.correlation_px is not None
    assert found.correlation_px < 0.7


@pytest.mark.parametrize("make", [grey_photo, smooth_photo])
def test_a_clean_photograph_has_little(make: object) -> None:
    found = noise.look(stored(make()), BENCH)  # type: ignore[operator]
    assert found.sigma is not None and 255 * found.sigma < 1.5


def test_channels_are_measured_each() -> None:
    rng = np.random.default_rng(3)
    sigmas = np.array([4.0, 8.0, 16.0])
    pixels = photo() + rng.normal(0, 1, photo().shape) * sigmas / 255
    found = noise.look(stored(pixels), BENCH)
    assert 255 * np.array(found.sigma_channels) == pytest.approx(sigmas, rel=0.10)


def test_film_grain_is_told_from_white_noise() -> None:
    scene = smooth_photo()
    rng = np.random.default_rng(4)
    clumps = filters.gaussian(rng.normal(size=scene.shape), 1.1)
    clumps /= clumps.std()
    strength = 24 / 255 * np.sqrt(np.clip(scene * (1 - scene), 0, 1))  # 12/255 at mid grey
    found = noise.look(stored(scene + clumps * strength), BENCH)
    assert found.grain is True
    assert found.correlation_px is not None and found.correlation_px > 0.7
    assert found.sigma is not None and 255 * found.sigma == pytest.approx(12, rel=0.25)


def test_enlarged_noise_is_correlated_but_no_grain() -> None:
    scene = smooth_photo()
    clumps = filters.gaussian(np.random.default_rng(5).normal(size=scene.shape), 1.1)
    found = noise.look(stored(scene + clumps / clumps.std() * 10 / 255), BENCH)
    assert found.grain is False
    assert found.sigma is not None and 255 * found.sigma == pytest.approx(10, rel=0.25)


def test_noise_after_jpeg_is_still_seen() -> None:
    import cv2

    picture = stored(noisy(smooth_photo(), 12))
    _, coded = cv2.imencode(".jpg", picture.samples, [cv2.IMWRITE_JPEG_QUALITY, 75])
    decoded = cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE)
    found = noise.look(Picture(decoded[:, :, None]), BENCH)
    assert found.sigma is not None and 6 < 255 * found.sigma < 16


@pytest.mark.parametrize("texture", [data.grass, data.gravel])
def test_texture_all_over_is_not_called_noise(texture: object) -> None:
    found = noise.look(Picture(texture()[:, :, None]), BENCH)  # type: ignore[operator]
    # nothing that would lead to denoising: either it abstains or it says that it is unsure
    assert found.confidence is None or found.confidence < 0.7 or found.grain


def test_clipped_areas_do_not_hide_the_noise() -> None:
    pixels = noisy(smooth_photo(), 10)
    pixels[:, 200:] = 1.0
    found = noise.look(stored(pixels), BENCH)
    assert found.sigma is not None and 255 * found.sigma == pytest.approx(10, rel=0.10)


def test_a_drawing_gives_no_noise() -> None:
    found = noise.look(drawing(), BENCH)
    assert found.confidence is None and found.sigma is None
    assert "not measured" in found.says


def test_a_flat_picture_has_none() -> None:
    found = noise.look(flat_picture(), BENCH)
    assert found.sigma == 0.0 and found.grain is None


def test_eight_and_sixteen_bits_and_float_agree() -> None:
    pixels = np.clip(noisy(grey_photo(), 8), 0, 1)
    sigmas = [noise.look(stored(pixels, bits=bits), BENCH).sigma for bits in (8, 16, 32)]
    assert sigmas[1] == pytest.approx(sigmas[0], rel=0.02)
    assert sigmas[2] == pytest.approx(sigmas[1], rel=0.01)


def test_a_stated_full_scale_is_honoured() -> None:
    found = noise.look(stored(noisy(grey_photo(), 10), bits=16, full_scale=4095), BENCH)
    assert found.sigma is not None and 255 * found.sigma == pytest.approx(10, rel=0.10)


def test_pure_functions_on_pure_noise() -> None:
    plane = (0.5 + np.random.default_rng(6).normal(0, 0.02, (256, 256))).astype(np.float32)
    before = plane.copy()
    white, flat = white_noise([plane]), flat_noise([plane])
    assert white is not None and white.sigma == pytest.approx(0.02, rel=0.03)
    assert white.share > 0.99
    assert flat is not None and flat.sigma == pytest.approx(0.02, rel=0.03)
    assert max(abs(r) for r in flat.autocorrelation) < 0.05
    assert np.array_equal(plane, before)


@pytest.mark.parametrize("name", ODD_PICTURES)
def test_odd_pictures_and_threads(name: str) -> None:
    found = noise.look(ODD_PICTURES[name], BENCH)
    assert found == noise.look(ODD_PICTURES[name], ThreadedBench())
    assert (found.confidence is None) == (found.sigma is None)
