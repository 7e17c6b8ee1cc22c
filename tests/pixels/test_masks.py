"""Masks: grown, measured, taken apart, and checked against the picture."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from unfade.pixels.masks import check_hole, components, dilate, distance, width


def scattered(seed: int = 1, share: float = 0.03) -> np.ndarray:
    return np.random.default_rng(seed).random((41, 57)) < share


@pytest.mark.parametrize("radius_px", [1, 1.5, 2, 5])
def test_dilate_is_a_disc(radius_px: float) -> None:
    mask = scattered()
    expected = ndimage.distance_transform_edt(~mask) <= radius_px + 1e-6
    assert np.array_equal(dilate(mask, radius_px), expected)


def test_dilate_by_nothing_and_of_nothing() -> None:
    mask = scattered()
    grown = dilate(mask, 0)
    assert np.array_equal(grown, mask) and grown is not mask
    assert not dilate(np.zeros((3, 4), bool), 5).any()
    assert dilate(np.ones((1, 1), bool), 3).all()


def test_distance_agrees_with_scipy() -> None:
    mask = ~scattered()
    expected = ndimage.distance_transform_edt(mask)
    assert np.allclose(distance(mask), expected, atol=1e-4)
    assert distance(mask).dtype == np.float32


def test_depth_is_infinite_where_nothing_is_sound() -> None:
    assert np.isinf(distance(np.ones((2, 3), bool))).all()


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_width_of_lines(size: int) -> None:
    line = np.ones((size, 40), bool)
    assert abs(width(line) - size) <= 1
    assert width(np.ones((1, 40), bool)) == 1
    assert width(np.zeros((4, 4), bool)) == 0


def test_components_touch_by_corners_and_join_on_request() -> None:
    mask = np.zeros((8, 20), bool)
    mask[2, 2] = mask[3, 3] = mask[2, 6] = mask[6, 18] = True
    labels, count = components(mask)
    assert count == 3
    assert labels[2, 2] == labels[3, 3] != labels[2, 6]
    joined, fewer = components(mask, joined_px=1)
    assert fewer == 2
    assert joined[2, 2] == joined[2, 6] != 0
    assert np.array_equal(joined > 0, mask)


def test_what_cannot_be_filled_is_refused() -> None:
    pixels, mask = np.zeros((5, 6, 3), np.float32), np.zeros((5, 6), bool)
    check_hole(pixels, mask)
    with pytest.raises(ValueError, match=r"\(6, 5\).*\(5, 6\)"):
        check_hole(pixels, np.zeros((6, 5), bool))
    with pytest.raises(ValueError, match="nothing is left"):
        check_hole(pixels, ~mask)
    with pytest.raises(ValueError, match="float64"):
        check_hole(pixels.astype(np.float64), mask)
    with pytest.raises(ValueError, match="uint8"):
        check_hole(pixels, mask.astype(np.uint8))
    pixels[3, 4, 1] = np.nan
    with pytest.raises(ValueError, match="row 3, col 4"):
        check_hole(pixels, mask)
