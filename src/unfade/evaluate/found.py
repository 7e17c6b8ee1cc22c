"""How well a mask finds the damage: precision, recall, F1 and IoU, and recall by width."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.picture import Mask
from unfade.pixels.masks import width

WIDTHS_PX = (2.0, 4.0, 8.0, 16.0)  # upper ends of the classes; wider ones are a class of their own


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """How a found mask agrees with the true one.

    Attributes:
        precision: share of what was marked that is damage; 1 when nothing was marked
        recall: share of the damage that was marked; 1 when there is none
        f1, iou: their harmonic mean, and intersection over union
        recall_by_width: label such as ``2-4 px`` -> recall of damage of that width; widths that
            do not occur are left out
    """

    precision: float
    recall: float
    f1: float
    iou: float
    recall_by_width: dict[str, float]


def score_mask(found: Mask, truth: Mask) -> Found:
    """Score a mask against the true one, pixel by pixel.

    Args:
        found, truth: (rows, cols) bool of one size
    Raises:
        ValueError: the sizes differ (both are named)
    Cost:
        one labelling of the true mask
    """
    if found.shape != truth.shape:
        raise ValueError(f"masks differ in size: {found.shape} and {truth.shape}")
    both = int(np.count_nonzero(found & truth))
    marked, damaged = int(np.count_nonzero(found)), int(np.count_nonzero(truth))
    either = marked + damaged - both
    return Found(
        precision=both / marked if marked else 1.0,
        recall=both / damaged if damaged else 1.0,
        f1=2 * both / (marked + damaged) if marked + damaged else 1.0,
        iou=both / either if either else 1.0,
        recall_by_width=_by_width(found, truth) if damaged else {},
    )


def _by_width(found: Mask, truth: Mask) -> dict[str, float]:
    """Recall of each connected defect, gathered by the defect's width."""
    import cv2

    count, labels, stats, _ = cv2.connectedComponentsWithStats(truth.astype(np.uint8), None, 8)
    hits = np.bincount(labels[found], minlength=count)
    sums: dict[str, list[int]] = {}
    for label in range(1, count):
        left, top, cols, rows, area = stats[label]
        box = labels[top : top + rows, left : left + cols] == label
        name = _class_of(width(box))
        have = sums.setdefault(name, [0, 0])
        have[0] += int(hits[label])
        have[1] += int(area)
    order = [_class_of(w) for w in (*WIDTHS_PX, np.inf)]
    return {name: sums[name][0] / sums[name][1] for name in order if name in sums}


def _class_of(width_px: float) -> str:
    low = 0.0
    for high in WIDTHS_PX:
        if width_px <= high:
            return f"{low:g}-{high:g} px"
        low = high
    return f"over {low:g} px"
