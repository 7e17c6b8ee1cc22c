"""Denoise over time: a mean of this frame and its neighbours along the motion, grain guarded.

What moves is followed by optical flow; a neighbour counts less the more it differs from the
frame, so that nothing is smeared where motion is lost. Grain is the film's own texture: how much
of it may go is a setting, it is measured before and after, and what was lost beyond the limit is
put back by mixing the frame itself in. Not part of the shipped recipe: it is asked for by name.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.picture import Plane
from unfade.record import Evidence
from unfade.steps import contract
from unfade.steps.contract import Kind, Step, setting
from unfade.steps.film.flow import Flow, enlarged, warped


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """How much noise is taken off."""

    strength: float = setting(0.6, "0 none, 1 a full mean of three", low=0, high=1, neutral=0.0)
    most_loss: float = setting(
        0.4, "share of the grain that may go; the rest is kept", low=0, high=0.9
    )


def grain_level(luma: Plane) -> float:
    """Standard deviation of the fine texture, in codes: the median over small calm patches."""
    import cv2

    fine = luma - cv2.GaussianBlur(luma, (0, 0), 1.2)
    power = cv2.resize(fine * fine, (48, 36), interpolation=cv2.INTER_AREA)
    return float(np.sqrt(max(0.0, float(np.quantile(power, 0.3)))))


def agreement(luma: Plane, neighbour: Plane, sigma: float) -> Plane:
    """Weight of a neighbour at each pixel: 1 where it shows the same, 0 where it does not."""
    import cv2

    difference = cv2.boxFilter(np.abs(luma - neighbour), -1, (5, 5))
    return np.asarray(
        np.exp(-np.square(np.maximum(difference - sigma, 0) / (1.5 * sigma + 0.5))), np.float32
    )


def steadied(plane: Plane, neighbours: list[tuple[Plane, Plane]], strength: float) -> Plane:
    """The weighted mean of a plane and its neighbours.

    Args:
        neighbours: (plane brought here, weight of each pixel)
    """
    total = plane.copy()
    weights = np.ones_like(plane)
    for other, weight in neighbours:
        total += strength * weight * other
        weights += strength * weight
    return np.asarray(total / weights, np.float32)


def brought(plane: Plane, flow: Flow) -> Plane:
    """A neighbour's plane as seen from this frame."""
    return warped(plane, enlarged(flow, *plane.shape), sharp=True)


def share_kept(frame: Plane, denoised: Plane, most_loss: float) -> float:
    """How much of the frame itself to mix in, so that enough of its grain stays.

    Args:
        frame, denoised: luminance before and after
    Returns:
        0-1: result = (1 - share) * denoised + share * frame
    """
    least = (1 - most_loss) * grain_level(frame)
    if grain_level(denoised) >= least:
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(7):
        share = (low + high) / 2
        mixed = (1 - np.float32(share)) * denoised + np.float32(share) * frame
        low, high = (share, high) if grain_level(mixed) < least else (low, share)
    return high


STEP = Step(
    name="denoise_frames",
    title="Denoise over time, with a limit on what grain may go",
    settings=Settings,
    kind=Kind.TEMPORAL,
    evidence=Evidence.ESTIMATED,
    paper="Dubois, Sabri 1984, doi:10.1109/TCOM.1984.1096143 (motion-compensated averaging)",
)
