"""Correct fading against dyes that fade as spectra do: the step knows matrices alone."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from skimage import data

import seven
from unfade.degrade.whole.spectra import (
    MATERIALS,
    density_matrix,
    dye_amounts,
    fade_spectra,
    status_a,
)
from unfade.errors import SettingsError
from unfade.findings import Findings
from unfade.picture import Picture
from unfade.pixels.colour import linear_to_lab, linear_to_srgb, srgb_to_linear
from unfade.pixels.places import places_of
from unfade.steps.correct_fading import DYES, STEP, Fading, Settings, measure, restore_density

LEFT, STAIN = (0.4, 0.65, 0.55), (0.06, 0.1, 0.18)
CARD, WHITE, BLACK = 0.75, 0.06, 1.8  # densities of an 18 % card and of two more patches
PLACES = {"card": "4,4,8,8", "white": "4,20,8,8", "black": "4,36,8,8"}


@cache
def sound(name: str) -> np.ndarray:
    """Linear light of a photograph as a print, with a card, a white and a black patch on it."""
    pixels = getattr(data, name)()[::6, ::6].astype(np.float32) / 255
    pixels = np.repeat(pixels[:, :, None], 3, axis=2) if pixels.ndim == 2 else pixels
    flare = np.float32(10**-2.1)
    linear = (srgb_to_linear(pixels) + flare) / (1 + flare)
    for left, density in ((4, CARD), (20, WHITE), (36, BLACK)):
        linear[4:12, left : left + 8] = 10**-density
    return linear


@cache
def lost(name: str, material: str) -> Picture:
    linear = fade_spectra(sound(name), material, LEFT, STAIN)
    return seven.stored(linear_to_srgb(linear.astype(np.float32)), np.uint16)


def measured(picture: Picture, **settings: Any) -> Fading:
    result = seven.measured(STEP, Settings(**settings), picture, Findings())
    assert isinstance(result, Fading)
    return result


def of_card(linear: np.ndarray) -> float:
    """CIELAB chroma of the grey card."""
    lab = linear_to_lab(linear[5:11, 5:11].reshape(-1, 3).mean(axis=0))
    return float(np.hypot(lab[1], lab[2]))


@pytest.mark.parametrize("material", MATERIALS)
def test_matrices_follow_from_the_spectra(material: str) -> None:
    assert np.allclose(DYES[material], density_matrix(material), atol=2e-4)
    amounts = np.random.default_rng(1).uniform(0, 2, (20, 3))
    assert np.allclose(dye_amounts(status_a(amounts, material), material), amounts, atol=1e-9)
    assert np.allclose(status_a(np.ones(3), material), 1)


@pytest.mark.parametrize("material", MATERIALS)
def test_loss_is_recovered_within_5_percent_from_a_motif_of_grey(material: str) -> None:
    found = measured(lost("camera", material), dyes=material)
    relative = np.array(found.gains) / found.gains[1]
    assert relative == pytest.approx(np.array(LEFT) / LEFT[1], rel=0.05)


@pytest.mark.parametrize("material", MATERIALS)
@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea"])
def test_all_six_are_recovered_from_two_places_of_known_density(name: str, material: str) -> None:
    known = f"{PLACES['white']}={WHITE} {PLACES['black']}={BLACK}"
    found = measured(lost(name, material), dyes=material, reference=known)
    assert found.gains == pytest.approx(LEFT, rel=0.05)
    assert found.stains == pytest.approx(STAIN, abs=0.02)


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea"])
def test_one_grey_card_makes_the_card_neutral_and_the_picture_better(name: str) -> None:
    picture = lost(name, "paper")
    before = srgb_to_linear(picture.pixels)
    found = measured(picture, reference=PLACES["card"])
    after = restore_density(before, found)
    assert found.dyes == "paper"
    assert of_card(before) > 8
    assert of_card(after) < 1
    truth = linear_to_srgb(sound(name))
    blind = restore_density(before, measured(picture))
    assert seven.psnr(linear_to_srgb(after), truth) > seven.psnr(picture.pixels, truth) + 3
    assert of_card(blind) > of_card(after)


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea"])
def test_an_unfaded_picture_with_a_grey_card_is_not_moved(name: str) -> None:
    picture = seven.stored(linear_to_srgb(sound(name)), np.uint16)
    for reference in (PLACES["card"], f"{PLACES['card']}={CARD} {PLACES['white']}={WHITE}"):
        assert measured(picture, reference=reference).nothing
        settings = Settings(reference=reference)
        assert np.array_equal(seven.drive(STEP, settings, picture), picture.pixels)


@pytest.mark.parametrize("material", MATERIALS)
def test_six_numbers_given_by_the_user_bring_the_print_back(material: str) -> None:
    picture = lost("astronaut", material)
    names = ("cyan", "magenta", "yellow")
    given = {f"{n}_left": v for n, v in zip(names, LEFT)}
    given |= {f"{n}_stain": v for n, v in zip(names, STAIN)}
    found = measured(picture, dyes=material, **given)
    assert (found.gains, found.stains) == (LEFT, STAIN)
    truth = linear_to_srgb(sound("astronaut"))
    restored = restore_density(srgb_to_linear(picture.pixels), found)
    # dyes taken for light of their own colour alone leave far more behind
    crude = restore_density(srgb_to_linear(picture.pixels), Fading(LEFT, STAIN, "independent"))
    assert seven.psnr(linear_to_srgb(restored), truth) > 45
    assert seven.psnr(linear_to_srgb(crude), truth) < 38


def test_numbers_given_in_part_and_for_one_layer() -> None:
    picture = lost("astronaut", "paper")
    some = measured(picture, cyan_left=0.5)
    assert some.gains[0] == 0.5
    assert some.gains[1:] == measured(picture, dyes="paper").gains[1:]
    grey = seven.stored(picture.pixels[:, :, 1:2], np.uint16)
    assert measured(grey, cyan_left=0.4, magenta_left=0.6, cyan_stain=0.1).gains == (0.5,)
    half = measured(picture, cyan_left=0.25, strength=0.5)
    assert half.gains[0] == 0.5


def test_a_place_is_read_or_refused_with_words() -> None:
    first, second = places_of("20,10  6,5,8,7=0.5", "reference")
    assert (first.window.left, first.window.top, first.window.cols) == (6, 16, 9)
    assert (second.window.left, second.window.top, second.density) == (5, 6, 0.5)
    for wrong in ("10", "a,b", "1,2,3", "1,2,0,4", "1,2=dark", "1,2=9"):
        with pytest.raises(SettingsError, match="reference"):
            Settings(reference=wrong)
    with pytest.raises(SettingsError, match="outside the picture"):
        measure(lost("coffee", "paper"), Settings(reference="900,900"), Findings(), _bench())


def _bench() -> Any:
    from unfade.engines.contract import PlainBench

    return PlainBench()
