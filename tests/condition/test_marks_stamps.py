"""A date that the camera exposed is part of the photograph."""

from __future__ import annotations

import numpy as np
import pytest

from unfade.condition.marks.stamps import without_stamps
from unfade.findings import Mark, MarkKind, Region
from unfade.picture import Picture, Window

ORANGE, WHITE = (1.0, 0.6, 0.25), (0.95, 0.95, 0.93)
PLACES = [(150, 200), (150, 212), (150, 228), (150, 240)]


def scene(
    ink: tuple[float, float, float],
    under: tuple[float, float, float],
    places: list[tuple[int, int]],
) -> tuple[np.ndarray, list[Mark]]:
    rng = np.random.default_rng(2)
    pixels = np.full((200, 300, 3), under, np.float32)
    marks = []
    for top, left in places:
        window = Window(top, left, top + 12, left + 6)
        mask = np.zeros((12, 6), bool)
        mask[1:-1, 1:-1] = True
        region = pixels[window.slices]
        region[mask] = 0.15 * region[mask] + 0.85 * np.array(ink, np.float32)
        marks.append(Mark(kind=MarkKind.DUST, region=Region.of(np.ones((12, 6), bool), window)))
    return pixels + rng.normal(0, 0.01, pixels.shape).astype(np.float32), marks


def left(pixels: np.ndarray, marks: list[Mark], dtype: type = np.uint8) -> list[Mark]:
    top = np.iinfo(dtype).max
    return without_stamps(marks, Picture((np.clip(pixels, 0, 1) * top).round().astype(dtype)))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("under", [(0.1, 0.15, 0.1), (0.5, 0.45, 0.4), (0.75, 0.82, 0.85)])
def test_an_orange_date_stays_and_dust_elsewhere_does_not(
    under: tuple[float, float, float], dtype: type
) -> None:
    pixels, marks = scene(ORANGE, under, PLACES)
    dusty, dust = scene(WHITE, under, [(20, 20), (60, 250)])
    for mark in dust:
        pixels[mark.region.window.slices] = dusty[mark.region.window.slices]
    assert left(pixels, [*dust, *marks], dtype) == dust


@pytest.mark.parametrize("under", [(0.1, 0.15, 0.1), (0.6, 0.4, 0.2), (0.2, 0.4, 0.7)])
def test_neutral_specks_in_a_row_are_dust(under: tuple[float, float, float]) -> None:
    pixels, marks = scene(WHITE, under, PLACES)
    assert left(pixels, marks) == marks


def test_few_or_scattered_orange_specks_are_no_date() -> None:
    for places in (PLACES[:2], [(20, 20), (20, 280), (180, 20), (180, 280)]):
        pixels, marks = scene(ORANGE, (0.5, 0.45, 0.4), places)
        assert left(pixels, marks) == marks


def test_in_one_channel_nothing_is_judged() -> None:
    pixels, marks = scene(ORANGE, (0.5, 0.45, 0.4), PLACES)
    assert left(pixels[:, :, :1], marks) == marks
