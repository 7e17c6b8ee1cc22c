"""The lit edge of a board is no scratch: a rim parts two surfaces all along."""

from __future__ import annotations

import numpy as np
import pytest

from unfade.condition.marks.rims import without_rims
from unfade.findings import Mark, MarkKind, Region
from unfade.picture import Picture, Window


def scene(
    *, rows: int = 200, cols: int = 300, slope: float = 0.1, parts: bool = True, until: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """A light slanting line, (rows, cols, 3) float32, and its mask.

    Args:
        parts: what lies above it is darker than what lies below
        until: share of the width over which it does
    """
    rng = np.random.default_rng(1)
    down, right = np.mgrid[:rows, :cols].astype(np.float32)
    off = down - rows / 2 - slope * (right - cols / 2)
    pixels = np.full((rows, cols, 3), (0.5, 0.2, 0.2), np.float32)
    if parts:
        pixels[(off < 0) & (right < until * cols)] = (0.2, 0.1, 0.12)
    mask = np.abs(off) < 1.6
    pixels[mask] = 0.65
    return pixels + rng.normal(0, 0.01, pixels.shape).astype(np.float32), mask


def mark_of(mask: np.ndarray, kind: MarkKind = MarkKind.SCRATCH) -> Mark:
    rows, cols = np.nonzero(mask)
    window = Window(int(rows.min()), int(cols.min()), int(rows.max()) + 1, int(cols.max()) + 1)
    return Mark(kind=kind, region=Region.of(mask[window.slices], window), confidence=0.9)


def left(pixels: np.ndarray, mask: np.ndarray, dtype: type = np.uint8, **more: object) -> int:
    codes = np.clip(pixels, 0, 1) * (np.iinfo(dtype).max if dtype is not np.float32 else 1)
    picture = Picture(codes.round().astype(dtype) if dtype is not np.float32 else codes)
    return len(without_rims([mark_of(mask, **more)], picture))  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("slope", [0.0, 0.1, 0.9])
def test_a_line_between_two_surfaces_is_a_rim(slope: float, dtype: type) -> None:
    pixels, mask = scene(slope=slope)
    assert left(pixels, mask, dtype) == 0
    assert left(pixels.swapaxes(0, 1).copy(), mask.T.copy(), dtype) == 0
    assert left(pixels[:, :, :1].copy(), mask, dtype) == 0


def test_a_line_over_one_surface_is_a_scratch() -> None:
    assert left(*scene(parts=False)) == 1


def test_a_line_that_leaves_the_edge_is_a_scratch() -> None:
    assert left(*scene(until=0.6)) == 1


def test_a_short_line_a_hair_and_a_line_at_the_pictures_end_are_left_to_the_others() -> None:
    pixels, mask = scene()
    assert left(pixels, mask, kind=MarkKind.HAIR) == 1
    short = mask.copy()
    short[:, 40:] = False
    assert left(pixels, short) == 1
    middle = pixels.shape[0] // 2
    flat, line = scene(slope=0.0)
    assert left(flat[middle - 2 :], line[middle - 2 :]) == 1


def test_a_line_longer_than_what_is_read_at_a_time() -> None:
    pixels, mask = scene(rows=240, cols=1800, slope=0.05)
    assert left(pixels, mask) == 0
    pixels, mask = scene(rows=240, cols=1800, slope=0.05, until=0.7)
    assert left(pixels, mask) == 1
