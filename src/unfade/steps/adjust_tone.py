"""Adjust tone: one rising curve for the whole picture: levels, gamma and contrast.

Works on stored values, as scanners and editors do: 0 and 1 are the ends of the file's scale. All
channels go through the same curve, so neutral stays neutral. Nothing is estimated but, on
request, the two levels (``auto``). The curve rises everywhere and goes on outside the levels
with slope 1: it can be undone, apart from what a file of whole numbers then clips. How much that
is stands in the record, for each channel and in words. It cannot mend a cast or fading: see
``correct_cast`` and ``correct_fading``.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from unfade.engines.contract import BenchView
from unfade.errors import SettingsError
from unfade.findings import Findings
from unfade.picture import Picture, Pixels
from unfade.pixels.tiles import Grid, Tile
from unfade.record import Evidence
from unfade.steps import contract
from unfade.steps.contract import Kind, Look, Proposal, Step, setting

PIVOT = 0.5  # the stored value that contrast leaves where it is
_STEEPNESS = 8.0  # of the sigmoid at contrast 1: the slope at the pivot is then 2.1
_LEAST_SPAN = 0.02  # black and white may not come nearer to each other
_BINS = 65536  # of the histogram: every code of 8 and 16 bits has a bin of its own
_AUTO_LEAST = 0.01  # a level this near the end of the scale is left there
_AUTO_SPAN = 0.3  # `auto` leaves a picture alone that uses less: a wall in fog is no mistake


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """The curve: levels, then gamma, then contrast."""

    black: float = setting(
        0.0, "stored value that becomes black", unit="of full scale", low=0, high=0.9, neutral=0.0
    )
    white: float = setting(
        1.0, "stored value that becomes white", unit="of full scale", low=0.1, high=1, neutral=1.0
    )
    gamma: float = setting(1.0, "above 1 lightens the middle", low=0.2, high=5, neutral=1.0)
    contrast: float = setting(
        0.0, "steepens the middle; below 0 flattens it", low=-1, high=1, neutral=0.0
    )
    auto: bool = setting(
        False, "measure black and white; the given ones are outer limits", neutral=False
    )
    auto_share: float = setting(
        0.001, "share of all samples that `auto` clips at each end", low=0, high=0.05
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.white - self.black < _LEAST_SPAN:
            raise SettingsError(
                f"`white` is {self.white} and `black` {self.black}, expected white above black "
                f"by {_LEAST_SPAN} at least.",
                "Raise `white` or lower `black`.",
            )


@dataclass(frozen=True)
class ToneCurve:
    """The curve, and what it clips.

    Attributes:
        black, white, gamma, contrast: as in ``Settings``
        black_share, white_share: samples below black and above white: what they hold is lost
        channel_shares: the same for each channel: (black, white)
        says: the same in words
    """

    black: float = 0.0
    white: float = 1.0
    gamma: float = 1.0
    contrast: float = 0.0
    black_share: float = 0.0
    white_share: float = 0.0
    channel_shares: tuple[tuple[float, float], ...] = field(default=(), compare=False)
    says: str = field(default="", compare=False)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"channel_shares": [list(pair) for pair in self.channel_shares]}


def apply_curve(pixels: Pixels, curve: ToneCurve) -> Pixels:
    """Levels, gamma and contrast on every sample.

    Args:
        pixels: (rows, cols, 1 or 3) float32, stored values; those outside the levels leave 0-1
    Returns:
        (rows, cols, channels) float32
    Cost:
        0.1 s a megapixel of colour on one core; peak memory 5 x the tile
    """
    # double precision: the inverse of a steep end must find its way back to the code
    span = curve.white - curve.black
    level = (np.ascontiguousarray(pixels, np.float64) - curve.black) / span
    inside = np.clip(level, 0, 1)
    if curve.gamma != 1:
        inside = np.power(inside, 1 / curve.gamma)
    inside = _sigmoid(inside, curve.contrast)
    return _outside_as(level, inside).astype(np.float32)


def invert_curve(pixels: Pixels, curve: ToneCurve) -> Pixels:
    """The inverse of ``apply_curve``."""
    level = np.ascontiguousarray(pixels, np.float64)
    inside = _sigmoid(np.clip(level, 0, 1), -curve.contrast)
    if curve.gamma != 1:
        inside = np.power(inside, curve.gamma)
    span = curve.white - curve.black
    return (_outside_as(level, inside) * span + curve.black).astype(np.float32)


def measure(
    picture: Picture, settings: Settings, findings: Findings, bench: BenchView
) -> ToneCurve:
    """The curve for the whole picture, from one histogram of all samples."""
    grid = Grid()

    def count(tile: Tile) -> np.ndarray:
        codes = np.rint(picture.read(tile.core) * np.float32(_BINS - 1))
        planes = np.clip(codes, 0, _BINS - 1).astype(np.int64).reshape(-1, picture.channels).T
        return np.stack([np.bincount(plane, minlength=_BINS) for plane in planes])

    histogram = np.zeros((picture.channels, _BINS), np.int64)
    for counts in bench.map(
        count,
        grid.tiles(picture.rows, picture.cols),
        says="measuring tones",
        total=grid.count(picture.rows, picture.cols),
        bytes_each=grid.core_px**2 * 40,
    ):
        histogram += counts
    return curve_of(histogram, settings)


def curve_of(histogram: np.ndarray, settings: Settings) -> ToneCurve:
    """The curve that settings mean for samples with this histogram.

    Args:
        histogram: (65536,) number of samples at each of as many even steps from 0 to 1, or
            (channels, 65536)
    """
    channels = np.atleast_2d(histogram)
    below = np.cumsum(channels.sum(axis=0))
    black, white = settings.black, settings.white
    if settings.auto:
        share = settings.auto_share * below[-1]
        low = int(np.searchsorted(below, share, side="right")) / (_BINS - 1)
        high = int(np.searchsorted(below, below[-1] - share)) / (_BINS - 1)
        if high - low >= _AUTO_SPAN:
            black = max(black, low if low > _AUTO_LEAST else 0.0)
            white = min(white, high if high < 1 - _AUTO_LEAST else 1.0)
    first = int(np.ceil(black * (_BINS - 1) - 1e-6))
    last = int(np.floor(white * (_BINS - 1) + 1e-6))
    totals = channels.sum(axis=1)
    blacks, whites = channels[:, :first].sum(axis=1), channels[:, last + 1 :].sum(axis=1)
    black_share, white_share = float(blacks.sum() / below[-1]), float(whites.sum() / below[-1])
    return ToneCurve(
        black,
        white,
        settings.gamma,
        settings.contrast,
        black_share,
        white_share,
        tuple((float(b / n), float(w / n)) for b, w, n in zip(blacks, whites, totals)),
        f"{black_share:.2%} of the samples become black and {white_share:.2%} white.",
    )


def _sigmoid(values: np.ndarray, contrast: float) -> np.ndarray:
    """An S through 0, the pivot and 1; its inverse for negative contrast; straight at 0.

    ``tanh`` about the pivot is the logistic curve, in the form that is odd by construction.
    """
    if contrast == 0:
        return values
    steep = abs(contrast) * _STEEPNESS / 2
    end = np.tanh(steep * PIVOT)
    if contrast > 0:
        bent = np.tanh((values - PIVOT) * steep) / end * PIVOT
    else:
        bent = np.arctanh((values - PIVOT) / PIVOT * end) / steep
    # rounding can leave a hair outside, where a power has no value
    curved: np.ndarray = np.clip(bent + PIVOT, 0, 1)
    return curved


def _outside_as(level: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """The curve between the levels, with slope 1 beyond them."""
    return np.where((level < 0) | (level > 1), level, inside)


def _propose(look: Look, settings: Settings) -> Proposal:
    curve: ToneCurve = look.measured
    if (curve.black, curve.white, curve.gamma, curve.contrast) == (0, 1, 1, 0):
        return Proposal(look.pixels)
    return Proposal(apply_curve(look.pixels, curve))


STEP = Step(
    name="adjust_tone",
    title="Set levels, gamma and contrast",
    settings=Settings,
    kind=Kind.TONAL,
    evidence=Evidence.ADJUSTED,
    measure=measure,
    propose=_propose,
)
