"""Tears from the edge and corners that are gone, seen in a small overview.

A tear is a crooked streak of bare paper that begins at the picture's edge, brighter than all
beside it and of one colour all along. Where a corner is gone, the scanner's lid shows: one flat
colour, bounded towards the picture by a torn lip of bare paper. A lid as white as the paper shows
no lip; such a corner is taken for sky and left alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.picture import Mask, Pixels, Plane, Window

AROUND_PX = 8  # is looked at beside a streak
LIP_PX = 9  # the widest streak of bare paper that is looked for
LIP_CODES = 0.07  # how much brighter than all beside it
LEAST_REACH = 0.045  # of the shorter side: how long a tear is at least,
LEAST_INWARD = 0.03  # and how far in from the edge it comes: what keeps to the edge is no tear
LIP_MOST_PX = 18  # a lip does not reach further
SLANT_MOST = 4.0  # one side of a lost corner over the other
FLAT_CODES = 0.03  # how much a lid may differ from its own middle
RIP_FEATURES = (
    "contrast", "even", "content", "crooked", "jagged", "reach", "bright", "thin", "colour",
    "rim darker", "steady", "round",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Torn:
    """A candidate: its pixels, cut out of the overview, and what is known of it.

    Attributes:
        mask: (window.rows, window.cols) bool
    """

    mask: Mask
    window: Window
    features: np.ndarray


def find_rips(small: Pixels) -> list[Torn]:
    """Streaks that stand out bright from the edge inward; ``features`` as ``RIP_FEATURES``."""
    import cv2

    light = small.mean(axis=2)
    rows, cols = light.shape
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * LIP_PX + 1, 2 * LIP_PX + 1))
    wide = np.pad(light, LIP_PX, mode="reflect")
    opened = cv2.morphologyEx(wide, cv2.MORPH_OPEN, disc)[LIP_PX:-LIP_PX, LIP_PX:-LIP_PX]
    bright = (light - opened) > LIP_CODES
    count, labels, stats, _ = cv2.connectedComponentsWithStats(bright.astype(np.uint8), None, 8)
    brightest = float(np.quantile(light, 0.98))
    found = []
    for label in range(1, count):
        left, top, width, height, area = (int(v) for v in stats[label])
        across = left < 2 or left + width > cols - 2
        down = top < 2 or top + height > rows - 2
        inward = max(width if across else 0, height if down else 0) / min(rows, cols)
        reach = float(np.hypot(width, height))
        if inward < LEAST_INWARD or reach < LEAST_REACH * min(rows, cols) or area < 8:
            continue
        window = Window(top, left, top + height, left + width).grown(AROUND_PX, rows, cols)
        cut = window.slices
        mask = labels[cut] == label
        features = _rip_features(small[cut], light[cut], opened[cut], mask, reach)
        if features is not None:
            features[5] = np.log(reach / min(rows, cols))
            features[6] = features[6] - 5 * brightest
            found.append(Torn(mask, window, features))
    return found


def _rip_features(
    small: Pixels, light: Plane, opened: Plane, mask: Mask, reach: float
) -> np.ndarray | None:
    import cv2

    area = int(np.count_nonzero(mask))
    deep = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    thick = 2 * float(deep[mask].max())
    length = area / max(2 * float(deep[mask].mean()), 1.0)
    if thick > 2 * LIP_PX or length < 2 * thick:
        return None
    square = np.ones((3, 3), np.uint8)
    near = cv2.dilate(mask.astype(np.uint8), square, iterations=2)
    ring = (cv2.dilate(near, square, iterations=3) > 0) & (near == 0)
    if not ring.any():
        return None
    core = mask & (light >= np.quantile(light[mask], 0.4))
    outline, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    border = sum(cv2.arcLength(c, True) for c in outline)
    places = np.argwhere(mask).astype(np.float64)
    spread = np.linalg.svd(places - places.mean(axis=0), compute_uv=False)
    colour = small[core].mean(axis=0)
    return np.array(
        [
            float(np.median(light[mask]) - np.median(opened[mask])) * 5,
            np.clip(float(small[core].std(axis=0).mean()) * 15, 0, 4),
            np.clip(float(light[ring].std()) * 8, 0, 4),
            np.log(length / max(reach, 1.0) + 0.1),
            np.log(border / max(2 * length, 1.0)),
            0.0,  # set by the caller, who knows the whole picture
            float(light[core].mean()) * 5,
            np.log(thick),
            float(colour.max() - colour.min()) * 6,
            float(np.mean(light[ring] < light[core].mean() - 0.06)),
            np.clip(float(deep[mask].std() / deep[mask].mean()), 0, 3),
            np.log(float(spread[1] + 0.5) / float(spread[0] + 0.5)),
        ]
    )


def find_corners(small: Pixels) -> list[Mask]:
    """Corners of which a flat lid and a lip of bare paper are seen, as masks of the overview."""
    rows, cols = small.shape[:2]
    shorter = min(rows, cols)
    found = []
    for down in (False, True):
        for right in (False, True):
            turned = small[:: -1 if down else 1, :: -1 if right else 1]
            side = int(0.35 * shorter)
            part = np.ascontiguousarray(turned[:side, :side])
            mask = _corner(part, shorter)
            if mask is None:
                continue
            whole = np.zeros((rows, cols), bool)
            whole[:side, :side] = mask
            found.append(np.ascontiguousarray(whole[:: -1 if down else 1, :: -1 if right else 1]))
    return found


def _corner(part: Pixels, shorter: int) -> Mask | None:
    """The lid and the lip at the top left, or None."""
    import cv2

    if min(part.shape[:2]) < 24:
        return None
    seed = np.median(part[:3, :3].reshape(9, -1), axis=0)
    flat = (np.abs(part - seed).max(axis=2) < FLAT_CODES).astype(np.uint8)
    _, labels = cv2.connectedComponents(flat, connectivity=4)
    if labels[0, 0] == 0:
        return None
    lid = labels == labels[0, 0]
    down, right = int(lid[:, 0].argmin()), int(lid[0].argmin())
    if lid[:, 0].all() or lid[0].all() or min(down, right) < max(5, 0.012 * shorter):
        return None  # it goes on along an edge: sky, wall, a frame
    if max(down, right) > SLANT_MOST * min(down, right):
        return None  # the border of a print that lies askew
    shape = np.count_nonzero(lid) / (0.5 * down * right)
    outside = cv2.distanceTransform((~lid).astype(np.uint8), cv2.DIST_L2, 5)
    if not 0.55 < shape < 1.5 or np.count_nonzero(lid[down + 3 :]) + np.count_nonzero(
        lid[:, right + 3 :]
    ) > 0.1 * np.count_nonzero(lid):
        return None
    if float(part[lid].std(axis=0).max()) > FLAT_CODES / 2:
        return None
    light = part.mean(axis=2)
    lip, beyond = (outside > 0) & (outside <= 4), (outside > 14) & (outside <= 20)
    rim = (outside > 0) & (outside <= 1.5)
    brightest = cv2.dilate(np.where(lip, light, 0).astype(np.float32), np.ones((9, 9), np.uint8))
    past = float(np.median(light[beyond])) if beyond.any() else 1.0
    paper = float(np.quantile(light[lip], 0.7))
    if abs(past - float(seed.mean())) < 2 * FLAT_CODES:
        return None  # the same goes on beyond: a rope or a mast before the sky
    higher = brightest[rim] > max(float(seed.mean()), past) + 0.08
    if higher.mean() < 0.9 or paper < 0.6 or float(brightest[rim].std()) > 0.08:
        return None
    # The lip's colour is that of bare paper; it ends where the picture begins.
    pale = np.abs(light - paper) < 0.12
    rings = [pale[(outside > w) & (outside <= w + 1)].mean() for w in range(LIP_MOST_PX)]
    ends = next((w for w, share in enumerate(rings) if w > 1 and share < 0.5), LIP_MOST_PX)
    if ends == LIP_MOST_PX:
        return None  # what follows is as pale as paper: sky, a wall
    bare = lid | ((outside <= ends + 2) & pale)
    _, labels = cv2.connectedComponents(bare.astype(np.uint8), connectivity=8)
    return cv2.dilate((labels == labels[0, 0]).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
