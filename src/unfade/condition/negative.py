"""Negative: a scan of a negative, told by its bare film.

Between and beside the frames lies film that saw no light: the lightest part of all, of one colour,
ending on a straight line. On a colour negative it is orange, for its couplers are masks: red light
passes, green less, blue least. That, nothing in the picture lighter than it in any channel, and
colours that differ once the mask is divided out are taken for sure. An orange light over a whole
scene has no such strip; a sepia print on brown card has one colour alone; a colour print on it has
blacks denser than a negative's gamma of 0.6 allows; and faces are seen in positives only.

A grey negative looks like a print with a white border. It is called a negative only when OpenCV's
cascades see a face in it turned round and none as it stands; otherwise the finder abstains. A
frame that was scanned without its edges is not told either: ``--only invert_negative`` turns it
round all the same.

Works on an overview of at most 100,000 pixels; for faces, only where there is a strip of bare
film without colour, on one of at most 400,000.

Source:
    Hunt, The Reproduction of Colour, 6th ed. 2004, chapter 15 (masking); densities of bare
    film: makers' data sheets (Status M: red 0.2, green 0.6, blue 0.9)
"""

from __future__ import annotations

import numpy as np

from unfade.condition.border import edge_strips
from unfade.condition.contract import Finder
from unfade.condition.faces import find_faces
from unfade.condition.survey import block_px, luma, overview
from unfade.condition.tone import tone_curve
from unfade.engines.contract import BenchView
from unfade.findings import Negative
from unfade.picture import Picture, Pixels, Window
from unfade.pixels.colour import density, linear_to_lab, linear_to_srgb
from unfade.pixels.profile import to_linear

AT_MOST_PX = 100_000
FACES_PX = 400_000
_HOLDER, _TABLE = 0.012, 0.97  # linear light: darker is the holder, lighter the light table
_ORANGE_BLUE, _ORANGE_GREEN = 0.45, 0.20  # density of the mask to blue and green over red
_NEUTRAL = 0.10  # spread of the densities of bare grey film
_MOST_RED = 0.45  # density of bare film to red light: more is paper or wood, not film
_LEAST_LIGHT = 0.25  # luminance of bare grey film
_LIGHTER = 1.10  # times the bare film: lighter than it, noise allowed for
_LIGHTER_SHARE = 0.01
_SURE_FACE = 0.85
_MOST_RANGE = 1.75  # density of a negative above bare film; a print's black is above 1.9
_COLOURFUL = 4.0  # CIELAB units by which colours stray from one tone, without the mask


def look(picture: Picture, bench: BenchView) -> Negative:
    """Tell negatives with bare film at an edge from positives, or abstain."""
    k = block_px(picture, AT_MOST_PX)
    linear = to_linear(overview(picture, bench, k=k), picture)
    top, bottom, left, right = _film(linear)
    inner = np.ascontiguousarray(linear[top:bottom, left:right])
    if min(inner.shape[:2]) < 60:
        return Negative(says="Negative: not judged, the picture has too few pixels.")
    base = _bare_film(inner)
    if base is None:
        return Negative(
            kind="none", confidence=0.6, says="Negative: no, there is no bare film at an edge."
        )
    window = Window(top * k, left * k, min(picture.rows, bottom * k), min(picture.cols, right * k))
    densities = density(base)
    told = ", ".join(f"{d:.2f}" for d in densities)
    found = tuple(float(b) for b in base)
    if len(base) == 3 and _orange(densities) and _as_film_shows(inner / base):
        if not _face_as_it_is(picture, bench):
            return Negative(
                kind="colour",
                confidence=0.95,
                base=found,
                film=window,
                says=f"Negative: colour, with an orange mask (densities of bare film {told}).",
            )
    elif np.ptp(densities) < _NEUTRAL and _face_turned_round(picture, bench):
        return Negative(
            kind="grey",
            confidence=0.92,
            base=found,
            film=window,
            says=f"Negative: grey, a face is seen once it is turned round (bare film {told}).",
        )
    return Negative(
        kind="unknown",
        base=found,
        film=window,
        says=f"Negative: open, the edge may be bare film or paper (densities {told}).",
    )


def _orange(densities: np.ndarray) -> bool:
    red, green, blue = (float(d) for d in densities)
    masked = green - red >= _ORANGE_GREEN and blue - red >= _ORANGE_BLUE and blue > green
    return masked and red <= _MOST_RED


def _as_film_shows(unmasked: np.ndarray) -> bool:
    """Whether a small picture, seen through its mask, has a film's range, and not one tone."""
    densities = density(unmasked[unmasked.max(axis=2) > _HOLDER])
    if np.quantile(densities, 0.995, axis=0).max() > _MOST_RANGE:
        return False
    curve = tone_curve(linear_to_lab(unmasked.astype(np.float32)))
    return curve is not None and curve.spread >= _COLOURFUL


def _film(linear: Pixels) -> tuple[int, int, int, int]:
    """Rows and columns of a small picture without holder and light table at its edges."""
    bright, dark = linear.min(axis=2), linear.max(axis=2)
    outside = (dark < _HOLDER) | (bright > _TABLE)
    rows = np.flatnonzero(outside.mean(axis=1) < 0.6)
    cols = np.flatnonzero(outside.mean(axis=0) < 0.6)
    if not len(rows) or not len(cols):
        return 0, 0, 0, 0
    # the first line inside is often half outside
    return int(rows[0]) + 1, int(rows[-1]), int(cols[0]) + 1, int(cols[-1])


def _bare_film(inner: Pixels) -> np.ndarray | None:
    """Linear light of a strip at an edge that is lighter than all the rest, or None."""
    usable = (inner.min(axis=2) < _TABLE) & (inner.max(axis=2) > _HOLDER)
    points = inner[usable]
    for colour, _ in sorted(edge_strips(inner, least_light=0.03), key=lambda s: -s[0].sum()):
        lighter = (points > _LIGHTER * colour + 0.01).any(axis=1)
        if np.mean(lighter) < _LIGHTER_SHARE:
            orange = len(colour) == 3 and _orange(density(colour))
            if orange or float(colour.mean()) >= _LEAST_LIGHT:
                return colour
    return None


def _face_as_it_is(picture: Picture, bench: BenchView) -> bool:
    return bool(find_faces(_grey(picture, bench)))


def _face_turned_round(picture: Picture, bench: BenchView) -> bool:
    codes = _grey(picture, bench)
    turned = [face for face in find_faces(255 - codes) if face.confidence >= _SURE_FACE]
    return bool(turned) and not find_faces(codes)


def _grey(picture: Picture, bench: BenchView) -> np.ndarray:
    """(rows, cols) uint8: brightness of a small picture, stretched."""
    small = overview(picture, bench, k=block_px(picture, FACES_PX))
    encoded = luma(linear_to_srgb(np.clip(to_linear(small, picture), 0, 1)))
    low, high = np.quantile(encoded, [0.005, 0.995])
    grey = np.clip((encoded - low) / max(float(high - low), 1e-3), 0, 1) * 255
    return np.rint(grey).astype(np.uint8)


FINDER = Finder(name="negative", title="Negatives and their bare film", look=look)
