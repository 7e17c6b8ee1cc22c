"""Paper: where its white is seen, how yellow it is, and where nothing can be told."""

from __future__ import annotations

import numpy as np
import pytest
from ageing_scenes import YELLOW, absorbed, letter, print_with_margin, sepia_print_with_margin
from eye_scenes import BENCH, ODD_PICTURES, stored
from skimage import data

from unfade.condition.paper import look
from unfade.findings import Paper
from unfade.pixels.colour import density, srgb_to_linear


@pytest.mark.parametrize("bits", [8, 16, 32])
@pytest.mark.parametrize(
    ("scene", "where"),
    [(letter, "page"), (print_with_margin, "margin"), (sepia_print_with_margin, "margin")],
)
def test_white_and_yellow_of_a_paper_are_measured(scene, where: str, bits: int) -> None:  # type: ignore[no-untyped-def]
    found = look(stored(absorbed(scene(), YELLOW), bits), BENCH)
    assert found.confidence is not None
    assert found.confidence >= 0.7
    assert found.where == where
    white = density(srgb_to_linear(np.float32(0.94)))
    assert np.allclose(found.density, np.array(YELLOW) + white, atol=0.015)
    assert found.yellow == pytest.approx(YELLOW[2] - YELLOW[0], abs=0.015)


def test_white_paper_is_not_yellow() -> None:
    found = look(stored(letter()), BENCH)
    assert found.yellow == pytest.approx(0, abs=0.01)


def test_grey_scans_have_a_white_and_no_yellow() -> None:
    found = look(stored(letter()[:, :, :1]), BENCH)
    assert found.where == "page"
    assert found.yellow is None
    assert len(found.density) == 1


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea", "camera", "rocket"])
def test_pictures_without_paper_show_none(name: str) -> None:
    pixels = getattr(data, name)()
    assert look(stored(pixels / 255), BENCH).confidence is None


def test_a_dark_or_green_border_is_no_paper() -> None:
    for border in ((0.9, 0.9, 0.9), (0.0, 0.0, 0.9), (0.6, 0.1, 0.6)):
        assert look(stored(absorbed(print_with_margin(), border)), BENCH).confidence is None


@pytest.mark.parametrize("name", ODD_PICTURES)
def test_odd_pictures(name: str) -> None:
    found = look(ODD_PICTURES[name], BENCH)
    assert isinstance(found, Paper)
    assert found.confidence is None or name == "drawing"
