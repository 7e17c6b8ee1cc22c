"""Buttons stay on the coat: dots in an even row are no dust."""

from __future__ import annotations

import numpy as np
import pytest

from unfade.condition.marks.series import without_series
from unfade.findings import Mark, MarkKind, Region
from unfade.picture import Window


def dot(row: float, col: float, side: int = 8, kind: MarkKind = MarkKind.DUST) -> Mark:
    top, left = round(row), round(col)
    region = Region.of(np.ones((side, side), bool), Window(top, left, top + side, left + side))
    return Mark(kind=kind, region=region, width_px=side, length_px=side, confidence=0.95)


def strewn(count: int, seed: int, rows: int = 800, cols: int = 800) -> list[Mark]:
    rng = np.random.default_rng(seed)
    return [dot(r, c, int(rng.integers(5, 12))) for r, c in rng.uniform(0, 780, (count, 2))]


@pytest.mark.parametrize("lean", [0.0, 0.1, 1.0])
def test_buttons_are_left_out_and_dust_around_them_is_not(lean: float) -> None:
    buttons = [dot(100 + 30 * k, 300 + 30 * lean * k + (k % 2)) for k in range(5)]
    dust = [dot(50, 600), dot(420, 90), dot(700, 500, 5), dot(150, 330, 20)]
    assert without_series([*buttons, *dust], 800, 800) == dust


def test_a_row_of_three_or_of_unlike_or_uneven_dots_is_dust() -> None:
    three = [dot(100 + 30 * k, 300) for k in range(3)]
    unlike = [dot(100 + 40 * k, 600, (4, 9, 20, 5)[k]) for k in range(4)]
    uneven = [dot(r, 100) for r in (400, 420, 480, 500)]
    far = [dot(60 + 200 * k, 700) for k in range(4)]
    for marks in (three, unlike, uneven, far):
        assert without_series(marks, 800, 800) == marks


def test_scratches_in_a_row_are_kept() -> None:
    marks = [dot(100 + 30 * k, 300, kind=MarkKind.SCRATCH) for k in range(6)]
    assert without_series(marks, 800, 800) == marks


@pytest.mark.parametrize("count", [20, 100, 300, 600])
def test_dust_that_lies_anywhere_stays_dust(count: int) -> None:
    lost = sum(count - len(without_series(strewn(count, seed), 800, 800)) for seed in range(5))
    assert lost <= 4
