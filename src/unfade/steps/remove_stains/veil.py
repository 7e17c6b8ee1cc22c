"""Estimate how much density a stain has laid over a picture, and no more than that.

What a stain absorbs adds to the density of what lies under it, at each pixel: ``D = S + A``. Two
things tell the stain's ``A`` from the sound picture's ``S``:

*By colour.* A picture varies mostly along one direction of its three densities: neutral, or its
tone. What stands out across that direction is the stain's; in a grey or toned picture exactly.
How much the stain adds along it is regressed from the slopes that both have in common, and drawn
to that of brown stains where there is little to tell it from.

*By depth.* Where there is no colour to go by, the step at the stain's edge is measured along the
edge: means over thin shells of equal depth inside, against the surround just outside. Towards the
middle the innermost shell goes on. What varies in the middle is taken for the picture's.

Amounts by colour are smoothed where they vary no more than the surround does (Lee 1980,
doi:10.1109/TPAMI.1980.4766994), so that the texture below keeps its own noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.picture import Mask
from unfade.pixels.masks import distance
from unfade.pixels.membrane import hang_membrane
from unfade.steps.remove_stains.edge import snap_to_edge

FEWEST_PX = 24  # sound pixels without which nothing can be told
BROWN = (0.35, 0.62, 1.0)  # density to red, green, blue light of common stains: rust, tea, foxing
_SLOPE_PX = 2.0  # slopes are compared at this scale
_SOFT_PX = 2.0  # what is hung from the surround is smoothed, so that its noise does not spread
_SURE_RATIO = 2.5  # of the stain's colour to the surround's variation, to go by colour
_CLEARLY_MORE = 1.4  # the found edge's step over that of the painted outline
_SOFT_SHELLS = 3  # an edge begins so far outside of where it is steepest
_DEEPEST_PX = 24  # beyond this depth nothing is told from the edge
_ALIKE_PX = 8.0  # neighbours along a shell are alike: so many tell as much as one
_DOUBTS = 2.0  # standard errors of a rise below which it does not count
_PRIOR_SLOPES = 0.02  # how much the regression is drawn to BROWN: slopes squared, density


@dataclass(frozen=True, slots=True, eq=False)
class Veil:
    """What lies over a place.

    Attributes:
        density: (rows, cols, channels) float32 to be taken off; 0 outside the hole
        by_colour: told by colour; False: by depth
    """

    density: np.ndarray
    by_colour: bool


def estimate_veil(density: np.ndarray, hole: Mask, damaged: Mask) -> Veil | None:
    """Estimate the density that a stain added inside a hole.

    Args:
        density: (rows, cols, 1 or 3) float32, -log10 of linear light
        hole: (rows, cols) bool, where the stain may lie
        damaged: (rows, cols) bool, other places that tell nothing
    Returns:
        the veil, or None where too little is sound around to tell
    Cost:
        about 1 s a megapixel on one core; memory about 20 planes
    """
    sound = ~(hole | damaged)
    if np.count_nonzero(sound) < FEWEST_PX or not hole.any():
        return None
    if density.shape[2] == 3:
        found = _by_colour(density, hole, sound)
        if found is not None:
            return Veil(found, True)
    return Veil(_by_depth(density, hole, sound), False)


# -- by colour ----------------------------------------------------------------------------------


def _by_colour(density: np.ndarray, hole: Mask, sound: Mask) -> np.ndarray | None:
    own = _own_direction(density, sound)
    first, second = _across(own)
    planes = np.stack([_along(density, first), _along(density, second)], axis=2)
    above = planes - hang_membrane(_calmed(planes, sound), ~sound)
    inside = above[hole].astype(np.float64)
    scale = float(np.clip(np.sqrt(np.count_nonzero(hole)) / 2, 3, 60))
    around = (planes - _local_means(planes, sound, scale))[sound].astype(np.float64)
    hue = inside[np.hypot(*inside.T) >= np.quantile(np.hypot(*inside.T), 0.6)].mean(axis=0)
    length = float(np.hypot(*hue))
    noise = np.sqrt(np.mean((around @ hue) ** 2)) / max(length, 1e-9)
    if length < 1e-3 or length < _SURE_RATIO * noise:
        return None
    hue /= length
    amount = _smoothed(_along(above, hue), hole, sound)
    sign = np.maximum(amount, 0)  # the hue points to where the stain is
    colour = hue[0] * first + hue[1] * second
    colour = colour + _lift(density, sign, own, colour) * own
    veil = np.where(hole, sign, np.float32(0))[:, :, None] * colour.astype(np.float32)
    return np.asarray(veil, np.float32)


def _own_direction(density: np.ndarray, sound: Mask) -> np.ndarray:
    """The direction in which the sound surround varies most; neutral where it hardly varies."""
    around = density[sound].astype(np.float64)
    neutral = np.ones(3) / np.sqrt(3)
    spread = np.cov(around.T) + np.outer(neutral, neutral) * 1e-3
    own = np.linalg.eigh(spread)[1][:, -1]
    own = own * np.sign(own.sum())
    return own if float(own @ neutral) > 0.9 else neutral


def _across(own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two unit vectors at right angles to ``own``, the first as far towards blue as can be."""
    blue = np.array([0.0, 0.0, 1.0])
    first = blue - (blue @ own) * own
    first /= np.linalg.norm(first)
    return first, np.cross(own, first)


