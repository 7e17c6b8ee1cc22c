"""Invert a negative: from the densities of film to the light that fell on it.

A negative's density rises with the logarithm of exposure, by its gamma; bare film is where there
was none. So what is measured is the density of bare film (``base``: of a colour negative it is
orange, and takes the mask's colour off with it) and the density of the brightest parts; the light
between is ``10 ** ((density - brightest) / gamma)``. Each channel has a gamma of its own, such
that black and white are neutral; their mean is the user's, for how hard the film was developed
is not in the picture. Six numbers and the gammas stand in the record, and the change can be undone.

Straight lines only: the toe and shoulder of the film's curve, and what its masks leave of the
dyes' side absorptions, stay. Dust must go before: it is dark on the negative and would be the
brightest white of the positive; in the order of steps it does.

Source: Hurter, Driffield 1890 (density over log exposure); Hunt, The Reproduction of Colour
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from unfade.engines.contract import BenchView
from unfade.findings import Findings
from unfade.picture import Picture, Pixels
from unfade.pixels.places import light_of, places_of
from unfade.pixels.profile import to_linear
from unfade.pixels.tiles import Grid, Tile
from unfade.record import Evidence
from unfade.steps import contract
from unfade.steps.contract import Kind, Look, Proposal, Step, setting

_LEAST_LIGHT = 1e-6
_LN10 = np.float32(np.log(10))
_MOST_LOG_LIGHT = np.float32(4)  # of white: denser is dust or holder, and would leave float32
_BINS_A_DENSITY = 1024
_BINS = 6 * _BINS_A_DENSITY
_BASE_SHARE = 0.002  # of the pixels, lighter than what is taken for bare film where none is seen
_LEAST_RANGE = 0.15  # density of a channel between bare film and the brightest part
_GAMMA_APART = (0.6, 1.6)  # a channel's gamma over the mean: beyond, it is the scene's colour


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """What is known of the film, and how light the positive is to be."""

    base: str = setting(
        "",
        "places of bare film: ROW,COL or ROW,COL,ROWS,COLS in pixels, with spaces between "
        "several; left out: as seen at the edges, else the lightest parts",
    )
    gamma: float = setting(
        0.6, "density of the film for each tenfold exposure: lower is harder", low=0.2, high=2
    )
    red_gamma: float | None = setting(
        None, "of the red channel; left out: measured", low=0.1, high=3
    )
    green_gamma: float | None = setting(
        None, "of the green channel; left out: measured", low=0.1, high=3
    )
    blue_gamma: float | None = setting(
        None, "of the blue channel; left out: measured", low=0.1, high=3
    )
    exposure: float = setting(
        0.0, "makes the positive lighter (above 0) or darker", unit="stops", low=-5, high=5
    )
    white_share: float = setting(
        0.002, "of the pixels, as light as white or lighter", low=0, high=0.1
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        places_of(self.base, "base")


@dataclass(frozen=True)
class Film:
    """The straight lines of a film.

    Attributes:
        base: density of bare film in each channel
        white: density that becomes white
        gammas: density for each tenfold exposure
        says: where the base was read
    """

    base: tuple[float, ...]
    white: tuple[float, ...]
    gammas: tuple[float, ...]
    says: str = ""

    def to_dict(self) -> dict[str, Any]:
        lists = {k: list(v) for k, v in asdict(self).items() if isinstance(v, tuple)}
        return lists | {"says": self.says}


def to_positive(pixels: Pixels, film: Film) -> Pixels:
    """The light that made a negative, white at 1.

    Args:
        pixels: (rows, cols, 1 or 3) float32, linear light that passes the film
    Returns:
        (rows, cols, channels) float32, linear light
    Cost:
        0.1 s a megapixel of colour on one core; peak memory 4 x the tile
    """
    density = _density(pixels)
    slope = 1 / np.array(film.gammas, np.float32)
    log_light = (density - np.array(film.white, np.float32)) * slope
    return np.asarray(np.exp(np.minimum(log_light, _MOST_LOG_LIGHT) * _LN10))


def to_negative(pixels: Pixels, film: Film) -> Pixels:
    """The inverse of ``to_positive``, where nothing was clipped."""
    log_light = np.log10(np.maximum(pixels, np.float32(_LEAST_LIGHT**3)))
    density = log_light * np.array(film.gammas, np.float32) + np.array(film.white, np.float32)
    return np.asarray(np.exp(density * -_LN10))


def measure(picture: Picture, settings: Settings, findings: Findings, bench: BenchView) -> Film:
    """Bare film, white and gammas of the whole picture."""
    seen = findings.negative
    film = None if seen is None else seen.film
    grid = Grid()

    def count(tile: Tile) -> np.ndarray:
        core = tile.core if film is None else tile.core.overlap(film)
        if core is None:
            return np.zeros((picture.channels, _BINS), np.int64)
        return _counts(to_linear(picture.read(core), picture))

    total = np.zeros((picture.channels, _BINS), np.int64)
    for counts in bench.map(
        count,
        grid.tiles(picture.rows, picture.cols),
        says="measuring densities",
        total=grid.count(picture.rows, picture.cols),
        bytes_each=grid.core_px**2 * 60,
    ):
        total += counts
    places = places_of(settings.base, "base")
    if places:
        lights = [light_of(place, picture, "base") for place in places]
        base = -np.log10(np.maximum(np.mean(lights, axis=0), _LEAST_LIGHT))
        says = "Bare film where the user pointed."
    elif seen is not None and len(seen.base) == picture.channels:
        base = -np.log10(np.maximum(np.array(seen.base), _LEAST_LIGHT))
        says = "Bare film seen at an edge."
    else:
        base = np.array([_point(histogram, _BASE_SHARE) for histogram in total])
        says = "No bare film seen: the lightest parts stand for it."
    return film_of(total, base, settings, says)


def film_of(counts: np.ndarray, base: np.ndarray, settings: Settings, says: str = "") -> Film:
    """The film's lines from histograms of densities and the density of bare film.

    Args:
        counts: (channels, bins) number of pixels at each density
        base: (channels,) density of bare film
    """
    white = np.array([_point(histogram, 1 - settings.white_share) for histogram in counts])
    white = np.maximum(white, base + _LEAST_RANGE)
    span = white - base
    ratios = np.clip(span / span.mean(), *_GAMMA_APART)
    given = (settings.red_gamma, settings.green_gamma, settings.blue_gamma)
    if len(base) == 1:
        known = [g for g in given if g is not None]
        given = (sum(known) / len(known),) if known else (None,)  # type: ignore[assignment]
    gammas = [settings.gamma * r if g is None else g for r, g in zip(ratios, given)]
    # a stop is a factor of 2 in light
    darker = settings.exposure * np.log10(2)
    return Film(
        tuple(float(b) for b in base),
        tuple(float(w - darker * g) for w, g in zip(white, gammas)),
        tuple(float(g) for g in gammas),
        says,
    )


def _counts(linear: Pixels) -> np.ndarray:
    """Histograms (channels, bins) of densities, without light table and holder."""
    used = ~((linear >= 1).all(axis=2) | (linear <= _LEAST_LIGHT).all(axis=2))
    bins = np.clip(_density(linear[used]) * np.float32(_BINS_A_DENSITY), 0, _BINS - 1)
    columns = bins.astype(np.int64).T
    return np.stack([np.bincount(column, minlength=_BINS) for column in columns])


def _point(histogram: np.ndarray, share: float) -> float:
    """The density below which this share of the pixels lies; 0 where there are none."""
    below = np.cumsum(histogram)
    if not below[-1]:
        return 0.0
    return float(np.searchsorted(below, max(share * below[-1], 1)) / _BINS_A_DENSITY)


def _density(light: np.ndarray) -> np.ndarray:
    return np.asarray(-np.log10(np.maximum(light, np.float32(_LEAST_LIGHT))))


def _propose(look: Look, settings: Settings) -> Proposal:
    return Proposal(to_positive(look.pixels, look.measured))


STEP = Step(
    name="invert_negative",
    title="Turn a negative into a positive",
    settings=Settings,
    kind=Kind.TONAL,
    evidence=Evidence.ADJUSTED,
    looks_at=("negative",),
    measure=measure,
    propose=_propose,
    encoding="linear",
    paper="Hurter, Driffield 1890; Hunt 2004",
)
