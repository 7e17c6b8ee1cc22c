"""Clipping: how much of a picture lies at the ends of the scale, and how much scale is used.

What was clipped in scanning is lost and cannot be mended, only respected: other eyes leave it
out. A file that uses a sixteenth of its scale (12 bits stored in 16) is reported with the option
that states the true scale; the scale is never guessed.

Counts every sample, in integer codes, in one pass.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from unfade.condition.contract import Finder
from unfade.engines.contract import BenchView
from unfade.findings import Clipping
from unfade.picture import Picture, Samples, Window

SLIGHT = 0.001  # less than one pixel in a thousand at an end is not worth a word
PLAIN = 0.01
BAND_PX = 512


@dataclass(frozen=True, slots=True)
class Ends:
    """Counts of one part of a picture, per channel."""

    black: tuple[int, ...]
    white: tuple[int, ...]
    highest: float


def count_ends(samples: Samples, full_scale: float) -> Ends:
    """Count samples at or below code 0 and at or above full scale, per channel.

    Args:
        samples: (rows, cols, channels) stored codes
        full_scale: the code that means white; codes above it count as white
    Returns:
        counts and the highest code
    """
    black = tuple(int(np.count_nonzero(samples[..., c] <= 0)) for c in range(samples.shape[2]))
    white = tuple(
        int(np.count_nonzero(samples[..., c] >= full_scale)) for c in range(samples.shape[2])
    )
    return Ends(black, white, float(samples.max()))


def look(picture: Picture, bench: BenchView) -> Clipping:
    """Shares at both ends of the scale, per channel, over every pixel."""

    def count(top: int) -> Ends:
        window = Window(top, 0, min(picture.rows, top + BAND_PX), picture.cols)
        rows, cols = window.slices
        return count_ends(picture.samples[rows, cols], picture.full_scale)

    tops = range(0, picture.rows, BAND_PX)
    each = BAND_PX * picture.cols * 2
    parts = list(bench.map(count, tops, says="Counting", total=len(tops), bytes_each=each))
    area = picture.rows * picture.cols
    black = tuple(sum(p.black[c] for p in parts) / area for c in range(picture.channels))
    white = tuple(sum(p.white[c] for p in parts) / area for c in range(picture.channels))
    used = max(p.highest for p in parts) / picture.full_scale
    return Clipping(
        says=_says(picture, black, white, used),
        confidence=1.0,
        black_share=black,
        white_share=white,
        used_scale_share=used,
    )


def _says(picture: Picture, black: tuple[float, ...], white: tuple[float, ...], used: float) -> str:
    scale = _scale_says(picture, used)
    if scale:
        return scale
    ends = [
        f"{100 * max(shares):.1f} % {'at black' if shares is black else 'at white'}"
        for shares in (black, white)
        if max(shares) >= SLIGHT
    ]
    if not ends:
        return "Clipping: none to speak of; less than 0.1 % of the pixels lie at an end."
    where = "" if picture.channels == 1 else " in the channel that has most"
    word = "Clipping" if max(*black, *white) >= PLAIN else "Clipping: slight"
    return f"{word}: {' and '.join(ends)}{where}. What lies there is lost and stays as it is."


def _scale_says(picture: Picture, used: float) -> str:
    """A sentence when integer samples leave the upper half of their scale empty."""
    if picture.samples.dtype == np.float32:
        if used > 1.0:
            return f"Clipping: none; float samples reach {used:.2f} times full scale."
        return ""
    highest = round(used * picture.full_scale)
    if highest == 0:
        return "Clipping: the picture is black, every sample is 0."
    bits = math.ceil(math.log2(highest + 1))
    stated = math.ceil(math.log2(picture.full_scale + 1))
    if picture.samples.dtype == np.uint16 and 8 <= bits < stated:
        return (
            f"Scale: the highest code is {highest} of {picture.full_scale:.0f}, so only "
            f"{100 * used:.1f} % of the scale is used, as when {bits} bits are stored in {stated}. "
            f"If white is meant to be {2**bits - 1}, state it with `full_scale={2**bits - 1}`."
        )
    return ""


FINDER = Finder(name="clipping", title="Black and white that were cut off", look=look)
