"""Find dots: small round things that stand out from what lies around them, each measured.

A dot is a local extremum of differences of Gaussians over four sizes. What is measured of it does
not depend on its direction: the picture is read along four rings around it, and of each ring the
mean, the spread, the extremes and the first two harmonics count, in units of the dot's contrast.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SIGMAS_PX = (0.7, 1.1, 1.8, 2.9)
WIDER = 2.0  # sigma of the surround over that of the dot
_PEAK = 0.3  # what the difference leaves of a Gaussian dot of the same size
LEAST = 7.0  # codes of 255: what stands out less is no dot
LEAST_NOISES = 2.5
MOST_SHARE = 0.03  # of the pixels: of more dots the strongest are kept
NOISE_PX = 31
RINGS = (2.0, 3.2, 4.6, 7.0)  # radii over sigma
ANGLES = 12
MEASURED = (
    *(
        f"{name}_{ring}"
        for ring in ("near", "next", "far", "wide")
        for name in ("mean", "spread", "most", "least", "slope", "stretch")
    ),
    "log_contrast", "log_noises", "log_sigma", "value", "around", "chroma", "chroma_around",
    "other",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Dots:
    """Dots of one polarity in one plane, by row, then column.

    Attributes:
        rows, cols: (dots,) int32, of the plane's pixels
        sigma_px, contrast: (dots,) float32; contrast in codes of 255
        measured: (dots, len(MEASURED)) float32
    """

    rows: np.ndarray
    cols: np.ndarray
    sigma_px: np.ndarray
    contrast: np.ndarray
    measured: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)


def find_dots(plane: np.ndarray, other: np.ndarray) -> Dots:
    """Dots that are brighter than their surround.

    Args:
        plane: (rows, cols) float32 codes 0-255
        other: the plane of the other polarity, in which the same dots are dark
    Cost:
        about 0.4 s a megapixel on one core; memory about 12 planes and 1 kB a dot
    """
    import cv2

    soft = [cv2.GaussianBlur(plane, (0, 0), s) for s in SIGMAS_PX]
    best = np.full(plane.shape, -np.inf, np.float32)
    size = np.zeros(plane.shape, np.uint8)
    noise = None
    for n, (own, sigma) in enumerate(zip(soft, SIGMAS_PX, strict=True)):
        rise = (own - cv2.GaussianBlur(plane, (0, 0), WIDER * sigma)) / np.float32(_PEAK)
        if n == 1:
            eighths = cv2.convertScaleAbs(rise, alpha=4.0)
            noise = cv2.medianBlur(eighths, NOISE_PX).astype(np.float32) / 4
        np.copyto(size, n, where=rise > best)
        np.maximum(best, rise, out=best)
    assert noise is not None
    top = best >= cv2.dilate(best, np.ones((3, 3), np.uint8))
    rows, cols = np.nonzero(top & (best > np.maximum(LEAST, LEAST_NOISES * noise)))
    most = int(MOST_SHARE * plane.size)
    if len(rows) > most:
        order = np.argsort(-best[rows, cols] / (noise[rows, cols] + 1), kind="stable")
        keep = np.sort(order[:most])
        rows, cols = rows[keep], cols[keep]
    kinds = size[rows, cols]
    out = np.zeros((len(rows), len(MEASURED)), np.float32)
    contrast = np.zeros(len(rows), np.float32)
    for n, sigma in enumerate(SIGMAS_PX):
        pick = np.flatnonzero(kinds == n)
        if len(pick):
            places = rows[pick], cols[pick]
            out[pick], contrast[pick] = _measured(soft[n], other, noise, places, sigma)
    sigmas = np.array(SIGMAS_PX, np.float32)[kinds]
    return Dots(rows.astype(np.int32), cols.astype(np.int32), sigmas, contrast, out)


def _measured(
    soft: np.ndarray,
    other: np.ndarray,
    noise: np.ndarray,
    places: tuple[np.ndarray, np.ndarray],
    sigma: float,
) -> tuple[np.ndarray, np.ndarray]:
    import cv2

    rows, cols = places
    turn = 2 * np.pi * np.arange(ANGLES) / ANGLES
    radius = np.array(RINGS)[:, None] * sigma
    down = (radius * np.sin(turn)).ravel().astype(np.float32)
    right = (radius * np.cos(turn)).ravel().astype(np.float32)

    def ring_values(plane: np.ndarray) -> np.ndarray:
        values = np.empty((len(rows), len(down)), np.float32)
        for start in range(0, len(rows), 16_000):  # a picture of OpenCV has fewer rows than 2^15
            part = slice(start, start + 16_000)
            y = rows[part, None].astype(np.float32) + down
            x = cols[part, None].astype(np.float32) + right
            values[part] = cv2.remap(plane, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return values.reshape(len(rows), len(RINGS), ANGLES)

    centre = soft[rows, cols]
    rings = ring_values(soft)
    contrast = np.maximum(centre - rings[:, 1].mean(axis=1), 1)
    scaled = (rings - centre[:, None, None]) / contrast[:, None, None]
    waves = np.abs(np.fft.rfft(scaled, axis=2))[:, :, 1:3] * (2 / ANGLES)
    each = np.stack(
        (
            scaled.mean(axis=2), scaled.std(axis=2), scaled.max(axis=2), scaled.min(axis=2),
            waves[:, :, 0], waves[:, :, 1],
        ),
        axis=2,
    )  # fmt: skip
    beside = ring_values(other)[:, 1].mean(axis=1)
    here = other[rows, cols]
    columns = (
        np.log(contrast),
        np.log(contrast / (noise[rows, cols] + 0.7)),
        np.full(len(rows), np.log(sigma)),
        centre / 255,
        rings[:, 1].mean(axis=1) / 255,
        (255 - centre - here) / 255,
        (255 - rings[:, 1].mean(axis=1) - beside) / 255,
        (beside - here) / contrast,
    )
    own = np.clip(each, -6, 6).reshape(len(rows), -1)
    return np.hstack((own, np.stack(columns, axis=1))).astype(np.float32), contrast
