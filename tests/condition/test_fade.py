from __future__ import annotations

import numpy as np
import pytest
from eye_scenes import BENCH, LUMA, ODD_PICTURES, ThreadedBench, faded, photo, sepia, stored
from skimage import data

from unfade.condition import fade
from unfade.picture import Picture
from unfade.pixels.colour import density, srgb_to_linear

COFFEE = data.coffee() / 255


def haze(pixels: np.ndarray) -> np.ndarray:
    """Fog that is thicker at the top, where far things are."""
    thickness = np.linspace(0.85, 0.25, len(pixels))[:, None, None]
    return pixels * (1 - thickness) + 0.8 * thickness


def test_the_ends_are_quantiles_of_density() -> None:
    rng = np.random.default_rng(0)
    linear = rng.uniform(0.01, 0.5, (200, 300, 3)).astype(np.float32)
    ends = fade.density_range(linear)
    expected = np.quantile(-np.log10(linear.reshape(-1, 3)), [0.005, 0.995], axis=0)
    assert ends.density_low == pytest.approx(expected[0], abs=1e-3)
    assert ends.density_high == pytest.approx(expected[1], abs=1e-3)
    assert ends.floor_share == 1.0


def test_densities_are_those_of_light() -> None:
    ramp = np.tile(np.linspace(0.1, 0.9, 400), (300, 1))
    found = fade.look(stored(ramp, bits=16), BENCH)
    # the outermost 4 % on each side do not count
    ends = np.quantile(ramp[:, 16:-16], [0.995, 0.005])
    low, high = density(srgb_to_linear(ends))
    assert found.density_low[0] == pytest.approx(low, abs=0.01)
    assert found.density_high[0] == pytest.approx(high, abs=0.02)
    assert found.contrast_share == pytest.approx(ends[0] - ends[1], abs=0.01)


@pytest.mark.parametrize("pixels", [photo(), COFFEE])
def test_dye_loss_is_called_faded(pixels: np.ndarray) -> None:
    found = fade.look(stored(faded(pixels)), BENCH)
    assert found.faded is True and found.confidence is not None and found.confidence > 0.6
    assert "red" in found.says
    assert min(found.density_high) == found.density_high[0]


def test_a_grey_print_with_both_ends_pulled_in_is_called_faded() -> None:
    found = fade.look(stored((photo() @ LUMA) * 0.45 + 0.28), BENCH)
    assert found.faded is True and found.contrast_share == pytest.approx(0.45, abs=0.03)


CONTROLS = {
    "sound": photo(),
    "sound, other scene": COFFEE,
    "fog": haze(photo()),
    "fog, other scene": haze(COFFEE),
    "high key": 0.45 + 0.55 * photo() ** 0.7,
    "low key": 0.4 * photo() ** 1.5,
    "night": photo() ** 3,
    "sound sepia": sepia(photo()),
    "moon, low contrast, grey": data.moon()[:, :, None] / 255,
}


@pytest.mark.parametrize("name", CONTROLS)
def test_controls_are_not_called_faded(name: str) -> None:
    assert fade.look(stored(CONTROLS[name]), BENCH).faded is not True


@pytest.mark.parametrize("name", ["sound", "sound, other scene", "night"])
def test_a_sound_picture_is_said_to_be_sound(name: str) -> None:
    found = fade.look(stored(CONTROLS[name]), BENCH)
    assert found.faded is False and found.confidence is not None and found.confidence >= 0.7


def test_fog_is_left_open() -> None:
    found = fade.look(stored(haze(photo())), BENCH)
    assert found.faded is None and found.confidence is None
    assert "open" in found.says


def test_a_white_border_does_not_hide_fading() -> None:
    framed = np.ones((512, 512, 3))
    framed[15:-15, 15:-15] = faded(photo())[15:-15, 15:-15]
    assert fade.look(stored(framed), BENCH).faded is True


def test_light_encodings_and_depths_agree() -> None:
    pixels = faded(photo())
    linear = srgb_to_linear(pixels).astype(np.float32)
    found = [
        fade.look(picture, BENCH)
        for picture in (
            stored(pixels),
            stored(pixels, bits=16),
            stored(pixels, bits=16, full_scale=4095),
            Picture(linear, encoding="linear"),
        )
    ]
    for other in found[1:]:
        assert other.faded is True
        assert other.density_low == pytest.approx(found[0].density_low, abs=0.02)
        assert other.density_high == pytest.approx(found[0].density_high, abs=0.03)


@pytest.mark.parametrize("name", ODD_PICTURES)
def test_odd_pictures_and_threads(name: str) -> None:
    found = fade.look(ODD_PICTURES[name], BENCH)
    assert found == fade.look(ODD_PICTURES[name], ThreadedBench())
    assert (found.confidence is None) == (found.faded is None)
    assert found.faded is not True
