"""Alignment of scans: below 0.2 pixels on known shifts, turns and sizes, and refusals."""

from __future__ import annotations

import numpy as np
import pytest
from scan_scenes import moved, other_scene, placed, relief, scene, stored

from unfade.engines.contract import PlainBench
from unfade.errors import UsageError
from unfade.picture import Picture
from unfade.scans.alignment import align
from unfade.scans.placement import Placement, fitted, mapped

BENCH = PlainBench()


def furthest(placement: Placement, truth: np.ndarray, picture: Picture) -> float:
    """Largest error of the map over the picture's corners and middle, pixels."""
    x = np.array([0, picture.cols - 1, 0, picture.cols - 1, picture.cols / 2])
    y = np.array([0, 0, picture.rows - 1, picture.rows - 1, picture.rows / 2])
    ours, right = mapped(placement.matrix, x, y), mapped(truth, x, y)
    return float(np.hypot(ours[0] - right[0], ours[1] - right[1]).max())


@pytest.mark.parametrize(
    "truth",
    [
        placed((0.37, -0.61)),
        placed((23.4, -17.8)),
        placed((3.2, 1.4), degrees=1.3),
        placed((-6.0, 9.0), degrees=-4.0),
        placed((2.5, 2.5), scale=1.013),
        placed((-8.3, 4.1), degrees=2.2, scale=0.985),
    ],
    ids=["half a pixel", "far", "turned a little", "turned", "larger", "all at once"],
)
def test_shifts_turns_and_sizes_are_found_below_a_fifth_of_a_pixel(truth: np.ndarray) -> None:
    light = scene()
    first, other = stored(light, seed=1), stored(moved(light, truth), seed=2)
    found = align(first, other, BENCH)
    assert found.quarter_turns == 0
    assert furthest(found, truth, first) < 0.2
    assert found.residual_px < 0.2
    assert found.correlation > 0.8


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_quarter_turns_are_found(turns: int) -> None:
    light = scene()
    truth = placed((4.6, -3.3), degrees=0.8)
    there = np.rot90(moved(light, truth), -turns)  # so lies the turned print on the platen
    found = align(stored(light, seed=1), stored(np.ascontiguousarray(there), seed=2), BENCH)
    assert found.quarter_turns == turns
    assert furthest(found, truth, stored(light)) < 0.2


def test_relief_that_turns_over_does_not_pull_the_alignment() -> None:
    light = scene()
    shading = relief(*light.shape[:2])
    truth = placed((2.3, -1.7), degrees=0.6)
    first = stored(light * (1 + shading), seed=1)
    other = stored(np.rot90(moved(light * (1 - shading), truth), 2), seed=2)
    found = align(first, other, BENCH)
    assert found.quarter_turns == 2
    assert furthest(found, truth, first) < 0.2


def test_a_camera_s_tilt_needs_a_homography() -> None:
    light = scene()
    truth = placed((3.0, 2.0), tilt=6e-5)
    first, other = stored(light, seed=1), stored(moved(light, truth), seed=2)
    plane = align(first, other, BENCH)
    assert furthest(plane, truth, first) > 0.5
    found = align(first, other, BENCH, model="homography")
    assert furthest(found, truth, first) < 0.2
    assert found.residual_px < plane.residual_px


def test_grey_and_16_bit_and_another_crop() -> None:
    light = scene(channels=1)
    first = stored(light, seed=1, bits=16)
    other = stored(light[17:, 9:-4], seed=2, bits=16)
    found = align(first, other, BENCH)
    assert furthest(found, placed((-9.0, -17.0)), first) < 0.2


def test_other_things_are_refused_with_the_correlation() -> None:
    with pytest.raises(UsageError, match=r"does not show what .* correlates by -?0\.\d\d"):
        align(stored(scene()), stored(other_scene()), BENCH, name="cat.tif")


def test_noise_flat_and_mirrored_scans_are_refused() -> None:
    light = scene()
    chance = np.random.default_rng(3)
    noise = chance.random(light.shape).astype(np.float32)
    for wrong in (noise, np.full_like(light, 0.4), light[:, ::-1]):
        with pytest.raises(UsageError, match="does not show"):
            align(stored(light), stored(np.ascontiguousarray(wrong)), BENCH)
    with pytest.raises(UsageError, match="does not show"):
        align(stored(np.full_like(light, 0.4)), stored(np.full_like(light, 0.4), seed=4), BENCH)


def test_other_sizes_are_refused() -> None:
    light = scene()
    with pytest.raises(UsageError, match="differ by more than"):
        align(stored(light), stored(light[::2, ::2]), BENCH)
    with pytest.raises(UsageError, match="48 along each side"):
        align(stored(light[:30]), stored(light[:30]), BENCH)


def test_a_fit_leaves_outliers_out() -> None:
    chance = np.random.default_rng(7)
    points = chance.uniform(0, 4000, (30, 2))
    truth = placed((5.0, -3.0), degrees=0.5, scale=1.002, centre=(2000.0, 2000.0))
    places = np.stack(mapped(truth, points[:, 0], points[:, 1]), axis=1)
    places += chance.normal(0, 0.02, places.shape)
    places[:5] += 8
    matrix, left = fitted(points, places, "affine")
    assert (
        np.hypot(*(np.stack(mapped(matrix, *points.T)) - np.stack(mapped(truth, *points.T)))).max()
        < 0.1
    )
    assert left[:5].min() > 5
