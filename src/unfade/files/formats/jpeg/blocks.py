"""Changing some pixels of a JPEG without coding the rest again.

A JPEG that is decoded and coded again changes everywhere. Here only the 8 x 8 blocks that hold
changed pixels get new coefficients; every other quantised coefficient stays the same number, so
that outside the touched blocks input and output decode to equal samples.

Inside a touched block the samples that did *not* change are wanted back as well as the
quantisation allows: coefficients are not merely rounded but chosen by weighted least squares, in
which a sample that must stay weighs more than one that was made.

Source:
    ITU-T T.81 (the transform), JFIF 1.02 (colour). The choice of coefficients is coordinate
    descent on integers, as in trellis-free rate-distortion quantisation.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unfade.errors import UnreadableInput
from unfade.files.formats.jpeg.colour import Kind, component_of
from unfade.files.formats.jpeg.entropy import ZIGZAG
from unfade.files.formats.jpeg.markers import Frame, Parts

# a sample that must stay weighs this much against one that was made; one that lies beyond the
# picture's edge hardly at all, but enough to keep the choice unique
_STAYS, _MADE, _BEYOND = 4.0, 1.0, 0.01
_SWEEPS = 3
_MOST = 2047  # a level beyond this has no code in 8-bit files
_BLOCKS_AT_ONCE = 8192
_ONE_AT_A_TIME = threading.Lock()  # jpeglib keeps the markers that it reads in global variables


@dataclass(frozen=True, slots=True)
class Planes:
    """Quantised coefficients: for each component (block rows, block cols, 64) int16, row order."""

    coefficients: tuple[np.ndarray, ...]
    tables: tuple[np.ndarray, ...]  # (64,) float64 in row order, one for each component


def read_planes(parts: Parts, name: str) -> Planes | None:
    """The quantised coefficients, or None where they cannot be matched with one table each."""
    import jpeglib

    frame = parts.frame
    by_number = parts.tables
    if any(c.table not in by_number for c in frame.components):
        return None
    tables = []
    for component in frame.components:
        table = np.empty(64)
        table[ZIGZAG] = by_number[component.table]
        tables.append(table)
    handle, path = tempfile.mkstemp(suffix=".jpg", prefix="unfade-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(parts.stream)
        with _ONE_AT_A_TIME:
            jpeg = jpeglib.read_dct(path)
            jpeg.load()
    except OSError as error:
        raise UnreadableInput(
            f"`{name}`: the JPEG coefficients cannot be read ({error}).",
            "Save the result as `.png` or `.tif` instead.",
        ) from error
    finally:
        os.unlink(path)
    planes = [jpeg.Y, jpeg.Cb, jpeg.Cr, jpeg.K][: len(frame.components)]
    coefficients = tuple(p.reshape(*p.shape[:2], 64).astype(np.int16) for p in planes)
    for plane, component in zip(coefficients, frame.components):
        if plane.shape[:2] != grid_of(frame, component.h, component.v):
            return None
        if np.abs(plane.astype(np.int32)).max(initial=0) > 16383:
            return None
    return Planes(coefficients, tuple(tables))


def grid_of(frame: Frame, h: int, v: int) -> tuple[int, int]:
    """Block rows and columns of a component."""
    rows = -(-frame.rows * v // frame.v_max)
    cols = -(-frame.cols * h // frame.h_max)
    return -(-rows // 8), -(-cols // 8)


def can_mend(frame: Frame) -> bool:
    """Whether the sampling is by whole factors, as all but a few files have it."""
    return all(frame.h_max % c.h == 0 and frame.v_max % c.v == 0 for c in frame.components)


def fresh_planes(frame: Frame, tables: Sequence[np.ndarray]) -> Planes:
    """Planes of nothing, for a picture of which every pixel counts as changed."""
    return Planes(
        tuple(np.zeros((*grid_of(frame, c.h, c.v), 64), np.int16) for c in frame.components),
        tuple(tables),
    )


def mend_planes(
    planes: Planes,
    frame: Frame,
    kind: Kind,
    codes: np.ndarray,
    changed: np.ndarray,
    stays: np.ndarray | None = None,
) -> tuple[np.ndarray, ...]:
    """New coefficients for the blocks with changed pixels; all others are the same numbers.

    Args:
        codes: (rows, cols, components) uint8 of the whole picture as ``kind`` decodes it; only
            looked at where pixels changed
        changed: (rows, cols) bool
        stays: (rows, cols) bool, pixels that should look as before; None: none need to
    Returns:
        coefficients shaped as ``planes.coefficients``
    Cost:
        time and memory in proportion to the touched blocks: 3 s for all of 12 megapixels
    """
    results = []
    for number, component in enumerate(frame.components):
        down, right = frame.v_max // component.v, frame.h_max // component.h
        result = planes.coefficients[number].copy()
        table = planes.tables[number]
        touched = _any_in_cells(changed, 8 * down, 8 * right, *result.shape[:2])
        places = np.argwhere(touched)
        for start in range(0, len(places), _BLOCKS_AT_ONCE):
            cells = _Cells(places[start : start + _BLOCKS_AT_ONCE], down, right)
            old = result[cells.rows, cells.cols].astype(np.float64)
            made = component_of(cells.cut(codes), kind, number)
            weight = np.where(cells.mean(cells.inside(changed.shape)) > 0, _MADE, _BEYOND)
            if stays is not None:
                weight[(cells.mean(cells.cut(stays)) == 1) & (weight == _MADE)] = _STAYS
            result[cells.rows, cells.cols] = _mended(
                old, table, cells, made, cells.cut(changed), weight.reshape(-1, 64)
            )
        results.append(result)
    return tuple(results)


def _mended(
    old: np.ndarray,
    table: np.ndarray,
    cells: _Cells,
    made: np.ndarray,
    fresh: np.ndarray,
    weight: np.ndarray,
) -> np.ndarray:
    """Coefficients (n, 64) of blocks in which the samples under ``fresh`` become ``made``."""
    now = samples_of(old * table)
    share = cells.mean(fresh)
    target = cells.mean(np.where(fresh, made, 0.0)) + (1 - share) * now
    levels = np.rint(coefficients_of(target) / table)
    mixed = weight.min(axis=1) < weight.max(axis=1)  # elsewhere rounding is the best there is
    if mixed.any():
        levels[mixed] = _refine(levels[mixed], table, target[mixed], weight[mixed])
    return np.asarray(np.clip(levels, -_MOST, _MOST).astype(np.int16))


def _refine(
    levels: np.ndarray, table: np.ndarray, target: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """Integers (n, 64) whose samples come nearer to ``target`` where ``weight`` is high."""
    rest = target.reshape(-1, 64) - samples_of(levels * table).reshape(-1, 64)
    norms = weight @ (_BASIS**2).T
    for _ in range(_SWEEPS):
        for k in range(64):
            wave = _BASIS[k] * table[k]
            step = np.rint((weight * rest) @ wave / (norms[:, k] * table[k] ** 2))
            levels[:, k] += step
            rest -= step[:, None] * wave
    return levels


def samples_of(coefficients: np.ndarray) -> np.ndarray:
    """Codes (n, 8, 8) of dequantised coefficients (n, 64), neither rounded nor clipped."""
    blocks = coefficients.reshape(-1, 8, 8)
    return np.asarray(_COSINES.T @ blocks @ _COSINES + 128.0)


def coefficients_of(samples: np.ndarray) -> np.ndarray:
    """The inverse of ``samples_of``: (n, 64) from (n, 8, 8)."""
    return np.asarray(_COSINES @ (samples - 128.0) @ _COSINES.T).reshape(-1, 64)


def _any_in_cells(mask: np.ndarray, tall: int, wide: int, rows: int, cols: int) -> np.ndarray:
    padded = np.zeros((rows * tall, cols * wide), bool)
    padded[: mask.shape[0], : mask.shape[1]] = mask[: rows * tall, : cols * wide]
    return np.asarray(padded.reshape(rows, tall, cols, wide).any(axis=(1, 3)))


class _Cells:
    """The areas of the full picture that some blocks of one component cover."""

    def __init__(self, places: np.ndarray, down: int, right: int) -> None:
        self.rows, self.cols = places.T
        self._down, self._right = down, right
        self._y = self.rows[:, None] * (8 * down) + np.arange(8 * down)
        self._x = self.cols[:, None] * (8 * right) + np.arange(8 * right)

    def cut(self, plane: np.ndarray) -> np.ndarray:
        """(n, tall, wide, ...) of a plane, its edge repeated where a cell runs over it."""
        y = np.minimum(self._y, plane.shape[0] - 1)
        x = np.minimum(self._x, plane.shape[1] - 1)
        return np.asarray(plane[y[:, :, None], x[:, None, :]])

    def inside(self, shape: tuple[int, ...]) -> np.ndarray:
        return np.asarray((self._y < shape[0])[:, :, None] & (self._x < shape[1])[:, None, :])

    def mean(self, cells: np.ndarray) -> np.ndarray:
        """(n, 8, 8): averaged down to the component's sampling, as encoders do."""
        n = len(cells)
        shaped = cells.reshape(n, 8, self._down, 8, self._right)
        return np.asarray(shaped.mean(axis=(2, 4), dtype=np.float64))


def _cosines() -> np.ndarray:
    k, x = np.mgrid[:8, :8]
    scale = np.where(k == 0, np.sqrt(1 / 8), np.sqrt(2 / 8))
    return np.asarray(scale * np.cos((2 * x + 1) * k * np.pi / 16))


_COSINES = _cosines()  # (frequency, place): orthonormal
_BASIS = np.einsum("ux,vy->uvxy", _COSINES, _COSINES).reshape(64, 64)
