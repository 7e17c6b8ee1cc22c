"""Dehaze: take the veil off a view through mist, smoke or dirty glass. On request only.

Haze mixes each pixel's light with the light of the air: ``seen = own * t + air * (1 - t)``. In
clear air nearly every small patch holds something black in one channel at least; how light the
darkest channel is says how thick the haze is (dark channel prior). The map of ``t`` is smoothed
along the picture's own edges by a guided filter. Fog belongs to the scene: nothing here is ever
advised. White walls, snow and high-key portraits hold nothing black and turn out too dark.

Air light and the filter's coefficients are measured in a small overview and spread over the
picture (fast guided filter), so a pixel's result depends on its place and value alone: the same
bits for any tiling. Works in linear light, where haze adds up.

Papers: He, Sun, Tang 2009, doi:10.1109/CVPR.2009.5206515 and 2013 (guided filter); He, Sun 2015,
arXiv:1505.00996 (fast guided filter).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unfade.engines.contract import BenchView
from unfade.findings import Findings
from unfade.picture import Picture, Pixels, Plane, Window
from unfade.pixels.coarse import spread
from unfade.pixels.profile import to_linear
from unfade.pixels.tiles import Grid, Tile
from unfade.record import Evidence
from unfade.steps import contract
from unfade.steps.contract import Kind, Look, Proposal, Step, setting

_OVERVIEW_PX = 120_000
_LUMINANCE = (0.2126, 0.7152, 0.0722)  # Rec. 709
_PATCH_SHARE = 0.025  # of the overview's longer side: 15 px at 600, as in the paper
_FILTER_PATCHES = 2.5  # radius of the guided filter over a patch's side
_EPSILON = 1e-3  # of the guided filter: variance of luminance below which it smooths
_AIR_SHARE = 0.001  # of the overview, with the lightest dark channel
_LEAST_AIR = 0.05


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """How much of the haze is taken off."""

    strength: float = setting(
        0.8, "share of the haze to take off; all of it looks unnatural", low=0, high=1, neutral=0.0
    )
    least_transmission: float = setting(
        0.15, "thicker haze is treated as if this share of light came through", low=0.05, high=1
    )


@dataclass(frozen=True, eq=False)
class Haze:
    """Air light, and transmission as ``slope * luminance + offset`` on a coarse grid.

    Attributes:
        air: linear light of the air, by channel
        slope, offset: (grid rows, grid cols) float32
        rows, cols: size of the picture that the grid covers
        mean: transmission, mean over the picture
    """

    air: tuple[float, ...]
    slope: np.ndarray = field(repr=False)
    offset: np.ndarray = field(repr=False)
    rows: int
    cols: int
    mean: float

    def to_dict(self) -> dict[str, Any]:
        return {"air": list(self.air), "mean_transmission": round(self.mean, 4)}


def take_haze_off(pixels: Pixels, haze: Haze, window: Window, least: float) -> Pixels:
    """The light behind the haze.

    Args:
        pixels: (rows, cols, channels) float32, linear light, of ``window``
        least: transmission is taken to be at least this
    Returns:
        (rows, cols, channels) float32, linear light, at least 0 where it was
    Cost:
        0.15 s a megapixel on one core; peak memory 6 x the tile
    """
    slope = spread(haze.slope, window, haze.rows, haze.cols)
    offset = spread(haze.offset, window, haze.rows, haze.cols)
    through = np.clip(slope * _luminance(pixels) + offset, np.float32(least), 1)
    air = np.array(haze.air, np.float32)
    clear = (pixels - air) / through[:, :, None] + air
    return np.asarray(np.maximum(clear, np.minimum(pixels, 0)))


def haze_of(small: Pixels, rows: int, cols: int, strength: float) -> Haze:
    """Air light and transmission from a small picture (rows, cols, channels) of linear light."""
    import cv2

    patch = max(3, int(_PATCH_SHARE * max(small.shape[:2]))) | 1
    square = np.ones((patch, patch), np.uint8)
    dark = cv2.erode(np.ascontiguousarray(small.min(axis=2)), square)
    number = max(1, int(_AIR_SHARE * dark.size))
    thickest = np.argsort(dark, axis=None, kind="stable")[-number:]
    air = np.maximum(small.reshape(-1, small.shape[2])[thickest].mean(axis=0), _LEAST_AIR)
    relative = np.ascontiguousarray((small / air).min(axis=2), dtype=np.float32)
    through = 1 - strength * np.clip(cv2.erode(relative, square), 0, 1)
    slope, offset = _guided(_luminance(small), through, int(_FILTER_PATCHES * patch))
    return Haze(tuple(float(a) for a in air), slope, offset, rows, cols, float(through.mean()))


def measure(picture: Picture, settings: Settings, findings: Findings, bench: BenchView) -> Haze:
    """The haze of the whole picture, from means of blocks that are read window by window."""
    k = max(1, int(np.ceil(np.sqrt(picture.rows * picture.cols / _OVERVIEW_PX))))
    rows, cols = -(-picture.rows // k), -(-picture.cols // k)
    small = np.empty((rows, cols, picture.channels), np.float32)
    grid = Grid(core_px=max(1, 512 // k) * k)  # whole blocks, whatever the picture's size

    def average(tile: Tile) -> tuple[Window, np.ndarray]:
        core = tile.core
        return core, _blocks(to_linear(picture.read(core), picture), k)

    for core, block in bench.map(
        average,
        grid.tiles(picture.rows, picture.cols),
        says="measuring haze",
        total=grid.count(picture.rows, picture.cols),
        bytes_each=grid.core_px**2 * 40,
    ):
        top, left = core.top // k, core.left // k
        small[top : top + block.shape[0], left : left + block.shape[1]] = block
    return haze_of(small, picture.rows, picture.cols, settings.strength)


def _blocks(pixels: Pixels, k: int) -> Pixels:
    """Means of k x k blocks; blocks cut at the picture's edge are means of what there is."""
    starts = np.arange(0, pixels.shape[0], k), np.arange(0, pixels.shape[1], k)
    sums = np.add.reduceat(np.add.reduceat(pixels, starts[0], axis=0), starts[1], axis=1)
    sizes = [np.diff([*s, n]) for s, n in zip(starts, pixels.shape[:2])]
    return np.asarray(sums / (sizes[0][:, None] * sizes[1][None])[..., None], dtype=np.float32)


