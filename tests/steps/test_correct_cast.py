"""Correct cast: the seven questions, references, and what is left alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from skimage import data

import seven
from unfade.advice import advise
from unfade.condition import cast as cast_eye
from unfade.condition import look_at
from unfade.engines.contract import PlainBench
from unfade.findings import Cast, Findings, Tone
from unfade.picture import Picture
from unfade.pixels.colour import linear_to_lab, linear_to_srgb, srgb_to_linear
from unfade.steps.correct_cast import STEP, Factors, Settings, factors_of, multiply_light

LAMP = (1.0, 0.82, 0.58)
YELLOW = Findings(cast=Cast(says="", confidence=0.7, a=4.0, b=24.0))
BENCH = PlainBench()


def lit(pixels: np.ndarray, light: tuple[float, ...] = LAMP, dtype: Any = np.uint16) -> Picture:
    return seven.stored(linear_to_srgb(srgb_to_linear(pixels) * np.array(light, np.float32)), dtype)


def bordered(border: float = 0.93, width: int = 16, rough: float = 0.006) -> np.ndarray:
    """A colour photograph with a white border of slightly rough paper."""
    inner = data.chelsea()[:260, 60:360].astype(np.float32) / 255 * 0.9
    pixels = np.full((inner.shape[0] + 2 * width, inner.shape[1] + 2 * width, 3), border)
    pixels += np.random.default_rng(0).normal(0, rough, pixels.shape[:2])[:, :, None]
    pixels[width:-width, width:-width] = inner
    return np.clip(pixels, 0, 1).astype(np.float32)


def measured(picture: Picture, findings: Findings = YELLOW, **settings: Any) -> Factors:
    result = seven.measured(STEP, Settings(**settings), picture, findings)
    assert isinstance(result, Factors)
    return result


def test_neutral() -> None:
    seven.neutral_changes_nothing(STEP, Settings(strength=0), YELLOW)


def test_halo() -> None:
    seven.looks_no_further_than_its_halo(STEP, Settings(), YELLOW)


def test_shape_and_depth() -> None:
    seven.keeps_shape_and_depth(STEP, Settings(), YELLOW)


def test_range() -> None:
    seven.stays_finite(STEP, Settings(), YELLOW, low=0)


def test_tiling() -> None:
    picture = lit(seven.photo(107, 131).pixels)
    seven.same_bits_for_any_tiling(STEP, Settings(), YELLOW, picture=picture)


def test_factors_are_von_kries_with_luminance_kept() -> None:
    light = np.array(LAMP)
    factors = np.array(factors_of(light))
    balanced = light * factors
    assert np.allclose(balanced, balanced[0])
    assert balanced[0] == pytest.approx(light @ [0.2126, 0.7152, 0.0722], abs=1e-3)
    half = np.array(factors_of(light, 0.5))
    assert np.allclose(half * half, factors)
    pixels = seven.photo(20, 20).pixels
    back = multiply_light(multiply_light(pixels, tuple(factors)), tuple(1 / factors))
    assert np.allclose(back, pixels, rtol=1e-6)


@pytest.mark.parametrize("dtype", seven.DTYPES)
def test_a_place_that_was_grey_brings_the_colours_back(dtype: Any) -> None:
    clean = seven.photo(96, 120).pixels * 0.8
    clean[5:25, 5:25] = 0.5
    picture = lit(clean, dtype=dtype)
    settings = Settings(reference="5,5,20,20")
    result = seven.drive(STEP, settings, picture, Findings())
    lab = linear_to_lab(srgb_to_linear(result[5:25, 5:25].reshape(-1, 3).mean(axis=0)))
    assert np.hypot(*lab[1:]) < 0.5
    seven.improves(
        lambda pixels: seven.drive(STEP, settings, seven.stored(pixels, dtype), Findings()),
        picture.pixels,
        # the factors keep a neutral's luminance: the lamp's dimness stays
        linear_to_srgb(srgb_to_linear(clean) * float(np.array(LAMP) @ [0.2126, 0.7152, 0.0722])),
        by_db=10,
    )


def test_a_neutral_place_moves_nothing_much_and_a_black_one_says_so() -> None:
    clean = seven.photo(60, 60).pixels
    clean[5:25, 5:25] = 0.5
    clean[30:40, 30:40] = 0.01
    picture = seven.stored(clean, np.uint16)
    assert measured(picture, reference="5,5,20,20").factors == pytest.approx((1, 1, 1), abs=1e-3)
    assert "too dark" in measured(picture, reference="32,32,6,6").says


@pytest.mark.parametrize("by", ["several", "shades-of-grey", "grey-edge", "grey-world"])
def test_guesses_take_a_lamp_off_a_scene_that_is_grey_on_average(by: str) -> None:
    rng = np.random.default_rng(3)
    bright = rng.uniform(0.1, 0.6, (32, 32, 1))
    colours = bright * np.exp(rng.normal(0, 0.12, (32, 32, 3)))
    scene = np.kron(colours, np.ones((8, 8, 1))).astype(np.float32)
    picture = seven.stored(linear_to_srgb(scene * np.array(LAMP, np.float32)), np.uint8)
    found = look_at(picture, BENCH, only={"cast"})
    factors = np.array(measured(picture, found, by=by).factors) * np.array(LAMP)
    assert factors / factors[1] == pytest.approx(1, rel=0.12)


def test_without_a_cast_grey_pictures_and_where_guesses_disagree_nothing_is_done() -> None:
    picture = lit(seven.photo(40, 40).pixels)
    assert measured(picture, Findings(cast=Cast(says="Four ways lie apart."))).nothing
    grey = seven.photo(40, 40, channels=1)
    assert measured(grey).nothing
    assert measured(picture, Findings(), by="border").nothing


def test_a_white_border_is_found_and_is_a_reference() -> None:
    picture = lit(bordered(), dtype=np.uint8)
    seen = cast_eye.look(picture, BENCH)
    assert seen.border is not None
    found = measured(picture, Findings(cast=seen), by="border")
    factors = np.array(found.factors) * np.array(LAMP)
    assert factors / factors[1] == pytest.approx(1, rel=0.03)


def test_no_border_is_seen_where_there_is_none() -> None:
    sound = data.chelsea()
    wall = np.full((300, 300, 3), 235, np.uint8)  # a person before a white wall: no straight edge
    rows, cols = np.mgrid[:300, :300]
    wall[(rows - 180) ** 2 + (cols - 150) ** 2 < 90**2] = (120, 90, 70)
    dark = (bordered(border=0.4) * 255).astype(np.uint8)
    stripes = bordered()
    stripes[:, ::7] = 0.3
    striped = (stripes * 255).astype(np.uint8)
    for pixels in (sound, wall, dark, striped, data.coffee(), data.astronaut()):
        assert cast_eye.look(Picture(pixels), BENCH).border is None


def test_advice_needs_a_border_that_the_picture_agrees_with() -> None:
    colour = Tone(says="", confidence=0.95, kind="colour")

    def steps(**cast: Any) -> tuple[str, ...]:
        found = Findings(tone=colour, cast=Cast(says="", **cast))
        return advise(found).recipe.step_names

    assert steps(confidence=0.7, a=-8.0, b=-10.0, border=(-7.0, -9.0)) == ("correct_cast",)
    assert steps(confidence=0.7, a=-8.0, b=-10.0) == ()
    assert steps(confidence=0.7, a=0.0, b=0.0, border=(-7.0, -9.0)) == ()
    assert steps(confidence=None, border=(-7.0, -9.0)) == ()
    assert steps(confidence=0.7, a=-1.0, b=-2.0, border=(-1.0, -2.0)) == ()
    # old paper is yellow, and stays so
    assert steps(confidence=0.7, a=3.0, b=14.0, border=(2.0, 12.0)) == ()
