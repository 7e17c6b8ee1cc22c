"""The panels of a comparison sheet: arrays in, 8-bit pictures out."""

from __future__ import annotations

import numpy as np

from unfade.evaluate.display import Shown, largest_of_blocks
from unfade.picture import EvidenceMap, Mask, Plane
from unfade.record import Evidence

BACKGROUND, INK = (24, 24, 27), (228, 228, 231)
# the colours of the evidence maps that are written beside results
CLASS_COLOURS = {
    Evidence.ADJUSTED: (40, 90, 230),
    Evidence.ESTIMATED: (60, 200, 70),
    Evidence.BORROWED: (0, 170, 170),
    Evidence.INVENTED: (230, 40, 220),
    Evidence.PAINTED: (255, 150, 0),
}
HARM_COLOUR = (213, 94, 0)
CROP_PX = 256
_CHART = (256, 512)  # rows, cols of a histogram
_CHANNEL_INK = ((213, 94, 0), (0, 158, 115), (86, 180, 233))


def difference_panel(change: Plane, rows: int, cols: int) -> tuple[Shown, int]:
    """How far each pixel moved, dark to bright, and by how much it was amplified.

    Args:
        change: (rows, cols) float32, the largest difference over the channels, 0-1
    """
    import cv2

    small = largest_of_blocks(change, rows, cols)
    moved = small[small > 0]
    top = float(np.quantile(moved, 0.99)) if moved.size else 1.0
    gain = int(2 ** np.clip(np.floor(np.log2(1 / max(top, 1e-6))), 0, 6))
    codes = np.rint(np.clip(small * gain, 0, 1) * 255).astype(np.uint8)
    panel = cv2.cvtColor(cv2.applyColorMap(codes, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    return np.asarray(panel), gain


def evidence_panel(base: Shown, evidence: EvidenceMap) -> Shown:
    """The picture in grey with each class of evidence in its colour."""
    rows, cols = base.shape[:2]
    classes = largest_of_blocks(evidence, rows, cols)
    panel = _faded(base)
    for kind, colour in CLASS_COLOURS.items():
        there = classes == kind
        panel[there] = panel[there] * 0.35 + np.array(colour) * 0.65
    return np.rint(panel).astype(np.uint8)


def classes_of_colours(codes: Shown) -> EvidenceMap:
    """The evidence map that was drawn in ``CLASS_COLOURS``; other colours count as untouched."""
    evidence = np.zeros(codes.shape[:2], np.uint8)
    for kind, colour in CLASS_COLOURS.items():
        evidence[(codes == np.array(colour, np.uint8)).all(axis=2)] = kind
    return evidence


def harm_panel(base: Shown, harmed: Mask) -> Shown:
    """The picture in grey, with the sound pixels that got worse in vermilion."""
    panel = _faded(base)
    panel[largest_of_blocks(harmed, *base.shape[:2])] = HARM_COLOUR
    return np.rint(panel).astype(np.uint8)


def histogram_panel(codes: Shown) -> Shown:
    """Histograms of the channels; a few tones that stand far out are cut at the top."""
    rows, cols = _CHART
    chart = np.full((rows, cols, 3), BACKGROUND, np.float64)
    counts = [np.bincount(codes[:, :, i].ravel(), minlength=256) for i in range(3)]
    inner = np.concatenate([c[1:255] for c in counts])
    top = max(float(np.quantile(inner, 0.995)), 1.0) * 1.1
    grey = all(np.array_equal(counts[0], c) for c in counts)
    for count, ink in zip(counts[:1] if grey else counts, _CHANNEL_INK, strict=False):
        height = np.minimum(np.repeat(count / top, cols // 256), 1) * rows
        below = np.arange(rows)[::-1, None] < height[None, :]
        chart[below] += np.array(INK if grey else ink) * (0.75 if grey else 0.55)
    return np.rint(np.clip(chart, 0, 255)).astype(np.uint8)


def most_changed(change: Plane, side_px: int = CROP_PX) -> tuple[slice, slice]:
    """The square where most changed: what to look at first."""
    import cv2

    rows, cols = min(side_px, change.shape[0]), min(side_px, change.shape[1])
    sums = cv2.boxFilter(change, cv2.CV_64F, (cols, rows), anchor=(0, 0), normalize=False)
    inside = sums[: change.shape[0] - rows + 1, : change.shape[1] - cols + 1]
    top, left = np.unravel_index(int(inside.argmax()), inside.shape)
    return slice(int(top), int(top) + rows), slice(int(left), int(left) + cols)


def _faded(base: Shown) -> np.ndarray:
    grey = base.astype(np.float64).mean(axis=2, keepdims=True)
    return np.repeat(grey * 0.7, 3, axis=2)
