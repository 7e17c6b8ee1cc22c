"""Adjust tone: the seven questions, the way back, and automatic levels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from skimage.exposure import adjust_gamma, adjust_sigmoid, rescale_intensity

import seven
from unfade.errors import SettingsError
from unfade.findings import Findings
from unfade.picture import Picture, pixels_to_codes
from unfade.steps.adjust_tone import STEP, Settings, ToneCurve, apply_curve, invert_curve

STRONG = Settings(black=0.1, white=0.85, gamma=1.4, contrast=0.5)
CODES = np.linspace(0, 1, 65536, dtype=np.float32).reshape(256, 256, 1)


def curve(picture: Picture, **settings: Any) -> ToneCurve:
    found = seven.measured(STEP, Settings(**settings), picture, Findings())
    assert isinstance(found, ToneCurve)
    return found


def test_neutral() -> None:
    seven.neutral_changes_nothing(STEP, Settings())


def test_halo() -> None:
    assert STEP.halo_px(STRONG) == 0
    seven.looks_no_further_than_its_halo(STEP, STRONG)


def test_shape_and_depth() -> None:
    seven.keeps_shape_and_depth(STEP, STRONG)


def test_range() -> None:
    # beyond the levels the curve goes on with the slope of the levels: black is then below 0
    seven.stays_finite(STEP, STRONG, low=-0.1 / 0.75 - 1e-6, high=1 + 0.15 / 0.75 + 1e-6)


def test_tiling() -> None:
    seven.same_bits_for_any_tiling(STEP, STRONG)
    seven.same_bits_for_any_tiling(STEP, Settings(auto=True, contrast=-0.4))


def test_levels_and_gamma_are_those_of_scikit_image() -> None:
    pixels = seven.photo(40, 40).pixels
    levels = apply_curve(pixels, ToneCurve(black=0.1, white=0.9))
    other = rescale_intensity(pixels.astype(np.float64), (0.1, 0.9), (0.0, 1.0))
    assert np.allclose(np.clip(levels, 0, 1), other, atol=1e-6)
    gamma = apply_curve(pixels, ToneCurve(gamma=1.7))
    assert np.allclose(gamma, adjust_gamma(pixels.astype(np.float64), 1 / 1.7), atol=1e-6)


def test_contrast_is_the_logistic_curve_of_scikit_image_stretched_to_the_scale() -> None:
    line = np.linspace(0, 1, 101)
    other = adjust_sigmoid(line, cutoff=0.5, gain=8 * 0.6)
    other = (other - other[0]) / (other[-1] - other[0])
    ours = apply_curve(line.astype(np.float32).reshape(1, -1, 1), ToneCurve(contrast=0.6))
    assert np.allclose(ours.ravel(), other, atol=1e-6)


@pytest.mark.parametrize(
    "wanted",
    [
        {"black": 0.2, "white": 0.7},
        {"gamma": 0.2},
        {"gamma": 5.0},
        {"contrast": 1.0},
        {"contrast": -1.0},
        {"black": 0.1, "white": 0.9, "gamma": 2.2, "contrast": 0.8},
    ],
)
def test_rises_everywhere_and_can_be_undone_within_a_code(wanted: dict[str, float]) -> None:
    made = apply_curve(CODES, ToneCurve(**wanted))
    assert (np.diff(made.ravel().astype(np.float64)) >= 0).all()
    back = invert_curve(made, ToneCurve(**wanted))
    codes = pixels_to_codes(back, np.dtype(np.uint16), 65535.0).astype(int)
    assert np.abs(codes - np.arange(65536).reshape(codes.shape)).max() <= 1


def test_the_ends_and_the_pivot_stay_under_contrast() -> None:
    ends = np.array([0, 0.5, 1], np.float32).reshape(1, 3, 1)
    for contrast in (-1.0, -0.3, 0.3, 1.0):
        assert np.allclose(apply_curve(ends, ToneCurve(contrast=contrast)), ends, atol=1e-7)


@pytest.mark.parametrize("dtype", seven.DTYPES)
def test_auto_undoes_a_squeezed_scale(dtype: Any) -> None:
    clean = seven.photo(128, 128).pixels
    squeezed = seven.stored(0.2 + 0.5 * clean, dtype)
    found = curve(squeezed, auto=True)
    assert found.black == pytest.approx(0.2, abs=0.02)
    assert found.white == pytest.approx(0.7, abs=0.02)
    assert 0 < found.black_share <= 0.0011
    assert 0 <= found.white_share <= 0.0011
    seven.improves(
        lambda pixels: seven.drive(STEP, Settings(auto=True), seven.stored(pixels, dtype)),
        squeezed.pixels,
        clean,
        by_db=15,
    )


def test_auto_leaves_a_full_scale_and_a_flat_picture_alone() -> None:
    assert curve(Picture(CODES), auto=True) == ToneCurve()
    card = seven.stored(np.full((40, 40, 3), 0.5, np.float32), np.uint16)
    assert np.array_equal(seven.drive(STEP, Settings(auto=True), card), card.pixels)
    fog = seven.stored(0.6 + 0.2 * seven.photo(40, 40).pixels, np.uint16)
    assert np.array_equal(seven.drive(STEP, Settings(auto=True), fog), fog.pixels)


def test_what_is_clipped_is_counted() -> None:
    found = curve(Picture(CODES), black=0.25, white=0.9)
    assert found.black_share == pytest.approx(0.25, abs=1e-4)
    assert found.white_share == pytest.approx(0.1, abs=1e-4)
    assert found.to_dict() == {
        "black": 0.25,
        "white": 0.9,
        "gamma": 1.0,
        "contrast": 0.0,
        "black_share": found.black_share,
        "white_share": found.white_share,
        "channel_shares": [list(pair) for pair in found.channel_shares],
        "says": "25.00% of the samples become black and 10.00% white.",
    }


def test_levels_that_cross_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"`white` is 0\.3 and `black` 0\.5"):
        Settings(black=0.5, white=0.3)


def test_clipping_is_shown_for_each_channel() -> None:
    pixels = np.full((10, 10, 3), 0.5, np.float32)
    pixels[:2, :, 0] = 0.95
    pixels[:, :5, 2] = 0.02
    picture = seven.stored(pixels, np.uint16)
    found = seven.measured(STEP, Settings(black=0.1, white=0.9), picture, Findings())
    assert np.allclose(found.channel_shares, ((0, 0.2), (0, 0), (0.5, 0)))
    assert found.says == "16.67% of the samples become black and 6.67% white."
    wide = seven.measured(STEP, Settings(auto=True, auto_share=0), picture, Findings())
    assert (wide.black_share, wide.white_share) == (0, 0)
