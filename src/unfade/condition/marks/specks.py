"""Collect specks: pixels that stand out from their surround as a small opaque thing would.

Used by the marks finder as its first pass. In each plane (see ``planes``) the residue over a small
median tells what is narrower than half the median's window; three halvings of the picture (levels)
cover widths from 1 to about 16 pixels.

A speck is a pixel whose residue exceeds its neighbourhood's own noise and texture (median
absolute residue) *and* an absolute number of grey levels: no threshold is taken from the content
alone, so a sound picture is not forced to have specks. Faint scratches are gathered along their
length by line sums in sixteen directions. What remains is judged pixel by
pixel, from its surround turned along the mark.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.condition.marks.nets import Net
from unfade.condition.marks.section import DIRECTIONS, cross_section
from unfade.picture import Mask

HALO_PX = 48  # in the level's own pixels: median 4, noise 15, line 12, share of specks 15
MEDIAN_PX = 9
NOISE_PX = 31
STROKE_PX, APART_PX = 9, 7  # a line is three strokes: 23 pixels
WEAK_ODDS, STRONG_ODDS = -1.5, 0.5

# what is measured at each speck, in this order, 8 bits each
TRACES = (
    "residue",  # above the median, grey levels
    "noise",  # median absolute residue around, eighths of a grey level
    "slope",  # range of the median background over 11 pixels
    "texture",  # mean absolute residue around without specks, eighths of a grey level
    "value",  # of the plane itself
    "edge",  # steepest rise within 3 pixels, grey levels for one pixel
    "chroma",  # highest minus lowest channel at the speck
    "chroma_around",  # the same for the background
    "other",  # residue of the other plane, + 128
    "same_near",  # share of strong specks of this plane within 31 pixels
    "other_near",  # share of strong specks of the other plane within 31 pixels
    "line",  # line sum over its own noise, eighths
    "close_texture",  # as texture, over 11 pixels, eighths
    "counter",  # largest opposite residue within 4 pixels
    "relief",  # range of the median background over 25 pixels
    "odds",  # log odds of being damage, judged from the pixel's surround: 128 + 16 x
)


@dataclass(frozen=True, slots=True, eq=False)
class Specks:
    """Sparse pixels of one level and polarity.

    Attributes:
        rows, cols: int32 places in the level's own pixels
        traces: (count, len(TRACES)) uint8
        strong: (count,) bool: a seed; the others belong only if they touch one
    """

    rows: np.ndarray
    cols: np.ndarray
    traces: np.ndarray
    strong: np.ndarray

    @staticmethod
    def none() -> Specks:
        empty = np.zeros(0, np.int32)
        return Specks(empty, empty, np.zeros((0, len(TRACES)), np.uint8), np.zeros(0, bool))

    @staticmethod
    def joined(parts: list[Specks]) -> Specks:
        """All parts as one, ordered by row, then column."""
        if not parts:
            return Specks.none()
        rows = np.concatenate([p.rows for p in parts])
        cols = np.concatenate([p.cols for p in parts])
        order = np.lexsort((cols, rows))
        return Specks(
            rows[order],
            cols[order],
            np.concatenate([p.traces for p in parts])[order],
            np.concatenate([p.strong for p in parts])[order],
        )


def find_specks(
    light: np.ndarray, dark: np.ndarray, core: tuple[slice, slice], net: Net
) -> list[Specks]:
    """Specks of both polarities in the core of one tile that may be damage.

    Args:
        light, dark: (rows, cols) uint8 planes of the tile with its halo
        core: where the tile's own pixels lie inside; places are returned relative to the core
        net: judges one pixel from what ``raw_specks`` measures of its surround
    Returns:
        specks of the light, then of the dark plane
    """
    found = []
    for raw, surround in raw_specks(light, dark, core):
        odds = net.odds(surround)
        traces = raw.traces
        traces[:, -1] = np.clip(np.round(128 + 16 * odds), 0, 255)
        keep = odds > WEAK_ODDS
        found.append(Specks(raw.rows[keep], raw.cols[keep], traces[keep], odds[keep] > STRONG_ODDS))
    return found


def raw_specks(
    light: np.ndarray, dark: np.ndarray, core: tuple[slice, slice]
) -> list[tuple[Specks, np.ndarray]]:
    """Everything that stands out, not yet judged, and what was measured of its surround.

    Cost: about 0.4 s a megapixel on one core
    """
    import cv2

    planes = (light, dark)
    backgrounds = tuple(cv2.medianBlur(plane, MEDIAN_PX) for plane in planes)
    residues = tuple(
        cv2.subtract(p, b, dtype=cv2.CV_16S) for p, b in zip(planes, backgrounds, strict=True)
    )
    noises = tuple(
        cv2.medianBlur(cv2.convertScaleAbs(r, alpha=8.0), NOISE_PX).astype(np.float32) / 8
        for r in residues
    )
    lines = tuple(line_evidence(r, n) for r, n in zip(residues, noises, strict=True))
    strong = tuple(
        (r > 10 + 6 * n) | (line > 8)
        for r, n, (line, _) in zip(residues, noises, lines, strict=True)
    )
    near = tuple(cv2.blur(s.astype(np.uint8) * 255, (NOISE_PX, NOISE_PX)) for s in strong)
    chroma = cv2.subtract(255 - light, dark)
    chroma_around = cv2.subtract(255 - backgrounds[0], backgrounds[1])
    eleven, wide = np.ones((11, 11), np.uint8), np.ones((25, 25), np.uint8)
    found = []
    for this, other in ((0, 1), (1, 0)):
        residue, noise, (line, direction) = residues[this], noises[this], lines[this]
        speck = (residue > 5 + 3.5 * noise) | ((line > 5.5) & (residue > 1 + 0.5 * noise))
        speck = _touching(speck, strong[this])
        rows, cols = np.nonzero(speck[core])
        flat = backgrounds[this]
        maps = (
            np.clip(residue, 0, 255),
            np.clip(noise * 8, 0, 255),
            cv2.subtract(cv2.dilate(flat, eleven), cv2.erode(flat, eleven)),
            _texture(residue, speck, NOISE_PX),
            planes[this],
            _edge(planes[this]),
            chroma,
            chroma_around,
            np.clip(residues[other].astype(np.int16) + 128, 0, 255),
            near[this],
            near[other],
            np.clip(line * 8, 0, 255),
            _texture(residue, speck, 11),
            np.clip(-cv2.erode(residue, np.ones((9, 9), np.uint8)), 0, 255),
            cv2.subtract(cv2.dilate(flat, wide), cv2.erode(flat, wide)),
            np.zeros_like(flat),
        )
        traces = np.stack([m[core][rows, cols] for m in maps], axis=1).astype(np.uint8)
        specks = Specks(
            rows.astype(np.int32), cols.astype(np.int32), traces, strong[this][core][rows, cols]
        )
        found.append((specks, surround_of(specks, planes[this], direction, core)))
    return found


def surround_of(
    specks: Specks, plane: np.ndarray, direction: np.ndarray, core: tuple[slice, slice]
) -> np.ndarray:
    """The net's measurements of each speck: its traces on natural scales, and its cross-section."""
    rows, cols = specks.rows + core[0].start, specks.cols + core[1].start
    trace = {n: specks.traces[:, i].astype(np.float32) for i, n in enumerate(TRACES)}
    contrast = trace["residue"] + 2
    noise, texture = trace["noise"] / 8 + 0.7, trace["texture"] / 8 + 0.7
    own = (
        np.log(contrast),
        np.log(contrast / noise),
        np.log(contrast / texture),
        np.log(texture),
        np.log(contrast / (trace["close_texture"] / 8 + 0.7)),
        np.log((trace["slope"] + 2) / contrast),
        np.log((trace["relief"] + 2) / contrast),
        np.log((trace["counter"] + 2) / contrast),
        np.log((trace["edge"] + 1) / contrast),
        trace["value"] / 255,
        trace["chroma"] / 255,
        trace["chroma_around"] / 255,
        np.clip((trace["other"] - 128) / contrast, -3, 3),
        trace["same_near"] / 255,
        trace["other_near"] / 255,
        np.log(trace["line"] / 8 + 1),
    )
    section = cross_section(plane, rows, cols, direction[rows, cols], contrast)
    return np.hstack((np.stack(own, axis=1), section))


