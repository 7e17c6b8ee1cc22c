from __future__ import annotations

import numpy as np
import pytest
from eye_scenes import BENCH, ODD_PICTURES, ThreadedBench, photo, stored

from unfade.condition import clipping
from unfade.picture import Picture


def test_shares_at_both_ends_are_exact_per_channel() -> None:
    samples = np.full((1000, 10, 3), 128, np.uint8)
    samples[:100, :, 0] = 0
    samples[:300, :, 2] = 255
    found = clipping.look(Picture(samples), BENCH)
    assert found.black_share == (0.1, 0.0, 0.0)
    assert found.white_share == (0.0, 0.0, 0.3)
    assert found.used_scale_share == 1.0
    assert "10.0 % at black" in found.says and "30.0 % at white" in found.says


def test_twelve_bits_in_sixteen_are_reported_with_the_option() -> None:
    found = clipping.look(stored(photo() * 4095 / 65535, bits=16), BENCH)
    assert found.used_scale_share == pytest.approx(1 / 16, rel=0.01)
    assert "full_scale=4095" in found.says


def test_a_stated_full_scale_is_honoured() -> None:
    found = clipping.look(stored(photo(), bits=16, full_scale=4095), BENCH)
    white = tuple(float((photo()[..., c] == 1).mean()) for c in range(3))
    assert found.white_share == pytest.approx(white)
    assert "full_scale" not in found.says


def test_codes_above_full_scale_count_as_white() -> None:
    samples = np.full((10, 10, 1), 5000, np.uint16)
    found = clipping.look(Picture(samples, full_scale=4095), BENCH)
    assert found.white_share == (1.0,)
    assert found.used_scale_share == pytest.approx(5000 / 4095)


def test_a_dark_eight_bit_picture_is_not_taken_for_a_short_scale() -> None:
    assert "full_scale" not in clipping.look(stored(photo() * 0.2), BENCH).says


@pytest.mark.parametrize("name", ODD_PICTURES)
def test_odd_pictures_and_threads(name: str) -> None:
    picture = ODD_PICTURES[name]
    found = clipping.look(picture, BENCH)
    assert found == clipping.look(picture, ThreadedBench())
    assert len(found.black_share) == picture.channels
    assert found.confidence == 1.0
