"""Rough outlines: what is no lid, piece by piece, as rectangles on the reduced scan.

A piece that fills its rectangle is one photograph. One that does not may be several whose shadows
run into each other: it is looked at again without what looks like shadow, at higher contrast and
with its edges worn off, and taken apart when each part fills a rectangle of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.flatbed.platen import Platen
from unfade.picture import Mask, Pixels

LEAST_AREA_SHARE = 0.0015
LEAST_SIDE_SHARE = 0.02  # of the scan's shorter side
FULL = 0.93  # share of its rectangle that a photograph alone covers
PART_FULL = 0.88
PART_SHARE = 0.04  # of a piece: smaller parts are no photographs
STRIP_WIDE = 0.12  # of its length
MOST_WORN_PX = 6
SHADOW = (0.45, 1.0)  # of the lid's brightness
SHADOW_HUE = 0.04


@dataclass(frozen=True, slots=True, kw_only=True)
class Rough:
    """A rectangle on the reduced scan, (x, y) of its centre, and how full it is."""

    x: float
    y: float
    width: float
    height: float
    angle_degrees: float  # clockwise as seen, -45 to 45
    full: float
    worn: bool  # its outline may lie inside the photograph's

    @property
    def box(self) -> tuple[tuple[float, float], tuple[float, float], float]:
        """As OpenCV writes a rotated rectangle."""
        return (self.x, self.y), (self.width, self.height), self.angle_degrees


def rough_outlines(pixels: Pixels, platen: Platen) -> tuple[Rough, ...]:
    """Rectangles of all photographs on a reduced scan, in no order.

    Args:
        pixels: (rows, cols, channels) float32
    """
    import cv2

    differs = platen.differs(pixels).astype(np.uint8)
    differs = cv2.medianBlur(differs, 3)
    differs = cv2.morphologyEx(differs, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    pieces = _joined(_pieces(differs), differs.shape)
    found: list[Rough] = []
    for piece in pieces:
        whole = _rectangle(piece)
        parts = _parts(piece, pixels, platen, whole)
        found.extend(parts or (whole,))
    return tuple(found)


def _pieces(mask: np.ndarray) -> list[np.ndarray]:
    """Connected pieces large enough for a photograph, each a mask with its holes filled."""
    import cv2

    rows, cols = mask.shape
    least = max(16.0, LEAST_AREA_SHARE * rows * cols)
    side = max(4.0, LEAST_SIDE_SHARE * min(rows, cols))
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    pieces = []
    for contour in contours:
        if cv2.contourArea(contour) < least or min(cv2.minAreaRect(contour)[1]) < side:
            continue
        piece = np.zeros_like(mask)
        cv2.drawContours(piece, [contour], -1, 1, cv2.FILLED)
        pieces.append(piece)
    return pieces


def _joined(pieces: list[np.ndarray], shape: tuple[int, ...]) -> list[np.ndarray]:
    """Pieces whose rectangles lie on each other made one: parts of one photograph."""
    import cv2

    again = True
    while again:
        again = False
        rects = [_rectangle(piece) for piece in pieces]
        for i in range(len(pieces)):
            for j in range(i):
                _, common = cv2.rotatedRectangleIntersection(rects[i].box, rects[j].box)
                if common is None:
                    continue
                area = cv2.contourArea(cv2.convexHull(common))
                least = min(r.width * r.height for r in (rects[i], rects[j]))
                if area > 0.2 * least:
                    pieces[j] = _hull(pieces[i] | pieces[j])
                    del pieces[i]
                    again = True
                    break
            if again:
                break
    return pieces


def _hull(mask: np.ndarray) -> np.ndarray:
    import cv2

    points = cv2.findNonZero(mask)
    out = np.zeros_like(mask)
    cv2.fillConvexPoly(out, cv2.convexHull(points), 1)
    return out


def _rectangle(piece: np.ndarray, worn_px: int = 0, worn: bool = False) -> Rough:
    """The smallest rectangle around a piece, given back what was worn off."""
    import cv2

    points = cv2.findNonZero(piece)
    (x, y), (width, height), angle = cv2.minAreaRect(points)
    while angle > 45:
        width, height, angle = height, width, angle - 90
    while angle <= -45:
        width, height, angle = height, width, angle + 90
    # pixels, not their centres, are what it covers
    width, height = width + 1 + 2 * worn_px, height + 1 + 2 * worn_px
    area = float(np.count_nonzero(piece))
    inner = max(1.0, (width - 2 * worn_px) * (height - 2 * worn_px))
    return Rough(
        x=x + 0.5, y=y + 0.5, width=width, height=height, angle_degrees=angle,
        full=min(1.0, area / inner), worn=worn,
    )  # fmt: skip


def _parts(
    piece: np.ndarray, pixels: Pixels, platen: Platen, whole: Rough
) -> tuple[Rough, ...] | None:
    """The photographs that make up a piece, or None when it does not come apart cleanly."""
    import cv2

    inside = piece > 0
    unshaded = (inside & ~_shadow(pixels, platen)).astype(np.uint8)
    tries = [(unshaded, False)]
    if whole.full < FULL:
        for times in (2, 4, 8):
            tries.append(((inside & platen.differs(pixels, times)).astype(np.uint8), True))
        tries.append((piece, False))
    for mask, worn in tries:
        for radius in range(0, MOST_WORN_PX + 1, 2):
            left = mask
            if radius:
                disc = cv2.getStructuringElement(
                    cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)
                )
                # holes first: wearing must begin at the outline
                left = cv2.erode(_filled(mask), disc)
            else:
                left = cv2.morphologyEx(left, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
            pieces = _joined(_pieces(left), left.shape)
            area = sum(int(p.sum()) for p in pieces)
            pieces = [p for p in pieces if p.sum() > PART_SHARE * max(1, area)]
            if len(pieces) < 2:
                continue
            parts = tuple(_rectangle(p, radius, worn) for p in pieces)
            covered = sum(p.width * p.height for p in parts)
            if min(p.full for p in parts) < PART_FULL or covered < 0.7 * inside.sum():
                continue
            # what fills its rectangle comes apart only where strips of shadow run through it
            if whole.full < FULL or _are_strips(inside, parts, pixels, platen):
                return parts
    return None


def _are_strips(inside: Mask, parts: tuple[Rough, ...], pixels: Pixels, platen: Platen) -> bool:
    """Whether all that lies between the parts is narrow strips, even along their length."""
    import cv2

    boxes = [np.rint(cv2.boxPoints(part.box) - 0.5).astype(np.int32) for part in parts]
    between = np.zeros(inside.shape, np.uint8)
    cv2.fillConvexPoly(between, cv2.convexHull(np.concatenate(boxes)), 1)
    between &= inside.astype(np.uint8)
    for corners in boxes:
        cv2.fillConvexPoly(between, corners, 0)
    between = cv2.morphologyEx(between, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(between, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    shortest = 0.5 * min(min(p.width, p.height) for p in parts)
    strips = 0
    level = pixels.mean(axis=2)
    for contour in contours:
        (_, _), (a, b), angle = cv2.minAreaRect(contour)
        if max(a, b) < shortest:
            continue
        if min(a, b) > STRIP_WIDE * max(a, b):
            return False
        strips += 1
        strip = np.zeros_like(between)
        cv2.drawContours(strip, [contour], -1, 1, cv2.FILLED)
        y, x = np.nonzero(strip)
        turn = np.radians(angle if a > b else angle + 90)
        across = np.rint(y * np.cos(turn) - x * np.sin(turn)).astype(int)
        across -= across.min()
        count = np.maximum(np.bincount(across), 1)
        mean = np.bincount(across, level[y, x]) / count
        rest = np.abs(level[y, x] - mean[across])
        if np.median(rest) > 2 * platen.step:
            return False
    return strips >= len(parts) - 1


def _shadow(pixels: Pixels, platen: Platen) -> Mask:
    """What may be a shadow on the lid: darker, of the same hue, and sloping as shadows do.

    A white border of a print is as pale, but flat.
    """
    import cv2

    share = pixels / np.maximum(platen.surface, 0.02)
    grey = share.mean(axis=2)
    same = np.abs(share - grey[..., None]).max(axis=2) < SHADOW_HUE
    pale = (grey > SHADOW[0]) & (grey < SHADOW[1])
    level = np.ascontiguousarray(pixels.mean(axis=2))
    slope = np.hypot(
        cv2.Sobel(level, cv2.CV_32F, 1, 0, scale=1 / 8),
        cv2.Sobel(level, cv2.CV_32F, 0, 1, scale=1 / 8),
    )
    return np.asarray(same & pale & (slope > 0.6 * platen.step))


def _filled(mask: np.ndarray) -> np.ndarray:
    import cv2

    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    out = np.zeros_like(mask)
    cv2.drawContours(out, contours, -1, 1, cv2.FILLED)
    return out
