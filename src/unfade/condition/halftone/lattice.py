"""Square lattices among the peaks of a spectrum, and their exact frequency.

A screen of dots has two fundamental frequencies of equal length at a right angle, and peaks at
their sums and multiples. Of all pairs of peaks at a right angle the strongest is taken, then what
belongs to it is put aside and the next is looked for: in a picture printed in colours, one for
each ink.

The place of a peak is known to a tenth of a bin. How far the phase advances from one half of a
window to the other tells it a hundred times better, and whether it advances alike everywhere
tells a printed screen, which is rigid, from a weave.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unfade.condition.halftone.spectrum import amplitude
from unfade.picture import Plane

PITCH_PX = (2.2, 24.0)  # finer is not resolved, coarser are things in the picture
PROMINENT = 1.3  # mean log of power over its surroundings
_ORDERS = range(-5, 6)
_NEAR_BINS = 2.6
_TOP_SHARE = 0.5  # of the power within three bins: a screen's own bin has nearly all of it
_WEAKER = 0.3  # a lattice of half the density is the true one when it has this much of the power


@dataclass(frozen=True, slots=True)
class Lattice:
    """One square lattice of dots.

    Attributes:
        first, second: cycles a pixel (down, right); nearly at a right angle
        prominence: log of power over its surroundings, of the weaker of the two
        coherence: 0-1, of the advance of phase over all windows, weaker of the two
    """

    first: tuple[float, float]
    second: tuple[float, float]
    prominence: float
    coherence: float = 0.0

    @property
    def mean(self) -> tuple[float, float]:
        """The first frequency, as both together tell it."""
        (a, b), (c, d) = self.first, self.second
        return (a - d) / 2, (b + c) / 2

    @property
    def skew(self) -> float:
        """How far it is from square: the difference of both over their length."""
        (a, b), (c, d) = self.first, self.second
        return float(np.hypot(a + d, b - c) / np.hypot(*self.mean))

    @property
    def pitch_px(self) -> float:
        return float(1 / np.hypot(*self.mean))

    @property
    def angle_degrees(self) -> float:
        """0 to 90, from the direction of the rows, clockwise as seen."""
        down, right = self.mean
        return float(np.degrees(np.arctan2(down, right)) % 90)


def lattices(logs: np.ndarray, power: np.ndarray, *, most: int) -> list[Lattice]:
    """Square lattices in what the windows have in common, strongest first.

    Args:
        logs, power: (side, side), see ``spectrum.whitened``, means over windows
        most: how many are looked for at most
    """
    side = len(logs)
    free = _allowed(side)
    found: list[Lattice] = []
    while len(found) < most:
        best = _strongest(np.where(free, logs, -9.0), power, found)
        if best is None:
            break
        found.append(best)
        free &= ~_belongs(best, side)
    return found


def refined(lattice: Lattice, windows: Sequence[Sequence[Plane]]) -> Lattice:
    """The same lattice with its frequencies from the advance of phase.

    Args:
        windows: for each window the planes in which the lattice stands (one or more)
    """
    both, coherence = [], 1.0
    for frequency in (lattice.first, lattice.second):
        for _ in range(2):
            frequency, rigid = _advanced(frequency, windows)
        both.append(frequency)
        coherence = min(coherence, rigid)
    return Lattice(both[0], both[1], lattice.prominence, coherence)


def is_on_top(lattice: Lattice, power: np.ndarray) -> bool:
    """Whether both frequencies stand on peaks, not on the foot of one that is not looked at."""
    return all(
        _power_at(power, frequency) >= _TOP_SHARE * _most_near(power, frequency, 3)
        for frequency in (lattice.first, lattice.second)
    )


def strongest_alone(
    logs: np.ndarray, power: np.ndarray, found: Sequence[Lattice], *, prominent: float
) -> float:
    """How strong the strongest peak without a partner is, over the first lattice's power.

    Lines on a slant repeat in one direction. Drawn without smoothing, their multiples fold back
    and can fall into a square; the lines themselves stay, stronger than all of those.
    """
    import cv2

    free = _allowed(len(logs), coarsest_px=64.0)
    for one in found:
        free &= ~_belongs(one, len(logs))
    tops = (logs == cv2.dilate(logs, np.ones((3, 3), np.uint8))) & (logs > prominent) & free
    alone = [
        float(power[row, col])
        for row, col in np.argwhere(tops)
        if _pair(logs, power, _exact(power, row, col)) is None
    ]
    own = min(_power_at(power, f) for f in (found[0].first, found[0].second))
    return max(alone, default=0.0) / own


def _advanced(
    frequency: tuple[float, float], windows: Sequence[Sequence[Plane]]
) -> tuple[tuple[float, float], float]:
    """The frequency corrected by the mean advance of phase, and how much windows agree."""
    down = right = 0j
    length = 0.0
    for planes in windows:
        for plane in planes:
            half = len(plane) // 2
            a, b, c, d = (
                amplitude(plane[y : y + half, x : x + half], frequency)
                * np.exp(-2j * np.pi * (frequency[0] * y + frequency[1] * x))
                for y in (0, half)
                for x in (0, half)
            )
            right += b * a.conjugate() + d * c.conjugate()
            down += c * a.conjugate() + d * b.conjugate()
            length += abs(a * b) + abs(c * d) + abs(a * c) + abs(b * d)
            hop = half
    if not length:
        return frequency, 0.0
    turn = 2 * np.pi * hop
    exact = (frequency[0] + np.angle(down) / turn, frequency[1] + np.angle(right) / turn)
    return exact, (abs(down) + abs(right)) / length


def _allowed(side: int, coarsest_px: float = PITCH_PX[1]) -> np.ndarray:
    """Frequencies at which a screen may stand: not those of JPEG's blocks, not the axes' ends."""
    at = (np.arange(side) - side // 2) / side
    down, right = at[:, None], at[None, :]
    radius = np.hypot(down, right)
    allowed = (radius >= 1 / coarsest_px) & (radius <= 1 / PITCH_PX[0])
    eighths = np.abs(at * 16 - np.rint(at * 16)) * side / 16 < 1.5
    axis = np.abs(at) * side < 1.5
    allowed &= ~((axis[:, None] & eighths[None]) | (eighths[:, None] & axis[None]))
    return np.asarray(allowed)


def _strongest(logs: np.ndarray, power: np.ndarray, before: Sequence[Lattice]) -> Lattice | None:
    import cv2

    _side, middle = len(logs), len(logs) // 2
    tops = (logs == cv2.dilate(logs, np.ones((3, 3), np.uint8))) & (logs > PROMINENT)
    tops[:, :middle] = False  # the other half is the same
    best, strength = None, 0.0
    for row, col in np.argwhere(tops):
        one = _exact(power, row, col)
        pair = _pair(logs, power, one)
        if pair is None:
            continue
        pitch = 1 / np.hypot(*one)
        if before and not 0.8 < pitch / before[0].pitch_px < 1.25:
            continue  # the screens of one print are alike; the rest is their interference
        energy = min(_power_at(power, pair.first), _power_at(power, pair.second))
        if energy > strength:
            best, strength = pair, energy
    for _ in range(2):
        best, strength = _coarser(best, strength, logs, power, before) if best else (best, 0.0)
    return best


def _coarser(
    found: Lattice,
    strength: float,
    logs: np.ndarray,
    power: np.ndarray,
    before: Sequence[Lattice],
) -> tuple[Lattice, float]:
    """The lattice of which this one is the diagonal harmonic, where there is such a one."""
    (a, b), (c, d) = found.first, found.second
    half = ((a + c) / 2, (b + d) / 2)
    pitch = 1 / np.hypot(*half)
    if pitch > PITCH_PX[1] or (before and not 0.8 < pitch / before[0].pitch_px < 1.25):
        return found, strength
    row, col = (round(f * len(logs)) + len(logs) // 2 for f in half)
    pair = _pair(logs, power, _exact(power, *_top_near(logs, row, col)))
    if pair is None:
        return found, strength
    energy = min(_power_at(power, pair.first), _power_at(power, pair.second))
    return (pair, energy) if energy > _WEAKER * strength else (found, strength)


def _pair(logs: np.ndarray, power: np.ndarray, one: tuple[float, float]) -> Lattice | None:
    """The lattice of a peak and its partner at a right angle, when there is one."""
    side, middle = len(logs), len(logs) // 2
    rows = [round(one[0] * side) + middle, round(one[1] * side) + middle]
    cols = [round(one[1] * side) + middle, round(-one[0] * side) + middle]
    tops = [_top_near(logs, r, c) for r, c in zip(rows, cols)]
    # (down, right) turned by 90 degrees is (right, -down)
    prominence = min(float(logs[top]) for top in tops)
    if prominence < PROMINENT:
        return None
    first, second = (_exact(power, *top) for top in tops)
    pair = Lattice(first, second, prominence)
    return pair if pair.skew * np.hypot(*first) * side < 1.5 else None


def _top_near(logs: np.ndarray, row: int, col: int) -> tuple[int, int]:
    side = len(logs)
    near = [
        ((row + y) % side, (col + x) % side) for y in (-1, 0, 1) for x in (-1, 0, 1)
    ]  # of nine the largest
    return max(near, key=lambda place: logs[place])


def _exact(power: np.ndarray, row: int, col: int) -> tuple[float, float]:
    """Frequency (down, right) of a peak, between bins by a parabola through the logarithms."""
    side, middle = len(power), len(power) // 2

    def between(before: float, top: float, after: float) -> float:
        low, high, more = (math.log(v + 1e-20) for v in (before, top, after))
        bend = low - 2 * high + more
        return 0.0 if bend >= 0 else min(0.5, max(-0.5, (low - more) / (2 * bend)))

    down = between(power[row - 1, col], power[row, col], power[(row + 1) % side, col])
    right = between(power[row, col - 1], power[row, col], power[row, (col + 1) % side])
    return (row + down - middle) / side, (col + right - middle) / side


def _most_near(power: np.ndarray, frequency: tuple[float, float], reach: int) -> float:
    side = len(power)
    steps = np.arange(-reach, reach + 1)
    rows, cols = ((round(f * side) + side // 2 + steps) % side for f in frequency)
    return float(power[np.ix_(rows, cols)].max())


def _power_at(power: np.ndarray, frequency: tuple[float, float]) -> float:
    side, middle = len(power), len(power) // 2
    row, col = ((round(f * side) + middle) % side for f in frequency)
    return float(power[row, col])


def _belongs(lattice: Lattice, side: int) -> np.ndarray:
    """Bins near the sums and multiples of a lattice's frequencies, aliased ones among them."""
    near = np.zeros((side, side), bool)
    at = np.arange(side) - side // 2
    for m in _ORDERS:
        for n in _ORDERS:
            down, right = (m * a + n * b for a, b in zip(lattice.first, lattice.second))
            y, x = (((f + 0.5) % 1 - 0.5) * side for f in (down, right))
            dy, dx = (np.abs((at - v + side / 2) % side - side / 2) for v in (y, x))
            rows, cols = np.flatnonzero(dy < _NEAR_BINS), np.flatnonzero(dx < _NEAR_BINS)
            near[np.ix_(rows, cols)] |= np.hypot(dy[rows, None], dx[None, cols]) < _NEAR_BINS
    return near
