"""Tiny, grey, deep, broken and contradictory input."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from degrade_scenes import chw, one, scene

from unfade.degrade import degradations, degrade, degrade_batch, load_degradation
from unfade.degrade.saving import as_picture
from unfade.errors import UnreadableInput, UsageError
from unfade.picture import Picture


@pytest.mark.parametrize("name", degradations())
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (9, 1), (2, 2), (17, 5)])
@pytest.mark.parametrize("channels", [1, 3])
def test_tiny_and_grey_pictures_go_through_every_mix(
    name: str, size: tuple[int, int], channels: int
) -> None:
    for seed in (1, 2):
        out = degrade(scene(*size, channels), name, seed)
        assert np.isfinite(out.pixels).all()
        assert out.pixels.shape[2] == channels
        if name != "real-esrgan":
            assert out.pixels.shape[:2] == size


@pytest.mark.parametrize("channels", [1, 3])
def test_grey_goes_through_every_mix_on_both_libraries(channels: int) -> None:
    batch = np.stack([chw(scene(24, 40, channels, seed=n)) for n in range(2)])
    for name in degradations():
        host = degrade_batch(batch, name, [3, 4])
        device = degrade_batch(torch.from_numpy(batch), name, [3, 4])
        assert np.abs(host.pixels - device.pixels.numpy()).max() < 1e-4


def test_integers_are_taken_at_their_full_scale_and_stored_as_they_were() -> None:
    deep = np.rint(scene(40, 50) * 65535).astype(np.uint16)
    picture = Picture(deep, dpi=(300.0, 300.0))
    out = degrade(picture, one("blur"), 1)
    again = degrade(deep, one("blur"), 1)
    assert np.array_equal(out.pixels, again.pixels)
    stored = as_picture(out, picture)
    assert stored.samples.dtype == np.uint16
    assert stored.dpi == (300.0, 300.0)
    shallow = degrade(np.rint(scene(40, 50) * 255).astype(np.uint8), one("blur"), 1)
    assert np.abs(shallow.pixels - out.pixels).max() < 1 / 255


def test_linear_pictures_are_damaged_as_codes_and_stored_as_light() -> None:
    codes = scene(30, 30)
    light = Picture(np.clip(((codes + 0.055) / 1.055) ** 2.4, 0, 1), encoding="linear")
    out = degrade(light, one("noise", sigma=0.05), 1)
    direct = degrade(codes, one("noise", sigma=0.05), 1)
    bright = codes > 0.2
    assert np.abs(out.pixels - direct.pixels)[bright].max() < 1e-4
    assert as_picture(out, light).encoding == "linear"


def test_scaling_down_keeps_resolution_true_and_refuses_planes_that_do_not_fit() -> None:
    picture = Picture(np.rint(scene(40, 60) * 255).astype(np.uint8), dpi=(400.0, 400.0))
    out = degrade(picture, "real-esrgan", 1)
    assert as_picture(out, picture).dpi == (100.0, 100.0)
    veiled = Picture(picture.samples, alpha=np.full((40, 60), 255, np.uint8))
    with pytest.raises(UsageError, match="transparent or infrared"):
        as_picture(out, veiled)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused_with_its_place(value: float) -> None:
    pixels = scene(20, 30)
    pixels[7, 11, 2] = value
    with pytest.raises(UnreadableInput, match="row 7, column 11"):
        degrade(pixels, "old-photo", 1)
    with pytest.raises(UnreadableInput, match="picture 1"):
        degrade_batch(np.stack([chw(scene(20, 30)), chw(pixels)]), "old-photo", [1, 2])


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4, 2), np.float32),
        np.zeros((4, 4, 4), np.float32),
        np.zeros((0, 4, 3), np.float32),
        np.zeros((4, 4, 3), np.float64),
        np.zeros((2, 4, 4, 3), np.float32),
        np.zeros(5, np.float32),
    ],
)
def test_what_is_no_picture_is_refused(array: np.ndarray) -> None:
    with pytest.raises(UsageError, match="cannot be degraded"):
        degrade(array, "old-photo", 1)


def test_batches_are_checked() -> None:
    batch = np.zeros((2, 3, 8, 8), np.float32)
    with pytest.raises(UsageError, match="3 seeds for 2 pictures"):
        degrade_batch(batch, "gaussian-15", [1, 2, 3])
    with pytest.raises(UsageError, match="float64"):
        degrade_batch(batch.astype(np.float64), "gaussian-15", [1, 2])
    with pytest.raises(UsageError, match="expected float32"):
        degrade_batch(torch.zeros(2, 3, 8, 8, dtype=torch.uint8), "gaussian-15", [1, 2])
    with pytest.raises(UsageError, match="has shape"):
        degrade_batch(batch.transpose(0, 2, 3, 1), "gaussian-15", [1, 2])
    with pytest.raises(UsageError, match="expected 0 or more"):
        degrade_batch(batch, "gaussian-15", [1, -2])
    recipe = one("resize", factor=[0.3, 0.9])
    with pytest.raises(UsageError, match="different sizes"):
        degrade_batch(np.zeros((3, 3, 40, 40), np.float32), recipe, [1, 2, 3])


def test_codes_outside_the_scale_come_back_inside() -> None:
    wild = scene(40, 40) * 3 - 1
    for name in ("old-photo", "bringing-old-photos-back"):
        out = degrade(wild, name, 4)
        assert out.pixels.min() >= 0
        assert out.pixels.max() <= 1


def test_a_batch_is_not_written_to() -> None:
    batch = np.stack([chw(scene(20, 30))])
    tensor = torch.from_numpy(batch.copy())
    degrade_batch(batch, "old-photo", [5])
    degrade_batch(tensor, "old-photo", [5])
    assert np.array_equal(batch[0], chw(scene(20, 30)))
    assert np.array_equal(tensor.numpy(), batch)


@pytest.mark.slow
def test_a_very_long_strip() -> None:
    out = degrade(scene(64, 60_000), load_degradation("old-photo"), 5)
    assert out.pixels.shape == (64, 60_000, 3)
    assert np.isfinite(out.pixels).all()
