"""Is the infrared plane even where the picture varies? Measured by regression of densities."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unfade.condition.survey import block_px, overview
from unfade.engines.contract import BenchView
from unfade.picture import Picture, Pixels, Plane

OVERVIEW_PX = 60_000
DARKEST = 0.004
LEAST_SPREAD = 0.04  # density: a picture that varies less proves nothing
MOST_LEAK = 0.15
MOST_UNEVEN = 0.35  # of the picture's own spread, not explained by it
LEAST_UNEVEN = 0.06  # density: light of the scanner is no more even
RED_SHARE = 0.7
LEAST_CHROMA = 0.05
ROUNDS = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Verdict:
    """What densities say of the plane.

    Attributes:
        usable, kind, leak_share, correlation: as of the finding
        weights: (channels,) density of the plane for one of each channel: what leaks into it
        surround: (rows, cols) the plane's own density in small, without marks and leak
        k: side of a block of ``surround`` in pixels
    """

    usable: bool | None
    kind: str
    says: str
    leak_share: float | None = None
    correlation: float | None = None
    weights: np.ndarray = field(default_factory=lambda: np.zeros(1, np.float32))
    surround: np.ndarray = field(default_factory=lambda: np.zeros((1, 1), np.float32))
    k: int = 1


def density(pixels: np.ndarray) -> np.ndarray:
    """Optical density of stored values of any shape; beyond 2.4 it is cut."""
    values = np.nan_to_num(pixels, nan=0.0)
    return np.asarray(-np.log10(np.maximum(values, np.float32(DARKEST))), np.float32)


def infrared_picture(picture: Picture) -> Picture:
    """The plane as a picture of its own."""
    assert picture.infrared is not None
    return Picture(picture.infrared[:, :, None], full_scale=picture.full_scale)


def validity(picture: Picture, bench: BenchView) -> Verdict:
    """Judge the plane by the picture in small.

    Cost: two passes over all samples, 20 ms a megapixel
    """
    import cv2

    k = block_px(picture, OVERVIEW_PX)
    infrared = overview(infrared_picture(picture), bench, k=k)[:, :, 0]
    if float(np.ptp(infrared)) < 1e-6:
        return Verdict(usable=False, kind="empty", says="The infrared plane is empty.")
    plane = cv2.medianBlur(np.ascontiguousarray(density(infrared)), 5)
    seen = density(overview(picture, bench, k=k))
    # as the plane is smoothed, so is what it is compared with
    seen = np.stack(
        [cv2.medianBlur(np.ascontiguousarray(c), 5) for c in np.moveaxis(seen, 2, 0)], 2
    )
    spread = float(seen.mean(axis=2).std())
    if spread < LEAST_SPREAD:
        says = "The picture varies too little to tell whether the infrared plane is of use."
        return Verdict(usable=None, kind="unknown", says=says)
    weights, base = _regression(seen, plane)
    leaked = seen @ weights
    explained = float(leaked.std())
    leak = explained / spread
    total = float(plane.std())
    correlation = min(1.0, explained / total) if total > 0 else 0.0
    rest = plane - leaked - base
    uneven = float(1.4826 * np.median(np.abs(rest - np.median(rest))))
    facts: dict[str, Any] = {"leak_share": leak, "correlation": correlation}
    if leak > MOST_LEAK:
        return _shows_picture(seen, weights, facts)
    if uneven > max(LEAST_UNEVEN, MOST_UNEVEN * spread):
        says = (
            f"The infrared plane varies by {uneven:.2f} in density in a way that the picture does "
            "not: it belongs to another picture, or to silver film. It is not used."
        )
        return Verdict(usable=False, kind="uneven", says=says, **facts)
    return Verdict(
        usable=True,
        kind="dye",
        says="",
        weights=np.asarray(weights, np.float32),
        surround=np.asarray(plane - leaked, np.float32),
        k=k,
        **facts,
    )


def _regression(seen: Pixels, plane: Plane) -> tuple[np.ndarray, float]:
    """Weights of the channels and a constant; pixels under large marks drop out."""
    x = np.column_stack([seen.reshape(-1, seen.shape[2]), np.ones(plane.size)])
    y = plane.ravel()
    kept = np.ones(y.size, bool)
    for _ in range(ROUNDS):
        fit, *_ = np.linalg.lstsq(x[kept], y[kept], rcond=None)
        rest = y - x @ fit
        spread = 1.4826 * float(np.median(np.abs(rest[kept]))) + 1e-6
        kept = np.abs(rest) < 4 * spread
    return np.asarray(fit[:-1]), float(fit[-1])


def _shows_picture(seen: Pixels, weights: np.ndarray, facts: dict[str, Any]) -> Verdict:
    """Silver shows in the plane as the picture does; Kodachrome's cyan as the red channel does."""
    leak = facts["leak_share"]
    chroma = float((seen - seen.mean(axis=2, keepdims=True)).std())
    if seen.shape[2] == 3 and chroma > LEAST_CHROMA:
        size = np.abs(weights) * seen.reshape(-1, 3).std(axis=0)
        if size[0] > RED_SHARE * size.sum():
            says = (
                f"The infrared plane shows {leak:.0%} of the picture's density, of its red most, "
                "as with Kodachrome. It is not used."
            )
            return Verdict(usable=False, kind="kodachrome", says=says, **facts)
    says = f"The infrared plane shows {leak:.0%} of the picture's density: silver. It is not used."
    return Verdict(usable=False, kind="silver", says=says, **facts)
