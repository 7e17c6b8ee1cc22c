"""A picture seen in eight ways."""

from __future__ import annotations

import numpy as np
import pytest

from unfade.condition.turned import WAYS, seen_turned


class OnePixel:
    """Says twice what each pixel holds, wherever it lies."""

    def find(self, pixels: np.ndarray) -> np.ndarray:
        return 2 * pixels


class ByPlace:
    """Says of each pixel how far down and to the right it lies, and what it holds."""

    def find(self, pixels: np.ndarray) -> np.ndarray:
        rows, cols = pixels.shape[:2]
        down, right = np.mgrid[:rows, :cols].astype(np.float32)
        return pixels * (1 + 3 * down + right**2)[:, :, None]


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(3).random((17, 26, 3)).astype(np.float32)


def test_what_holds_of_each_pixel_stays_as_it_is(pixels: np.ndarray) -> None:
    np.testing.assert_allclose(seen_turned(OnePixel(), pixels), 2 * pixels, rtol=1e-6)


@pytest.mark.parametrize(("quarter", "mirrored"), WAYS[1:])
def test_which_way_up_a_picture_lies_does_not_matter(
    pixels: np.ndarray, quarter: int, mirrored: bool
) -> None:
    def laid(plane: np.ndarray) -> np.ndarray:
        turned = np.rot90(plane, quarter)
        return np.ascontiguousarray(turned[:, ::-1] if mirrored else turned)

    seen = seen_turned(ByPlace(), pixels)
    again = seen_turned(ByPlace(), laid(pixels))
    assert again.dtype == np.float32
    np.testing.assert_allclose(again, laid(seen), rtol=1e-5)
    assert not np.allclose(ByPlace().find(laid(pixels)), laid(ByPlace().find(pixels)))
