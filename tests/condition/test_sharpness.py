from __future__ import annotations

import itertools

import numpy as np
import pytest
from eye_scenes import BENCH, ODD_PICTURES, ThreadedBench, grey_photo, noisy, photo, stored
from skimage import filters

from unfade.condition import sharpness
from unfade.evaluate.laplacian import laplacian_variance


def discs(blur_px: float, side: int = 256) -> np.ndarray:
    """Discs of many greys, drawn at four times the size, blurred and averaged down."""
    rng = np.random.default_rng(0)
    rows, cols = np.mgrid[0 : 4 * side, 0 : 4 * side]
    scene = np.full((4 * side, 4 * side), 0.4)
    for row, col, size, value in rng.uniform((0, 0, 25, 0.1), (side, side, 55, 0.9), (25, 4)):
        scene[np.hypot(rows - 4 * row, cols - 4 * col) < 4 * size] = value
    blurred = filters.gaussian(scene, 4 * blur_px) if blur_px else scene
    return blurred.reshape(side, 4, side, 4).mean(axis=(1, 3))


@pytest.mark.parametrize("sigma", [0.7, 1.0, 1.5, 2.0, 3.0, 5.0])
def test_the_width_of_blurred_edges(sigma: float) -> None:
    found = sharpness.look(stored(discs(sigma)), BENCH)
    # 10-90 % of a Gaussian edge, with the pixel's own width
    expected = 2.563 * np.sqrt(sigma**2 + 1 / 12)
    assert found.edge_width_px == pytest.approx(expected, rel=0.10)
    assert found.blurred == (expected > sharpness.BLURRED_PX)


def test_width_grows_with_blur_on_a_photograph() -> None:
    widths = [
        sharpness.look(stored(filters.gaussian(grey_photo(), s)), BENCH).edge_width_px or 0
        for s in (0.01, 1, 2, 3, 5)
    ]
    assert all(after > 1.2 * before for before, after in itertools.pairwise(widths))
    assert widths[0] < 2.6


def test_noise_does_not_make_a_blurred_picture_sharp() -> None:
    blurred = filters.gaussian(grey_photo(), 3)
    for sigma in (0, 5, 10):
        found = sharpness.look(stored(noisy(blurred, sigma)), BENCH)
        assert found.blurred is True
    assert sharpness.look(stored(noisy(grey_photo(), 5)), BENCH).blurred is False


def test_the_variance_of_the_laplacian_is_the_metric_of_the_same_name() -> None:
    picture = stored(photo())
    found = sharpness.look(picture, BENCH)
    # the windows leave out one row between each other and the edge of the picture
    assert found.laplacian_variance == pytest.approx(laplacian_variance(picture.pixels), rel=0.03)


def test_too_few_edges_abstain() -> None:
    ramp = np.tile(np.linspace(0.2, 0.8, 300), (300, 1))
    found = sharpness.look(stored(ramp, 16), BENCH)
    assert found.confidence is None and found.blurred is None
    assert found.laplacian_variance is not None


def test_the_plane_is_not_written_to() -> None:
    plane = discs(1).astype(np.float32)
    before = plane.copy()
    sharpness.detail(plane)
    assert np.array_equal(plane, before)


def test_eight_and_sixteen_bits_agree() -> None:
    one, other = (sharpness.look(stored(grey_photo(), bits), BENCH) for bits in (8, 16))
    assert one.edge_width_px == pytest.approx(other.edge_width_px, rel=0.05)
    assert one.laplacian_variance == pytest.approx(other.laplacian_variance, rel=0.02)


@pytest.mark.parametrize("name", ODD_PICTURES)
def test_odd_pictures_and_threads(name: str) -> None:
    found = sharpness.look(ODD_PICTURES[name], BENCH)
    assert found == sharpness.look(ODD_PICTURES[name], ThreadedBench())
    assert (found.confidence is None) == (found.blurred is None)
