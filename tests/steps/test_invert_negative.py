"""Invert negative: the seven questions, synthetic negatives, and positives that must stay."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from skimage import data

import seven
from unfade import restore
from unfade.advice import advise
from unfade.condition import negative as eye
from unfade.engines.contract import PlainBench
from unfade.errors import SettingsError
from unfade.findings import Findings, Negative
from unfade.picture import Picture
from unfade.pixels.colour import ciede2000, linear_to_lab, linear_to_srgb, srgb_to_linear
from unfade.steps import STEPS
from unfade.steps.invert_negative import STEP, Film, Settings, to_negative, to_positive

BENCH = PlainBench()
MASK = (0.18, 0.52, 0.78)  # densities of bare colour negative film
GAMMAS = (0.55, 0.60, 0.66)
BLACK = 2.1  # density of a print's black: what leaves no trace on the negative
WIDTH = 14  # of the strip of bare film


def positive(name: str = "astronaut") -> np.ndarray:
    """Linear light of a photograph between black and white."""
    pixels = getattr(data, name)()[:360, :420].astype(np.float32) / 255
    pixels = pixels[:, :, None] if pixels.ndim == 2 else pixels
    flare = np.float32(10**-BLACK)
    return np.asarray((srgb_to_linear(pixels) + flare) / (1 + flare))


def film(
    linear: np.ndarray, base: tuple[float, ...] = MASK, gammas: tuple[float, ...] = GAMMAS
) -> np.ndarray:
    """Linear light of the negative with a strip of bare film around it."""
    exposed = np.array(base) + np.array(gammas) * (np.log10(linear) + BLACK)
    strip = ((WIDTH, WIDTH), (WIDTH, WIDTH), (0, 0))
    inside = np.pad(10.0**-exposed, strip)
    bare = np.pad(np.zeros(linear.shape[:2], bool), WIDTH, constant_values=True)
    inside[bare] = 10 ** -np.array(base)
    rough = np.random.default_rng(0).normal(1, 0.01, bare.shape)
    return np.asarray(inside * rough[:, :, None])


def scanned(linear: np.ndarray, dtype: Any = np.uint16) -> Picture:
    return seven.stored(linear_to_srgb(linear.astype(np.float32)), dtype)


def difference(picture: Picture, truth: np.ndarray) -> np.ndarray:
    """CIEDE2000 inside the frame."""
    frame = slice(WIDTH, -WIDTH)
    mine = linear_to_lab(srgb_to_linear(np.clip(picture.pixels[frame, frame], 0, 1)))
    return ciede2000(mine, linear_to_lab(truth))


SEEN = Findings(negative=Negative(says="", kind="colour", base=tuple(10 ** -np.array(MASK))))


def test_there_is_no_neutral_setting() -> None:
    assert not Settings().neutral


def test_halo() -> None:
    seven.looks_no_further_than_its_halo(STEP, Settings(), SEEN)


def test_shape_and_depth() -> None:
    seven.keeps_shape_and_depth(STEP, Settings(), SEEN)


def test_range() -> None:
    seven.stays_finite(STEP, Settings(red_gamma=0.1), SEEN, low=0)


def test_tiling() -> None:
    seven.same_bits_for_any_tiling(STEP, Settings(), SEEN, picture=scanned(film(positive())))


def test_can_be_undone_within_a_16_bit_code() -> None:
    picture = scanned(film(positive()))
    known: Film = seven.measured(STEP, Settings(), picture, SEEN)
    linear = srgb_to_linear(picture.pixels)
    back = linear_to_srgb(to_negative(to_positive(linear, known), known))
    assert np.abs(back - picture.pixels).max() <= 1.5 / 65535


def test_is_the_straight_line_of_hurter_and_driffield() -> None:
    truth = positive("coffee")
    known = Film(MASK, tuple(b + BLACK * g for b, g in zip(MASK, GAMMAS)), GAMMAS)
    linear = 10 ** -(np.array(MASK) + np.array(GAMMAS) * (np.log10(truth) + BLACK))
    assert np.allclose(to_positive(linear.astype(np.float32), known), truth, rtol=1e-4)


@pytest.mark.parametrize("name", ["astronaut", "coffee"])  # scenes with something white in them
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_synthetic_negative_becomes_the_positive_again(name: str, dtype: Any) -> None:
    truth = positive(name)
    picture = scanned(film(truth), dtype)
    given = dict(zip(("red_gamma", "green_gamma", "blue_gamma"), GAMMAS))
    result = restore(
        picture, only=("invert_negative",), settings={"invert_negative": given}
    ).picture
    assert np.median(difference(result, truth)) < 1.5
    blind = restore(picture, only=("invert_negative",)).picture
    assert np.median(difference(blind, truth)) < 2.0
    assert np.median(difference(picture, truth)) > 25


def test_a_scene_without_white_comes_out_too_light_and_exposure_mends_it() -> None:
    truth = positive("chelsea")
    picture = scanned(film(truth))
    steps = {"only": ("invert_negative",)}
    light = restore(picture, **steps).picture
    darker = restore(picture, settings={"invert_negative": {"exposure": -1.0}}, **steps).picture
    assert np.median(difference(light, truth)) > 8
    assert np.median(difference(darker, truth)) < 6


def test_base_white_and_ratio_of_gammas_are_measured() -> None:
    grey = np.repeat(positive("camera"), 3, axis=2)
    picture = scanned(film(grey))
    found = Findings(negative=eye.look(picture, BENCH))
    known: Film = seven.measured(STEP, Settings(), picture, found)
    assert known.base == pytest.approx(MASK, abs=0.01)
    ratios = np.array(known.gammas) / np.mean(known.gammas)
    assert ratios == pytest.approx(np.array(GAMMAS) / np.mean(GAMMAS), rel=0.03)
    pointed = seven.measured(STEP, Settings(base=f"2,2,{WIDTH - 4},200"), picture, Findings())
    assert pointed.base == pytest.approx(MASK, abs=0.01)


def test_exposure_lightens_by_stops() -> None:
    picture = scanned(film(positive()), np.float32)
    plain = seven.drive(STEP, Settings(), picture, SEEN)
    lighter = seven.drive(STEP, Settings(exposure=1), picture, SEEN)
    middle = (plain > 0.1) & (plain < 0.6)
    ratio = srgb_to_linear(lighter[middle]) / srgb_to_linear(plain[middle])
    assert np.allclose(ratio, 2, rtol=1e-3)


def test_a_bad_place_is_refused() -> None:
    with pytest.raises(SettingsError, match="base"):
        Settings(base="here")


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee"])
def test_colour_negatives_are_found_and_advised_within_a_holder_too(name: str) -> None:
    linear = film(positive(name))
    held = np.pad(linear, ((30, 30), (40, 40), (0, 0)), constant_values=0.002)
    for light in (linear, held):
        found = eye.look(scanned(light, np.uint8), BENCH)
        assert found.kind == "colour"
        assert np.array(found.base) == pytest.approx(10 ** -np.array(MASK), rel=0.05)
        advice = advise(Findings(negative=found))
        assert advice.recipe.step_names == ("invert_negative",)


def test_a_holder_does_not_count_as_white() -> None:
    linear = film(positive())
    held = np.pad(linear, ((60, 60), (80, 80), (0, 0)), constant_values=0.002)
    alone, within = (
        seven.measured(STEP, Settings(), p, Findings(negative=eye.look(p, BENCH)))
        for p in (scanned(linear), scanned(held))
    )
    assert within.white == pytest.approx(alone.white, abs=0.02)


def test_a_grey_negative_is_told_by_its_face_and_else_left_open() -> None:
    base, gamma = (0.25,), (0.62,)
    face = data.astronaut()[:300, 80:380, 1:2].astype(np.float32) / 255
    face = np.kron(face, np.ones((2, 2, 1), np.float32))
    lit = (srgb_to_linear(face) + 0.008) / 1.008
    found = eye.look(scanned(film(lit, base, gamma), np.uint8), BENCH)
    assert found.kind == "grey"
    assert advise(Findings(negative=found)).recipe.step_names == ("invert_negative",)
    faceless = film(positive("camera"), base, gamma)
    assert eye.look(scanned(faceless, np.uint8), BENCH).kind == "unknown"


def test_positives_are_never_turned_round() -> None:
    rng = np.random.default_rng(1)
    sound = [getattr(data, name)() for name in ("astronaut", "chelsea", "coffee", "rocket")]
    sound = [p if p.ndim == 3 else p[:, :, None] for p in (*sound, data.camera(), data.page())]
    bordered = np.full((400, 460, 3), 236.0)
    bordered[30:-30, 30:-30] = data.astronaut()[:340, :400] * 0.9
    yellowed = bordered * np.array([0.97, 0.88, 0.66])
    sepia = bordered.mean(axis=2, keepdims=True) * np.array([0.95, 0.80, 0.58])
    sunset = np.linspace(40, 250, 300)[:, None, None] * np.array([1.0, 0.55, 0.2])
    sunset = sunset + rng.normal(0, 2, (300, 400, 1))
    kraft = np.full((400, 460, 3), (178.0, 132, 88))
    kraft[40:-40, 60:-60] = data.coffee()[:320, :340]
    made = [np.clip(p, 0, 255).astype(np.uint8) for p in (bordered, yellowed, sepia, sunset, kraft)]
    for pixels in (*sound, *made):
        found = eye.look(Picture(np.ascontiguousarray(pixels)), BENCH)
        assert found.kind in ("none", "unknown"), found.says
        assert "invert_negative" not in advise(Findings(negative=found)).recipe.step_names


def test_tones_judged_before_the_negative_is_turned_round_are_not_acted_on() -> None:
    from unfade.findings import Fade

    faded = Fade(says="faded", confidence=0.95, faded=True)
    both = Findings(
        fade=faded,
        negative=Negative(says="", kind="colour", confidence=0.95, base=(0.7, 0.3, 0.2)),
    )
    advice = advise(both)
    assert advice.recipe.step_names == ("invert_negative",)
    assert any("correct_fading" in line for line in advice.left_alone)


def test_dust_is_mended_before_it_could_become_white() -> None:
    names = [step.name for step in STEPS]
    assert names.index("remove_dust") < names.index("invert_negative")
    assert names.index("invert_negative") < names.index("correct_fading")
    truth = positive("coffee")
    spots = np.zeros(tuple(n + 2 * WIDTH for n in truth.shape[:2]), bool)
    rng = np.random.default_rng(2)
    for row, col in zip(rng.integers(40, 290, 14), rng.integers(40, 400, 14)):
        spots[row - 1 : row + 2, col - 2 : col + 2] = True
    dusty = film(truth)
    dusty[spots] *= 0.02
    scan = scanned(dusty, np.uint8)
    inside = spots[WIDTH:-WIDTH, WIDTH:-WIDTH]
    mended = difference(restore(scan, recipe="negative").picture, truth)
    crude = difference(restore(scan, only=("invert_negative",)).picture, truth)
    assert mended[inside].mean() < 0.6 * crude[inside].mean()
    assert np.median(mended[~inside]) < 1.5


def test_a_grey_negative_scanned_in_colour_becomes_grey() -> None:
    grey = np.repeat(positive("camera"), 3, axis=2)
    scan = scanned(film(grey, (0.24, 0.25, 0.27), (0.62, 0.62, 0.62)))
    result = restore(scan, only=("invert_negative",)).picture
    assert np.median(difference(result, grey)) < 3
    lab = linear_to_lab(srgb_to_linear(result.pixels[WIDTH:-WIDTH, WIDTH:-WIDTH]))
    assert np.median(np.hypot(lab[..., 1], lab[..., 2])) < 1.5
