"""Harm: sound pixels that a restoration made worse.

Every mean hides it. A method that mends a scratch and smears the rest of the picture gains in PSNR
as soon as the scratch was deep enough. So the pixels that nothing was wrong with are looked at by
themselves: how many of them moved away from the truth by more than a threshold, and how far.

The threshold is 4 code values of 255 on the channel that moved most. Below it lie rounding, noise
of one code, and a second JPEG at quality 98 (which moves fewer than one pixel in a hundred further
than that); a 5 x 5 blur moves half of the pixels of a detailed photograph further.
``docs/measure.md`` shows the figures for other changes and other thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.picture import Mask, Pixels, Plane

THRESHOLD = 4 / 255
REGION_PX = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Harm:
    """What became of the sound pixels.

    Attributes:
        rate: share of the sound pixels that got worse by more than the threshold, 0-1; NaN when
            no pixel was sound
        mean_loss: by how much those got worse on average, in pixel units (0-1); 0 when none did
        sound_share: share of the picture that was sound
    """

    rate: float
    mean_loss: float
    sound_share: float


def harm_rate(
    reference: Pixels,
    damaged: Pixels,
    restored: Pixels,
    *,
    mask: Mask | None = None,
    threshold: float = THRESHOLD,
    region_px: int = 1,
) -> Harm:
    """Measure what a restoration did to the pixels that nothing was wrong with.

    A pixel's error is its largest difference from the reference over the channels. A pixel is
    harmed when it was sound and its error grew by more than ``threshold``.

    With ``region_px`` over 1 the errors compared are root mean squares over a square of that many
    pixels. Where the whole picture carries noise, a pixel's error before is chance: a good
    denoiser makes some pixels worse by bad luck. Over a region luck evens out, and what is left
    is detail that was lost.

    Args:
        reference, damaged, restored: (rows, cols, channels) float32 of one size: the truth, what
            the method was given, and what it returned
        mask: (rows, cols) bool, True = damaged; None: a pixel is sound when ``damaged`` is within
            the threshold of the reference there
        threshold: in pixel units, see the module
        region_px: odd; 1 compares pixel by pixel
    Raises:
        ValueError: sizes differ (both are named), or ``region_px`` is not odd
    """
    for name, other in (("damaged", damaged), ("restored", restored)):
        if other.shape != reference.shape:
            raise ValueError(
                f"the {name} picture is {other.shape}, the reference {reference.shape}"
            )
    if region_px < 1 or region_px % 2 == 0:
        raise ValueError(f"region_px is {region_px}, expected an odd number")
    loss = harm_map(reference, damaged, restored, region_px=region_px)
    if mask is None:
        sound = _largest(damaged, reference) <= np.float32(threshold)
    elif mask.shape != loss.shape:
        raise ValueError(f"the mask is {mask.shape}, the reference {reference.shape[:2]}")
    else:
        sound = ~mask
    number = int(np.count_nonzero(sound))
    if number == 0:
        return Harm(rate=float("nan"), mean_loss=0.0, sound_share=0.0)
    harmed = sound & (loss > np.float32(threshold))
    count = int(np.count_nonzero(harmed))
    return Harm(
        rate=count / number,
        mean_loss=float(loss[harmed].mean(dtype=np.float64)) if count else 0.0,
        sound_share=number / sound.size,
    )


def harm_map(reference: Pixels, damaged: Pixels, restored: Pixels, *, region_px: int = 1) -> Plane:
    """By how much each pixel's error grew: above 0 it got worse, below 0 better.

    Args:
        as ``harm_rate``
    Returns:
        (rows, cols) float32 in pixel units
    """
    before, after = _largest(damaged, reference), _largest(restored, reference)
    if region_px > 1:
        before, after = _region(before, region_px), _region(after, region_px)
    return np.asarray(after - before, np.float32)


def _largest(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(a - b).max(axis=2), np.float32)


def _region(error: np.ndarray, side_px: int) -> np.ndarray:
    import cv2

    squared = cv2.blur(error * error, (side_px, side_px), borderType=cv2.BORDER_REFLECT)
    return np.asarray(np.sqrt(np.maximum(squared, 0)), np.float32)
