"""Places that stray to brown, taken apart and measured, each against its own surround."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.condition.stains.planes import Strayed
from unfade.picture import Mask, Window

LIGHTEST_TRACE = 0.02  # density; fainter than this nothing is followed
_SEED, _SEED_NOISES = 0.045, 6.0
_TRACE_NOISES = 2.5
_DEEP = 1.3  # density to red light beyond which no place is a seed
_RING_PX = 6
MEASURED = (
    "strength", "noises", "steep", "off", "lift", "red", "size", "fill", "thin", "uneven", "tones",
    "other_colours", "mirror",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """One connected place.

    Attributes:
        window, mask: in the overview's pixels
        measured: as ``MEASURED``
    """

    window: Window
    mask: Mask
    measured: np.ndarray


def find_candidates(strayed: Strayed) -> list[Candidate]:
    """All places with a seed in them, in the order of their first pixel.

    Cost:
        about 0.1 s a megapixel and 0.3 ms for each place
    """
    import cv2

    brown, noise = strayed.brown, strayed.noise
    whole = _of_the_whole(strayed)
    seeds = (brown > np.maximum(_SEED, _SEED_NOISES * noise)) & (strayed.red < _DEEP)
    trace = (brown > np.maximum(LIGHTEST_TRACE, _TRACE_NOISES * noise)) & strayed.usable
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        (trace | seeds).astype(np.uint8), connectivity=8, ltype=cv2.CV_32S
    )
    seeded = np.bincount(labels[seeds], minlength=count)
    found = []
    for label in np.flatnonzero(seeded[1:] >= 3) + 1:
        left, top, cols, rows, area = (int(v) for v in stats[label])
        if area > brown.size / 2:
            continue
        window = Window(top, left, top + rows, left + cols)
        mask = np.asarray(labels[window.slices] == label)
        found.append(Candidate(window, mask, np.append(_measured(strayed, window, mask), whole)))
    return sorted(found, key=lambda c: c.window)


def colours_left(strayed: Strayed) -> float:
    """Share of the picture that has another colour than its tone and brown."""
    usable = strayed.usable & (strayed.red < _DEEP)
    other = usable & ((np.abs(strayed.off) > _SEED) | (strayed.brown < -_SEED))
    return float(np.count_nonzero(other)) / max(1, int(np.count_nonzero(usable)))


def _of_the_whole(strayed: Strayed) -> np.ndarray:
    """What a picture with few colours has little of: other colours, and as much blue as brown."""
    usable = strayed.usable & (strayed.red < _DEEP)
    brown, limit = strayed.brown, np.maximum(_SEED, _SEED_NOISES * strayed.noise)
    over = np.count_nonzero(usable & (brown > limit))
    under = np.count_nonzero(usable & (brown < -limit))
    return np.array([np.log(colours_left(strayed) + 1e-4), np.log((under + 3) / (over + 3))])


def _measured(strayed: Strayed, window: Window, mask: Mask) -> np.ndarray:
    import cv2

    wide = window.grown(_RING_PX + 2, *strayed.brown.shape)
    here = np.zeros((wide.rows, wide.cols), np.uint8)
    here[window.within(wide)] = mask
    brown, off = strayed.brown[wide.slices], strayed.off[wide.slices]
    red, noise = strayed.red[wide.slices], strayed.noise[wide.slices]
    inside = here > 0
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _RING_PX + 1,) * 2)
    near = cv2.dilate(here, np.ones((5, 5), np.uint8)) > 0
    ring = (cv2.dilate(here, disc) > 0) & ~near
    ring = ring if ring.sum() >= 8 else ~inside
    own, around = brown[inside], brown[ring] if ring.any() else np.zeros(1, np.float32)
    area = float(inside.sum())
    strength = float(np.quantile(own, 0.9))
    core = inside & (brown >= 0.5 * strength)
    depth = cv2.distanceTransform(np.pad(here, 1), cv2.DIST_L2, 5)
    extent = float(np.hypot(window.rows, window.cols))
    slope = np.hypot(np.gradient(brown, axis=0), np.gradient(brown, axis=1))
    middle = red[ring] if ring.any() else red
    values = (
        strength - float(np.median(around)),
        np.log(max(strength / float(np.median(noise[inside])), 1e-3)),
        float(np.quantile(slope[near | inside], 0.95)) / strength,
        float(np.median(off[core])) / strength,
        (float(np.median(red[core])) - float(np.median(middle))) / strength,
        float(np.median(red[core])),
        np.log(area),
        area / (window.rows * window.cols),
        np.log(max(2 * float(depth.max()) / extent, 1e-3)),
        float(np.std(own[own > 0.5 * strength])) / strength,
        float(np.std(red[inside])),
    )
    return np.array(values, np.float64)
