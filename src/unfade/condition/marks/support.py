"""What the damage network says about marks that were found without it.

Two witnesses that were made in different ways: the judge of candidates looks at shape, contrast and
surround, the network at texture. A mark's confidence comes from both, by weights that were fitted
on damage with known truth. The network is run only where there are marks, in cells of a grid that
belongs to the picture.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from unfade.engines.contract import BenchView
from unfade.findings import Mark, MarkKind
from unfade.picture import Picture, Window

NETWORK = "unfade-damage"
CELL_PX = 384
HALO_PX = 48  # multiples of the network's grid: a cell with its halo starts on it
PERCENTILE = 75  # of the network's log odds inside a mark: its margin is sound ground
# log odds = JUDGE * (the judge's log odds) + NET * (the network's) + BOTH, and SCRATCH for those:
# fitted by ``python benchmarks/marks.py join`` on pictures that the network was not trained on
JUDGE, NET, BOTH, SCRATCH = 0.905, 0.172, -0.861, 0.138
MOST_ODDS = 8.0


def joined(picture: Picture, marks: Sequence[Mark], bench: BenchView) -> list[Mark]:
    """The marks with the confidence that both witnesses give.

    Raises:
        ModelMissing: the network is not here
    Cost: half a second on two cores for each megapixel of cells that hold marks
    """
    return [
        replace(mark, confidence=together(mark.confidence, odds, mark.kind))
        for mark, odds in zip(marks, support(picture, marks, bench), strict=True)
    ]


def together(confidence: float, network_odds: float, kind: MarkKind) -> float:
    """One probability from the judge's probability and the network's log odds."""
    sure = min(max(confidence, 1e-4), 1 - 1e-4)
    odds = JUDGE * float(np.log(sure / (1 - sure))) + BOTH
    odds += NET * min(max(network_odds, -MOST_ODDS), MOST_ODDS)
    return chance(odds + SCRATCH * (kind is MarkKind.SCRATCH))


def chance(odds: float) -> float:
    """The probability of log odds."""
    return float(1 / (1 + np.exp(-odds)))


def support(picture: Picture, marks: Sequence[Mark], bench: BenchView) -> list[float]:
    """The network's log odds of damage at each mark."""
    if not marks:
        return []
    engine = bench.engine(NETWORK)
    touched: dict[tuple[int, int], list[int]] = defaultdict(list)
    for n, mark in enumerate(marks):
        w = mark.region.window
        for row in range(w.top // CELL_PX, (w.bottom - 1) // CELL_PX + 1):
            for col in range(w.left // CELL_PX, (w.right - 1) // CELL_PX + 1):
                touched[row, col].append(n)
    seen: dict[int, list[np.ndarray]] = defaultdict(list)
    cells = sorted(touched)

    def work(cell: tuple[int, int]) -> list[tuple[int, np.ndarray]]:
        core = _cell(cell, picture)
        wide = core.grown(HALO_PX, picture.rows, picture.cols)
        odds = engine.find(picture.read(wide))[:, :, 0]
        out = []
        for n in touched[cell]:
            both = marks[n].region.window.overlap(core)
            if both is None:
                continue
            inside = marks[n].region.mask[both.within(marks[n].region.window)]
            out.append((n, odds[both.within(wide)][inside]))
        return out

    side = CELL_PX + 2 * HALO_PX
    for parts in bench.map(
        work, cells, says="Asking the damage network", total=len(cells),
        bytes_each=side * side * engine.facts.bytes_per_pixel,
    ):  # fmt: skip
        for n, odds in parts:
            seen[n].append(odds)
    return [float(np.percentile(np.concatenate(seen[n]), PERCENTILE)) for n in range(len(marks))]


def _cell(cell: tuple[int, int], picture: Picture) -> Window:
    top, left = cell[0] * CELL_PX, cell[1] * CELL_PX
    return Window(top, left, min(top + CELL_PX, picture.rows), min(left + CELL_PX, picture.cols))
