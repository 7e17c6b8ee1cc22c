"""Losses told by their tone, without a network: one ground shows in several places.

Colours of flat places are counted in CIELAB; for each of the most frequent ones the pixels near it
make pieces; each piece is measured (flatness, edges, outline, how many others have its tone), and
the tone is judged by a logistic rule that was fitted on made losses over sound paintings and
photographs (``benchmarks/paintings_fit.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.condition.losses.rule import BIAS, MEAN, WEIGHTS
from unfade.findings import Region
from unfade.picture import Pixels, Window
from unfade.pixels.masks import width

TONES = 8  # most frequent colours of flat places that are looked at
NEAR = 8.0  # CIELAB: colours this near to a tone belong to it
BIN = 6.0
SMALLEST_PX, LARGEST_SHARE = 25, 0.08
LEAST_PIECES = 3
MAY_BE, SURE_ODDS = 6.0, 8.0  # log odds of a tone: see the benchmark for what passes
EVEN_ODDS = 5.5  # where a tone is taken to be as likely as not, since sound pictures are the rule
HARD, HARD_LOW, HARD_PIECE = 0.65, 0.40, 0.60  # whatever the rule says, the rims have to be hard
MOST_PIECES = 80  # of one tone are measured, the largest
FEATURES = (
    "log_pieces",
    "log_share",  # of the picture, in the pieces
    "log_rest",  # of this tone's pixels, how many lie in no piece
    "hard",  # share of the rims with a strong edge, over area
    "hard_low",  # the same of the worst quarter
    "log_edge",  # colour difference of the rings outside
    "log_spread",  # of colour inside
    "log_spread_high",  # the same of the worst quarter
    "log_ragged",  # outlines against discs'
    "log_thick",
    "light",
    "chroma",
    "light_rank",  # share of the picture that is darker
    "log_variety",  # of what surrounds the pieces: a ground shows through all colours
    "log_mean_spread",  # between the pieces' own colours: one ground is one colour
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Tone:
    """Places of one tone: their masks in the overview, and what was measured of them together."""

    colour: np.ndarray
    pieces: tuple[Region, ...]
    hard: np.ndarray  # (pieces,) share of each rim with a strong edge
    features: np.ndarray


def tones_of(lab: Pixels) -> list[Tone]:
    """Candidates in an overview, with their features.

    Args:
        lab: (rows, cols, 3) float32 CIELAB
    Cost:
        0.3 s for a megapixel
    """
    flat = _flat(lab)
    seen = (_of_tone(lab, tone) for tone in _tones(lab, flat))
    return [tone for tone in seen if tone is not None]


def _flat(lab: Pixels) -> np.ndarray:
    """Where all neighbours within a pixel have nearly one colour."""
    import cv2

    kernel = np.ones((3, 3), np.uint8)
    span = cv2.dilate(lab, kernel) - cv2.erode(lab, kernel)
    return np.asarray(span.max(axis=2) < NEAR)


def _tones(lab: Pixels, flat: np.ndarray) -> list[np.ndarray]:
    """The lightest, the darkest and the most frequent colours of flat places, two bins apart."""
    bins = np.rint(lab[flat] / BIN).astype(np.int64) + 40
    if not len(bins):
        return []
    codes, counts = np.unique(
        (bins[:, 0] * 100 + bins[:, 1]) * 100 + bins[:, 2], return_counts=True
    )
    order = codes[np.lexsort((codes, -counts))]
    often = np.sort(codes[counts >= LEAST_PIECES * SMALLEST_PX])  # by lightness first
    chosen: list[np.ndarray] = []
    for code in (*often[-1:], *often[:1], *order):
        at = np.array([code // 10_000, code // 100 % 100, code % 100]) - 40
        if all(np.abs(at - other).max() > 1 for other in chosen):
            chosen.append(at)
            if len(chosen) == TONES:
                break
    return [at.astype(np.float32) * np.float32(BIN) for at in chosen]


def _of_tone(lab: Pixels, colour: np.ndarray) -> Tone | None:
    import cv2

    near = ((lab - colour) ** 2).sum(axis=2) < np.float32((1.3 * NEAR) ** 2)
    if near.any():  # the bin's middle is not the tone's
        colour = np.asarray(np.median(lab[near], axis=0), np.float32)
        near = ((lab - colour) ** 2).sum(axis=2) < np.float32(NEAR**2)
    mask = cv2.morphologyEx(near.astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    area = stats[:, cv2.CC_STAT_AREA].astype(np.int64)
    area[0] = 0
    chosen = np.flatnonzero((area >= SMALLEST_PX) & (area <= LARGEST_SHARE * mask.size))
    if len(chosen) < LEAST_PIECES:
        return None
    large = chosen[np.argsort(-area[chosen], kind="stable")][:MOST_PIECES]
    each = np.array([_measured(lab, labels, stats[k], int(k)) for k in large])
    weight = area[large] / area[large].sum()
    hard, edge, spread, ragged, thick = each[:, :5].T
    inside, outside = each[:, 5:8], each[:, 8:11]
    share = float(area[chosen].sum() / mask.size)
    features = [
        np.log(len(chosen)),
        np.log(share),
        np.log(float(near.mean()) / share),
        weight @ hard,
        np.quantile(hard, 0.25),
        np.log(weight @ edge + 1),
        np.log(weight @ spread + 0.3),
        np.log(np.quantile(spread, 0.75) + 0.3),
        np.log(weight @ ragged),
        np.log(weight @ thick + 1),
        float(colour[0]) / 100,
        float(np.hypot(colour[1], colour[2])) / 50,
        float((lab[:, :, 0] < colour[0]).mean()),
        np.log(np.sqrt((weight @ (outside - weight @ outside) ** 2).sum()) + 1),
        np.log(np.sqrt((weight @ (inside - weight @ inside) ** 2).sum()) + 0.3),
    ]
    pieces = []
    for k in large:
        left, top, cols, rows, _ = (int(v) for v in stats[k])
        window = Window(top, left, top + rows, left + cols)
        pieces.append(Region.of(labels[window.slices] == k, window))
    return Tone(colour, tuple(pieces), hard, np.array(features))


def _measured(lab: Pixels, labels: np.ndarray, stats: np.ndarray, k: int) -> list[float]:
    """Hardness, edge, spread, raggedness, thickness; mean colour inside and around."""
    import cv2

    left, top, cols, rows, area = (int(v) for v in stats)
    window = Window(top, left, top + rows, left + cols).grown(4, *labels.shape)
    inside = labels[window.slices] == k
    part = lab[window.slices]
    kernel = np.ones((3, 3), np.uint8)
    core = inside.astype(np.uint8)
    near = cv2.dilate(core, kernel)
    ring = (cv2.dilate(core, kernel, iterations=3) > 0) & (near == 0)
    inner = cv2.erode(core, kernel, borderType=cv2.BORDER_REPLICATE) > 0
    middle = inner if inner.any() else inside
    mean = part[middle].mean(axis=0)
    spread = float(np.sqrt(part[middle].var(axis=0).sum()))
    around = part[ring] if ring.any() else mean[None]
    apart = np.sqrt(((around - mean) ** 2).sum(axis=1))
    outline = float((inside & ~inner).sum())
    ragged = (outline + 4) / (2 * np.sqrt(np.pi * area) + 4)
    return [
        float((apart > 15).mean()),
        float(np.median(apart)),
        spread,
        ragged,
        width(inside),
        *(float(v) for v in mean),
        *(float(v) for v in around.mean(axis=0)),
    ]


def odds(features: np.ndarray) -> np.ndarray:
    """Log odds that tones of these features (..., len(FEATURES)) are a ground that shows."""
    return np.asarray((features - np.array(MEAN)) @ np.array(WEIGHTS) + BIAS)


def surest(lab: Pixels) -> tuple[float, Tone] | None:
    """The tone with hard rims that is most like a ground that shows, and its log odds."""
    best: tuple[float, Tone] | None = None
    for tone in tones_of(lab):
        score = float(odds(tone.features))
        known = dict(zip(FEATURES, tone.features))
        clipped = not 1 < tone.colour[0] < 99  # what was cut off in scanning is no ground
        hard = not clipped and known["hard"] >= HARD and known["hard_low"] >= HARD_LOW
        if hard and (best is None or score > best[0]):
            best = score, tone
    return best
