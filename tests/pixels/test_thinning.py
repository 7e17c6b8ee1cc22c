"""Thinning keeps what is connected, and leaves lines."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage import data, morphology

from unfade.pixels.thinning import thin


def shapes() -> dict[str, np.ndarray]:
    net = np.zeros((120, 160), np.uint8)
    cv2.polylines(net, [np.array([[5, 60], [60, 20], [150, 50]])], False, 1, 5)
    cv2.line(net, (60, 20), (80, 110), 1, 3)
    cv2.circle(net, (110, 80), 20, 1, 4)
    return {
        "net": net > 0,
        "horse": np.pad(data.horse() == 0, 2),
    }


@pytest.mark.parametrize("name", ["net", "horse"])
def test_thin_lines_keep_every_connection(name: str) -> None:
    mask = shapes()[name]
    lines = thin(mask)
    assert not (lines & ~mask).any()
    pieces = [cv2.connectedComponents(m.astype(np.uint8), connectivity=8)[0] for m in (mask, lines)]
    holes = [
        cv2.connectedComponents((~m).astype(np.uint8), connectivity=4)[0] for m in (mask, lines)
    ]
    assert holes[0] == holes[1]
    assert pieces[0] == pieces[1]


def test_centre_lines_agree_with_scikit_image() -> None:
    mask = shapes()["net"]
    ours, theirs = thin(mask), morphology.skeletonize(mask)
    near = cv2.dilate(theirs.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert (ours & ~near).sum() <= 0.02 * ours.sum()
    assert ours.sum() == pytest.approx(theirs.sum(), rel=0.15)


def test_nothing_and_one_pixel() -> None:
    assert not thin(np.zeros((5, 6), bool)).any()
    assert thin(np.ones((1, 1), bool)).sum() == 1
