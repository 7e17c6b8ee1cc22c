"""Equalise: more contrast where there is little of it, region by region (CLAHE).

Suits pictures whose detail lies in a narrow band of tones, in one place dark, in another light: a
faded album page, a glass negative, a document. The picture is cut into regions; the histogram of
each, clipped so that noise in plain areas is not blown up, gives a curve, and every pixel goes
through a mixture of the curves of the four regions around it. Tones are no longer comparable
between places: this is for reading a picture, and is done on request only.

Regions are laid over the whole picture and their histograms taken beforehand, so a pixel's result
depends on its place and value alone: the same bits for any tiling. Luminance is changed, hue kept.

Paper: Zuiderveld 1994, Contrast limited adaptive histogram equalization, Graphics Gems IV.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unfade.engines.contract import BenchView
from unfade.findings import Findings
from unfade.picture import Picture, Pixels, Plane, Window
from unfade.pixels.coarse import between
from unfade.pixels.tiles import Grid, Tile
from unfade.record import Evidence
from unfade.steps import contract
from unfade.steps.contract import Kind, Look, Proposal, Step, setting

_BINS = 256  # finer ones would stand empty in turn for 8-bit pictures, and clip them harder
_LUMA = (0.2126, 0.7152, 0.0722)  # Rec. 709, on stored values
_LEAST_LUMA = np.float32(1e-4)


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """How strongly tones are spread, and how locally."""

    strength: float = setting(1.0, "share of the change", low=0, high=1, neutral=0.0)
    clip_limit: float = setting(
        2.0, "steepest a curve may be; 1 changes nothing", low=1, high=20, neutral=1.0
    )
    regions: int = setting(8, "regions along each side; 1: one curve for all", low=1, high=32)

    @property
    def neutral(self) -> bool:
        return self.strength == 0 or self.clip_limit == 1


@dataclass(frozen=True, eq=False)
class Curves:
    """One curve a region: the new luminance at the middle of each bin of the old.

    Attributes:
        curves: (regions, regions, bins) float32
        rows, cols: size of the picture that they cover
        steepest: of all curves, for the record
    """

    curves: np.ndarray = field(repr=False)
    rows: int
    cols: int
    steepest: float

    def to_dict(self) -> dict[str, Any]:
        return {"regions": int(self.curves.shape[0]), "steepest": round(self.steepest, 3)}


def equalise_regions(pixels: Pixels, curves: Curves, window: Window, strength: float) -> Pixels:
    """Send luminance through the curves of the four regions around each pixel.

    Args:
        pixels: (rows, cols, 1 or 3) float32, stored values, of ``window``
        window: where they lie in the picture
    Returns:
        (rows, cols, channels) float32; no channel is pushed above 1 or below 0
    Cost:
        0.4 s a megapixel on one core; peak memory 12 x the tile's luminance
    """
    luma = _luma(pixels)
    inside = np.clip(luma, 0, 1)
    new = luma + np.float32(strength) * (_mapped(inside, curves, window) - inside)
    if pixels.shape[2] == 1:
        return new[:, :, None]
    ratio = np.maximum(new, 0) / np.maximum(luma, _LEAST_LUMA)
    # a colour that would leave the scale is lightened less, so that its hue stays
    room = 1 / np.maximum(pixels.max(axis=2), _LEAST_LUMA)
    ratio = np.where(ratio > 1, np.minimum(ratio, np.maximum(room, 1)), ratio)
    return np.asarray(pixels * ratio[:, :, None])


def measure(picture: Picture, settings: Settings, findings: Findings, bench: BenchView) -> Curves:
    """The regions' curves, from histograms that are summed window by window."""
    n = settings.regions
    row_of = np.minimum(np.arange(picture.rows) * n // picture.rows, n - 1)
    col_of = np.minimum(np.arange(picture.cols) * n // picture.cols, n - 1)
    grid = Grid()

    def count(tile: Tile) -> np.ndarray:
        luma = np.clip(_luma(picture.read(tile.core)), 0, 1)
        bins = np.minimum((luma * np.float32(_BINS)).astype(np.int64), _BINS - 1)
        rows, cols = tile.core.slices
        region = row_of[rows][:, None] * n + col_of[cols][None]
        return np.bincount((region * _BINS + bins).ravel(), minlength=n * n * _BINS)

    total = np.zeros(n * n * _BINS, np.int64)
    for counts in bench.map(
        count,
        grid.tiles(picture.rows, picture.cols),
        says="measuring tones",
        total=grid.count(picture.rows, picture.cols),
        bytes_each=grid.core_px**2 * 50 + n * n * _BINS * 8,
    ):
        total += counts
    curves = curves_of(total.reshape(n, n, _BINS), settings.clip_limit)
    steepest = float(np.diff(curves, axis=2).max()) * _BINS
    return Curves(curves, picture.rows, picture.cols, steepest)


def curves_of(counts: np.ndarray, clip_limit: float) -> np.ndarray:
    """Curves (regions, regions, bins) float32 of clipped histograms.

    What is cut off above ``clip_limit`` times the mean is spread over all bins; again, until
    nothing stands above, so that the limit holds.
    """
    shares = counts / np.maximum(counts.sum(axis=2, keepdims=True), 1)
    shares[counts.sum(axis=2) == 0] = (
        1 / _BINS
    )  # a region without a pixel: a curve that is straight
    most = clip_limit / _BINS
    for _ in range(64):
        over = np.maximum(shares - most, 0).sum(axis=2, keepdims=True)
        if over.max() < 1e-9:
            break
        shares = np.minimum(shares, most)
        room = most - shares
        # in proportion to the room that is left, so that one round is nearly enough
        shares = shares + over * room / np.maximum(room.sum(axis=2, keepdims=True), 1e-12)
    return np.asarray(np.cumsum(shares, axis=2) - shares / 2, dtype=np.float32)


def _mapped(luma: Plane, curves: Curves, window: Window) -> Plane:
    n = curves.curves.shape[0]
    flat = np.ascontiguousarray(curves.curves).reshape(-1)
    row, row_share = between(window.top, window.bottom, curves.rows, n)
    col, col_share = between(window.left, window.right, curves.cols, n)
    at = luma * np.float32(_BINS) - np.float32(0.5)
    low = np.clip(at.astype(np.int64), 0, _BINS - 2)
    share = at - low.astype(np.float32)
    result = np.zeros_like(luma)
    for down in (0, 1):
        for right in (0, 1):
            rows = np.minimum(row + down, n - 1)[:, None] * n
            first = (rows + np.minimum(col + right, n - 1)[None]) * _BINS + low
            below, above = flat[first], flat[first + 1]
            weight = (row_share if down else 1 - row_share)[:, None] * (
                col_share if right else 1 - col_share
            )[None]
            result += weight * (below + share * (above - below))
    return np.clip(result, 0, 1)


def _luma(pixels: Pixels) -> Plane:
    planes = [np.ascontiguousarray(pixels[:, :, c]) for c in range(pixels.shape[2])]
    if len(planes) == 1:
        return planes[0]
    red, green, blue = (plane * np.float32(w) for plane, w in zip(planes, _LUMA))
    total: Plane = (red + green) + blue
    return total


def _propose(look: Look, settings: Settings) -> Proposal:
    return Proposal(equalise_regions(look.pixels, look.measured, look.window, settings.strength))


STEP = Step(
    name="equalise",
    title="Spread tones region by region (CLAHE)",
    settings=Settings,
    kind=Kind.TEXTURE,
    evidence=Evidence.ESTIMATED,
    measure=measure,
    propose=_propose,
    paper="Zuiderveld 1994",
)
