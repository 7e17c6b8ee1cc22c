"""Halftone: screens measured, and things that look like print left alone."""

from __future__ import annotations

import numpy as np
import pytest
from eye_scenes import (
    BENCH,
    ODD_PICTURES,
    ThreadedBench,
    grey_photo,
    noisy,
    photo,
    smooth_photo,
    stored,
)
from printed import bricks, fabric, facade, fence, printed, text_page
from skimage import data

from unfade.advice import advise
from unfade.condition import halftone
from unfade.findings import Findings, Halftone
from unfade.picture import Picture

CROP = np.s_[100:400, 60:420]


def apart(a: float, b: float) -> float:
    """Difference of two angles of square lattices, degrees."""
    return abs((a - b + 45) % 90 - 45)


def advised(found: Halftone) -> bool:
    return "descreen" in advise(Findings(halftone=found)).recipe.step_names


@pytest.mark.parametrize(
    ("pitch", "turn"), [(2.6, 3.0), (3.3, -2.0), (4.0, 1.0), (5.37, 22.5), (8.0, -1.3), (14.0, 2.0)]
)
def test_pitch_and_angle_of_one_screen(pitch: float, turn: float) -> None:
    pixels, truth = printed(grey_photo()[CROP], pitch, turn)
    found = halftone.look(stored(pixels), BENCH)
    (screen,) = found.screens
    assert screen.pitch_px == pytest.approx(pitch, rel=0.005)
    assert apart(screen.angle_degrees, truth["angles_deg"][0]) < 0.2
    assert screen.ink == "black"
    assert advised(found)


@pytest.mark.parametrize(("pitch", "turn"), [(3.4, 1.5), (5.3, -2.0), (7.0, 2.5)])
def test_each_ink_has_its_angle(pitch: float, turn: float) -> None:
    pixels, truth = printed(photo()[CROP], pitch, turn, inks="process")
    found = halftone.look(stored(pixels), BENCH)
    angles = dict(zip(("cyan", "magenta", "yellow", "black"), truth["angles_deg"]))
    assert {screen.ink for screen in found.screens} == set(angles)
    for screen in found.screens:
        assert screen.pitch_px == pytest.approx(pitch, rel=0.005)
        assert apart(screen.angle_degrees, angles[screen.ink]) < 0.2
    assert advised(found)


@pytest.mark.parametrize("turn", [-0.8, -1.0, 0.9])
def test_a_screen_beside_the_frequency_of_jpeg_blocks_is_measured_or_left_out(turn: float) -> None:
    pixels, truth = printed(data.chelsea() / 255, 8.0, turn, inks="process")
    found = halftone.look(stored(pixels), BENCH)
    assert len(found.screens) >= 3
    for screen in found.screens:
        assert screen.pitch_px == pytest.approx(8.0, rel=0.005)
        assert min(apart(screen.angle_degrees, angle) for angle in truth["angles_deg"]) < 0.2


@pytest.mark.parametrize("bits", [8, 16, 32])
def test_every_depth_sees_the_same(bits: int) -> None:
    pixels, _ = printed(grey_photo()[CROP], 4.4)
    (screen,) = halftone.look(stored(pixels, bits), BENCH).screens
    assert screen.pitch_px == pytest.approx(4.4, rel=0.001)


def test_a_small_print_on_a_large_page_is_found_and_placed() -> None:
    page = np.full((1000, 1100), 0.95)
    pixels, _ = printed(grey_photo()[:360, :400], 5.0)
    page[600:960, 640:1040] = pixels[:, :, 0]
    found = halftone.look(stored(page), BENCH)
    assert found.screens and found.screens[0].pitch_px == pytest.approx(5.0, rel=0.005)
    assert found.where is not None
    assert found.where.top >= 300 and found.where.left >= 300
    assert 0 < found.area_share < 0.6


def test_compression_leaves_the_screen_measurable() -> None:
    import cv2

    pixels, truth = printed(grey_photo()[CROP], 5.0)
    _, coded = cv2.imencode(".jpg", stored(pixels).samples, [cv2.IMWRITE_JPEG_QUALITY, 40])
    (screen,) = halftone.look(Picture(cv2.imdecode(coded, 0)[:, :, None]), BENCH).screens
    assert screen.pitch_px == pytest.approx(5.0, rel=0.005)
    assert apart(screen.angle_degrees, truth["angles_deg"][0]) < 0.2


CONTROLS = {
    "photograph": photo(),
    "smooth photograph": smooth_photo(),
    "noise": np.random.default_rng(0).random((300, 300, 3)),
    "noisy photograph": noisy(photo(), 20),
    "fabric of 4 px": fabric(),
    "fine fabric": fabric(pitch_px=2.7, seed=1),
    "coarse fabric": fabric(pitch_px=9.0, seed=2),
    "bricks": bricks(),
    "facade": facade(),
    "fence": fence(),
    "text": text_page(),
}


@pytest.mark.parametrize("name", CONTROLS)
def test_what_is_no_print_is_unmoved(name: str) -> None:
    assert not advised(halftone.look(stored(CONTROLS[name]), BENCH))


def test_the_grid_of_jpeg_is_no_screen() -> None:
    import cv2

    _, coded = cv2.imencode(".jpg", stored(photo()).samples, [cv2.IMWRITE_JPEG_QUALITY, 5])
    found = halftone.look(Picture(cv2.imdecode(coded, 1)), BENCH)
    assert not found.screens


def test_a_facade_is_not_sure_and_said_to_be_left_alone() -> None:
    found = halftone.look(stored(facade()), BENCH)
    if found.screens:
        left = " ".join(advise(Findings(halftone=found)).left_alone)
        assert "not sure" in left
    else:
        assert "no dots" in found.says or found.confidence is None


def test_a_small_picture_is_not_measured() -> None:
    found = halftone.look(stored(photo()[:50, :300]), BENCH)
    assert found.confidence is None and "64 pixels" in found.says


@pytest.mark.parametrize("name", ODD_PICTURES)
def test_odd_pictures_and_threads(name: str) -> None:
    found = halftone.look(ODD_PICTURES[name], BENCH)
    assert found == halftone.look(ODD_PICTURES[name], ThreadedBench())
    assert not advised(found)
