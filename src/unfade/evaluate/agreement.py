"""Per-pixel channel agreement: what old Keras tutorials report as "accuracy".

A network compiled with ``metrics=["accuracy"]`` and three outputs a pixel is scored by Keras as a
classifier with three classes: a pixel counts as right when the channel that is largest in the
result is also the largest in the reference. Restoration projects report figures like "86 % on
average, 90 % at best" from it. It knows nothing of sharpness, damage or brightness: a heavily
blurred picture scores well, and any grey picture scores 100 %. It is here so that such figures can
be compared at all, and for nothing else.
"""

from __future__ import annotations

import numpy as np

from unfade.picture import Pixels


def channel_agreement(reference: Pixels, result: Pixels) -> float:
    """Share of pixels whose largest channel is the same in both pictures, 0-1.

    Args:
        reference, result: (rows, cols, channels) float32 of one size
    Returns:
        1.0 for grey pictures, which have one channel only; ties go to the first channel
    Raises:
        ValueError: the sizes differ (both are named)
    """
    if reference.shape != result.shape:
        raise ValueError(f"pictures differ in size: {reference.shape} and {result.shape}")
    return float(np.mean(reference.argmax(axis=2) == result.argmax(axis=2)))
