"""JPEG generations: the coding of ITU-T T.81, in array operations on both libraries.

Colour turned to YCbCr, chroma halved or not, 8 x 8 cosine transform, the tables of Annex K
scaled by quality as libjpeg does, rounding of the coefficients, and back with libjpeg's smooth
chroma. Entropy coding loses nothing and is left out. A real encoder would be faster on the host
but cannot run on a device; one written here serves both, and is checked against Pillow.
Samples are not rounded to 8 bits, so that what follows keeps its depth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unfade.degrade import contract
from unfade.degrade.arrays import Array, bands, like, namespace, pointwise
from unfade.degrade.contract import Damage, Drawn, Scene, Span, draw_from, setting

# ITU-T T.81, tables K.1 and K.2
_LUMA = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    np.float64,
)
_CHROMA = np.full((8, 8), 99.0)
_CHROMA[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]

_K = np.arange(8)
_COSINES = (np.cos(np.pi * (2 * _K[None] + 1) * _K[:, None] / 16) / 2).astype(np.float64)
_COSINES[0] /= np.sqrt(2)


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """How often coded, and how hard."""

    quality: Span = setting((30.0, 95.0), "of each coding, as libjpeg counts", low=1, high=100)
    generations: Span = setting((1.0, 1.0), "how many codings one after another", low=1, high=10)
    halved_chance: float = setting(0.8, "how often chroma has half the size", low=0, high=1)


def draw(settings: Settings, scene: Scene, rng: np.random.Generator) -> Drawn | None:
    number = round(draw_from(settings.generations, rng))
    parameters = {
        "qualities": [round(draw_from(settings.quality, rng)) for _ in range(number)],
        "chroma_halved": bool(rng.random() < settings.halved_chance),
    }
    return Drawn(parameters=parameters)


def act(x: Array, drawn: Sequence[Drawn]) -> Array:
    for generation in range(len(drawn[0].parameters["qualities"])):
        qualities = [d.parameters["qualities"][generation] for d in drawn]
        x = coded(x, qualities, halved=drawn[0].parameters["chroma_halved"])
    return x


def coded(x: Array, qualities: Sequence[int], *, halved: bool) -> Array:
    """What is left of codes (n, 1 or 3, h, w) after one coding each; 0-1 and clipped."""
    xp = namespace(x)
    parts = [_band_coded(x[:, :, rows], qualities, halved) for rows in bands(x, 16)]
    planes = [xp.concatenate(each, 2) if len(parts) > 1 else each[0] for each in zip(*parts)]
    if len(planes) == 1:
        return pointwise(planes[0], lambda part, _: xp.clip(part, 0, 255) * (1 / 255))
    luma, blue, red = planes

    def change(part: Array, rows: slice) -> Array:
        y = luma[:, :, rows]
        cb, cr = (_doubled(p, rows, x.shape[2:]) if halved else p[:, :, rows] for p in (blue, red))
        green = y - cb * 0.344136286 - cr * 0.714136286
        out = xp.concatenate((y + cr * 1.402, green, y + cb * 1.772), 1)
        return xp.clip(out, 0, 255) * (1 / 255)

    return pointwise(x, change)


def _band_coded(x: Array, qualities: Sequence[int], halved: bool) -> tuple[Array, ...]:
    """Luma and both chroma planes of a band of whole blocks, 0-255, chroma around 0."""
    x = namespace(x).clip(x, 0, 1) * 255.0
    tables = _tables(_LUMA, qualities)
    if x.shape[1] == 1:
        return (_quantised(x - 128.0, tables) + 128.0,)
    red, green, blue = x[:, 0:1], x[:, 1:2], x[:, 2:3]
    luma = red * 0.299 + green * 0.587 + blue * 0.114
    planes = [_quantised(luma - 128.0, tables) + 128.0]
    tables = _tables(_CHROMA, qualities)
    for difference in ((blue - luma) * (1 / 1.772), (red - luma) * (1 / 1.402)):
        planes.append(_quantised(_halved(difference) if halved else difference, tables))
    return tuple(planes)


def quality_table(base: np.ndarray, quality: int) -> np.ndarray:
    """A table of Annex K at a quality, as libjpeg scales it."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.clip(np.floor((base * scale + 50) / 100), 1, 255)


