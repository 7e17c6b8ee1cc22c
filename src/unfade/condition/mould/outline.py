"""Cut a colony's dots out of the picture at full size."""

from __future__ import annotations

import numpy as np

from unfade.condition.mould.dots import Dots
from unfade.findings import Region
from unfade.picture import Picture, Window

LEAST_STEP = 4.0  # codes: less is no part of a dot
LEAST_SHARE = 0.35  # of the dot's own height
_ACROSS = 2.6  # radius over sigma of a dot as it was found
_BEYOND = 1.5  # times this radius its pixels are looked for: splinters are long


def outline(
    picture: Picture, dots: Dots, members: np.ndarray, light: bool, block: int
) -> Region | None:
    """All pixels of some dots and one pixel more around each, so that no fill is made from them.

    Args:
        dots: in pixels of the overview; members: which of them
        block: side of the overview's blocks
    Returns:
        the region in pixels of the picture; None where nothing is left of the dots
    Cost:
        time and memory ∝ area of the window around the dots: 10 planes of it
    """
    import cv2

    rows = (dots.rows[members] + 0.5) * block - 0.5
    cols = (dots.cols[members] + 0.5) * block - 0.5
    reach = np.maximum(_ACROSS * dots.sigma_px[members], 1.5) * block
    margin = int(np.ceil(reach.max())) + 12 * block
    window = Window(
        max(0, int(rows.min()) - margin),
        max(0, int(cols.min()) - margin),
        min(picture.rows, int(rows.max()) + margin + 2),
        min(picture.cols, int(cols.max()) + margin + 2),
    )
    plane = _plane(picture, window, light)
    centres = [
        (round(float(c)) - window.left, round(float(r)) - window.top) for r, c in zip(rows, cols)
    ]
    near, core = np.zeros(plane.shape, np.uint8), np.zeros(plane.shape, np.uint8)
    for at, radius in zip(centres, reach):
        cv2.circle(near, at, int(np.ceil(radius)), 1, -1)
        cv2.circle(core, at, max(block - 1, round(float(radius) / 4)), 1, -1)
    far = max(int(np.ceil(1.5 * reach.max())), 8 * block)  # wider than any dot
    wider = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * far + 1,) * 2)
    haze = cv2.morphologyEx(plane, cv2.MORPH_OPEN, wider)  # lies higher between the dots of a swarm
    rise = plane - np.maximum(_surround(plane, near > 0, block), haze)
    rise = cv2.GaussianBlur(rise, (0, 0), 0.5 * block) if block > 1 else rise
    peaks = cv2.dilate(rise, np.ones((2 * block + 1,) * 2, np.uint8))
    heights = np.array([peaks[row, col] for col, row in centres])
    step = np.full(plane.shape, np.inf, np.float32)
    for n in np.argsort(-heights, kind="stable"):  # where two meet the fainter one counts
        least = max(LEAST_STEP, LEAST_SHARE * float(heights[n]))
        cv2.circle(step, centres[n], int(np.ceil(_BEYOND * reach[n])), least, -1)
    belongs = ((rise > step) | (core > 0)).astype(np.uint8)
    _, labels = cv2.connectedComponents(belongs, connectivity=8)
    own = np.zeros(int(labels.max()) + 1, bool)
    own[labels[core > 0]] = True  # what hangs together with no dot is picture
    own[0] = False
    belongs = own[labels]
    mask = cv2.dilate(belongs.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    if not belongs.any():
        return None
    return Region.cut(mask, window)


def _plane(picture: Picture, window: Window, light: bool) -> np.ndarray:
    pixels = np.clip(np.nan_to_num(picture.read(window)), 0, 1)
    if picture.encoding == "linear":
        pixels = np.sqrt(pixels)
    plane = pixels.min(axis=2) if light else 1 - pixels.max(axis=2)
    return np.ascontiguousarray(plane * np.float32(255))


def _surround(plane: np.ndarray, hole: np.ndarray, block: int) -> np.ndarray:
    """The plane below the dots, from what lies around them: near means first."""
    import cv2

    sound = (~hole).astype(np.float32)
    guess = np.full(plane.shape, np.nan, np.float32)
    for side in (9, 21, 61):
        window = (side * block // 2 * 2 + 1,) * 2
        weight = cv2.blur(sound, window)
        ready = np.isnan(guess) & (weight > 0.08)
        guess[ready] = cv2.blur(plane * sound, window)[ready] / weight[ready]
    middle = float(plane[~hole].mean()) if sound.any() else float(plane.mean())
    return np.where(np.isnan(guess), np.float32(middle), guess)
