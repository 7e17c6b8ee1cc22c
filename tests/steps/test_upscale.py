"""Enlarging: the lock, the kernel, and networks through a stand-in engine."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from skimage import data

from unfade.engines.contract import PlainBench
from unfade.findings import Findings
from unfade.picture import Picture, Window, pixels_to_codes
from unfade.pixels.resample import box_mean, enlarge_lanczos, four_to_three, repeat_boxes
from unfade.steps.upscale import STEP, Settings, enlarge, lock_to


def run(picture: Picture, bench: Any = None, **values: Any) -> np.ndarray:
    """The enlarged samples, put together as the treatment does it."""
    chosen = Settings(**values)
    shape = (picture.rows * chosen.scale, picture.cols * chosen.scale, picture.channels)
    out, seen = np.zeros(shape, picture.samples.dtype), np.zeros(shape[:2], int)
    for window, pixels in enlarge(picture, chosen, Findings(), bench or PlainBench()):
        out[window.slices] = pixels_to_codes(pixels, out.dtype, picture.full_scale)
        seen[window.slices] += 1
    assert (seen == 1).all(), "windows tile the output exactly"
    return out


def boxes(samples: np.ndarray, scale: int) -> np.ndarray:
    rows, cols, channels = samples.shape
    split = samples.astype(np.float64).reshape(rows // scale, scale, cols // scale, scale, channels)
    return split.mean(axis=(1, 3))


@settings(deadline=None, max_examples=40)
@given(
    arrays.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(1))),
    st.integers(2, 4),
)
def test_scaling_down_gives_any_input_back(samples: np.ndarray, scale: int) -> None:
    big = run(Picture(samples), scale=scale)
    assert np.abs(boxes(big, scale) - samples).max() <= 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_scaling_down_gives_a_photograph_back(scale: int, dtype: type) -> None:
    samples = data.astronaut()[:150, :130].astype(dtype) * dtype(np.iinfo(dtype).max // 255)
    big = run(Picture(samples), scale=scale)
    assert np.abs(boxes(big, scale) - samples).max() <= 1


def test_float_pictures_are_not_clipped() -> None:
    samples = np.linspace(-1, 3, 48, dtype=np.float32).reshape(6, 8, 1)
    big = run(Picture(samples), scale=2)
    assert big.min() < -0.9
    assert big.max() > 2.9
    assert np.abs(boxes(big, 2) - samples).max() < 1e-5


def test_tiles_do_not_show() -> None:
    picture = Picture(data.astronaut()[:300, :290])
    small = picture.pixels
    whole = lock_to(enlarge_lanczos(small, scale=2), small, scale=2)
    assert np.array_equal(run(picture, scale=2), pixels_to_codes(whole, np.uint8, 255.0))


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_kernel_agrees_with_pillow(scale: int) -> None:
    from PIL import Image

    plane = data.camera()[100:160, 200:270]
    ours = enlarge_lanczos(plane[:, :, None] / np.float32(255), scale=scale)[:, :, 0] * 255
    size = (plane.shape[1] * scale, plane.shape[0] * scale)
    theirs = np.asarray(
        Image.fromarray(plane.astype(np.float32)).resize(size, Image.Resampling.LANCZOS)
    )
    inside = (slice(4 * scale, -4 * scale), slice(4 * scale, -4 * scale))
    assert np.abs(ours[inside] - theirs[inside]).max() < 0.01


def test_better_than_repeating_and_than_bicubic() -> None:
    import cv2

    sharp = data.astronaut()[100:300, 150:350].astype(np.float32) / 255
    small = box_mean(sharp, scale=2)
    ours = run(Picture.of(small), scale=2)

    def psnr(x: np.ndarray) -> float:
        return float(-10 * np.log10(np.mean((x - sharp) ** 2)))

    bicubic = cv2.resize(small, (200, 200), interpolation=cv2.INTER_CUBIC)
    assert psnr(ours) > psnr(repeat_boxes(small, scale=2)) + 1
    assert psnr(ours) > psnr(bicubic) + 0.3


def test_from_four_to_three_keeps_the_mean_and_agrees_with_area() -> None:
    import cv2

    pixels = np.random.default_rng(0).random((16, 24, 3), np.float32)
    ours = four_to_three(pixels)
    theirs = cv2.resize(pixels, (18, 12), interpolation=cv2.INTER_AREA)
    assert np.abs(ours - theirs).max() < 1e-5


class FourTimes:
    """A stand-in network: nearest neighbour with a colour shift that the lock has to undo."""

    facts = SimpleNamespace(
        name="stand-in", scale=4, halo_px=0, shape="mend", tiling="yes", channels_in=3
    )
    runtime = "none"

    def mend_tiles(self, picture: Picture, bench: Any) -> Iterator[tuple[Window, np.ndarray]]:
        for top in range(0, picture.rows, 7):
            for left in range(0, picture.cols, 11):
                window = Window(top, left, min(top + 7, picture.rows), min(left + 11, picture.cols))
                yield window.scaled(4), repeat_boxes(picture.read(window) * 0.9 + 0.07, scale=4)


class StandIn(PlainBench):
    def engine(self, name: str) -> Any:
        return FourTimes()


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("shape", [(25, 30, 3), (1, 1, 1), (7, 40, 1)])
def test_a_network_is_locked_too(scale: int, shape: tuple[int, int, int]) -> None:
    samples = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    big = run(Picture(samples), StandIn(), scale=scale, method="real-esrgan")
    assert np.abs(boxes(big, scale) - samples).max() <= 1
    free = run(Picture(samples), StandIn(), scale=scale, method="real-esrgan", lock=False)
    assert np.abs(boxes(free, scale) - samples).max() > 5


def test_the_networks_that_are_named_are_in_the_catalogue() -> None:
    from unfade.zoo.catalogue import find

    for method in ("real-esrgan", "real-esrgan-fast"):
        for scale in (2, 3, 4):
            name = STEP.network(Settings(scale=scale, method=method))
            assert name is not None
            assert find(name).scale in (4, scale)


def test_sizes_that_do_not_belong_together_are_named() -> None:
    with pytest.raises(ValueError, match="is not 2 times"):
        lock_to(np.zeros((5, 4, 1), np.float32), np.zeros((2, 2, 1), np.float32), scale=2)
