"""Correct fading: the seven questions, what is recovered, and what must be left alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from skimage import data

import seven
from unfade.findings import Findings, Tone
from unfade.picture import Picture, pixels_to_codes
from unfade.pixels.colour import density, linear_to_srgb, srgb_to_linear
from unfade.steps.correct_fading import (
    DYES,
    STEP,
    Fading,
    Settings,
    invert_restore_density,
    measure_fading,
    restore_density,
)

LOSS = Fading(gains=(0.4, 0.65, 0.55), stains=(0.06, 0.1, 0.18))
COLOURED = ("chelsea", "astronaut", "coffee")


def sound_print(name: str) -> np.ndarray:
    """Linear light of a photograph as a print: paper white 1, deepest black density 2.1."""
    pixels = getattr(data, name)().astype(np.float32) / 255
    pixels = pixels[:, :, None] if pixels.ndim == 2 else pixels
    flare = np.float32(10**-2.1)
    return ((srgb_to_linear(pixels[::2, ::2]) + flare) / (1 + flare)).astype(np.float32)


def faded(linear: np.ndarray, loss: Fading = LOSS, dtype: Any = np.uint16) -> Picture:
    """What is scanned after the loss: sRGB samples."""
    return seven.stored(linear_to_srgb(invert_restore_density(linear, loss)), dtype)


def found(picture: Picture, findings: Findings = Findings(), **settings: Any) -> Fading:  # noqa: B008
    result = seven.measured(STEP, Settings(**settings), picture, findings)
    assert isinstance(result, Fading)
    return result


def toned(kind: str) -> Findings:
    return Findings(tone=Tone(says="", confidence=1.0, kind=kind))


def test_neutral() -> None:
    seven.neutral_changes_nothing(STEP, Settings(strength=0))


def test_halo() -> None:
    assert STEP.halo_px(Settings()) == 0
    seven.looks_no_further_than_its_halo(STEP, Settings())


def test_shape_and_depth() -> None:
    seven.keeps_shape_and_depth(STEP, Settings())


def test_range() -> None:
    seven.stays_finite(STEP, Settings(), low=0)


@pytest.mark.parametrize("dyes", DYES)
def test_tiling(dyes: str) -> None:
    picture = faded(sound_print("chelsea")[:141, :157], dtype=np.float32)
    seven.same_bits_for_any_tiling(STEP, Settings(dyes=dyes), picture=picture)
    seven.same_bits_for_any_tiling(STEP, Settings(keep_tone=True), picture=picture)


@pytest.mark.parametrize("dyes", DYES)
@pytest.mark.parametrize("layers", [1, 3])
def test_can_be_undone_within_a_16_bit_code(dyes: str, layers: int) -> None:
    loss = Fading(LOSS.gains[:layers], LOSS.stains[:layers], dyes)
    before = faded(sound_print("coffee"), loss)
    linear = srgb_to_linear(before.pixels)
    back = invert_restore_density(restore_density(linear, loss), loss)
    codes = pixels_to_codes(linear_to_srgb(back), np.dtype(np.uint16), 65535.0)
    assert np.abs(codes.astype(int) - before.samples).max() <= 1


def test_deep_shadows_come_back_too() -> None:
    loss = Fading((0.3,), (0.1,))
    dark = np.geomspace(2e-6, 1, 900, dtype=np.float32).reshape(30, 30, 1)
    for linear, known in ((dark, loss), (np.repeat(dark, 3, axis=2), LOSS)):
        back = invert_restore_density(restore_density(linear, known), known)
        assert np.allclose(back, linear, rtol=1e-4)


def test_is_the_density_model_written_out() -> None:
    linear = sound_print("coffee")[:20, :20]
    lost = density(invert_restore_density(linear, LOSS))
    expected = density(linear) * np.array(LOSS.gains) + np.array(LOSS.stains)
    assert np.allclose(lost, expected, atol=1e-5)
    dyes = np.array(DYES["chromogenic"])
    mixed = density(invert_restore_density(linear, Fading(LOSS.gains, LOSS.stains, "chromogenic")))
    layers = density(linear) @ np.linalg.inv(dyes).T
    expected = (layers * np.array(LOSS.gains) + np.array(LOSS.stains)) @ dyes.T
    assert np.allclose(mixed, expected, atol=1e-5)


def test_equal_dyes_are_neutral() -> None:
    for matrix in DYES.values():
        assert np.allclose(np.sum(matrix, axis=1), 1)


@pytest.mark.parametrize("dyes", DYES)
@pytest.mark.parametrize("dtype", seven.DTYPES)
def test_gains_of_a_print_with_neutral_ends_are_recovered_within_5_percent(
    dyes: str, dtype: Any
) -> None:
    loss = Fading(LOSS.gains, LOSS.stains, dyes)
    grey = sound_print("camera")  # a motif whose every layer has the same range
    measured = found(faded(np.repeat(grey, 3, axis=2), loss, dtype), dyes=dyes)
    assert measured.evidence == 1
    # relative losses need no assumption; the common one needs the range of this print
    relative = np.array(measured.gains) / measured.gains[1]
    assert relative == pytest.approx(np.array(LOSS.gains) / LOSS.gains[1], rel=0.05)
    low, high = np.quantile(density(grey), [0.005, 0.995])
    told = found(
        faded(np.repeat(grey, 3, axis=2), loss, dtype),
        dyes=dyes,
        density_low=float(low),
        density_high=float(high),
    )
    assert told.gains == pytest.approx(LOSS.gains, rel=0.05)
    assert told.stains == pytest.approx(LOSS.stains, abs=0.02)


@pytest.mark.parametrize("name", COLOURED)
def test_better_than_before(name: str) -> None:
    clean = sound_print(name)
    picture = faded(clean, dtype=np.uint8)
    seven.improves(
        lambda pixels: seven.drive(STEP, Settings(), seven.stored(pixels, np.uint8)),
        picture.pixels,
        linear_to_srgb(clean),
        by_db=2,
    )


@pytest.mark.parametrize("name", [*COLOURED, "camera"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_sound_print_is_left_alone(name: str, dtype: Any) -> None:
    picture = seven.stored(linear_to_srgb(sound_print(name)), dtype)
    result = seven.drive(STEP, Settings(), picture)
    codes = pixels_to_codes(result, picture.samples.dtype, picture.full_scale)
    assert np.abs(codes.astype(int) - picture.samples).max() <= 1


def test_a_grey_card_fog_and_high_key_are_left_alone() -> None:
    rng = np.random.default_rng(2)
    card = 0.46 + rng.normal(0, 0.01, (60, 60, 3))
    veil = 0.75 + 0.2 * seven.photo(60, 60).pixels
    grey_fog = np.repeat(0.55 + 0.3 * seven.photo(60, 60, channels=1).pixels, 3, axis=2)
    deep_fog = np.repeat(0.3 + 0.6 * seven.photo(60, 60, channels=1).pixels, 3, axis=2)
    for pixels in (card, veil, grey_fog, deep_fog):
        picture = seven.stored(pixels, np.uint16)
        assert found(picture).nothing
        assert np.array_equal(seven.drive(STEP, Settings(), picture), picture.pixels)


def test_black_surround_and_white_border_of_a_scan_do_not_hide_fading() -> None:
    picture = faded(sound_print("chelsea"), dtype=np.uint8)
    alone = found(picture)
    border = ((20, 20), (20, 20), (0, 0))
    framed = np.pad(np.pad(picture.samples, border), border, constant_values=255)
    assert found(Picture(framed)).gains == alone.gains


@pytest.mark.parametrize("kind", ["toned", "grey"])
def test_a_toned_picture_keeps_its_hue(kind: str) -> None:
    silver = 10 ** -(0.25 + 0.4 * density(sound_print("camera")))
    sepia = (silver * np.array([1.0, 0.86, 0.66])).astype(np.float32)
    picture = seven.stored(linear_to_srgb(sepia), np.uint16)
    measured = found(picture, toned(kind))
    assert len(measured.gains) == 1
    assert measured.gains[0] < 0.6
    before = srgb_to_linear(picture.pixels)
    after = restore_density(before, measured)
    share = before / before.sum(axis=2, keepdims=True)
    assert np.allclose(after / after.sum(axis=2, keepdims=True), share, atol=1e-5)
    assert np.quantile(after, 0.999) <= 1.01
    assert len(found(picture, toned("grey"), keep_tone=False).gains) == 3


def test_grey_pictures_have_one_layer() -> None:
    clean = sound_print("camera")
    picture = faded(clean, Fading((0.45,), (0.15,)))
    measured = found(picture)
    assert measured.gains[0] == pytest.approx(0.45, rel=0.1)
    seven.improves(
        lambda pixels: seven.drive(STEP, Settings(), seven.stored(pixels, np.uint16)),
        picture.pixels,
        linear_to_srgb(clean),
        by_db=8,
    )


def test_strength_and_max_gain_bound_the_change() -> None:
    picture = faded(sound_print("chelsea"))
    full, half = found(picture), found(picture, strength=0.5)
    assert half.gains == pytest.approx(tuple(g**0.5 for g in full.gains))
    assert half.stains == pytest.approx(tuple(s / 2 for s in full.stains))
    assert min(found(picture, max_gain=2.3).gains) >= 1 / 2.3
    assert found(picture, max_gain=1.0).says == "The picture is too flat to tell if it faded."


def test_the_array_functions_and_the_step_measure_the_same() -> None:
    picture = faded(sound_print("chelsea"))
    assert measure_fading(srgb_to_linear(picture.pixels)) == found(picture)
    plain = found(picture).to_dict()
    assert set(plain) == {"gains", "stains", "dyes", "evidence", "says"}
    assert all(type(v) is float for v in plain["gains"] + plain["stains"])
