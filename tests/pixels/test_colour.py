from __future__ import annotations

import numpy as np
import pytest
from skimage import color

from unfade.pixels import colour

RNG = np.random.default_rng(0)
RGB = RNG.random((40, 50, 3))
LAB = np.stack(
    [RNG.uniform(0, 100, 4000), RNG.uniform(-80, 80, 4000), RNG.uniform(-80, 80, 4000)], axis=-1
)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_stays(dtype: type) -> None:
    rgb = RGB.astype(dtype)
    for function in (
        colour.srgb_to_linear,
        colour.linear_to_srgb,
        colour.linear_to_lab,
        colour.luminance,
        colour.lightness,
        colour.density,
        colour.lab_to_linear,
    ):
        assert function(rgb).dtype == dtype, function.__name__
    assert colour.ciede2000(rgb, rgb).dtype == dtype


def test_integers_become_float32() -> None:
    assert colour.srgb_to_linear(np.array([0, 1])).dtype == np.float32


@pytest.mark.parametrize("dtype, within", [(np.float32, 1e-6), (np.float64, 1e-12)])
def test_srgb_and_back_outside_the_scale_too(dtype: type, within: float) -> None:
    values = np.linspace(-0.5, 1.5, 10_001).astype(dtype)
    back = colour.linear_to_srgb(colour.srgb_to_linear(values))
    assert np.abs(back - values).max() <= within
    assert np.all(np.diff(colour.srgb_to_linear(values)) > 0)


def test_linear_light_agrees_with_skimage() -> None:
    ours = colour.linear_to_xyz(colour.srgb_to_linear(RGB))
    assert np.abs(ours - color.rgb2xyz(RGB)).max() < 5e-4


def test_lab_agrees_with_skimage() -> None:
    ours = colour.linear_to_lab(colour.srgb_to_linear(RGB))
    assert np.abs(ours - color.rgb2lab(RGB)).max() < 0.05


def test_lab_and_back() -> None:
    linear = colour.srgb_to_linear(RGB)
    assert np.abs(colour.lab_to_linear(colour.linear_to_lab(linear)) - linear).max() < 1e-12


def test_grey_has_no_hue() -> None:
    lab = colour.linear_to_lab(np.repeat(np.linspace(0, 1, 101)[:, None], 3, axis=1))
    assert np.abs(lab[:, 1:]).max() < 1e-10
    assert lab[0, 0] == pytest.approx(0) and lab[-1, 0] == pytest.approx(100)


def test_lightness_is_that_of_lab() -> None:
    linear = colour.srgb_to_linear(RGB)
    lab = colour.linear_to_lab(linear)
    assert colour.lightness(colour.luminance(linear)) == pytest.approx(lab[..., 0], abs=1e-9)


def test_luminance_of_one_channel_is_the_channel() -> None:
    grey = RGB[..., :1]
    assert np.array_equal(colour.luminance(grey), grey[..., 0])


def test_ciede2000_agrees_with_skimage() -> None:
    one, other = LAB[:2000], LAB[2000:]
    expected = color.deltaE_ciede2000(one, other)
    assert colour.ciede2000(one, other) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    "one, other, difference",
    [  # Sharma, Wu, Dalal 2005, table 1: pairs 1, 7, 13, 17, 25, 34
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
        ((50.0, -0.0010, 2.4900), (50.0, 0.0009, -2.4900), 4.8045),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_ciede2000_of_the_paper(
    one: tuple[float, ...], other: tuple[float, ...], difference: float
) -> None:
    assert colour.ciede2000(np.array(one), np.array(other)) == pytest.approx(difference, abs=1e-4)
    assert colour.ciede2000(np.array(other), np.array(one)) == pytest.approx(difference, abs=1e-4)


def test_density() -> None:
    assert colour.density(np.array([1.0, 0.1, 0.01])) == pytest.approx([0, 1, 2])
    assert colour.density(np.array([0.0, -1.0])) == pytest.approx([4, 4])
    assert str(colour.density(np.array(1.0))) == "0.0"  # and not -0.0


def test_input_is_not_written_to() -> None:
    before = RGB.copy()
    colour.linear_to_lab(colour.srgb_to_linear(RGB))
    assert np.array_equal(RGB, before)
