"""Points of colour for a grey picture, taken from a coloured one that shows like things.

Places are matched by lightness, by how lively the surround is, and a little by height in the
picture; where the best matches agree on a colour, it becomes a hint. The hints are plain text in
the settings, so a recipe holds all there is to know, and each can be taken out by hand.

Paper: Welsh, Ashikhmin, Mueller 2002, Transferring Color to Greyscale Images,
doi:10.1145/566654.566576 (lightness brought to the same mean and spread, matches by lightness and
its deviation). Points in place of a colour for every pixel are our own.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from unfade.picture import Picture, Window
from unfade.pixels.colour import lab_to_linear, linear_to_lab, linear_to_srgb
from unfade.pixels.small import small_light

SIDE_PX = 96
LIVELY_PX = 5
HEIGHT_WEIGHT = 12.0  # lightness units for the whole height of the picture
NEAREST = 7
CELLS = 4  # hints along each side at most; each costs a third of a second
LEAST_CHROMA = 6.0  # of the reference's most coloured place
MOST_SPREAD = 9.0  # of a*, b* among the best matches


def reference_hints(
    picture: Picture, reference: Picture
) -> tuple[tuple[int, int, tuple[int, int, int]], ...]:
    """Points (row, col, (red, green, blue)) of ``picture`` with colours of ``reference``.

    Args:
        picture: to be coloured; its own colours are not looked at
        reference: of three channels; one without colours gives none
    Returns:
        at most 16, fewer where the reference does not tell
    Cost: about 0.2 s, both pictures are looked at in small
    """
    import cv2

    if reference.channels == 1:
        return ()
    target, source = _small_lab(picture), _small_lab(reference)
    light, known = target[..., 0], source[..., 0]
    known = (known - known.mean()) * (light.std() / max(known.std(), 1e-6)) + light.mean()
    wanted, there = _described(light), _described(known)
    height = np.linspace(0, HEIGHT_WEIGHT, SIDE_PX)[:, None] + np.zeros((1, SIDE_PX))
    wanted = np.dstack((wanted, height)).reshape(-1, 3).astype(np.float32)
    there = np.dstack((there, height)).reshape(-1, 3).astype(np.float32)
    chroma = source[..., 1:].reshape(-1, 2)
    if np.hypot(*chroma.T).max() < LEAST_CHROMA:
        return ()
    matcher = cv2.BFMatcher(cv2.NORM_L2)
    found = np.array(
        [[m.trainIdx for m in row] for row in matcher.knnMatch(wanted, there, k=NEAREST)]
    )
    colours = chroma[found]
    middle = np.median(colours, axis=1)
    spread = np.abs(colours - middle[:, None]).mean(axis=(1, 2)).reshape(SIDE_PX, SIDE_PX)
    middle = middle.reshape(SIDE_PX, SIDE_PX, 2)
    hints = []
    edges = np.linspace(0, SIDE_PX, CELLS + 1).astype(int)
    for top, bottom in pairwise(edges):
        for left, right in pairwise(edges):
            part = spread[top:bottom, left:right]
            within = divmod(int(part.argmin()), part.shape[1])
            row, col = within[0] + int(top), within[1] + int(left)
            if spread[row, col] <= MOST_SPREAD:
                hints.append(_hint(picture, row, col, float(light[row, col]), middle[row, col]))
    return tuple(hints)


def _hint(
    picture: Picture, row: int, col: int, lightness: float, ab: np.ndarray
) -> tuple[int, int, tuple[int, int, int]]:
    lab = np.array([np.clip(lightness, 25, 85), *ab])  # dark and light colours cannot be written
    codes = np.rint(255 * np.clip(linear_to_srgb(lab_to_linear(lab)), 0, 1)).astype(int)
    place = [
        min(n - 1, int((at + 0.5) * n / SIDE_PX))
        for at, n in ((row, picture.rows), (col, picture.cols))
    ]
    return place[0], place[1], (int(codes[0]), int(codes[1]), int(codes[2]))


def _small_lab(picture: Picture) -> np.ndarray:
    """(SIDE_PX, SIDE_PX, 3) CIELAB of the whole picture."""
    import cv2

    block = max(1, min(picture.rows, picture.cols) // SIDE_PX)
    light = small_light(picture, Window(0, 0, picture.rows, picture.cols), block)
    small = cv2.resize(light, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    linear = np.broadcast_to(small.reshape(SIDE_PX, SIDE_PX, -1), (SIDE_PX, SIDE_PX, 3))
    return linear_to_lab(np.clip(linear.astype(np.float64), 0, 1))


def _described(light: np.ndarray) -> np.ndarray:
    """Lightness, and its deviation around each place."""
    import cv2

    plane = light.astype(np.float32)
    size = (LIVELY_PX, LIVELY_PX)
    mean, squares = cv2.blur(plane, size), cv2.blur(plane * plane, size)
    return np.dstack((plane, np.sqrt(np.maximum(squares - mean * mean, 0))))
