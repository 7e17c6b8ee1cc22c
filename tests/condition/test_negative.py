"""The eye for negatives on odd pictures, old papers and what only looks orange."""

from __future__ import annotations

import numpy as np
import pytest
from eye_scenes import (
    BENCH,
    ODD_PICTURES,
    ThreadedBench,
    cyanotype,
    faded,
    grey_photo,
    photo,
    sepia,
    stored,
)

from unfade.condition import negative
from unfade.condition.border import edge_strips, paper_border
from unfade.pixels.colour import srgb_to_linear


def on_card(pixels: np.ndarray, card: tuple[float, float, float], width: int = 24) -> np.ndarray:
    """A picture on a card of one colour."""
    page = np.tile(np.array(card), (*(n + 2 * width for n in pixels.shape[:2]), 1))
    page[width:-width, width:-width] = pixels * np.array(card)
    return page


@pytest.mark.parametrize("name", ODD_PICTURES)
def test_odd_pictures_and_threads(name: str) -> None:
    found = negative.look(ODD_PICTURES[name], BENCH)
    assert found == negative.look(ODD_PICTURES[name], ThreadedBench())
    assert found.kind in ("none", "unknown")


@pytest.mark.parametrize("bits", [8, 16, 32])
@pytest.mark.parametrize("change", [lambda p: p, sepia, cyanotype, faded])
def test_old_prints_on_old_card_are_no_negatives(change: object, bits: int) -> None:
    print_ = change(photo()[:300, :300])  # type: ignore[operator]
    for card in ((1, 1, 1), (0.95, 0.9, 0.78), (0.85, 0.66, 0.42), (0.9, 0.72, 0.5)):
        found = negative.look(stored(on_card(print_, card), bits), BENCH)
        assert found.confidence is None or found.kind == "none", found.says


def test_a_grey_print_on_brown_card_has_one_tone_alone() -> None:
    """The card is as orange as a mask, and nothing is lighter: only colours tell them apart."""
    grey = np.repeat(grey_photo()[:300, :300, None], 3, axis=2)
    found = negative.look(stored(on_card(grey, (0.9, 0.66, 0.42))), BENCH)
    assert found.kind == "unknown"
    assert found.base != ()
    assert found.confidence is None


def test_strips_are_measured_at_each_side() -> None:
    page = np.full((200, 260, 3), 0.1, np.float32)
    page[:20], page[:, -30:] = 0.8, 0.8
    sides = edge_strips(page, least_light=0.3)
    assert len(sides) == 2
    assert sorted(depth for _, depth in sides) == [20, 30]
    assert paper_border(page) is None  # two sides are no border
    page[-15:] = 0.8
    found = paper_border(page)
    assert found is not None
    assert np.allclose(found.colour, 0.8)
    assert found.inside(page).max() < 0.2


def test_a_border_is_no_border_where_the_inside_is_lighter() -> None:
    linear = srgb_to_linear(on_card(photo()[:300, :300], (0.75, 0.75, 0.75)).astype(np.float32))
    assert paper_border(linear) is not None
    linear[60:200, 60:200] = 0.95
    assert paper_border(linear) is None
