"""Take flicker off: each frame gets one curve that brings it to the level of its neighbours.

For hand-cranked and unevenly exposed or printed film, whose brightness jumps from frame to frame.
A frame's level is compared with its neighbour's block by block, and the many blocks outvote what
moves; the curve is a gain and an offset. What changes slowly (fades, clouds, day to night) is
kept, because a fade is where its neighbours' mean is; a flash of one frame is more than flicker
and is left alone. Flicker that differs over the frame is not taken off.

The curves are in the record. Codes are rounded and clipped after them, so they can be taken back
to within a code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
import numpy.typing as npt

from unfade.picture import Plane
from unfade.record import Evidence
from unfade.steps import contract
from unfade.steps.contract import Kind, Step, setting

BLOCKS = (18, 24)
_REACH = 3  # standard deviations of the window
_DEAD_GAIN, _DEAD_OFFSET = 0.0015, 0.0006  # below this there is nothing to correct
_MOST = 0.35  # log gain between neighbours; more is a flash or a cut
_OFFSET_COST = 0.02  # a gain explains a change before an offset does


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """How much flicker is taken off, and what counts as slow."""

    strength: float = setting(1.0, "share of the flicker to take off", low=0, high=1, neutral=0.0)
    window_frames: float = setting(
        8.0, "changes over more than about this many frames are kept", unit="frames", low=2, high=50
    )


@dataclass(frozen=True, slots=True)
class Curve:
    """``light' = gain * light + offset``, black at 0 and full scale at 1."""

    gain: float = 1.0
    offset: float = 0.0

    @property
    def nothing(self) -> bool:
        return abs(self.gain - 1) < _DEAD_GAIN and abs(self.offset) < _DEAD_OFFSET

    def then(self, other: Curve) -> Curve:
        return Curve(other.gain * self.gain, other.gain * self.offset + other.offset)

    @property
    def inverse(self) -> Curve:
        return Curve(1 / self.gain, -self.offset / self.gain)


class Curves(Sequence[Curve]):
    """A curve for each frame, kept as numbers: a film has hundreds of thousands of frames.

    Args:
        gains, offsets: (frames,) float
    """

    def __init__(self, gains: npt.ArrayLike, offsets: npt.ArrayLike) -> None:
        self._numbers = np.stack((gains, offsets), axis=1).astype(np.float64)  # type: ignore[call-overload]

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> Curve: ...

    @overload
    def __getitem__(self, index: slice) -> Curves: ...

    def __getitem__(self, index: int | slice) -> Curve | Curves:
        found = self._numbers[index]
        if isinstance(index, slice):
            return Curves(found[:, 0], found[:, 1])
        return Curve(float(found[0]), float(found[1]))


def block_levels(luma: Plane, black: float) -> np.ndarray:
    """Mean light of each block of a fixed grid, 0-1 over black.

    Args:
        luma: (rows, cols) float32, codes of 0-255
        black: the code of black
    Returns:
        (blocks,) float32
    """
    import cv2

    means = cv2.resize(luma, (BLOCKS[1], BLOCKS[0]), interpolation=cv2.INTER_AREA)
    return np.asarray((means.ravel() - black) / (255 - black), np.float32)


def curve_between(before: np.ndarray, now: np.ndarray) -> tuple[Curve, float]:
    """The curve that makes ``before`` look like ``now``, and the share of blocks that agree.

    Robust regression (Tukey's biweight) over the blocks; a moving object is an outlier.
    """
    usable = (before > 0.015) & (now > 0.015) & (before < 0.985) & (now < 0.985)
    x, y = before[usable].astype(np.float64), now[usable].astype(np.float64)
    if len(x) < 12:
        return Curve(), 0.0
    gain, offset = float(np.median(y / x)), 0.0
    weight = np.ones_like(x)
    scale = 1e-3
    for _ in range(8):
        residual = y - gain * x - offset
        scale = max(1.4826 * float(np.median(np.abs(residual))), 5e-4)
        weight = np.square(np.clip(1 - np.square(residual / (4.685 * scale)), 0, None))
        total = weight.sum()
        if total < 6:
            return Curve(), 0.0
        middle = (weight * x).sum() / total
        spread = (weight * np.square(x - middle)).sum() / total
        # x about its mean, with a little stiffness: flat scenes tell no gain from an offset
        level = (weight * y).sum() / total
        slope0 = level / middle
        slope = ((weight * (x - middle) * (y - level)).sum() / total + slope0 * _OFFSET_COST**2) / (
            spread + _OFFSET_COST**2
        )
        gain, offset = float(slope), float(level - slope * middle)
    agree = float(np.mean(np.abs(y - gain * x - offset) < 3 * max(scale, 2e-3)))
    return Curve(gain, offset), agree


