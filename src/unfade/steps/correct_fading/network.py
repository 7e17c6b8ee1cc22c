"""The loss as a network tells it that has seen many pictures, sound and faded.

It is given the picture in small, each layer stretched between its own ends, which is the same
whatever was lost, and apart from it the layers' densities in order. It tells where the ends of
the sound picture lay and how sure it is that anything was lost at all; the six numbers follow.
Layers are the red, green and blue densities as they stand (``independent``): on fading by spectra
the best six numbers for them leave 0.4 CIEDE2000.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from unfade.picture import Picture, Window
from unfade.pixels.colour import density, linear_to_srgb, srgb_to_linear
from unfade.pixels.small import small_light
from unfade.steps.correct_fading.model import Fading

VIEW_PX = 64
SEEN_PX = 96  # densities are put in order at this side: less hides the ends
SHARES = (
    0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999,
)  # fmt: skip
ENDS = (2, 12)  # of ``SHARES``: between them a layer is stretched
LEAST_RANGE = 0.05
BORDER_SHARE = 0.02  # on each side: borders and scanner beds are no part of the picture
SOUND_LOW, SOUND_RANGE = 0.05, 1.95  # ends of a sound print, from which the network departs
LEAST_GAIN, MOST_GAIN = 0.1, 1.3
LEAST_EVIDENCE = 0.4  # below, nothing is called faded: a third of sound validation pictures
_AT_MOST_PX = 250_000


def small_view(picture: Picture) -> np.ndarray:
    """(SEEN_PX, SEEN_PX, 3) float32 density of a picture, whatever its shape, without its rim.

    Cost:
        one pass over the samples; memory: a band of them
    """
    import cv2

    rim = int(BORDER_SHARE * picture.rows), int(BORDER_SHARE * picture.cols)
    inner = Window(rim[0], rim[1], picture.rows - rim[0], picture.cols - rim[1])
    block = max(1, math.ceil(math.sqrt(inner.rows * inner.cols / _AT_MOST_PX)))
    seen = linear_to_srgb(np.clip(small_light(picture, inner, block), 0, 1))
    small = cv2.resize(seen, (SEEN_PX, SEEN_PX), interpolation=cv2.INTER_AREA)
    return density(srgb_to_linear(small))


def ordered(densities: np.ndarray) -> np.ndarray:
    """(len(SHARES), 3) densities of each layer, in order."""
    return np.quantile(densities.reshape(-1, 3), SHARES, axis=0).astype(np.float32)


def blob_of(densities: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """What the network is given: (4, VIEW_PX, VIEW_PX) float32, the numbers in the last plane.

    Args:
        densities: (SEEN_PX, SEEN_PX, 3)
        quantiles: of them, as ``ordered`` gives them
    """
    # means of 2 x 2, as the training's adaptive pooling takes them
    first = np.arange(VIEW_PX) * SEEN_PX // VIEW_PX
    small = (densities[first] + densities[first + 1]) / 2
    small = (small[:, first] + small[:, first + 1]) / 2
    low, reach = _ends(quantiles)
    blob = np.zeros((4, VIEW_PX, VIEW_PX), np.float32)
    blob[:3] = np.moveaxis(np.clip((small - low) / reach, -0.25, 1.25) * 2 - 1, 2, 0)
    inner = (quantiles - low) / reach
    numbers = np.concatenate((2 * (low - 0.7), 2 * (reach - 0.7), inner.ravel() - 0.5))
    blob[3, 0, : len(numbers)] = numbers
    return blob


def fading_told(raw: np.ndarray, quantiles: np.ndarray) -> Fading:
    """The six numbers out of the network's seven.

    Args:
        raw: (7,): ends of the sound picture (3 low, 3 range), and whether anything was lost
        quantiles: of the picture as it is, see ``ordered``
    """
    low, reach = _ends(quantiles)
    full = np.clip(reach / (SOUND_RANGE * np.exp(raw[3:6] / 2)), LEAST_GAIN, MOST_GAIN)
    stain = low - full * (SOUND_LOW + raw[:3] / 5)
    evidence = float(1 / (1 + np.exp(-2 * raw[6])))
    if evidence < LEAST_EVIDENCE:
        says = f"The network takes it for sound ({1 - evidence:.0%} sure)."
        return Fading((1.0,) * 3, (0.0,) * 3, "independent", 0.0, says)
    return Fading(
        tuple(float(g) for g in full**evidence),
        tuple(float(s) for s in evidence * stain),
        "independent",
        evidence,
        f"The network is {evidence:.0%} sure that density was lost.",
    )


def in_one_layer(fading: Fading) -> Fading:
    """One curve for all layers, for toned pictures: what they have lost on the mean."""
    gain = math.exp(sum(math.log(g) for g in fading.gains) / len(fading.gains))
    return replace(fading, gains=(gain,), stains=(sum(fading.stains) / len(fading.stains),))


def _ends(quantiles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Low ends and ranges of the layers, (3,) each."""
    low, high = (quantiles[at] for at in ENDS)
    return low, np.maximum(high - low, LEAST_RANGE)
