"""Richardson-Lucy iterations with total variation, hurried on by momentum.

Each iteration multiplies the estimate by how much the picture exceeds what the estimate would look
like when blurred; values never fall below 0, and dark areas stay calm beside bright ones. Total
variation holds back the noise that plain iterations amplify. The momentum (Nesterov's, the same
in every block) reaches in a dozen iterations what takes plain ones fifty or more.

What lies beyond the edges of what was read is not known and takes no part: edges do not ring. A
value at the end of the scale only says that there was at least so much light, so lamps and
reflections do not ring either.

Source:
    Dey et al. 2006, doi:10.1002/jemt.20294 (total variation); Richardson 1972,
    doi:10.1364/JOSA.62.000055; Bertero, Boccacci 2005, doi:10.1051/0004-6361:20052717 (edges)
"""

from __future__ import annotations

import numpy as np

from unfade.picture import Pixels
from unfade.steps.deblur.blocks import FRAME_PX, convolved

_LEAST = np.float32(1e-6)
_SMOOTH = np.float32(0.01)  # below this share of the local light, a step counts as none
_CLIPPED = np.float32(0.98)  # linear light from which a value says "at least so much"
_NOTHING_KNOWN = np.float32(0.02)  # share of a pixel's light that must fall where it was read


def unblur_richardson_lucy(
    pixels: Pixels, spectrum: np.ndarray, *, iterations: int, smoothness: float
) -> Pixels:
    """Undo a blur by multiplicative iterations.

    Args:
        pixels: (rows, cols, channels) float32 of linear light, sides up to ``blocks.FRAME_PX``
        spectrum: of the blur's kernel, see ``blocks.transformed``
        iterations: 1 or more; more are sharper, noisier, and ring more
        smoothness: weight of total variation, 0-0.1
    Returns:
        float32 like ``pixels``, not below 0
    Cost:
        0.2 s a megapixel of colour for each iteration on one core, margins included: each is
        four transforms of each channel
    """
    rows, cols, channels = pixels.shape
    known = np.zeros((FRAME_PX, FRAME_PX), np.float32)
    known[:rows, :cols] = 1
    reached = convolved(known, spectrum, turned=True)
    seen = reached > _NOTHING_KNOWN
    weight = np.where(seen, 1 / np.maximum(reached, _NOTHING_KNOWN), 0).astype(np.float32)
    picture = np.zeros((channels, FRAME_PX, FRAME_PX), np.float32)
    picture[:, :rows, :cols] = np.maximum(pixels.transpose(2, 0, 1), _LEAST)
    full = picture >= _CLIPPED
    level = picture[:, :rows, :cols].mean(axis=(1, 2))
    estimate = np.where(known > 0, picture, level[:, None, None]).astype(np.float32)
    before = estimate
    for k in range(iterations):
        ahead = np.maximum(estimate + np.float32(k / (k + 3)) * (estimate - before), _LEAST)
        before = estimate
        bend = _bend(ahead, np.float32(smoothness)) if smoothness else np.float32(1)
        estimate = np.empty_like(ahead)
        for c in range(channels):
            blurred = np.maximum(convolved(ahead[c], spectrum), _LEAST)
            ratio = picture[c] / blurred
            np.maximum(ratio, 1, out=ratio, where=full[c])
            correction = convolved(ratio, spectrum, turned=True) * weight
            estimate[c] = ahead[c] * np.where(seen, correction, 1)
        estimate /= bend
        np.maximum(estimate, _LEAST, out=estimate)
    return np.ascontiguousarray(estimate[:, :rows, :cols].transpose(1, 2, 0))


def _bend(x: np.ndarray, weight: np.float32) -> np.ndarray:
    """``1 - weight * div(grad x / |grad x|)``, the gradient's length over all channels at once."""
    down = np.roll(x, -1, axis=1) - x
    right = np.roll(x, -1, axis=2) - x
    level = _SMOOTH * np.maximum(x.mean(axis=0), _SMOOTH)
    length = np.sqrt((down * down + right * right).sum(axis=0) + level * level)
    down /= length
    right /= length
    bend = down - np.roll(down, 1, axis=1)
    bend += right - np.roll(right, 1, axis=2)
    return np.asarray(np.maximum(1 - weight * bend, np.float32(0.1)))
