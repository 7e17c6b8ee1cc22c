"""The loss as the user knows it: six numbers, or places that were grey.

A place that was neutral is two equations, one of known density three. Six numbers are wanted, so
what the places leave open is decided by the loss that the picture's own ends show: the six that
meet the places and differ least from it (least squares). Two grey places of known density, far
apart in density, decide all six.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from unfade.steps.correct_fading.model import Fading

NEUTRAL = 0.02  # densities that differ less are neutral: two 8-bit codes of a middle grey
_PLACE = 0.002  # density by which a place may be missed
_GAIN, _STAIN = 0.25, 0.05  # how far the ends' guess may be off: gain as a share, stain in density
_LEAST_GAIN = 0.5  # no layer's density is cut to less than this


def meeting_places(
    guess: Fading,
    densities: np.ndarray,
    targets: Sequence[float | None],
    *,
    max_gain: float,
) -> Fading:
    """The six numbers (two for one layer) that make places neutral, as near ``guess`` as may be.

    Args:
        densities: (places, layers) of the picture as it is
        targets: density of each place when it was sound; None: only known to be neutral
    """
    places, layers = densities.shape
    rows, due = [], []

    def row(cells: dict[int, float], value: float, within: float) -> None:
        line = np.zeros(2 * layers + places)
        for at, factor in cells.items():
            line[at] = factor / within
        rows.append(line)
        due.append(value / within)

    # unknowns: slope and offset of each layer, then the sound density of each place
    slopes = [1 / gain for gain in guess.gains]
    for k in range(layers):
        row({2 * k: 1.0}, slopes[k], _GAIN * slopes[k])
        row({2 * k + 1: 1.0}, -guess.stains[k] * slopes[k], _STAIN * slopes[k])
    for p, target in enumerate(targets):
        free = 2 * layers + p
        for k in range(layers):
            row({2 * k: float(densities[p, k]), 2 * k + 1: 1.0, free: -1.0}, 0.0, _PLACE)
        if target is not None:
            row({free: 1.0}, target, _PLACE / 10)
    solved = np.linalg.lstsq(np.array(rows), np.array(due), rcond=None)[0]
    slope = np.clip(solved[: 2 * layers : 2], _LEAST_GAIN, max_gain)
    offset = solved[1 : 2 * layers : 2]
    return replace(
        guess,
        gains=tuple(float(1 / s) for s in slope),
        stains=tuple(float(-o / s) for o, s in zip(offset, slope)),
        evidence=1.0,
        says=f"Set by {places} place{'s' if places > 1 else ''} known to be neutral.",
    )


def already_neutral(densities: np.ndarray, targets: Sequence[float | None]) -> bool:
    """Whether places are as they should be, so that nothing has to be done for them."""
    spread = np.ptp(densities, axis=1).max() < NEUTRAL
    known = [abs(d.mean() - t) < NEUTRAL for d, t in zip(densities, targets) if t is not None]
    return bool(spread) and all(known)


def with_numbers(
    found: Fading, left: Sequence[float | None], stains: Sequence[float | None]
) -> Fading:
    """The loss with the numbers that the user gave in place of the measured ones.

    One layer (grey and toned pictures) takes the mean of the numbers given.
    """
    given = [n for n in (*left, *stains) if n is not None]
    if not given:
        return found
    if len(found.gains) == 1:
        left, stains = [_mean(left)], [_mean(stains)]
    return replace(
        found,
        gains=tuple(m if n is None else n for n, m in zip(left, found.gains)),
        stains=tuple(m if n is None else n for n, m in zip(stains, found.stains)),
        evidence=1.0,
        says=f"{len(given)} of its numbers were given.",
    )


def _mean(numbers: Sequence[float | None]) -> float | None:
    known = [n for n in numbers if n is not None]
    return sum(known) / len(known) if known else None
