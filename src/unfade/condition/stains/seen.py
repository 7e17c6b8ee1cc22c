"""Stains and tide lines that ``unfade-stains`` sees in a small overview, measured and judged.

The network (training recipe ``stains``) looks at whole pictures of 192 pixels, turned and mirrored,
where a drop and its dried rim are told from what is shown by their form, and in toned pictures by
their colour.
Its pieces are judged by what it says of their pixels, and by how they differ from their surround:
``rule``, fitted on pictures new to it (``benchmarks/stains_fit.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from unfade.condition.stains.rule import RULE
from unfade.condition.survey import block_px, overview
from unfade.condition.turned import seen_turned
from unfade.engines.contract import BenchView
from unfade.findings import Region
from unfade.picture import Picture, Pixels
from unfade.pixels.regions import regions_of

NETWORK = "unfade-stains"
OVERVIEW_PX = 50_000
VIEW_PX = 192  # longest side of what the network looks at: it has learnt from pictures of this size
ANY, STAIN, WATER = 0, 1, 2  # what its logits say
PIXEL_ODDS, PIECE_PX = 0.0, 12
RING_PX = (1, 3)  # from a piece: its surround
FLOOR = 0.02
SURE = 0.9  # what `remove_stains` mends unasked
FEATURES = (
    "said", "said most", "said least", "stain", "water", "log share", "full", "sides",
    "share of all", "light", "light of all", "denser in blue", "denser in green", "denser in red",
    "browner", "coloured", "coloured of all", "uneven", "uneven around",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class SeenStain:
    """A piece of the overview that may be a stain, and ``FEATURES`` of it."""

    region: Region
    features: np.ndarray

    @property
    def chance(self) -> float:
        return RULE.chance(self.features)


def asked(picture: Picture, bench: BenchView, network: Any) -> tuple[Pixels, np.ndarray, int]:
    """An overview, what the network says of each of its pixels, and the side of a block of it."""
    block = block_px(picture, OVERVIEW_PX)
    small = np.clip(overview(picture, bench, k=block), 0, 1)
    return small, _logits(small, network), block


def _logits(small: Pixels, network: Any) -> np.ndarray:
    """(rows, cols, 3) of an overview, from views of the size that the network has learnt from."""
    import cv2

    rows, cols = small.shape[:2]
    scale = min(1.0, VIEW_PX / max(rows, cols))
    size = max(1, round(cols * scale)), max(1, round(rows * scale))
    view = cv2.resize(small, size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], -1)
    logits = seen_turned(network, np.asarray(view))
    return np.asarray(cv2.resize(logits, (cols, rows), interpolation=cv2.INTER_LINEAR))


def seen_stains(small: Pixels, logits: np.ndarray) -> list[SeenStain]:
    """All pieces that the network takes for stains.

    Args:
        small: (rows, cols, 1 or 3) float32 0-1, the overview
        logits: (rows, cols, 3) float32 of the network
    """
    colour = np.repeat(small, 3, axis=2) if small.shape[2] == 1 else small
    odds = logits[:, :, ANY]
    pieces = (p for p in regions_of(odds > PIXEL_ODDS) if p.area_px >= PIECE_PX)
    return [SeenStain(piece, _measured(colour, logits, piece)) for piece in pieces]


def _measured(small: Pixels, logits: np.ndarray, piece: Region) -> np.ndarray:
    import cv2

    rows, cols = small.shape[:2]
    window = piece.window
    said, pixels = logits[window.slices][piece.mask], small[window.slices][piece.mask]
    wide = window.grown(RING_PX[1], rows, cols)
    here = np.zeros((wide.rows, wide.cols), np.uint8)
    here[window.within(wide)] = piece.mask
    near, far = (cv2.dilate(here, np.ones((2 * px + 1,) * 2, np.uint8)) > 0 for px in RING_PX)
    ring = far & ~near
    around = small[wide.slices][ring] if ring.any() else small.reshape(-1, 3)
    denser = np.log((around.mean(axis=0) + FLOOR) / (pixels.mean(axis=0) + FLOOR))
    sides = sum((window.top == 0, window.left == 0, window.bottom == rows, window.right == cols))
    return np.array(
        [
            said[:, ANY].mean(),
            np.quantile(said[:, ANY], 0.9),
            np.quantile(said[:, ANY], 0.1),
            said[:, STAIN].mean(),
            said[:, WATER].mean(),
            np.log(piece.area_px / (rows * cols)),
            piece.area_px / (window.rows * window.cols),
            sides,
            np.mean(logits[:, :, ANY] > PIXEL_ODDS),
            pixels.mean(),
            small.mean(),
            denser[2],
            denser[1],
            denser[0],
            denser[2] - denser[0],
            np.ptp(pixels, axis=1).mean(),
            np.ptp(small, axis=2).mean(),
            pixels.std(axis=0).mean(),
            around.std(axis=0).mean(),
        ],
        np.float64,
    )
