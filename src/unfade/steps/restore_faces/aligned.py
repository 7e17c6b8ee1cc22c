"""A face cut out upright at a fixed size, and what was changed in it laid back into the picture.

Restorers of faces want eyes, nose and mouth at fixed places of a square of 256 or 512 pixels. The
cut is a similarity (turn, scale, shift) fitted to the points that were found: five, or the two
eyes. What is laid back is the *difference* that the restorer made, so that detail which the picture
has beyond the cut's size, and its grain, stay; and only inside an oval around the face.

A network gets the square that it was trained on, in one resampling from the picture. That of
"Bringing Old Photos Back to Life" sees faces 1.24 times larger than FFHQ's template has them, and
is 256 pixels wide. Cutting 512 pixels and halving them by area was tried in its place: with a
network that knows the sound face, the direct cut ends nearer to it by 3.6 dB for blur, 2.8 for
noise and 0.7 for scratches, on average over 34 faces (``benchmarks/face_cuts.py``); only for blur,
in faces with eyes more than 150 px apart, halving is better. The difference is brought back by
cubic interpolation, which was nearer than linear by 3.4, 1.6 and 0.4 dB.

Source: Umeyama 1991, doi:10.1109/34.88573 (fit); the template of FFHQ's alignment (Karras, Laine,
Aila 2019, arXiv:1812.04948) as face restorers use it; Wan et al. 2020, arXiv:2004.09484.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.picture import Mask, Pixels, Weight, Window

SIDE_PX = 512
SIDES = (256, 512)  # of the squares that networks take
# x, y of the eye at the left, the eye at the right, nose, corners of the mouth left and right
TEMPLATE = np.array(
    [[192.98, 239.95], [318.90, 240.19], [256.63, 314.02], [201.26, 371.41], [313.09, 371.15]]
)
# the same points as Wan et al. 2020 place them: a template spread from the middle by 1.3
TIGHT = np.array([[178.0, 217.0], [334.0, 217.0], [256.0, 295.0], [209.2, 391.8], [302.8, 391.8]])
# the same points in the 112 x 112 pixels of face recognisers
RECOGNISER = np.array(
    [[38.29, 51.70], [73.53, 51.50], [56.03, 71.74], [41.55, 92.37], [70.73, 92.20]]
)
OVAL_CENTRE = (256.0, 285.0)  # x, y in the cut
OVAL_RADII = (195.0, 225.0)
TIGHT_CENTRE, TIGHT_RADII = (256.0, 262.0), (226.0, 240.0)  # inside the oval above, and the square
FULL_WITHIN = 0.72  # share of the oval's radius where all of the difference is taken
TONE_SIGMA_PX = 40.0  # coarser than this, brightness and colour stay those of the picture


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """Where a face lies in the square of a network, and where what that changes is taken.

    Attributes:
        side_px: of the square
        template: (5, 2) x and y of eyes, nose and corners of the mouth in it
        centre, radii: x, y and half-axes of the oval in it
    """

    side_px: int
    template: np.ndarray
    centre: tuple[float, float]
    radii: tuple[float, float]

    def sized(self, side_px: int) -> Alignment:
        """The same in a square of another size."""
        k = side_px / self.side_px
        (x, y), (across, down) = self.centre, self.radii
        return Alignment(side_px, self.template * k, (x * k, y * k), (across * k, down * k))

    def radius(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """How far a place of the square is from the face's middle; 1 at the oval's border."""
        across = (x - self.centre[0]) / self.radii[0]
        down = (y - self.centre[1]) / self.radii[1]
        return np.asarray(np.hypot(across, down))


FFHQ = Alignment(SIDE_PX, TEMPLATE, OVAL_CENTRE, OVAL_RADII)
# by the names that ``ModelFacts.alignment`` has for them
ALIGNMENTS = {"": FFHQ, "latent-face": Alignment(SIDE_PX, TIGHT, TIGHT_CENTRE, TIGHT_RADII)}


def fit(points: np.ndarray, template: np.ndarray = TEMPLATE) -> np.ndarray:
    """The similarity that carries points of a face onto a template.

    Args:
        points: (2, 2) eyes or (5, 2) points, x and y, in pixels of the picture
    Returns:
        (2, 3): picture -> cut
    Raises:
        ValueError: neither two nor five points, or all of them in one place
    """
    if points.shape not in ((2, 2), (5, 2)):
        raise ValueError(f"points are {points.shape}, expected (2, 2) or (5, 2)")
    goal = template[: len(points)]
    z = points[:, 0] + 1j * points[:, 1]
    w = goal[:, 0] + 1j * goal[:, 1]
    spread = np.sum(np.abs(z - z.mean()) ** 2)
    if spread <= 0:
        raise ValueError("the points of the face all lie in one place")
    turn = np.sum((w - w.mean()) * np.conj(z - z.mean())) / spread
    shift = w.mean() - turn * z.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def cut_out(pixels: Pixels, window: Window, to_cut: np.ndarray, side_px: int = SIDE_PX) -> Pixels:
    """The face upright: (side, side, channels) float32.

    Args:
        pixels: of ``window`` of the picture; beyond it the picture is mirrored
        to_cut: (2, 3) from ``fit``
    """
    import cv2

    matrix = _from_window(to_cut, window)
    source = _softened(pixels, _scale(to_cut))
    cut = cv2.warpAffine(
        source, matrix, (side_px, side_px), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(cut, np.float32).reshape(side_px, side_px, pixels.shape[2])


def laid_back(
    pixels: Pixels,
    window: Window,
    cut: Pixels,
    restored: Pixels,
    to_cut: np.ndarray,
    share: float,
    alignment: Alignment = FFHQ,
) -> Pixels:
    """The picture with what a restorer changed in a face, inside the oval.

    Args:
        pixels: of ``window``; cut, restored: (side, side, channels) before and after
        share: of the change that is taken, 0-1
        alignment: of the network; its side is that of ``cut``
    Returns:
        float32 like ``pixels``
    """
    import cv2

    tone = (0, 0), TONE_SIGMA_PX * alignment.side_px / SIDE_PX
    drift = cv2.GaussianBlur(restored, *tone) - cv2.GaussianBlur(cut, *tone)
    change = restored - cut - drift.reshape(cut.shape)
    change = change * (share * oval_weight(alignment)[:, :, None])
    matrix = _from_window(to_cut, window)
    softened = _softened(change.astype(np.float32), 1 / _scale(to_cut))
    rows, cols, channels = pixels.shape
    back = cv2.warpAffine(
        softened,
        matrix,
        (cols, rows),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
    )
    result: Pixels = pixels + np.asarray(back, np.float32).reshape(rows, cols, channels)
    return result


def oval_weight(alignment: Alignment = FFHQ) -> Weight:
    """(side, side) float32: 1 in the middle of the face, falling to 0 at the oval's border."""
    y, x = np.mgrid[0 : alignment.side_px, 0 : alignment.side_px].astype(np.float32)
    ramp = np.clip((1 - alignment.radius(x, y)) / (1 - FULL_WITHIN), 0, 1)
    return np.asarray(ramp * ramp * (3 - 2 * ramp), np.float32)