def _tables(base: np.ndarray, qualities: Sequence[int]) -> np.ndarray:
    return np.stack([quality_table(base, q) for q in qualities])


def _quantised(plane: Array, tables: np.ndarray) -> Array:
    """(n, 1, h, w) through transform, rounding and back; edges repeated to whole blocks."""
    xp = namespace(plane)
    count, _, rows, cols = plane.shape
    whole = _padded(plane, -rows % 8, -cols % 8)
    high, wide = whole.shape[2:]
    cosines = like(_COSINES, plane)
    back = like(_COSINES.T, plane)
    step = like(tables, plane).reshape(count, 1, 8, 1, 8)
    inverse = like(1 / tables, plane).reshape(count, 1, 8, 1, 8)
    # rows of a block first: one tall product; then its columns: one product for each strip
    x = xp.matmul(whole.reshape(-1, 8), back)
    x = xp.matmul(cosines, x.reshape(count * high // 8, 8, wide))
    x = x.reshape(count, high // 8, 8, wide // 8, 8)
    # A second coding meets many exact halves (a multiple of the first table over the second):
    # they all go up, instead of each as the last bit of the arithmetic falls.
    x = xp.round(x * inverse + 1e-3) * step
    x = xp.matmul(back, x.reshape(count * high // 8, 8, wide))
    x = xp.matmul(x.reshape(-1, 8), cosines)
    return x.reshape(count, 1, high, wide)[:, :, :rows, :cols]


def _padded(plane: Array, down: int, right: int) -> Array:
    xp = namespace(plane)
    if down:
        plane = xp.concatenate([plane] + [plane[:, :, -1:]] * down, 2)
    if right:
        plane = xp.concatenate([plane] + [plane[:, :, :, -1:]] * right, 3)
    return plane


def _halved(plane: Array) -> Array:
    plane = _padded(plane, plane.shape[2] % 2, plane.shape[3] % 2)
    rows = plane[:, :, 0::2] + plane[:, :, 1::2]
    return (rows[:, :, :, 0::2] + rows[:, :, :, 1::2]) * 0.25


def _doubled(plane: Array, rows: slice, size: Sequence[int]) -> Array:
    """These rows of a plane twice as large, weights 3/4 and 1/4: libjpeg's "fancy upsampling"."""
    xp = namespace(plane)
    first, last = rows.start // 2, (rows.stop + 1) // 2
    above, below = max(first - 1, 0), min(last, plane.shape[2] - 1)
    part = xp.concatenate(
        [plane[:, :, above : above + 1], plane[:, :, first:last], plane[:, :, below : below + 1]], 2
    )
    tall = _between(part, 2)[:, :, rows.start - 2 * first :][:, :, : rows.stop - rows.start]
    left, right = tall[:, :, :, :1], tall[:, :, :, -1:]
    return _between(xp.concatenate([left, tall, right], 3), 3)[:, :, :, : size[1]]


def _between(padded: Array, axis: int) -> Array:
    """Twice as many samples along an axis that has one more at each end."""
    xp = namespace(padded)
    count = padded.shape[axis]
    cut = (slice(None),) * axis
    quarter = padded * 0.25
    main = padded[(*cut, slice(1, count - 1))] * 0.75
    before, after = quarter[(*cut, slice(0, count - 2))], quarter[(*cut, slice(2, count))]
    pair = xp.stack([main + before, main + after], axis + 1)
    shape = list(main.shape)
    shape[axis] *= 2
    return pair.reshape(shape)


DAMAGE = Damage(
    name="jpeg",
    title="JPEG coding, once or several times",
    settings=Settings,
    draw=draw,
    act=act,
    alike=lambda drawn: (len(drawn.parameters["qualities"]), drawn.parameters["chroma_halved"]),
)
