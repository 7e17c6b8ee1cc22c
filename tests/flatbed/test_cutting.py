"""Cutting out: straight photographs are copies, sample for sample; others are interpolated."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from platens import Print, codes, platen, scene

from unfade.errors import UsageError
from unfade.flatbed import Photograph, cut_out, deskew_crop
from unfade.flatbed.cutting import sample_hash
from unfade.picture import Picture
from unfade.pixels.turned import KERNELS, sample_at
from unfade.record import Evidence


def noise_picture(rows: int, cols: int, channels: int = 3, dtype: type = np.uint16) -> Picture:
    chance = np.random.default_rng(5)
    samples = chance.integers(0, np.iinfo(dtype).max + 1, (rows, cols, channels), dtype)
    plane = np.ascontiguousarray(samples[:, :, 0] // 3)
    return Picture(samples, infrared=plane, dpi=(600.0, 300.0))


@given(
    top=st.integers(0, 30),
    left=st.integers(0, 30),
    rows=st.integers(1, 25),
    cols=st.integers(1, 25),
    turn=st.sampled_from([0, 90, 180, 270]),
)
@settings(max_examples=40, deadline=None)
def test_straight_photographs_are_copies(top, left, rows, cols, turn) -> None:
    picture = noise_picture(60, 60)
    photograph = Photograph(
        row_px=top + rows / 2, col_px=left + cols / 2, rows_px=rows, cols_px=cols
    )
    cut = cut_out(picture, photograph, turn_degrees=turn)
    region = picture.samples[top : top + rows, left : left + cols]
    turned = np.rot90(region, -turn // 90)  # clockwise
    assert cut.samples_sha256 == sample_hash(turned)
    assert sample_hash(np.rot90(cut.picture.samples, turn // 90)) == sample_hash(region)
    assert cut.evidence is Evidence.UNTOUCHED
    assert cut.interpolation is None
    infrared = np.rot90(picture.infrared[top : top + rows, left : left + cols], -turn // 90)
    assert np.array_equal(cut.picture.infrared, infrared)
    assert cut.picture.dpi == ((300.0, 600.0) if turn in (90, 270) else (600.0, 300.0))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("angle", [0.7, -3.0, 20.0])
def test_an_askew_photograph_is_straightened(kernel: str, angle: float) -> None:
    """Against the scene itself, which no scan of it could match more closely than its blur."""
    each = Print(row=300.3, col=310.6, rows=300, cols=400, angle=angle, seed=8)
    view = platen((each,), 600, 620, dust=0, noise=0.0)
    photograph = Photograph(
        row_px=each.row, col_px=each.col, rows_px=300, cols_px=400, angle_degrees=angle
    )
    cut = cut_out(Picture(codes(view, 16)), photograph, kernel=kernel)
    assert cut.picture.samples.shape == (300, 400, 3)
    assert cut.picture.samples.dtype == np.uint16
    assert cut.evidence is Evidence.ESTIMATED
    assert kernel[:4] in cut.interpolation.lower()
    truth = scene(300, 400, 8)
    away = cut.picture.pixels[4:-4, 4:-4] - truth[4:-4, 4:-4]
    off = np.roll(truth, 1, axis=1)[4:-4, 4:-4] - truth[4:-4, 4:-4]
    assert np.sqrt(np.mean(away**2)) < 0.5 * np.sqrt(np.mean(off**2))


def test_no_straightening_copies_whatever_the_angle() -> None:
    picture = noise_picture(80, 90)
    photograph = Photograph(row_px=40, col_px=45, rows_px=30, cols_px=40, angle_degrees=10)
    cut = cut_out(picture, photograph, straighten=False)
    rows, cols = cut.window.slices
    assert sample_hash(picture.samples[rows, cols]) == cut.samples_sha256
    low, high = photograph.corners.min(axis=0), photograph.corners.max(axis=0)
    assert (cut.window.top, cut.window.left) == tuple(np.floor(low))
    assert (cut.window.bottom, cut.window.right) == tuple(np.ceil(high))


def test_what_lies_outside_the_scan_is_black_and_counted() -> None:
    picture = Picture(np.full((100, 100, 1), 200, np.uint8))
    photograph = Photograph(row_px=20, col_px=50, rows_px=60, cols_px=60, angle_degrees=5)
    cut = cut_out(picture, photograph)
    assert cut.outside_share == pytest.approx(float((cut.picture.samples == 0).mean()), abs=1e-9)
    assert 0.1 < cut.outside_share < 0.25


def test_deskew_crop_of_one_photograph() -> None:
    each = Print(row=400, col=350, rows=500, cols=400, angle=1.7, seed=3)
    picture = Picture(codes(platen((each,), 800, 700)))
    cut = deskew_crop(picture)
    assert abs(cut.picture.rows - 500) <= 2 and abs(cut.picture.cols - 400) <= 2
    assert cut.photograph.angle_degrees == pytest.approx(1.7, abs=0.1)


def test_deskew_crop_wants_one_photograph() -> None:
    with pytest.raises(UsageError, match="empty platen"):
        deskew_crop(Picture(codes(platen((), 400, 400))))


@pytest.mark.parametrize("kernel", KERNELS)
def test_sampling_at_pixel_centres_gives_the_pixels(kernel: str) -> None:
    pixels = np.random.default_rng(1).random((20, 30, 3)).astype(np.float32)
    rows, cols = np.mgrid[0:20, 0:30].astype(float)
    assert np.abs(sample_at(pixels, rows, cols, kernel=kernel) - pixels).max() < 1e-6


def test_cubic_is_exact_for_second_order() -> None:
    """As Keys 1981 shows of a = -0.5 and of no other."""
    y, x = np.mgrid[0:30, 0:30].astype(np.float64)
    plane = (0.002 * y**2 - 0.001 * x * y + 0.01 * x + 0.1).astype(np.float32)[..., None]
    rows, cols = np.mgrid[4:24:0.37, 5:25:0.41]
    wanted = 0.002 * rows**2 - 0.001 * rows * cols + 0.01 * cols + 0.1
    assert np.abs(sample_at(plane, rows, cols, kernel="cubic")[..., 0] - wanted).max() < 1e-5
