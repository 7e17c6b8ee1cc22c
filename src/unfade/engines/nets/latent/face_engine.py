"""The face generator, opened, with the published alignment of a face and its pasting back.

Five points of a face (both eyes, the nose, both corners of the mouth) are brought onto a
template; the generator works on that square; the result is laid back over the restored picture
inside a soft mask. Finding the points is left to a face detector.

Source:
    Wan et al. 2020, arXiv:2004.09484, section 3.3; Umeyama 1991, doi:10.1109/34.88573
    (similarity transform)
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from unfade.engines.contract import ModelFacts
from unfade.errors import PromiseBroken
from unfade.picture import Pixels, Weight

# where the points come to lie in a crop of 256 pixels, as (column, row): left eye, right eye,
# nose, left and right corner of the mouth
TEMPLATE_256 = np.array(
    [(89.0, 108.5), (167.0, 108.5), (128.0, 147.5), (104.6, 195.9), (151.4, 195.9)]
)


class FaceEnhancer:
    """The generator on one device, for faces of one side."""

    def __init__(self, network: nn.Module, *, side: int, device: str, facts: ModelFacts) -> None:
        self.facts = facts
        self.side = side
        self._network: nn.Module | None = network
        self._device = device

    @property
    def runtime(self) -> str:
        return f"torch on {self._device}"

    def mend(self, face: Pixels) -> Pixels:
        """One aligned face made anew.

        Args:
            face: (side, side, 1 or 3) float32
        Returns:
            float32 of the same shape, 0-1
        Raises:
            ValueError: another size
            PromiseBroken: the network gave values that are no numbers
        """
        if self._network is None:
            raise ValueError(f"{self.facts.name} has been closed")
        if face.shape[:2] != (self.side, self.side):
            raise ValueError(f"the face is {face.shape}, expected {self.side} x {self.side}")
        channels = face.shape[2]
        rgb = np.broadcast_to(np.clip(face, 0, 1) * 2 - 1, (self.side, self.side, 3))
        batch = torch.from_numpy(np.ascontiguousarray(np.moveaxis(rgb, 2, 0)[None], np.float32))
        with torch.inference_mode():
            made = self._network(batch.to(self._device))[0].float().cpu().numpy()
        if not np.isfinite(made).all():
            raise PromiseBroken(
                f"`{self.facts.name}` ({self.runtime}) gave values that are no numbers.",
                "Nothing was written. Try another `--device`.",
            )
        pixels = np.clip((np.moveaxis(made, 0, 2) + 1) / 2, 0, 1)
        if channels == 1:
            pixels = pixels.mean(axis=2, keepdims=True)
        return np.ascontiguousarray(pixels, np.float32)

    def close(self) -> None:
        self._network = None


def alignment(points: np.ndarray, side: int) -> np.ndarray:
    """The similarity transform from the square crop to the picture.

    Args:
        points: (5, 2) column and row of left eye, right eye, nose and corners of the mouth
        side: of the crop
    Returns:
        (2, 3) float64: picture = matrix @ (column, row, 1) of the crop
    """
    template = TEMPLATE_256 * (side / 256)
    source, target = template - template.mean(0), points - points.mean(0)
    # the best rotation with scale in the plane is a complex number
    z, w = source @ np.array([1, 1j]), target @ np.array([1, 1j])
    turn = np.vdot(z, w) / np.vdot(z, z)
    linear = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    return np.column_stack([linear, points.mean(0) - linear @ template.mean(0)])


def cut_out(pixels: Pixels, matrix: np.ndarray, side: int) -> Pixels:
    """The aligned square of a face, sampled bilinearly; outside the picture it is black."""
    import cv2

    crop = cv2.warpAffine(
        pixels, matrix, (side, side), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    return np.asarray(crop.reshape(side, side, pixels.shape[2]), np.float32)


def paste_back(pixels: Pixels, face: Pixels, matrix: np.ndarray) -> tuple[Pixels, Weight]:
    """A face laid back over the picture, its tones matched to what it replaces.

    Args:
        pixels: (rows, cols, channels) float32: the restored picture
        face: (side, side, channels) float32: as made by the generator
        matrix: of ``alignment``
    Returns:
        the picture with the face, and the weight (rows, cols) with which the face was laid in
    """
    import cv2

    rows, cols = pixels.shape[:2]
    side = face.shape[0]
    matched = match_tones(face, cut_out(pixels, matrix, side))
    warped = cv2.warpAffine(matched, matrix, (cols, rows), flags=cv2.INTER_CUBIC)
    seen = cut_out(np.ones((rows, cols, 1), np.float32), matrix, side)
    weight = cv2.warpAffine(seen, matrix, (cols, rows), flags=cv2.INTER_NEAREST)
    weight = cv2.erode(weight, np.ones((9, 9), np.uint8), iterations=3)
    weight = np.asarray(cv2.GaussianBlur(weight, (25, 25), 0), np.float32)
    laid = weight[:, :, None] * np.clip(warped.reshape(pixels.shape), 0, 1)
    return np.asarray(pixels * (1 - weight[:, :, None]) + laid, np.float32), weight


def match_tones(face: Pixels, reference: Pixels) -> Pixels:
    """Each channel with the distribution of values that the reference has.

    Source:
        Gonzalez, Woods 2008, Digital Image Processing, histogram matching
    """
    result = np.empty_like(face)
    for c in range(face.shape[2]):
        _, places, counts = np.unique(face[..., c], return_inverse=True, return_counts=True)
        wanted, wanted_counts = np.unique(reference[..., c], return_counts=True)
        share = np.cumsum(counts) / face[..., c].size
        wanted_share = np.cumsum(wanted_counts) / reference[..., c].size
        matched = np.interp(share, wanted_share, wanted)
        result[..., c] = matched[places].reshape(face.shape[:2])
    return result
