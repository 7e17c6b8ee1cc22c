"""Patch fill: a hole is put together from patches of the same picture, from coarse to fine.

Each patch that reaches into the hole is asked which sound patch it is most like; each lost pixel
becomes what those matches say, together; and so on until they agree. Texture and structure go on
through holes of 20 to some 150 px, where smooth fills end in a blur. What it puts there stands
elsewhere in the picture: it is plausible, not recovered. Thin losses are closer to the truth with
``guleryuz2006``.

Papers: Wexler, Shechtman & Irani 2007, "Space-time completion of video", IEEE TPAMI 29(3),
doi:10.1109/TPAMI.2007.60; Newson, Almansa, Fradet, Gousseau & Perez 2014, "Video inpainting of
complex scenes", SIAM J. Imaging Sciences 7(4), doi:10.1137/140954933; the search:
``barnes2009``.
"""

from __future__ import annotations

import numpy as np

from unfade.picture import Mask, Pixels
from unfade.pixels.masks import check_hole, distance
from unfade.steps.inpaint.barnes2009 import PATCH_PX, REACH_PX, Matches, described, middles, search
from unfade.steps.inpaint.guleryuz2006 import fill_sparse

COARSEST_PX = 6.0  # depth across of the hole on the coarsest level: less than a patch
LEVELS_MOST = 6
SEARCH_PX = 48  # sound surround that is searched at least, on the finest level
ROUNDS_FINEST, ROUNDS_MOST = 3, 12  # of search and vote: twice as many on each coarser level
TEXTURES, TEXTURE_WEIGHT = 2, 7.0  # planes that tell rough from smooth, and how much they count
TRUST_FALL = 1.06  # patches are believed less by this with each pixel of depth


def fill_patches(pixels: Pixels, mask: Mask, *, seed: tuple[int, ...] = (0,)) -> Pixels:
    """Fill holes by coherent patches of the sound surround, from coarse to fine.

    Args:
        pixels: (rows, cols, 1 or 3) float32; what lies under the mask is not looked at
        mask: (rows, cols) bool, True = fill
        seed: of the search; same seed, same bits
    Returns:
        float32 like ``pixels``, bit-identical outside the mask. Filled pixels are values that
        stand elsewhere in the picture, so the grain goes on too. Where no patch of 7 x 7 is
        sound, the smooth start remains
    Raises:
        ValueError: see ``unfade.pixels.masks.check_hole``
    Cost:
        time ∝ masked pixels: about 0.7 s for a hole of 100 x 100 px in colour, on one core;
        memory about 200 bytes for each pixel of the hole and its surround
    Source:
        Wexler et al. 2007 with the start and the stopping of Newson et al. 2014. Differs: patches
        are compared by their slow cosines; the coarsest level starts from the sparse fill; the
        last vote picks the proposed value nearest to the mean
    """
    check_hole(pixels, mask)
    filled = pixels.copy()
    if not mask.any():
        return filled
    near = _surround(mask)
    part, hole = pixels[near], mask[near]
    rng = np.random.default_rng(seed)
    parted = _parted(part)
    levels = _pyramid(np.concatenate((parted, _texture(parted[0], hole))), hole)
    image, lost = levels[-1]
    image = np.concatenate([fill_sparse(p[:, :, None], lost)[None, :, :, 0] for p in image])
    shifts: np.ndarray | None = None
    for number in range(len(levels) - 1, -1, -1):
        sound, lost = levels[number]
        if number < len(levels) - 1:
            image = np.where(lost, _enlarged(image, lost.shape), sound)
            shifts = None if shifts is None else 2 * _enlarged(shifts, lost.shape)
        rounds = min(ROUNDS_FINEST * 2**number, ROUNDS_MOST)
        image, shifts = _level(image, lost, shifts, rounds, rng, last=number == 0)
    filled[mask] = _joined(image[: len(parted)])[hole]
    return filled


def _surround(mask: Mask) -> tuple[slice, slice]:
    """The holes' box with as much around it as is searched."""
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    margin = max(SEARCH_PX, int(2 * distance(mask).max()) if not mask.all() else 0)
    return (
        slice(max(0, int(rows[0]) - margin), int(rows[-1]) + 1 + margin),
        slice(max(0, int(cols[0]) - margin), int(cols[-1]) + 1 + margin),
    )


