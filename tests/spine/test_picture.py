"""Codes, pixels and windows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unfade.picture import Picture, Window, codes_to_pixels, pixels_to_codes
from unfade.pixels.orient import as_stored, upright


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_code_survives_the_way_through_pixels(dtype: type) -> None:
    codes = np.arange(np.iinfo(dtype).max + 1, dtype=dtype)
    full = float(np.iinfo(dtype).max)
    assert np.array_equal(pixels_to_codes(codes_to_pixels(codes, full), dtype, full), codes)


def test_twelve_bits_in_sixteen_keep_their_stated_scale() -> None:
    codes = np.arange(4096, dtype=np.uint16)
    pixels = codes_to_pixels(codes, 4095.0)
    assert pixels[-1] == 1.0
    assert np.array_equal(pixels_to_codes(pixels, np.uint16, 4095.0), codes)


def test_floats_outside_the_scale_are_kept() -> None:
    pixels = np.array([-0.5, 0.0, 2.0], np.float32)
    assert np.array_equal(pixels_to_codes(pixels, np.float32, 1.0), pixels)


def test_integers_are_rounded_and_clipped_once() -> None:
    pixels = np.array([-0.1, 0.5004, 1.1], np.float32)
    assert pixels_to_codes(pixels, np.uint8, 255.0).tolist() == [0, 128, 255]


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 2), (4, 4, 4), (0, 4, 3)])
def test_shapes_outside_the_contract_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="shape"):
        Picture(np.zeros(shape, np.uint8))


def test_reading_a_window_gives_a_fresh_array() -> None:
    picture = Picture(np.full((4, 4, 1), 9, np.uint8))
    picture.read(Window(0, 0, 2, 2))[:] = 0
    assert picture.samples.min() == 9


@given(st.integers(1, 8), st.integers(1, 5), st.integers(1, 5))
def test_orientation_and_back(orientation: int, rows: int, cols: int) -> None:
    stored = np.arange(rows * cols * 3).reshape(rows, cols, 3)
    assert np.array_equal(as_stored(upright(stored, orientation), orientation), stored)


def test_orientations_agree_with_pillow() -> None:
    from PIL import Image, ImageOps

    stored = np.arange(24, dtype=np.uint8).reshape(4, 6)
    for orientation in range(1, 9):
        image = Image.fromarray(stored)
        image.getexif()[0x0112] = orientation
        expected = np.asarray(ImageOps.exif_transpose(image))
        assert np.array_equal(upright(stored, orientation), expected), orientation


@given(
    st.integers(0, 9), st.integers(0, 9), st.integers(1, 9), st.integers(1, 9), st.integers(0, 9)
)
def test_a_grown_window_holds_the_old_one(
    top: int, left: int, rows: int, cols: int, margin: int
) -> None:
    window = Window(top, left, top + rows, left + cols)
    grown = window.grown(margin, 20, 20)
    plane = np.arange(400).reshape(20, 20)
    assert np.array_equal(plane[grown.slices][window.within(grown)], plane[window.slices])
