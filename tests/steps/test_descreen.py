"""Descreen: the seven questions, dots gone, edges kept, unscreened places as they were."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from printed import printed, text_page
from skimage import data

import seven
from unfade.condition import halftone
from unfade.engines.contract import PlainBench
from unfade.errors import SettingsError
from unfade.findings import Findings
from unfade.picture import Picture
from unfade.pixels.colour import linear_to_srgb, srgb_to_linear
from unfade.steps.descreen import STEP, Settings, descreen, planned

KNOWN = Settings(pitch_px=5.0, angle_degrees=44.0)


def screened(rows: int, cols: int, channels: int = 1, pitch: float = 5.0) -> Picture:
    clean = seven.photo(rows, cols, channels=channels).pixels
    return seven.stored(printed(clean, pitch, -1.0)[0].astype(np.float32), np.float32)


def found_in(picture: Picture) -> Findings:
    return Findings(halftone=halftone.look(picture, PlainBench()))


def test_neutral() -> None:
    seven.neutral_changes_nothing(STEP, Settings(strength=0, pitch_px=4.0, angle_degrees=45.0))


def test_nothing_is_done_where_no_screen_was_found() -> None:
    picture = seven.photo(80, 90)
    result = seven.drive(STEP, Settings(), picture, found_in(seven.photo(200, 200)))
    assert np.array_equal(result, picture.pixels)


def test_halo() -> None:
    seven.looks_no_further_than_its_halo(STEP, Settings(pitch_px=3.0, angle_degrees=20.0))


def test_shape_and_depth() -> None:
    seven.keeps_shape_and_depth(STEP, KNOWN)


def test_range() -> None:
    seven.stays_finite(STEP, KNOWN)


@pytest.mark.parametrize("pitch", [3.1, 9.0])
def test_tiling(pitch: float) -> None:
    settings = Settings(pitch_px=pitch, angle_degrees=44.0)
    picture = screened(150, 331, 3, pitch)
    seven.same_bits_for_any_tiling(STEP, settings, picture=picture, cores_px=(64, 100))


def test_filters_are_those_of_one_large_transform() -> None:
    """Away from edges a block filtered by itself is the whole picture filtered at once."""
    light = srgb_to_linear(screened(360, 360).pixels)
    frequency = (float(np.sin(np.deg2rad(44)) / 5), float(np.cos(np.deg2rad(44)) / 5))
    smooth = descreen(light, [[frequency]], detail=0)[:, :, 0]
    down, right = np.fft.fftfreq(360)[:, None], np.fft.fftfreq(360)[None]
    whole = np.exp(-2 * np.pi**2 * 25 * (down**2 + right**2))
    a, b = frequency
    for m in range(-4, 5):
        for n in range(-4, 5):
            if m or n:
                y, x = m * a + n * b, m * b - n * a
                away2 = ((down - y) ** 2 + (right - x) ** 2) * 25
                whole = whole * (1 - np.exp(-away2 / 0.08))
    other = np.fft.ifft2(np.fft.fft2(light[:, :, 0]) * whole).real
    inner = np.s_[60:-60, 60:-60]
    # where the dots are faint the picture is left as it is
    assert np.median(np.abs(smooth[inner] - other[inner])) < 5e-4


@pytest.mark.parametrize("pitch", [3.2, 4.5, 7.0])
def test_better_than_before_and_than_any_blur(pitch: float) -> None:
    """Sharper than the Gaussian blur that would suit best, were it known."""
    clean = data.camera()[100:356, 150:406].astype(np.float32)[:, :, None] / 255
    pixels, _ = printed(clean, pitch)
    picture = seven.stored(pixels.astype(np.float32), np.uint8)
    result = _restored(picture)
    blurs = [
        linear_to_srgb(cv2.GaussianBlur(srgb_to_linear(picture.pixels), (0, 0), s * pitch))
        for s in (0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6)
    ]
    best = max(seven.psnr(blur[:, :, None], clean) for blur in blurs)
    assert seven.psnr(result, clean) > seven.psnr(picture.pixels, clean) + 8
    assert seven.psnr(result, clean) > best


def test_four_inks() -> None:
    clean = seven.photo(256, 256, top=0, left=120).pixels
    pixels, _ = printed(clean, 4.5, inks="process")
    picture = seven.stored(pixels.astype(np.float32), np.uint8)
    assert seven.psnr(_restored(picture), clean) > seven.psnr(picture.pixels, clean) + 8


def test_an_even_tint_becomes_even() -> None:
    pixels, _ = printed(np.full((256, 256, 1), 0.6), 4.0)
    picture = seven.stored(pixels.astype(np.float32), np.uint8)
    inner = _restored(picture)[30:-30, 30:-30]
    assert picture.pixels[30:-30, 30:-30].std() > 0.3
    assert inner.std() < 0.006


def test_text_beside_a_print_stays_as_it_was() -> None:
    page = np.concatenate([text_page(320, 384), printed(_grey(320, 384), 5.0)[0][:, :, 0]], axis=0)
    picture = seven.stored(page[:, :, None].astype(np.float32), np.uint8)
    result = _restored(picture)
    text = np.s_[:280]
    changed = np.abs(result[text] - picture.pixels[text]).max(axis=2) > 4 / 255
    assert changed.mean() < 0.15  # of letters made of noise; without the look at step 0.39


def test_half_a_screen_is_refused() -> None:
    with pytest.raises(SettingsError, match="angle_degrees"):
        seven.drive(STEP, Settings(pitch_px=4.0), screened(40, 40))


def test_plan_names_its_lattices() -> None:
    plan = planned(10, 10, [[(0.1, 0.2)]])
    assert plan.to_dict() == {"lattices": [[[0.1, 0.2]]]}


def _grey(rows: int, cols: int) -> np.ndarray:
    return data.camera()[:rows, :cols].astype(np.float32)[:, :, None] / 255


def _restored(picture: Picture) -> np.ndarray:
    findings = found_in(picture)
    assert findings.halftone is not None and findings.halftone.screens
    return seven.drive(STEP, Settings(), picture, findings)
