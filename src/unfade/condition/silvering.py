"""Silver mirroring: a bluish shine over the dark parts of a silver print, from its edges inwards.

It needs image silver and air, so it is looked for in grey and toned pictures alone, and must show
three things together: dark places near at least three of the four edges have lost more density to
blue than to red light; that fades towards the middle; and light places at the edges, which hold
no silver, have not turned blue. A blue sky at the edge of a colour picture is none of this. What
is not clear is left open.

Works on an overview of at most 150,000 pixels.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from unfade.condition.contract import Finder
from unfade.condition.survey import block_px, overview
from unfade.condition.tone import look as look_at_tone
from unfade.engines.contract import BenchView
from unfade.findings import Silvering
from unfade.picture import Picture
from unfade.pixels.mirroring import edge_distance, hidden_share
from unfade.pixels.profile import to_linear

AT_MOST_PX = 150_000
LEAST_SIDE_PX = 96
_BLUE = (180.0, 300.0)  # hues of cyanotypes, which hold no silver
_SURE_TONE = 0.8  # the middle of a face in colour passes for toned, less surely
_NEAR, _FAR = 0.07, 0.25  # distances from the edge, of the shorter side
_LEAST = 0.08  # hidden share at the edges that is seen
_FEWEST_PX = 60
_LIGHT = 0.25  # density to red light below which there is little silver
_LIGHT_BLUE = 0.03  # how much less blue density light places at the edge may have


def look(picture: Picture, bench: BenchView) -> Silvering:
    """Silver mirroring of a print, or why it cannot be told."""
    if picture.channels == 1:
        return Silvering(says="Silver mirroring: not looked for, one channel shows no colour.")
    if min(picture.rows, picture.cols) < LEAST_SIDE_PX:
        return Silvering(says="Silver mirroring: not looked for, the picture is too small.")
    tone = look_at_tone(_middle(picture), bench)
    silver = tone.kind in ("grey", "toned") and (tone.confidence or 0.0) >= _SURE_TONE
    # a shine may make the whole look of no sure tone, but not of many colours
    if not silver or look_at_tone(picture, bench).kind == "colour":
        return Silvering(says="Silver mirroring: not looked for, this is no silver print.")
    if tone.hue_degrees is not None and _BLUE[0] <= tone.hue_degrees <= _BLUE[1]:
        return Silvering(says="Silver mirroring: not told in a blue-toned picture.")
    small = to_linear(overview(picture, bench, k=block_px(picture, AT_MOST_PX)), picture)
    density = -np.log10(np.maximum(np.nan_to_num(small), np.float32(1e-3)))
    return _judged(np.asarray(density, np.float32))


def _middle(picture: Picture) -> Picture:
    """The inner half along each side, whose tone no shine has changed."""
    top, left = picture.rows // 4, picture.cols // 4
    inner = picture.samples[top : picture.rows - top, left : picture.cols - left]
    return replace(picture, samples=inner, alpha=None, infrared=None)


def _judged(density: np.ndarray) -> Silvering:
    share, told = hidden_share(density)
    away = edge_distance(*told.shape)
    sides = _sides(share, told, away)
    if len(sides) < 3:
        return Silvering(says="Silver mirroring: not told, too little is dark near the edges.")
    inside = share[told & (away > _FAR)]
    between = share[told & (away > _NEAR) & (away <= _FAR)]
    middle, halfway, edge = (float(np.median(v)) if v.size else 0.0 for v in (
        inside, between, np.array(sides)
    ))  # fmt: skip
    spread = float(np.median(np.abs(inside - middle))) * 1.4826 if inside.size else 1.0
    red, blue = density[:, :, 0], density[:, :, 2]
    light = red < _LIGHT
    rim, core = light & (away < _NEAR), light & (away > _FAR)
    paler = 0.0
    if min(np.count_nonzero(rim), np.count_nonzero(core)) >= _FEWEST_PX:
        paler = float(np.median((red - blue)[rim]) - np.median((red - blue)[core]))
    shining = sum(side > max(_LEAST / 2, 2 * spread / np.sqrt(_FEWEST_PX)) for side in sides)
    falls = edge > halfway > middle - 0.02 and abs(middle) < edge / 2
    if edge < _LEAST / 2 or shining < 2:
        return Silvering(
            says="Silver mirroring: none seen.",
            confidence=0.8,
            mirrored=False,
            strength=max(edge, 0),
        )
    if edge < _LEAST or shining < min(3, len(sides)) or not falls or paler > _LIGHT_BLUE:
        return Silvering(says="Silver mirroring: open, the edges are bluish in another way.")
    confidence = float(np.clip(0.7 + 1.2 * (edge - _LEAST) + 0.05 * (shining - 3), 0, 0.95))
    reach = float(np.median(away[told & (share > edge / np.e)])) * 2
    return Silvering(
        says=f"Silver mirroring: likely, {edge:.0%} of the density is hidden at the edges.",
        confidence=confidence,
        mirrored=True,
        strength=edge,
        reach_share=reach,
    )


def _sides(share: np.ndarray, told: np.ndarray, away: np.ndarray) -> list[float]:
    """Median share along each edge that has dark places."""
    rows, cols = told.shape
    near = told & (away < _NEAR)
    strip = max(1, round(_NEAR * min(rows, cols)))
    places = (
        (slice(0, strip), slice(None)),
        (slice(rows - strip, rows), slice(None)),
        (slice(None), slice(0, strip)),
        (slice(None), slice(cols - strip, cols)),
    )
    medians = []
    for place in places:
        values = share[place][near[place]]
        if values.size >= _FEWEST_PX:
            medians.append(float(np.median(values)))
    return medians


FINDER = Finder(name="silvering", title="Silver mirroring at the edges", look=look)
