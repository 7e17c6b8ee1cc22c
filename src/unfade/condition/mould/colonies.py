"""Gather dots to colonies and measure each colony as a whole.

A colony is a cloud of dots that are denser about one place than elsewhere in the picture. It is
fitted as a normal distribution over an even background (expectation maximisation), from wherever
dots are dense at one of three sizes. Texture makes such clouds too; what tells them apart is
measured: how much denser they are, whether the dots of the other polarity are as many, how calm it
is between the dots, whether they keep to edges or rows, whether they are alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.condition.mould.dots import MEASURED as TRACES
from unfade.condition.mould.dots import Dots

SPREADS_SHARE = (0.012, 0.025, 0.05)  # of the longer side: where clouds are begun from
STARTS = 10  # for each of these
LEAST_SPREAD_PX, LEAST_START_PX = 2.0, 4.0
MOST_SPREAD_SHARE = 0.16
LEAST_DOTS = 6.0  # expected number
ROUNDS = 12
REACH = 2.8  # spreads: dots further out are not the colony's
MOST_DENSER = 3.0  # log: no place speaks more for a dot than that
MEASURED = (
    "log_number", "log_denser", "log_denser_raw", "purity", "odds", "odds_top", "other",
    "other_raw", "gain", "log_contrast", "contrast_spread", "size", "size_spread", "log_noises",
    "texture", "texture_ratio", "log_spread", "round", "tails", "nearest", "aligned", "edges",
    "around_spread", "value_spread", "ink", "chroma", "chroma_apart", "haze", "relief", "beside",
    "elsewhere", "elsewhere_other", "log_pixels", "light",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Colony:
    """One cloud of dots.

    Attributes:
        light: polarity of its dots
        centre: row and column; spread: (2, 2) covariance, px squared
        denser: (dots,) float32: log of how many times denser than around it is where each dot of
            its polarity lies; minus infinity outside
        measured: (len(MEASURED),) float32
    """

    light: bool
    centre: np.ndarray
    spread: np.ndarray
    denser: np.ndarray
    measured: np.ndarray

    def holds(self, other: Colony) -> bool:
        """Whether the middle of the other lies in this one."""
        apart = other.centre - self.centre
        return bool(apart @ np.linalg.inv(self.spread) @ apart < REACH**2)

    def members_above(self, odds: np.ndarray, least: float) -> np.ndarray:
        """Indices of the dots that are its own: by their log odds and by where they lie."""
        return np.flatnonzero(odds + np.clip(self.denser, -np.inf, MOST_DENSER) > least)


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What lies below the dots; planes (rows, cols) float32 in codes, a colony's dots bright.

    Attributes:
        calm: the plane without what is small
        texture: mean departure from ``calm`` beside the dots
        steep: slope of ``calm``
    """

    calm: np.ndarray
    texture: np.ndarray
    steep: np.ndarray


def ground_of(plane: np.ndarray, dots: Dots, odds: np.ndarray) -> Ground:
    """Planes that ``find_colonies`` reads between the dots."""
    import cv2

    codes = np.clip(plane + 0.5, 0, 255).astype(np.uint8)
    calm = cv2.medianBlur(codes, 9).astype(np.float32)
    sure = odds > 0
    sound = np.ones(plane.shape, np.float32)
    sound[dots.rows[sure], dots.cols[sure]] = 0
    sound = cv2.erode(sound, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7)))
    rest = cv2.blur(np.abs(plane - calm) * sound, (9, 9))
    texture = rest / np.maximum(cv2.blur(sound, (9, 9)), 0.02)
    smooth = cv2.GaussianBlur(calm, (0, 0), 1.5)
    steep = np.hypot(np.gradient(smooth, axis=0), np.gradient(smooth, axis=1))
    return Ground(smooth, texture, steep.astype(np.float32))