def _lift(density: np.ndarray, amount: np.ndarray, own: np.ndarray, colour: np.ndarray) -> float:
    """How much the stain adds along the picture's own direction for each unit across it.

    Regressed on slopes: those of the picture are not related to those of the stain.
    """
    brown = np.array(BROWN)
    across = brown - (brown @ own) * own
    usual = float(brown @ own) / float(np.linalg.norm(across))
    alike = float(across @ colour) / float(np.linalg.norm(across) * np.linalg.norm(colour))
    light = _slopes(_along(density, own))
    stain = _slopes(amount)
    steep = np.hypot(*stain)
    chosen = steep > 0.3 * float(steep.max())
    if not chosen.any():
        return usual * max(alike, 0.0)
    x = np.concatenate([s[chosen] for s in stain]).astype(np.float64)
    y = np.concatenate([s[chosen] for s in light]).astype(np.float64)
    # slopes of the picture's own edges are outliers here: a few rounds of weights
    prior = usual * max(alike, 0.0)
    lift = prior
    for _ in range(8):
        left = np.abs(y - lift * x)
        scale = float(np.median(left)) + 1e-6
        weight = 1 / (1 + (left / (2 * scale)) ** 2)
        drawn = _PRIOR_SLOPES * (scale / 0.02) ** 2
        lift = float(((weight * x * y).sum() + drawn * prior) / ((weight * x * x).sum() + drawn))
    return float(np.clip(lift, 0.0, 3 * usual))


