from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from eye_scenes import BENCH, LUMA, ODD_PICTURES, ThreadedBench, photo, stored
from skimage import data, transform

from unfade.condition import faces
from unfade.engines.contract import PlainBench
from unfade.findings import Faces
from unfade.picture import Picture, Window

# by eye, on the astronaut: pupils near (row 117, col 200) and (115, 246)
EYE_DISTANCE, FACE = 46, Window(80, 185, 155, 262)


def check_astronaut(found: Faces, scale: float = 1.0) -> None:
    assert len(found.faces) == 1
    face = found.faces[0]
    both = face.window.overlap(FACE)
    assert scale != 1.0 or (both is not None and both.rows * both.cols > 0.8 * 75 * 77)
    assert face.eye_distance_px == pytest.approx(scale * EYE_DISTANCE, rel=0.15)
    assert face.confidence > 0.8 and found.detector == "haar cascades"


def test_the_astronaut_has_one_face() -> None:
    found = faces.look(stored(photo()), BENCH)
    check_astronaut(found)
    assert "1 face found by haar cascades" in found.says


@pytest.mark.parametrize("bits, full_scale", [(16, 0.0), (16, 4095.0), (32, 0.0)])
def test_grey_and_other_depths(bits: int, full_scale: float) -> None:
    check_astronaut(faces.look(stored(photo() @ LUMA, bits, full_scale), BENCH))


def test_twelve_bits_in_sixteen_and_a_faded_face_are_seen() -> None:
    check_astronaut(faces.look(stored(photo() / 16, bits=16), BENCH))


def test_linear_light_is_seen() -> None:
    linear = np.where(photo() > 0.04045, ((photo() + 0.055) / 1.055) ** 2.4, photo() / 12.92)
    check_astronaut(faces.look(Picture(linear.astype(np.float32), encoding="linear"), BENCH))


def test_a_large_picture_is_searched_in_small_and_scaled_back() -> None:
    large = transform.resize(photo()[:256, 100:356], (1600, 1600), order=1)
    check_astronaut(faces.look(stored(large), BENCH), scale=1600 / 256)


FACELESS = ("coffee", "cat", "brick", "grass", "text", "page", "coins", "rocket", "moon", "clock")


@pytest.mark.parametrize("name", FACELESS)
def test_no_face_where_there_is_none(name: str) -> None:
    samples = getattr(data, name)()
    samples = samples[:, :, None] if samples.ndim == 2 else samples
    found = faces.look(Picture(np.ascontiguousarray(samples)), BENCH)
    assert found.faces == ()
    assert "none found" in found.says


class FoundOne:
    """A network that sees one face and one that it is not sure of."""

    def __init__(self) -> None:
        self.given: list[np.ndarray] = []

    def find(self, pixels: np.ndarray) -> np.ndarray:
        self.given.append(pixels)
        sure = [20, 10, 60, 80, 35, 40, 65, 40, 50, 55, 40, 70, 60, 70, 0.93]
        unsure = [100, 10, 60, 80, 115, 40, 145, 40, 130, 55, 120, 70, 140, 70, 0.30]
        return np.array([sure, unsure], np.float32)


class BenchWithNetwork(PlainBench):
    def __init__(self) -> None:
        self.engine_found = FoundOne()

    def engine(self, name: str) -> Any:
        assert name == "yunet-2023mar"
        return self.engine_found


def test_the_network_is_used_when_it_is_there_and_named() -> None:
    bench = BenchWithNetwork()
    found = faces.look(stored(photo() @ LUMA), bench)
    assert found.detector == "yunet" and "yunet" in found.says
    (face,) = found.faces
    assert face.window == Window(10, 20, 90, 80)
    assert face.landmarks == ((35, 40), (65, 40), (50, 55), (40, 70), (60, 70))
    assert face.eye_distance_px == 30 and face.confidence == pytest.approx(0.93)
    (given,) = bench.engine_found.given
    assert given.dtype == np.float32 and given.shape == (512, 512, 3)
    assert given.min() >= 0 and given.max() <= 1


def test_too_small_pictures_abstain() -> None:
    found = faces.look(stored(photo()[:39, :39]), BENCH)
    assert found.confidence is None and found.faces == ()


@pytest.mark.parametrize("name", ODD_PICTURES)
def test_odd_pictures(name: str) -> None:
    assert faces.look(ODD_PICTURES[name], BENCH).faces == ()


def test_threads_do_not_matter() -> None:
    import cv2

    before = cv2.getNumThreads()
    found = []
    try:
        for threads in (1, 4):
            cv2.setNumThreads(threads)
            found.append(faces.look(stored(photo()), ThreadedBench()).to_dict())
    finally:
        cv2.setNumThreads(before)
    assert found[0] == found[1]