def find_colonies(
    light: bool, dots: Dots, odds: np.ndarray, other: Dots, other_odds: np.ndarray, ground: Ground
) -> list[Colony]:
    """Clouds of dots of one polarity.

    Args:
        odds, other_odds: log odds of each dot to be one of mould, by itself
    Cost:
        about 5 ms a cloud, at most ``3 x STARTS`` of them
    """
    shape = ground.calm.shape
    chance = 1 / (1 + np.exp(-np.clip(odds, -30, 30)))
    places = np.stack([dots.rows, dots.cols], axis=1).astype(np.float64)
    clouds: list[_Cloud] = []
    for start, sigma in _starts(places, chance, shape):
        cloud = _fitted(places, chance, shape, start, sigma)
        if cloud is not None and not any(_same(cloud, known) for known in clouds):
            clouds.append(cloud)
    other_chance = 1 / (1 + np.exp(-np.clip(other_odds, -30, 30)))
    measure = _Measure(light, dots, odds, chance, places, other, other_chance, ground)
    return [measure.colony(cloud) for cloud in clouds]


@dataclass(frozen=True, slots=True, eq=False)
class _Cloud:
    centre: np.ndarray
    spread: np.ndarray
    number: float
    gain: float  # log likelihood over that of an even spread
    even: float  # dots a pixel besides the cloud, around it


def _starts(
    places: np.ndarray, chance: np.ndarray, shape: tuple[int, ...]
) -> list[tuple[np.ndarray, float]]:
    """Places about which dots are dense, with the size at which they are."""
    import cv2

    found = []
    for share in SPREADS_SHARE:
        sigma = max(LEAST_START_PX, share * max(shape))
        cell = sigma / 2.5
        grid = np.zeros([int(n / cell) + 1 for n in shape], np.float32)
        np.add.at(grid, tuple((places / cell).astype(int).T), chance)
        near = cv2.GaussianBlur(grid, (0, 0), 2.5, borderType=cv2.BORDER_CONSTANT)
        wide = cv2.GaussianBlur(grid, (0, 0), 7.5, borderType=cv2.BORDER_REFLECT)
        number = near * np.float32(2 * np.pi * 2.5**2)
        clear = number / np.sqrt(wide * np.float32(2 * np.pi * 2.5**2) + 1)
        top = (clear >= cv2.dilate(clear, np.ones((3, 3), np.uint8))) & (number > LEAST_DOTS)
        rows, cols = np.nonzero(top)
        order = np.argsort(-clear[rows, cols], kind="stable")[:STARTS]
        found += [((np.array([rows[k], cols[k]]) + 0.5) * cell, sigma) for k in order]
    return found


def _fitted(
    places: np.ndarray, chance: np.ndarray, shape: tuple[int, ...], start: np.ndarray, sigma: float
) -> _Cloud | None:
    """The cloud that grows from a place, or None where it dissolves."""
    centre, spread = start, np.eye(2) * sigma**2
    whole = float(chance.sum()) / (shape[0] * shape[1])
    share, number, even = np.zeros(len(places)), 0.0, whole
    for turn in range(ROUNDS):
        away = places - centre
        far = np.einsum("ij,jk,ik->i", away, np.linalg.inv(spread), away)
        size = 2 * np.pi * np.sqrt(np.linalg.det(spread))
        bell = np.exp(-0.5 * far) / size
        inside = far < 36
        room = max(36 * size / 2 * _seen(centre, 6 * np.sqrt(np.diag(spread)), shape), 1.0)
        if turn == 0:
            number = float(chance[far < 4].sum())
        beside = float((chance * inside).sum()) - number
        even = max(beside / room, 0.02 * whole, 1e-7)
        share = number * bell / (number * bell + even)
        weight = chance * share * inside
        number = float(weight.sum())
        if number < LEAST_DOTS / 2:
            return None
        centre = weight @ places / number
        away = places - centre
        spread = (weight[:, None] * away).T @ away / number
        spread += np.eye(2) * (0.05 * np.trace(spread) / 2 + 0.5)
        long = float(np.sqrt(np.linalg.eigvalsh(spread)[-1]))
        if long > MOST_SPREAD_SHARE * max(shape) or not np.isfinite(long):
            return None
    if number < LEAST_DOTS or np.linalg.eigvalsh(spread)[0] < LEAST_SPREAD_PX**2:
        return None
    gain = float((weight * np.log1p(number * bell / even)).sum()) - number
    return _Cloud(centre, spread, number, gain, even)