def _slopes(plane: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    import cv2

    soft = cv2.GaussianBlur(plane, (0, 0), _SLOPE_PX)
    return np.gradient(soft, axis=0), np.gradient(soft, axis=1)


def _smoothed(amount: np.ndarray, hole: Mask, sound: Mask) -> np.ndarray:
    """Means where the amount varies no more than the surround, itself where it does."""
    import cv2

    radius = int(np.clip(round(np.sqrt(np.count_nonzero(hole)) / 12), 1, 8))
    side = 2 * radius + 1

    def box(plane: np.ndarray) -> np.ndarray:
        return np.asarray(cv2.blur(plane, (side, side), borderType=cv2.BORDER_REPLICATE))

    def mean(plane: np.ndarray, weight: np.ndarray) -> np.ndarray:
        share = np.maximum(box(weight), np.float32(1e-6))
        return np.asarray(box(plane * weight) / share)

    out = sound.astype(np.float32)
    own = np.maximum(mean(amount**2, out) - mean(amount, out) ** 2, 0)[sound]
    noise = np.float32(np.quantile(own, 0.8) + 1e-9)
    known = (hole | sound).astype(np.float32)
    flat = np.where(hole, amount, np.float32(0))  # outside nothing lies
    middle = mean(flat, known)
    variance = np.maximum(mean(flat**2, known) - middle**2, 0)
    keep = np.maximum(variance - 2 * noise, 0) / np.maximum(variance, np.float32(1e-12))
    return np.asarray(middle + keep * (flat - middle), np.float32)


# -- by depth -----------------------------------------------------------------------------------


def _by_depth(density: np.ndarray, hole: Mask, sound: Mask) -> np.ndarray:
    """What a stain adds at each depth inside its edge, the same all along the edge.

    The edge is the mask's own outline, or what is found inside it where that shows a clearly
    greater step: an outline that was painted well is the better one.
    """
    if hole.all():
        return np.zeros_like(density)
    veil = _profile(density, hole, hole, sound)
    signed = distance(hole) - distance(~hole)
    edge = snap_to_edge(np.ascontiguousarray(density.mean(axis=2)), hole, signed)
    if edge is not None and edge.sure > 0 and edge.mask.any():
        inner = _profile(density, edge.mask, hole, sound) * np.float32(edge.sure)
        if np.abs(inner).sum() > _CLEARLY_MORE * np.abs(veil).sum():
            return np.asarray(inner, np.float32)
    return veil


def _profile(density: np.ndarray, stain: Mask, hole: Mask, sound: Mask) -> np.ndarray:
    veil = np.zeros_like(density)
    size = float(np.sqrt(np.count_nonzero(stain)))
    deepest = int(np.clip(round(size / 4), 3, _DEEPEST_PX))
    signed = distance(stain) - distance(~stain)
    usable = (hole | sound) & _within(hole.shape)
    for c in range(density.shape[2]):
        rise = _rise(density[:, :, c], signed)
        added = [0.0]
        for shell in range(-_SOFT_SHELLS, deepest + 1):
            here = usable & (np.abs(signed - np.float32(shell + 0.5)) <= 0.75)
            added.append(added[-1] + _common(rise[here]))
        # linear between the shells; the innermost one goes on to the middle
        at: np.ndarray = np.arange(-_SOFT_SHELLS, deepest + 2)
        profile: np.ndarray = np.interp(signed, at, np.array(added))
        veil[:, :, c] = np.where(hole, profile, 0).astype(np.float32)
    return veil


def _rise(plane: np.ndarray, signed: np.ndarray) -> np.ndarray:
    """How steeply the density rises towards the inside of the hole, for each pixel of depth."""
    import cv2

    inwards = [np.gradient(cv2.GaussianBlur(signed, (0, 0), 2.0), axis=a) for a in (0, 1)]
    soft = cv2.GaussianBlur(plane, (0, 0), 0.7)
    slopes = [np.gradient(soft, axis=a) for a in (0, 1)]
    length = np.maximum(np.hypot(*inwards), np.float32(1e-3))
    return np.asarray((slopes[0] * inwards[0] + slopes[1] * inwards[1]) / length, np.float32)


def _within(shape: tuple[int, int]) -> Mask:
    """All but the outermost pixels, whose slopes are one-sided."""
    inner = np.zeros(shape, bool)
    inner[1:-1, 1:-1] = True
    return inner


def _common(rises: np.ndarray) -> float:
    """What the rises along a shell have in common, less the more they differ.

    The picture's own slopes run both ways along an edge, and its steep ones are few: a mean with
    falling weights (Geman and McClure) is deaf to them.
    """
    if rises.size < 8:
        return 0.0
    values = rises.astype(np.float64)
    middle = float(np.median(values))
    for _ in range(10):
        left = values - middle
        scale = 2 * float(np.median(np.abs(left))) + 1e-5
        weight = 1 / (1 + (left / scale) ** 2) ** 2
        middle = float((weight * values).sum() / weight.sum())
    spread = np.sqrt(float((weight * (values - middle) ** 2).sum() / weight.sum()))
    doubt = _DOUBTS * spread / np.sqrt(weight.sum() / _ALIKE_PX)
    return middle * max(0.0, 1 - (doubt / max(abs(middle), 1e-9)) ** 2)


def _local_means(planes: np.ndarray, where: Mask, near_px: float) -> np.ndarray:
    """Means of the pixels ``where`` about each pixel, near ones first."""
    import cv2

    border = {"borderType": cv2.BORDER_CONSTANT}
    share = cv2.GaussianBlur(where.astype(np.float32), (0, 0), near_px, **border)
    kept = np.where(where[:, :, None], planes, np.float32(0))
    sums = cv2.GaussianBlur(kept, (0, 0), near_px, **border).reshape(planes.shape)
    return np.asarray(sums / np.maximum(share, np.float32(1e-7))[:, :, None], np.float32)


# -- both ---------------------------------------------------------------------------------------


def _along(planes: np.ndarray, direction: np.ndarray) -> np.ndarray:
    total: np.ndarray = planes[:, :, 0] * np.float32(direction[0])
    for c in range(1, planes.shape[2]):
        total = total + planes[:, :, c] * np.float32(direction[c])
    return np.asarray(total, np.float32)


def _calmed(planes: np.ndarray, sound: Mask) -> np.ndarray:
    """The planes, smoothed over sound pixels alone."""
    import cv2

    share = cv2.GaussianBlur(sound.astype(np.float32), (0, 0), _SOFT_PX)
    kept = np.where(sound[:, :, None], planes, np.float32(0))
    sums = cv2.GaussianBlur(kept, (0, 0), _SOFT_PX).reshape(planes.shape)
    return np.asarray(sums / np.maximum(share, np.float32(1e-6))[:, :, None], np.float32)
