"""Noise and grain: how strong, how coarse, and whether it follows the tone as film grain does.

Two measurements that fail on different pictures are made and compared: *white noise*
(``white_noise``) works in textured pictures, and sees nothing of noise whose neighbours are
alike; *flat blocks* (``flat_noise``) hold any noise, and the finest texture when a picture has
no flat area. Blocks that differ widely in strength, run in a direction, or hang together over
three pixels are texture: then the finder abstains.

Looks at up to 48 windows of 256 x 256 pixels (``survey.windows``), on stored values; areas at
either end of the scale, where clipping has eaten the noise, are left out.
"""

from __future__ import annotations

import itertools

import numpy as np

from unfade.condition.contract import Finder
from unfade.condition.flat_noise import BLOCK_PX, FlatNoise, flat_noise
from unfade.condition.survey import luma, windows
from unfade.condition.white_noise import WhiteNoise, white_noise
from unfade.engines.contract import BenchView
from unfade.findings import Noise
from unfade.picture import Picture, Plane

AT_MOST_WINDOWS = 48
CLEAN = 1.5 / 255  # less than this is not told from the picture's own finest structure
_WIDELY = 0.40  # quietest 1 % of blocks over quietest 10 %: below, strength differs widely
_FAR = 0.16  # autocorrelation at three pixels above which the remainder is texture
_DIRECTED = 0.135  # blocks whose remainder runs in a direction more than this are texture


def look(picture: Picture, bench: BenchView) -> Noise:
    """Measure noise in luminance and channels, and tell white noise from grain."""
    if min(picture.rows, picture.cols) < 2 * BLOCK_PX:
        return Noise(says=f"Noise: not measured, the picture is under {2 * BLOCK_PX} pixels wide.")
    chosen = list(windows(picture, at_most=AT_MOST_WINDOWS))
    each = chosen[0].rows * chosen[0].cols * picture.channels * 8
    parts = list(
        bench.map(picture.read, chosen, says="Measuring noise", total=len(chosen), bytes_each=each)
    )
    light = [luma(part) for part in parts]
    flat, white = flat_noise(light), white_noise(light)
    colours = [[part[:, :, c] for part in parts] for c in range(picture.channels)]
    plain = white is not None and white.share >= 0.01 and white.sigma >= CLEAN
    if white is not None and plain and (flat is None or white.sigma >= 0.35 * flat.sigma):
        return _white(white, flat, colours)
    if flat is None:
        return Noise(says="Noise: not measured, there are too few areas that are not clipped.")
    if flat.quietest < CLEAN:
        return _clean(flat, colours)
    texture = flat.autocorrelation[2] > _FAR or flat.direction > _DIRECTED
    if texture or flat.evenness < _WIDELY or flat.share < 0.08:
        return Noise(
            says="Noise: not measured, no flat area is large enough to tell it from texture; "
            f"in the quietest areas both together are {_strength(flat.sigma)}."
        )
    return _correlated(flat, colours)


def _white(white: WhiteNoise, flat: FlatNoise | None, colours: list[list[Plane]]) -> Noise:
    each = [white_noise(planes) for planes in colours] if len(colours) > 1 else [white]
    sigmas = tuple(one.sigma if one is not None else white.sigma for one in each)
    confidence = 0.75
    if flat is not None and white.share > 0.05 and white.sigma > 0.6 * flat.sigma:
        confidence = 0.95
    # some blocks are quieter than noise all over allows
    if flat is not None and flat.quietest < 0.6 * white.sigma:
        confidence = 0.6
    return Noise(
        says=f"Noise: {_strength(white.sigma)}, white, not film grain.",
        confidence=confidence,
        sigma=white.sigma,
        sigma_channels=sigmas,
        correlation_px=_width((0.0, 0.0, 0.0, 0.0)),
        grain=False,
    )


def _clean(flat: FlatNoise, colours: list[list[Plane]]) -> Noise:
    each = [flat_noise(planes) for planes in colours] if len(colours) > 1 else [flat]
    return Noise(
        says=f"Noise: hardly any, in the flattest areas {_strength(flat.quietest)}.",
        confidence=0.9,
        sigma=flat.quietest,
        sigma_channels=tuple(one.quietest if one else flat.quietest for one in each),
    )


def _correlated(flat: FlatNoise, colours: list[list[Plane]]) -> Noise:
    each = [flat_noise(planes) for planes in colours] if len(colours) > 1 else [flat]
    width = _width(flat.autocorrelation)
    follows = _follows_tone(flat.levels)
    grain = bool(follows) and width >= 0.7
    sigma = _at_mid_grey(flat) if follows else flat.sigma
    if grain:
        kind = "stronger in some tones than in others, as film grain is"
    elif follows is None:
        kind = "too few tones are flat to say whether it is film grain"
    else:
        kind = "alike in all tones, so rather coded or enlarged noise than film grain"
    return Noise(
        says=f"Noise: {_strength(sigma)}, in clumps of {width:.1f} pixels, {kind}.",
        confidence=min(0.9, 0.5 + flat.share),
        sigma=sigma,
        sigma_channels=tuple(one.sigma if one else sigma for one in each),
        correlation_px=width,
        grain=grain if follows is not None else None,
    )


def _strength(sigma: float) -> str:
    return f"about {100 * sigma:.1f} % of full scale (sigma {_in_8_bits(sigma):.1f} of 255)"


def _in_8_bits(sigma: float) -> float:
    return 255 * sigma  # for people, who know noise by its 8-bit number


def _width(autocorrelation: tuple[float, ...]) -> float:
    """Where the autocorrelation falls below 1/e, between whole pixels by straight lines."""
    values = (1.0, *autocorrelation)
    for k, (near, far) in enumerate(itertools.pairwise(values)):
        if far < np.exp(-1):
            return float(k + (near - np.exp(-1)) / (near - far))
    return float(len(values) - 1)


def _follows_tone(levels: tuple[tuple[float, float], ...]) -> bool | None:
    """Whether noise differs between tones by a quarter or more; None: too few tones."""
    if len(levels) < 3:
        return None
    sigmas = [sigma for _, sigma in levels]
    return max(sigmas) >= 1.25 * min(sigmas)


def _at_mid_grey(flat: FlatNoise) -> float:
    means, sigmas = zip(*flat.levels)
    return float(np.interp(0.5, means, sigmas))


FINDER = Finder(name="noise", title="Noise and film grain", look=look)