def _seen(centre: np.ndarray, reach: np.ndarray, shape: tuple[int, ...]) -> float:
    """Share of a box about a place that lies in the picture."""
    low = np.maximum(centre - reach, 0)
    high = np.minimum(centre + reach, np.array(shape[:2], float))
    return float(np.prod(np.clip(high - low, 0, None) / (2 * reach)))


def _same(one: _Cloud, two: _Cloud) -> bool:
    apart = one.centre - two.centre
    near = float(apart @ np.linalg.inv(one.spread + two.spread) @ apart) < 0.5
    sizes = np.linalg.det(one.spread) / np.linalg.det(two.spread)
    return near and 0.25 < sizes < 4


class _Measure:
    """What all colonies of one polarity are measured against."""

    def __init__(
        self,
        light: bool,
        dots: Dots,
        odds: np.ndarray,
        chance: np.ndarray,
        places: np.ndarray,
        other: Dots,
        other_chance: np.ndarray,
        ground: Ground,
    ) -> None:
        self.light, self.dots, self.odds, self.chance = light, dots, odds, chance
        self.places, self.ground, self.other_chance = places, ground, other_chance
        self.other_places = np.stack([other.rows, other.cols], axis=1).astype(np.float64)
        steps = np.linspace(-1, 1, 15)
        square = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=2).reshape(-1, 2)
        self.disc = square[np.hypot(*square.T) <= 1] * 1.5
        turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        ring = np.stack([np.sin(turn), np.cos(turn)], axis=1)
        self.ring = np.concatenate([ring * r for r in (2.8, 3.3, 3.8)])

    def colony(self, cloud: _Cloud) -> Colony:
        shape = self.ground.calm.shape
        inverse = np.linalg.inv(cloud.spread)
        far = self._far(self.places, cloud, inverse)
        members = self.places[(far < REACH**2) & (self.odds > 0)]
        bell = (
            cloud.number * np.exp(-0.5 * far) / (2 * np.pi * np.sqrt(np.linalg.det(cloud.spread)))
        )
        denser = np.where(far < REACH**2, np.log(bell / cloud.even + 1e-6), -np.inf)
        inside, around = far < 4, (far > 9) & (far < 25)
        other_far = self._far(self.other_places, cloud, inverse)
        chance, other = self.chance, self.other_chance
        size = np.pi * np.sqrt(np.linalg.det(cloud.spread))
        reach = np.sqrt(np.diag(cloud.spread))
        here = 4 * size * max(_seen(cloud.centre, 2 * reach, shape), 0.05)
        there = max(16 * size * _seen(cloud.centre, 5 * reach, shape), 1.0)
        own = float(chance[inside].sum())
        rest = float(shape[0] * shape[1])
        dots, traces = self.dots, self.dots.measured
        weight = chance * inside
        total = max(float(weight.sum()), 1e-6)

        def mean(values: np.ndarray) -> float:
            return float((weight * values).sum() / total)

        def spread(values: np.ndarray) -> float:
            middle = mean(values)
            return float(np.sqrt(max(mean((values - middle) ** 2), 0)))

        root = np.linalg.cholesky(cloud.spread)
        disc, ring = (
            self._within(cloud.centre + p @ root.T, shape) for p in (self.disc, self.ring)
        )
        disc = disc if len(disc[0]) else self._within(cloud.centre[None], shape)
        ring = ring if len(ring[0]) else disc
        ground = self.ground
        contrast = max(mean(dots.contrast), 1.0)
        texture = float(np.median(ground.texture[disc]))
        beside = float(np.median(ground.texture[ring]))
        near = chance * (far < 9)
        tails = float((near * far**2).sum() * near.sum() / max((near * far).sum() ** 2, 1e-9))
        at = dots.rows, dots.cols
        low, high = np.linalg.eigvalsh(cloud.spread)
        top = self.odds[inside]
        column = {name: k for k, name in enumerate(TRACES)}
        nearest, aligned = _arranged(members)
        values = (
            np.log(own + 1),
            np.log((own + 0.5) / here / ((float(chance[around].sum()) + 0.5) / there)),
            np.log((inside.sum() + 1) / here / ((around.sum() + 1) / there)),
            own / max(int(inside.sum()), 1),
            mean(self.odds),
            float(np.quantile(top, 0.9)) if len(top) else 0.0,
            np.log((float(other[other_far < 4].sum()) + 0.5) / (own + 0.5)),
            np.log((np.count_nonzero(other_far < 4) + 1) / (inside.sum() + 1)),
            np.log(max(cloud.gain, 0.1)),
            np.log(contrast),
            spread(np.log(np.maximum(dots.contrast, 1))),
            mean(np.log(dots.sigma_px)),
            spread(np.log(dots.sigma_px)),
            mean(traces[:, column["log_noises"]]),
            np.log((texture + 0.3) / contrast),
            np.log((texture + 0.5) / (beside + 0.5)),
            np.log(np.sqrt(size) / max(shape)),
            0.5 * np.log(low / high),
            tails,
            nearest,
            aligned,
            np.log((mean(ground.steep[at]) + 0.3) / (float(ground.steep[disc].mean()) + 0.3)),
            spread(traces[:, column["around"]]),
            spread(traces[:, column["value"]]),
            mean(traces[:, column["value"]]),
            mean(traces[:, column["chroma"]]),
            mean(traces[:, column["chroma"]] - traces[:, column["chroma_around"]]),
            (float(ground.calm[disc].mean()) - float(ground.calm[ring].mean())) / contrast,
            np.log((float(ground.steep[disc].mean()) + 0.2) / contrast),
            np.log((beside + 0.3) / contrast),
            np.log((float(chance.sum()) - own) / rest * 1e4 + 0.1),
            np.log(float(other.sum()) / rest * 1e4 + 0.1),
            np.log(rest),
            float(self.light),
        )
        measured = np.nan_to_num(np.array(values, np.float32))
        return Colony(self.light, cloud.centre, cloud.spread, denser, measured)

    @staticmethod
    def _far(places: np.ndarray, cloud: _Cloud, inverse: np.ndarray) -> np.ndarray:
        away = places - cloud.centre
        return np.einsum("ij,jk,ik->i", away, inverse, away)

    @staticmethod
    def _within(points: np.ndarray, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        at = np.rint(points).astype(int)
        keep = ((at >= 0) & (at < np.array(shape[:2]))).all(axis=1)
        return at[keep, 0], at[keep, 1]


def _arranged(places: np.ndarray) -> tuple[float, float]:
    """How evenly dots lie, and how much in rows.

    Returns:
        mean distance to the nearest dot over that to the fourth nearest: near 1 in a lattice,
        small in pairs; and how much the directions to the nearest two agree, 0-1
    """
    if len(places) < 6:
        return 0.45, 0.3
    places = places[:400]
    away = places[:, None, :] - places[None, :, :]
    far = np.hypot(away[:, :, 0], away[:, :, 1])
    np.fill_diagonal(far, np.inf)
    order = np.argpartition(far, 4, axis=1)[:, :5]
    close = np.sort(np.take_along_axis(far, order, axis=1), axis=1)
    nearest = float(np.mean(close[:, 0] / np.maximum(close[:, 3], 1e-6)))
    at = np.argpartition(far, 2, axis=1)[:, :2]
    rows = np.arange(len(places))[:, None]
    angle = np.arctan2(away[rows, at, 0], away[rows, at, 1])
    aligned = float(np.abs(np.exp(2j * angle).mean()))
    return nearest, aligned
