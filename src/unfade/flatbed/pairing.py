"""Pair fronts and backs by their outlines.

Prints that were turned over have the same size, and lie where they lay, or mirrored as a whole
when all were turned at once on a sheet. Which of the three it was is decided for the whole scan:
the one under which outlines agree best.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.flatbed.photograph import Photograph

SIZE_SHARE = 0.015  # two measurements of one print agree to this, and to SIZE_PX
SIZE_PX = 4.0
AMBIGUOUS = 1.5  # a second-best partner must be this much worse
NEAR_SHARE = 0.03  # of the scan: prints lie apart by more, and are put back to about this
WAYS = ("in place", "mirrored left to right", "mirrored top to bottom")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """Which back belongs to which front.

    Attributes:
        pairs: indices of front and back
        way: one of ``WAYS``
        lone_fronts, lone_backs: indices of those without a partner
        notes: what is not certain
    """

    pairs: tuple[tuple[int, int], ...]
    way: str
    lone_fronts: tuple[int, ...]
    lone_backs: tuple[int, ...]
    notes: tuple[str, ...] = ()


def pair_backs(
    fronts: tuple[Photograph, ...],
    backs: tuple[Photograph, ...],
    front_size: tuple[int, int],
    back_size: tuple[int, int],
) -> Pairing:
    """Pair the photographs of two scans.

    Args:
        front_size, back_size: rows and columns of the scans
    """
    best: tuple[float, str, np.ndarray] | None = None
    for way in WAYS:
        cost = _costs(fronts, backs, front_size, back_size, way)
        pairs = _greedy(cost)
        # a partner that fails costs more than any that fits
        total = sum(cost[i, j] for i, j in pairs) + 10.0 * (len(fronts) - len(pairs))
        if best is None or total < best[0] - 1e-9:
            best = total, way, cost
    assert best is not None
    _, way, cost = best
    pairs = _greedy(cost)
    notes = []
    for i, j in pairs:
        others = np.concatenate([np.delete(cost[i], j), np.delete(cost[:, j], i)])
        others = others[np.isfinite(others)]
        if len(others) and others.min() < AMBIGUOUS * cost[i, j] + NEAR_SHARE:
            notes.append(f"Front {i + 1} and back {j + 1}: another outline fits nearly as well.")
    return Pairing(
        pairs=tuple(pairs),
        way=way,
        lone_fronts=tuple(i for i in range(len(fronts)) if all(i != p for p, _ in pairs)),
        lone_backs=tuple(j for j in range(len(backs)) if all(j != q for _, q in pairs)),
        notes=tuple(notes),
    )


def _costs(
    fronts: tuple[Photograph, ...],
    backs: tuple[Photograph, ...],
    front_size: tuple[int, int],
    back_size: tuple[int, int],
    way: str,
) -> np.ndarray:
    """(fronts, backs): distance as a share of the scan; infinite where sizes differ."""
    cost = np.full((len(fronts), len(backs)), np.inf)
    for i, front in enumerate(fronts):
        row, col = front.row_px / front_size[0], front.col_px / front_size[1]
        row = 1 - row if way == WAYS[2] else row
        col = 1 - col if way == WAYS[1] else col
        for j, back in enumerate(backs):
            if _same_size(front, back):
                away = row - back.row_px / back_size[0], col - back.col_px / back_size[1]
                cost[i, j] = float(np.hypot(*away))
    return cost


def _same_size(front: Photograph, back: Photograph) -> bool:
    """Also where it was put back turned by a quarter."""
    one, two = (sorted((p.rows_px, p.cols_px)) for p in (front, back))
    return all(
        abs(a - b) <= SIZE_PX + SIZE_SHARE * max(a, b) for a, b in zip(one, two, strict=True)
    )


def _greedy(cost: np.ndarray) -> list[tuple[int, int]]:
    """The nearest pair first, then the nearest of what is left."""
    left = cost.copy()
    pairs = []
    while left.size and np.isfinite(left).any():
        i, j = (int(v) for v in np.unravel_index(int(left.argmin()), left.shape))
        pairs.append((i, j))
        left[i, :] = left[:, j] = np.inf
    return sorted(pairs)
