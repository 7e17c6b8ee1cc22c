"""Ask the network for damage what it thinks of each candidate.

It looks at whole shapes where the nets of this eye look at measurements, so the two are wrong
about different things: twigs and facades here, soft spots there. A net of two inputs, their log
odds, weighs them; it was fitted on pictures new to both. Only tiles that hold a plausible candidate
are looked at; a sound picture hardly ever has one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unfade.condition.damage_network import NETWORK
from unfade.condition.marks.candidates import Candidates
from unfade.condition.marks.weights import JOINT
from unfade.engines.contract import BenchView
from unfade.errors import ModelMissing
from unfade.picture import Picture, Window

FARTHEST = 10.0  # log odds are clipped here
SURE_ODDS = 2.75  # joint log odds that the best candidate of a picture must reach
MARK_ODDS = 0.5  # joint log odds that each mark must reach


def second_opinion(
    picture: Picture, candidates: Sequence[Candidates], odds: Sequence[np.ndarray], bench: BenchView
) -> list[np.ndarray] | None:
    """Joint log odds of each candidate; -inf where even the network's assent would not do.

    Args:
        odds: of each group (candidates,), judged without the network
    Returns:
        for each group (candidates,) float64; None: the network is not here, or need not be asked
    Raises:
        OutOfResources: no memory for it; other marks with less memory would be another result
    Cost:
        about 0.5 s on one core for each megapixel of tiles that are looked at; 30 bytes for each
        speck of a plausible candidate
    """
    at_best = [weighed(o, np.full(len(o), FARTHEST)) for o in odds]
    if max((float(o.max()) for o in at_best if len(o)), default=-np.inf) < SURE_ODDS:
        return None
    asked = [o >= MARK_ODDS for o in at_best]
    specks = Asked(candidates, asked, picture)
    try:
        engine = bench.engine(NETWORK)
    except ModelMissing:
        return None
    for window, maps in engine.find_tiles(picture, bench, wanted=specks.touch):
        specks.vote(window, maps[:, :, 0])
    joint = [np.full(len(o), -np.inf) for o in odds]
    said = np.split(specks.means(), np.cumsum([len(o) for o in odds])[:-1])
    for result, own, other, ask in zip(joint, odds, said, asked, strict=True):
        result[ask] = weighed(own, other)[ask]
    return joint


def weighed(own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Joint log odds of this eye's and the network's (candidates,)."""
    both = np.stack((own, other), axis=1)
    return JOINT.odds(np.clip(both, -FARTHEST, FARTHEST))


class Asked:
    """Specks of the candidates that are asked about, ordered by row, and what was said of them."""

    def __init__(
        self, candidates: Sequence[Candidates], asked: Sequence[np.ndarray], picture: Picture
    ) -> None:
        rows, cols, owner, first = [], [], [], 0
        for c, ask in zip(candidates, asked, strict=True):
            kept = ask[c.owner]
            middle = (1 << c.level) // 2
            down, right = c.specks.rows[kept], c.specks.cols[kept]
            rows.append(np.minimum((down << c.level) + middle, picture.rows - 1))
            cols.append(np.minimum((right << c.level) + middle, picture.cols - 1))
            owner.append(c.owner[kept] + first)
            first += len(c)
        down, right, own = np.concatenate(rows), np.concatenate(cols), np.concatenate(owner)
        order = np.argsort(down, kind="stable")
        self._rows, self._cols, self._owner = down[order], right[order], own[order]
        self._sums = np.zeros(first)
        self._counts = np.zeros(first, np.int64)

    def touch(self, window: Window) -> bool:
        return len(self._inside(window)) > 0

    def vote(self, window: Window, odds: np.ndarray) -> None:
        """Take the network's log odds (rows, cols) of a window."""
        at = self._inside(window)
        said = np.clip(odds[self._rows[at] - window.top, self._cols[at] - window.left], -12, 12)
        self._sums += np.bincount(self._owner[at], said, len(self._sums))
        self._counts += np.bincount(self._owner[at], minlength=len(self._counts))

    def means(self) -> np.ndarray:
        return self._sums / np.maximum(self._counts, 1)

    def _inside(self, window: Window) -> np.ndarray:
        first, end = np.searchsorted(self._rows, (window.top, window.bottom))
        cols = self._cols[first:end]
        return first + np.flatnonzero((cols >= window.left) & (cols < window.right))
