from __future__ import annotations

import numpy as np
import pytest
from eye_scenes import BENCH, ThreadedBench, photo, stored

from unfade.condition.survey import block_px, luma, overview, windows
from unfade.picture import Picture


def blank(rows: int, cols: int) -> Picture:
    """A picture of any size that takes no memory."""
    return Picture(np.broadcast_to(np.uint8(0), (rows, cols, 1)))


@pytest.mark.parametrize("k", [1, 2, 3, 7, 100])
def test_an_overview_holds_means_of_whole_blocks(k: int) -> None:
    picture = stored(photo()[:500, :347])
    rows, cols = 500 // k, 347 // k
    whole = picture.pixels[: rows * k, : cols * k].astype(np.float64)
    means = whole.reshape(rows, k, cols, k, 3).mean(axis=(1, 3))
    small = overview(picture, BENCH, k=k)
    assert small.dtype == np.float32
    assert np.abs(small - means).max() < 1e-5
    assert np.array_equal(small, overview(picture, ThreadedBench(), k=k))


def test_blocks_never_reach_beyond_a_thin_picture() -> None:
    thin = stored(np.random.default_rng(0).random((1, 50_000, 3)))
    assert overview(thin, BENCH, k=9).shape == (1, 5555, 3)
    assert overview(stored(np.ones((2, 3))), BENCH, k=50).shape == (1, 1, 1)


@pytest.mark.parametrize("rows, cols", [(1, 1), (4000, 3000), (1, 50_000), (14_000, 14_300)])
def test_an_overview_keeps_within_its_size(rows: int, cols: int) -> None:
    k = block_px(blank(rows, cols), 30_000)
    assert max(1, rows // k) * max(1, cols // k) <= 30_000
    assert k == 1 or rows * cols > (k - 1) ** 2 * 30_000


@pytest.mark.parametrize(
    "rows, cols", [(1, 1), (256, 256), (700, 900), (1, 50_000), (50_000, 1), (14_000, 14_300)]
)
def test_windows_are_few_apart_inside_and_on_the_grid(rows: int, cols: int) -> None:
    found = list(windows(blank(rows, cols), at_most=48))
    assert 1 <= len(found) <= 48
    assert len(set(found)) == len(found)
    for w in found:
        assert w.top % 256 == w.left % 256 == 0
        assert 0 < w.rows <= 256 and 0 < w.cols <= 256
        assert w.bottom <= rows and w.right <= cols


def test_a_picture_of_few_windows_is_covered_whole() -> None:
    found = list(windows(blank(700, 900), at_most=48))
    assert sum(w.rows * w.cols for w in found) == 700 * 900


def test_windows_of_a_large_picture_reach_all_quarters() -> None:
    found = list(windows(blank(14_000, 14_300), at_most=48))
    assert len(found) > 36
    quarters = {(w.top > 7000, w.left > 7150) for w in found}
    assert len(quarters) == 4


def test_luma() -> None:
    pixels = stored(photo()).pixels
    assert np.abs(luma(pixels) - pixels @ [0.2126, 0.7152, 0.0722]).max() < 1e-6
    assert np.array_equal(luma(pixels[:, :, :1]), pixels[:, :, 0])