def _level(
    image: np.ndarray,
    hole: Mask,
    shifts: np.ndarray | None,
    rounds: int,
    rng: np.random.Generator,
    *,
    last: bool,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Search and vote in turn on one level.

    Args:
        image: (channels, rows, cols) float32, holes filled as well as is known yet
        shifts: (2, rows, cols) int from each patch's middle to its match, or None
    """
    targets, whole = middles(hole)
    places = np.argwhere(whole)
    if len(places) == 0 or len(targets) == 0:
        return image, shifts
    source_row = np.full(hole.shape, -1, np.int32)
    source_row[whole] = np.arange(len(places), dtype=np.int32)
    features = described(image, places)
    chosen = places[rng.integers(0, len(places), len(targets))]
    if shifts is not None:
        wanted = targets + shifts[:, targets[:, 0], targets[:, 1]].T
        wanted += rng.integers(0, 2, wanted.shape)
        inside = (wanted >= 0).all(axis=1) & (wanted < hole.shape).all(axis=1)
        row = np.where(inside, source_row[tuple((wanted * inside[:, None]).T)], -1)
        chosen = np.where((row >= 0)[:, None], wanted, chosen)
    matches = Matches(targets, chosen, np.zeros(len(targets), np.float32))
    depth = distance(np.pad(hole, 1))[1:-1, 1:-1]  # beyond the border nothing is known either
    trust = np.float32(TRUST_FALL) ** -depth[targets[:, 0], targets[:, 1]]
    for number in range(rounds):
        search(
            matches, described(image, targets), features, source_row,
            rounds=4 if number == 0 else 2, rng=rng,
        )  # fmt: skip
        image = _voted(image, hole, matches, trust, pick=last and number == rounds - 1)
    field = np.zeros((2, *hole.shape), np.int64)
    field[:, targets[:, 0], targets[:, 1]] = (matches.sources - targets).T
    return image, field


def _voted(
    image: np.ndarray, hole: Mask, matches: Matches, trust: np.ndarray, *, pick: bool
) -> np.ndarray:
    """Each lost pixel as the matches of the patches over it say: their mean, or the nearest to it.

    Args:
        trust: (patches,) weight of each patch beside its likeness to its match
    """
    holes = np.flatnonzero(hole)
    row_of = np.full(hole.size, -1, np.int32)
    row_of[holes] = np.arange(holes.size, dtype=np.int32)
    cols = hole.shape[1]
    flat = image.reshape(image.shape[0], -1)
    there = matches.targets[:, 0] * cols + matches.targets[:, 1]
    source = matches.sources[:, 0] * cols + matches.sources[:, 1]
    spread = max(float(np.quantile(matches.apart, 0.75)), 1e-12)
    weight = (np.exp(-matches.apart / spread) * trust).astype(np.float32)
    steps = [
        r * cols + c
        for r in range(-REACH_PX, REACH_PX + 1)
        for c in range(-REACH_PX, REACH_PX + 1)
    ]  # fmt: skip
    total = np.zeros((len(flat), holes.size), np.float32)
    sum_weight = np.zeros(holes.size, np.float32)
    for step in steps:  # no pixel is met twice in one step, so plain indexing adds up
        row = row_of[there + step]
        over = row >= 0
        row = row[over]
        total[:, row] += weight[over] * flat[:, source[over] + step]
        sum_weight[row] += weight[over]
    known = sum_weight > 0
    mean = total / np.where(known, sum_weight, 1)
    result = image.copy()
    if pick:
        best = np.full(holes.size, np.inf, np.float32)
        picked = mean.copy()
        for step in steps:
            row = row_of[there + step]
            over = row >= 0
            row = row[over]
            value = flat[:, source[over] + step]
            off = np.square(value - mean[:, row])[:-TEXTURES].sum(axis=0)
            nearer = off < best[row]
            best[row[nearer]] = off[nearer]
            picked[:, row[nearer]] = value[:, nearer]
        mean = picked
    result.reshape(flat.shape)[:, holes[known]] = mean[:, known]
    return result


def _texture(light: np.ndarray, hole: Mask) -> np.ndarray:
    """(2, rows, cols) how steep the light is, across and down, on average around each pixel.

    Without it the flattest patches win: a blur is nearer to each texture than another texture.
    """
    import cv2

    deep = float(distance(np.pad(hole, 1)).max())
    side = 2 * int(np.clip(deep / 4, 2, 8)) + 1
    planes = []
    for axis in (1, 0):
        after = np.roll(hole, -1, axis=axis)
        sound = (~(hole | after)).astype(np.float32)
        steep = np.abs(np.roll(light, -1, axis=axis) - light) * sound
        last = (slice(None), -1) if axis == 1 else (-1, slice(None))
        steep[last] = sound[last] = 0
        mean = cv2.blur(steep, (side, side)) / np.maximum(cv2.blur(sound, (side, side)), 1e-3)
        planes.append(TEXTURE_WEIGHT * mean)
    return np.asarray(planes, np.float32)


def _pyramid(image: np.ndarray, hole: Mask) -> list[tuple[np.ndarray, Mask]]:
    """The picture at full size, at half, ... until the hole is thinner than a patch."""
    levels = [(image, hole)]
    while len(levels) < LEVELS_MOST:
        image, hole = levels[-1]
        deep = 2 * float(distance(np.pad(hole, 1)).max())
        if deep <= COARSEST_PX or min(hole.shape) < 6 * PATCH_PX:
            break
        levels.append(_halved(image, hole))
    return levels


def _halved(image: np.ndarray, hole: Mask) -> tuple[np.ndarray, Mask]:
    """Half the size: means of the sound pixels around; lost where most of them are."""
    import cv2

    sound = (~hole).astype(np.float32)
    size = ((hole.shape[1] + 1) // 2, (hole.shape[0] + 1) // 2)
    share = cv2.pyrDown(sound, dstsize=size)
    small = np.stack([cv2.pyrDown(plane * sound, dstsize=size) for plane in image])
    lost = share < 0.6
    if lost.all():  # a thin rim of sound pixels: it is kept
        lost = share < share.max()
    return (small / np.maximum(share, 1e-6)).astype(np.float32), lost


def _enlarged(planes: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return planes.repeat(2, axis=1).repeat(2, axis=2)[:, : shape[0], : shape[1]]


def _parted(pixels: Pixels) -> np.ndarray:
    """(channels, rows, cols): light first, then two differences of colour."""
    return np.ascontiguousarray(np.einsum("ijc,kc->kij", pixels, _parts(pixels.shape[2])))


def _joined(planes: np.ndarray) -> Pixels:
    return np.asarray(np.einsum("kij,kc->ijc", planes, _parts(len(planes))), np.float32)


def _parts(channels: int) -> np.ndarray:
    """Orthonormal: the mean of the channels, red against blue, green against both."""
    if channels == 1:
        return np.ones((1, 1), np.float32)
    rows = np.array([[1, 1, 1], [1, 0, -1], [-1, 2, -1]], np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)
