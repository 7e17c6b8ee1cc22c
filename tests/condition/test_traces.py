"""Scratches are followed along their line, over rough ground and gaps, and no further."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from unfade.condition.marks.traces import followed
from unfade.findings import Mark, MarkKind, Region, paint
from unfade.picture import Mask, Picture, Window

ROWS, COLS = 240, 480
WHOLE = Window(0, 0, ROWS, COLS)


def line(first: float, last: float, *, slope: float = 0.0, width: int = 3) -> Mask:
    """A straight scratch from one column to another, through the middle."""
    mask = np.zeros((ROWS, COLS), np.uint8)
    ends = [(round(x), round(ROWS / 2 + slope * (x - COLS / 2))) for x in (first, last)]
    cv2.line(mask, *ends, 1, width)
    return mask > 0


def rough(seed: int = 0) -> np.ndarray:
    """Calm on the left, rough from column 200 on: a scratch hardly shows there."""
    chance = np.random.default_rng(seed)
    ground = cv2.GaussianBlur(chance.normal(0, 1, (ROWS, COLS)), (0, 0), 1.5)
    ground *= 28 / ground.std() * (np.arange(COLS) > 200)
    return 110 + ground + chance.normal(0, 2, (ROWS, COLS))


def pictured(light: np.ndarray) -> Picture:
    return Picture(np.clip(np.rint(light), 0, 255).astype(np.uint8)[:, :, None])


def scratch(mask: Mask, confidence: float = 0.95) -> Mark:
    rows, cols = np.nonzero(mask)
    window = Window(int(rows.min()), int(cols.min()), int(rows.max()) + 1, int(cols.max()) + 1)
    return Mark(kind=MarkKind.SCRATCH, region=Region.of(mask[window.slices], window), light=True,
                width_px=3.0, length_px=float(window.cols), confidence=confidence)  # fmt: skip


@pytest.mark.parametrize("slope", [0.0, 0.21])
def test_a_scratch_is_followed_to_its_end_over_rough_ground(slope: float) -> None:
    true = line(40, 400, slope=slope)
    picture = pictured(rough() + 30 * true)
    (found,) = followed([scratch(line(40, 200, slope=slope))], picture)
    mask = paint((found,), WHOLE)
    near = cv2.dilate(true.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert mask[true].mean() > 0.85
    assert (mask & ~near).sum() < 40, "it ends where the scratch ends"
    assert found.length_px > 320


def test_a_scratch_that_ends_is_not_followed() -> None:
    mark = scratch(line(40, 200))
    (found,) = followed([mark], pictured(rough() + 30 * line(40, 200)))
    more = paint((found,), WHOLE) & ~paint((mark,), WHOLE)
    assert more.sum() < 60, "a few pixels at its end at most"


def test_an_edge_that_goes_on_where_the_scratch_ends_is_none_of_it() -> None:
    light = rough() * 0 + 110 + 30 * line(40, 200)
    light[: ROWS // 2, 200:] += 40
    mark = scratch(line(40, 200))
    (found,) = followed([mark], pictured(light))
    assert paint((found,), WHOLE)[:, 215:].sum() == 0


def test_unsure_marks_and_short_ones_stay_as_they_are() -> None:
    picture = pictured(rough() + 30 * line(40, 400))
    unsure = scratch(line(40, 200), confidence=0.6)
    short = scratch(line(170, 200))
    assert followed([unsure, short], picture) == [unsure, short]


def test_the_result_stays_in_the_picture() -> None:
    true = line(0, COLS - 1, slope=0.4)
    (found,) = followed([scratch(line(100, 300, slope=0.4))], pictured(rough() + 40 * true))
    window = found.region.window
    assert window.top >= 0 and window.left >= 0
    assert window.bottom <= ROWS and window.right <= COLS
    assert paint((found,), WHOLE)[true].mean() > 0.85