def oval(to_cut: np.ndarray, rows: int, cols: int) -> tuple[Window, np.ndarray] | None:
    """Where a face's oval lies in a picture of ``rows x cols``, whatever network restores it.

    Args:
        to_cut: from ``fit`` to ``TEMPLATE``
    Returns:
        the window around it and, inside it, (rows, cols) float32: how far each pixel is from the
        face's middle, 1 at the oval's border; None when it lies outside the picture
    """
    angles = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    edge = np.stack(
        [
            OVAL_CENTRE[0] + OVAL_RADII[0] * np.cos(angles),
            OVAL_CENTRE[1] + OVAL_RADII[1] * np.sin(angles),
        ]
    )
    turn, shift = to_cut[:, :2], to_cut[:, 2:]
    x, y = np.linalg.solve(turn, edge - shift)
    window = Window(
        max(0, int(np.floor(y.min()))),
        max(0, int(np.floor(x.min()))),
        min(rows, int(np.ceil(y.max())) + 1),
        min(cols, int(np.ceil(x.max())) + 1),
    )
    if window.rows <= 0 or window.cols <= 0:
        return None
    ys, xs = np.mgrid[window.top : window.bottom, window.left : window.right].astype(np.float64)
    u = to_cut[0, 0] * xs + to_cut[0, 1] * ys + to_cut[0, 2]
    v = to_cut[1, 0] * xs + to_cut[1, 1] * ys + to_cut[1, 2]
    return window, FFHQ.radius(u, v).astype(np.float32)


def inside(radius: np.ndarray) -> Mask:
    """Which pixels lie in the oval."""
    return np.asarray(radius < 1)


def _scale(to_cut: np.ndarray) -> float:
    """Pixels of the cut for each pixel of the picture."""
    return float(np.hypot(to_cut[0, 0], to_cut[1, 0]))


def _from_window(to_cut: np.ndarray, window: Window) -> np.ndarray:
    moved = to_cut.copy()
    moved[:, 2] += to_cut[:, :2] @ np.array([window.left, window.top], float)
    return moved


def _softened(pixels: np.ndarray, scale: float) -> np.ndarray:
    """Without the detail that would fold over when it is made smaller by ``scale``."""
    import cv2

    if scale >= 1:
        return pixels
    sigma = 0.5 * float(np.sqrt(1 / scale**2 - 1))
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma)).reshape(pixels.shape)
