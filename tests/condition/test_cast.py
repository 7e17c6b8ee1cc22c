from __future__ import annotations

import numpy as np
import pytest
from eye_scenes import BENCH, LUMA, ODD_PICTURES, ThreadedBench, photo, sepia, stored
from skimage import color

from unfade.condition import cast
from unfade.picture import Picture
from unfade.pixels.colour import linear_to_srgb, srgb_to_linear


def scene(seed: int = 0) -> np.ndarray:
    """Linear light of patches of many colours that are neutral on average, some of them grey."""
    rng = np.random.default_rng(seed)
    brightness = rng.uniform(0.05, 0.6, (32, 32, 1))
    colours = brightness * np.exp(rng.normal(0, 0.15, (32, 32, 3)))
    colours[::3] = brightness[::3]
    return np.kron(colours, np.ones((8, 8, 1)))


def under(light: tuple[float, float, float]) -> Picture:
    pixels = linear_to_srgb(scene() * np.array(light) / max(light))
    return stored(pixels)


@pytest.mark.parametrize(
    "light", [(1.0, 1.0, 1.0), (1.0, 0.8, 0.6), (0.8, 0.95, 1.0), (0.9, 1.0, 0.85)]
)
def test_the_colour_of_the_light_is_found(light: tuple[float, float, float]) -> None:
    found = cast.look(under(light), BENCH)
    grey = np.array(light) / (np.array(light) @ LUMA) * 0.5
    expected = color.rgb2lab(linear_to_srgb(grey))
    assert found.a == pytest.approx(expected[1], abs=4)
    assert found.b == pytest.approx(expected[2], abs=4)
    assert found.confidence is not None and found.confidence > 0.5


def test_the_name_of_a_cast() -> None:
    assert "none to speak of" in cast.look(under((1, 1, 1)), BENCH).says
    assert "orange" in cast.look(under((1.0, 0.7, 0.5)), BENCH).says
    assert "blue" in cast.look(under((0.6, 0.75, 1.0)), BENCH).says


def test_a_cast_moves_the_finding_by_what_was_added() -> None:
    before = cast.light_colour(srgb_to_linear(photo()).astype(np.float32))
    gain = np.array([1.0, 0.85, 0.7])
    after = cast.light_colour((srgb_to_linear(photo()) * gain).astype(np.float32))
    assert before is not None and after is not None
    added = color.rgb2lab(linear_to_srgb(gain / (gain @ LUMA) * 0.5))
    assert after.a - before.a == pytest.approx(added[1], abs=3)
    assert after.b - before.b == pytest.approx(added[2], abs=5)


def test_confidence_falls_with_disagreement() -> None:
    found = cast.look(under((1, 1, 1)), BENCH)
    lawn = scene(1) * [0.3, 1.0, 0.15]
    lawn[:40] = [0.2, 0.4, 0.9]
    lawn[200:230, 200:230] = 0.9
    unsure = cast.look(stored(linear_to_srgb(np.clip(lawn, 0, 1))), BENCH)
    assert found.confidence is not None
    assert unsure.confidence is None or unsure.confidence < found.confidence


@pytest.mark.parametrize("pixels", [photo() @ LUMA, sepia(photo())])
def test_grey_and_toned_pictures_abstain(pixels: np.ndarray) -> None:
    found = cast.look(stored(pixels), BENCH)
    assert found.confidence is None and found.a is None
    assert "none to look for" in found.says


def test_depths_and_encodings_agree() -> None:
    pixels = linear_to_srgb(scene() * [1.0, 0.8, 0.6])
    light = Picture(srgb_to_linear(pixels).astype(np.float32), encoding="linear")
    found = [
        cast.look(picture, BENCH)
        for picture in (stored(pixels), stored(pixels, 16), stored(pixels, 16, 4095), light)
    ]
    for other in found[1:]:
        assert other.a == pytest.approx(found[0].a, abs=0.5)
        assert other.b == pytest.approx(found[0].b, abs=0.5)


@pytest.mark.parametrize("name", ODD_PICTURES)
def test_odd_pictures_and_threads(name: str) -> None:
    found = cast.look(ODD_PICTURES[name], BENCH)
    assert found == cast.look(ODD_PICTURES[name], ThreadedBench())
    assert (found.confidence is None) == (found.a is None)
