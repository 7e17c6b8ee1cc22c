"""JPEG blocks: grid and quality from the pixels, and pictures without blocks left alone."""

from __future__ import annotations

from pathlib import Path

import cv2
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
from unfade.condition import jpeg_blocks
from unfade.findings import Findings, JpegBlocks
from unfade.picture import Picture


def coded(pixels: np.ndarray, quality: int) -> Picture:
    """Through a real encoder and back."""
    samples = stored(pixels).samples
    bgr = np.ascontiguousarray(samples[:, :, ::-1])
    _, file = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    back = cv2.imdecode(file, cv2.IMREAD_UNCHANGED)
    back = back[:, :, None] if back.ndim == 2 else back[:, :, ::-1]
    return Picture(np.ascontiguousarray(back))


def advised(found: JpegBlocks) -> bool:
    return "deblock" in advise(Findings(jpeg_blocks=found)).recipe.step_names


@pytest.mark.parametrize("quality", [5, 10, 20, 35, 50, 60, 75])
@pytest.mark.parametrize("pixels", [photo(), grey_photo()])
def test_quality_from_the_pixels(pixels: np.ndarray, quality: int) -> None:
    found = jpeg_blocks.look(coded(pixels, quality), BENCH)
    assert found.grid == (0, 0)
    assert found.quality == pytest.approx(quality, abs=2)
    assert advised(found) == (quality <= 50)


@pytest.mark.parametrize(("top", "left"), [(3, 5), (0, 1), (7, 0), (4, 4)])
def test_the_grid_of_a_cropped_picture(top: int, left: int) -> None:
    picture = coded(photo(), 30)
    cropped = Picture(np.ascontiguousarray(picture.samples[top:, left:]))
    found = jpeg_blocks.look(cropped, BENCH)
    assert found.grid == ((8 - top) % 8, (8 - left) % 8)
    assert found.quality == pytest.approx(30, abs=2)


@pytest.mark.parametrize("quality", [8, 30, 75, 96])
def test_the_file_tells_its_own_quality(quality: int, tmp_path: Path) -> None:
    from PIL import Image

    from unfade.files import open_picture

    path = tmp_path / "a.jpg"
    Image.fromarray(data.astronaut()[:64, :64]).save(path, quality=quality)
    (note,) = open_picture(path).notes
    told = int(note.rstrip(".").split()[-1])
    assert told == pytest.approx(quality, abs=1)


def test_sixteen_bits_and_float_see_the_same() -> None:
    pixels = coded(photo(), 25).pixels
    for bits in (8, 16, 32):
        found = jpeg_blocks.look(stored(pixels, bits), BENCH)
        assert found.quality == pytest.approx(25, abs=2), bits


def test_after_enlarging_the_quality_is_not_told() -> None:
    small = coded(photo(), 15).samples
    large = cv2.resize(small, None, fx=1.37, fy=1.37, interpolation=cv2.INTER_CUBIC)
    found = jpeg_blocks.look(Picture(large), BENCH)
    assert found.quality is None
    assert not advised(found)


CONTROLS = {
    "photograph": photo(),
    "smooth photograph": smooth_photo(),
    "noise": np.random.default_rng(0).random((300, 300, 3)),
    "noisy photograph": noisy(photo(), 20),
    "coffee": data.coffee() / 255,
    "cat": data.chelsea() / 255,
    "fabric": fabric(pitch_px=8.0),
    "bricks": bricks(),
    "facade": facade(),
    "fence": fence(),
    "text": text_page(),
    "print": printed(grey_photo()[:300, :300], 5.0)[0],
    "print along the rows": printed(grey_photo()[:300, :300], 8.0, 45.0)[0],
}


@pytest.mark.parametrize("name", CONTROLS)
def test_what_was_not_compressed_is_left_alone(name: str) -> None:
    assert not advised(jpeg_blocks.look(stored(CONTROLS[name]), BENCH))


@pytest.mark.parametrize("quality", [90, 95, 100])
def test_good_quality_is_left_alone(quality: int) -> None:
    assert not advised(jpeg_blocks.look(coded(photo(), quality), BENCH))


def test_a_small_picture_is_not_measured() -> None:
    found = jpeg_blocks.look(stored(photo()[:20, :300]), BENCH)
    assert found.confidence is None and "32 pixels" in found.says


@pytest.mark.parametrize("name", ODD_PICTURES)
def test_odd_pictures_and_threads(name: str) -> None:
    found = jpeg_blocks.look(ODD_PICTURES[name], BENCH)
    assert found == jpeg_blocks.look(ODD_PICTURES[name], ThreadedBench())
    assert not advised(found)