def _guided(guide: Plane, through: Plane, radius: int) -> tuple[Plane, Plane]:
    """Coefficients of the guided filter: ``through`` as a smooth linear function of ``guide``."""
    import cv2

    side = (2 * radius + 1, 2 * radius + 1)

    def mean(plane: np.ndarray) -> np.ndarray:
        return cv2.blur(plane, side, borderType=cv2.BORDER_REFLECT)

    guide64, through64 = guide.astype(np.float64), through.astype(np.float64)
    mean_guide, mean_through = mean(guide64), mean(through64)
    variance = mean(guide64 * guide64) - mean_guide * mean_guide
    slope = (mean(guide64 * through64) - mean_guide * mean_through) / (variance + _EPSILON)
    offset = mean_through - slope * mean_guide
    return mean(slope).astype(np.float32), mean(offset).astype(np.float32)


def _luminance(pixels: Pixels) -> Plane:
    planes = [np.ascontiguousarray(pixels[:, :, c]) for c in range(pixels.shape[2])]
    if len(planes) == 1:
        return planes[0]
    red, green, blue = (plane * np.float32(w) for plane, w in zip(planes, _LUMINANCE))
    total: Plane = (red + green) + blue
    return total


def _propose(look: Look, settings: Settings) -> Proposal:
    if settings.neutral:
        return Proposal(look.pixels)
    least = settings.least_transmission
    return Proposal(take_haze_off(look.pixels, look.measured, look.window, least))


STEP = Step(
    name="dehaze",
    title="Take the veil of haze off a view",
    settings=Settings,
    kind=Kind.TEXTURE,
    evidence=Evidence.ESTIMATED,
    measure=measure,
    propose=_propose,
    encoding="linear",
    paper="He, Sun, Tang 2009, doi:10.1109/CVPR.2009.5206515",
)