def line_evidence(residue: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The best line sum through each pixel in standard deviations of its noise, and which.

    The residue is clipped at three times its noise first, so that one bright spot makes no line.
    A line is the sum of three short strokes, one behind the other: a short stroke is a cheap
    filter, and three of them make a line of 23 pixels.

    Returns:
        (rows, cols) float32, and the direction (rows, cols) uint8 in sixteenths of half a turn
    """
    import cv2

    clipped = np.clip(residue / (1.4826 * noise + 0.7), -3, 3).astype(np.float32)
    margin = APART_PX + 1
    padded = cv2.copyMakeBorder(clipped, *(margin,) * 4, cv2.BORDER_REPLICATE)
    rows, cols = residue.shape
    best = np.full(residue.shape, -np.inf, np.float32)
    direction = np.zeros(residue.shape, np.uint8)
    for step in range(DIRECTIONS):
        angle = np.pi * step / DIRECTIONS
        down, right = round(APART_PX * np.sin(angle)), round(APART_PX * np.cos(angle))
        kernel = stroke(angle)
        whole = np.zeros((STROKE_PX + 2 * margin,) * 2)
        for way in (-1, 0, 1):
            top, left = margin + way * down, margin + way * right
            whole[top : top + STROKE_PX, left : left + STROKE_PX] += kernel
        part = cv2.filter2D(padded, cv2.CV_32F, kernel / float(np.sqrt((whole**2).sum())))
        along = part[margin : margin + rows, margin : margin + cols].copy()
        for way in (-1, 1):
            top, left = margin + way * down, margin + way * right
            along += part[top : top + rows, left : left + cols]
        np.copyto(direction, step, where=along > best)
        np.maximum(best, along, out=best)
    return best, direction


def stroke(angle: float) -> np.ndarray:
    """(STROKE_PX, STROKE_PX) float32 kernel: an antialiased stroke through the centre, sum 1."""
    import cv2

    middle = STROKE_PX // 2
    reach = np.array([np.cos(angle), np.sin(angle)]) * (middle - 0.5)
    canvas = np.zeros((STROKE_PX, STROKE_PX), np.uint8)
    start, end = (tuple(int(v) for v in (middle + way * reach) * 256) for way in (-1, 1))
    cv2.line(canvas, start, end, 255, 1, cv2.LINE_AA, 8)
    kernel: np.ndarray = canvas.astype(np.float32) / float(canvas.sum())
    return kernel


def _touching(weak: np.ndarray, strong: np.ndarray) -> Mask:
    """Weak pixels whose component holds a strong one or reaches the border (and goes on there)."""
    import cv2

    count, labels = cv2.connectedComponents(weak.astype(np.uint8), connectivity=8)
    keep = np.zeros(count, bool)
    keep[labels[strong & weak]] = True
    for border in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        keep[border] = True
    keep[0] = False
    kept: np.ndarray = keep[labels]
    return kept


def _texture(residue: np.ndarray, speck: np.ndarray, side_px: int) -> np.ndarray:
    """Mean absolute residue around each pixel, specks left out; eighths of a grey level."""
    import cv2

    sound = (~speck).astype(np.float32)
    window = (side_px, side_px)
    energy = cv2.blur(np.minimum(np.abs(residue), 32) * sound, window)
    texture = 8 * energy / np.maximum(cv2.blur(sound, window), 0.02)
    clipped: np.ndarray = np.clip(texture, 0, 255)
    return clipped


def _edge(plane: np.ndarray) -> np.ndarray:
    """Steepest rise of the plane within 3 pixels, grey levels for one pixel."""
    import cv2

    across = cv2.Sobel(plane, cv2.CV_32F, 1, 0, ksize=3, scale=0.125)
    down = cv2.Sobel(plane, cv2.CV_32F, 0, 1, ksize=3, scale=0.125)
    steep = cv2.dilate(cv2.magnitude(across, down), np.ones((3, 3), np.uint8))
    clipped: np.ndarray = np.clip(steep, 0, 255)
    return clipped