def flicker_curves(
    pairs: Sequence[Curve], shots: Sequence[tuple[int, int]], settings: Settings
) -> list[Curve]:
    """The correction of each frame.

    Args:
        pairs: of frame n: the curve from frame n - 1 to n; the first of a shot is not looked at
        shots: (first, end) of each shot; nothing is compared across a cut
    Returns:
        a curve for each frame; ``Curve()`` where nothing is to be done
    """
    result = [Curve()] * len(pairs)
    sigma = settings.window_frames
    for first, end in shots:
        for n in range(first, end):
            curve = _target(pairs, n, first, end, sigma)
            if curve.nothing or abs(np.log(max(curve.gain, 1e-3))) > _MOST:
                continue
            s = settings.strength
            result[n] = Curve(1 + s * (curve.gain - 1), s * curve.offset)
    return result


def _target(pairs: Sequence[Curve], n: int, first: int, end: int, sigma: float) -> Curve:
    """The mean of the curves from frame ``n`` to its neighbours: local linear in time."""
    reach = round(_REACH * sigma)
    offsets, curves = [0], [Curve()]
    now = Curve()
    for k in range(n + 1, min(end, n + reach + 1)):
        now = now.then(pairs[k])
        offsets.append(k - n)
        curves.append(now)
    now = Curve()
    for k in range(n, max(first, n - reach), -1):
        now = now.then(pairs[k].inverse)
        offsets.append(k - 1 - n)
        curves.append(now)
    gains = np.array([c.gain for c in curves])
    shifts = np.array([c.offset for c in curves])
    steps = np.array(offsets, np.float64)
    # a flash among the neighbours must not pull the others up
    log = np.log(np.clip(gains, 1e-3, 1e3))
    calm = np.abs(log - np.median(log)) < _MOST
    if calm.sum() < 3:
        return Curve()
    weights = _local_linear(steps[calm], sigma)
    return Curve(float(weights @ gains[calm]), float(weights @ shifts[calm]))


def _local_linear(steps: np.ndarray, sigma: float) -> np.ndarray:
    """Weights that give the value at 0 of a line through points at ``steps``."""
    w = np.exp(-0.5 * np.square(steps / sigma))
    s0, s1, s2 = w.sum(), (w * steps).sum(), (w * steps**2).sum()
    spread = s0 * s2 - s1 * s1
    if spread < 1e-9:
        return w / s0
    return w * (s2 - steps * s1) / spread


def curve_table(curve: Curve, bits: int, black: float) -> np.ndarray:
    """The curve as a table from code to code, for light.

    Args:
        bits: of a sample
        black: the code of black at 8 bits
    """
    top = (1 << bits) - 1
    lowest = black / 255 * top
    light = (np.arange(top + 1, dtype=np.float64) - lowest) / (top - lowest)
    codes = (curve.gain * light + curve.offset) * (top - lowest) + lowest
    return np.clip(np.rint(codes), 0, top).astype(np.uint8 if bits == 8 else np.uint16)


def colour_table(curve: Curve, bits: int) -> np.ndarray:
    """The curve for colour differences, which grow with the gain."""
    top = (1 << bits) - 1
    middle = float(1 << (bits - 1))
    codes = curve.gain * (np.arange(top + 1, dtype=np.float64) - middle) + middle
    return np.clip(np.rint(codes), 0, top).astype(np.uint8 if bits == 8 else np.uint16)


STEP = Step(
    name="deflicker",
    title="Take flicker off",
    settings=Settings,
    kind=Kind.TEMPORAL,
    evidence=Evidence.ADJUSTED,
    paper="van Roosmalen 1999, Restoration of Archived Film and Video, ch. 3",
)
