"""EXIF orientation: stored order <-> upright, as views (no sample is copied or changed)."""

from __future__ import annotations

import numpy as np

# EXIF value -> (transpose first, flip rows, flip columns) that make the stored array upright
_UPRIGHT = {
    1: (False, False, False),
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}


def upright(stored: np.ndarray, orientation: int) -> np.ndarray:
    """The stored array (rows, cols, ...) as a person should see it. 1-8; others mean 1."""
    transpose, flip_rows, flip_cols = _UPRIGHT.get(orientation, _UPRIGHT[1])
    array = np.swapaxes(stored, 0, 1) if transpose else stored
    return array[:: -1 if flip_rows else 1, :: -1 if flip_cols else 1]


def as_stored(array: np.ndarray, orientation: int) -> np.ndarray:
    """The inverse of ``upright``: the order in which the file keeps it."""
    transpose, flip_rows, flip_cols = _UPRIGHT.get(orientation, _UPRIGHT[1])
    array = array[:: -1 if flip_rows else 1, :: -1 if flip_cols else 1]
    return np.swapaxes(array, 0, 1) if transpose else array


def swaps_sides(orientation: int) -> bool:
    """Whether upright rows are stored columns."""
    return _UPRIGHT.get(orientation, _UPRIGHT[1])[0]
