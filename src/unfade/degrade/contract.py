"""What a kind of damage is: settings with ranges, a draw on the host, an act on a batch.

Chance and mathematics are apart. ``draw`` takes a generator and gives plain numbers (and, for
marks, a sparse map of opacities); ``act`` takes a batch of either array library and the draws of
its pictures. Nothing random happens in ``act``; its fields are functions of drawn seeds.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np

from unfade.degrade.arrays import Array
from unfade.errors import SettingsError, nearest
from unfade.picture import Window

Span = tuple[float, float]  # drawn evenly between the two; equal: fixed


class DamageClass(IntEnum):
    """What covers a place. The numbers are stable: they stand in class maps on disk."""

    NONE = 0
    SCRATCH = 1
    DUST = 2
    HAIR = 3
    CREASE = 4
    TEAR = 5  # paper white, or missing altogether
    STAIN = 6
    FOXING = 7  # foxing and mould
    CRACK = 8
    LOSS = 9  # emulsion or paint gone
    SILVERING = 10  # silver mirroring
    WATER = 11  # spills and tide lines
    DIRT = 12  # film dirt, on one frame only
    LINE = 13  # persistent vertical line of a film


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One piece of local damage.

    Attributes:
        kind: the name of the damage that made it, as in recipes
        damage_class: its number in the class map
        box: the rectangle that holds it, in pixels of the picture as it was then
        parameters: width, length, strength ... as drawn
    """

    kind: str
    damage_class: DamageClass
    box: Window
    parameters: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        box = self.box
        return {
            "kind": self.kind,
            "class": int(self.damage_class),
            "class_name": self.damage_class.name.lower(),
            "box": [box.top, box.left, box.bottom, box.right],
            "parameters": self.parameters,
        }


def setting(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: Sequence[str] = (),
) -> Any:
    """A field of a damage's settings: value or span, words with the unit, and bounds."""
    meta = {"help": help, "low": low, "high": high, "choices": tuple(choices)}
    return field(default=default, metadata=meta)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Base of every damage's settings: frozen, checked on creation.

    A ``Span`` may be given as one number (fixed) or as two (drawn evenly between them).
    """

    chance: float = setting(1.0, "how often it happens at all", low=0, high=1)

    def __post_init__(self) -> None:
        hints = typing.get_type_hints(type(self))
        for f in dataclasses.fields(self):
            value = _checked(f, hints[f.name], getattr(self, f.name))
            object.__setattr__(self, f.name, value)


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """Local damage as a sparse map: what happens at ``index`` of the flattened plane.

    Light at a place is raised to the power ``keep`` (the share of its density that is left),
    multiplied by ``pass_on``, and then covered by ``colour`` at ``opacity``:

        light -> (1 - opacity) * pass_on * light ** keep + opacity * colour

    Attributes:
        index: (m,) int64, row * cols + col, each place once
        classes: (m,) uint8
        strength: (m,) float32 0-1, how strongly the place is covered or changed
        opacity: (m,) float32 or None (0)
        colour: (m, 3) or (1, 3) float32, linear light, or None with ``opacity`` None
        keep, pass_on: (m, 3) float32 or None (1)
    """

    index: np.ndarray
    classes: np.ndarray
    strength: np.ndarray
    opacity: np.ndarray | None = None
    colour: np.ndarray | None = None
    keep: np.ndarray | None = None
    pass_on: np.ndarray | None = None

    def seen(self, least: float) -> Marks:
        """Without the pixels that are changed by less than ``least``."""
        kept = self.strength > least
        if kept.all():
            return self
        size = self.index.size
        fields = {}
        for f in dataclasses.fields(self):
            value = getattr(self, f.name)
            whole = value is not None and value.shape[0] == size
            fields[f.name] = value[kept] if whole else value
        return Marks(**fields)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawn:
    """One damage as it happens to one picture: plain numbers, ready to act."""

    parameters: dict[str, Any]
    seed: int = 0
    marks: Marks | None = None
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a draw knows of the picture: never its content.

    Attributes:
        rows, cols, channels: as they are when the damage happens
        original: rows and cols that the picture came with
        unit_px: pixels for each pixel of the recipe's reference size; lengths are multiplied
        area: of the picture, in areas of the reference picture; numbers of specks grow with it
        paper: (3,) linear light of what lies under the image layer
        silver: one image layer: a grey or toned print
        overlays: folder of real damage shapes, or None
    """

    rows: int
    cols: int
    channels: int
    original: tuple[int, int] = (1, 1)
    unit_px: float = 1.0
    area: float = 1.0
    paper: tuple[float, float, float] = (0.86, 0.82, 0.72)
    silver: bool = False
    overlays: str | None = None


Draw = Callable[[Any, Scene, np.random.Generator], Drawn | None]
DrawAt = Callable[[Any, Scene, tuple[int, int], int], Drawn | None]
Act = Callable[[Array, Sequence[Drawn]], Array]


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """One kind of damage, as the rest of the program knows it.

    Attributes:
        name: as in recipes
        title: one sentence
        settings: its ``Settings`` class
        draw: (settings, scene, generator) -> numbers, or None when there is nothing to do
        draw_at: (settings, scene, (seed, stage), frame) -> numbers, for what has a course in time;
            without it, marks are drawn anew for each frame of a film and the rest is held
        act: (batch (n, c, h, w), n draws) -> batch; None for marks, which all act alike
        domain: "codes" 0-1 as stored, "density" (natural logarithm of linear light), or "any"
        spreads: whether it moves light between pixels, so that masks must follow: the same act
            is then done to their opacity
        size: (drawn, rows, cols) -> rows, cols afterwards
        alike: what must be equal for pictures of a batch to be done together
    """

    name: str
    title: str
    settings: type[Settings]
    draw: Draw
    draw_at: DrawAt | None = None
    act: Act | None = None
    domain: str = "codes"
    spreads: bool = False
    size: Callable[[Drawn, int, int], tuple[int, int]] | None = None
    alike: Callable[[Drawn], Hashable] = lambda drawn: None


def draw_from(span: Span, rng: np.random.Generator, *, by_ratio: bool = False) -> float:
    """A number out of a span: evenly, or evenly in its logarithm."""
    low, high = span
    if low == high:
        return float(low)
    if by_ratio and low > 0:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))
    return float(rng.uniform(low, high))


def draw_count(span: Span, rng: np.random.Generator, times: float = 1.0) -> int:
    """How many: a Poisson number around a mean out of the span."""
    return int(rng.poisson(draw_from(span, rng) * times))


def draw_seed(rng: np.random.Generator) -> int:
    return int(rng.integers(0, 1 << 63))


def _checked(f: dataclasses.Field[Any], hint: Any, value: Any) -> Any:
    name, meta = f.name, f.metadata
    if hint == Span:
        return _span(name, value, meta)
    if hint is float and type(value) is int:
        value = float(value)
    if typing.get_origin(hint) is tuple and isinstance(value, (list, tuple)):
        value = tuple(value)
        for entry in value:
            if not isinstance(entry, (int, float, str)) or isinstance(entry, bool):
                raise SettingsError(f"`{name}` holds {entry!r}, expected numbers or words.")
        return value
    if type(value) is not hint:
        wanted = getattr(hint, "__name__", str(hint))
        raise SettingsError(f"`{name}` is {value!r}, expected {wanted}.")
    if meta["choices"] and value not in meta["choices"]:
        known = ", ".join(f"`{c}`" for c in meta["choices"])
        raise SettingsError(f"`{name}` is `{value}`.", f"Known: {known}.")
    if isinstance(value, (int, float)):
        _within(name, float(value), meta)
    return value


def _span(name: str, value: Any, meta: Any) -> Span:
    pair = value if isinstance(value, (list, tuple)) else (value, value)
    plain = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in pair)
    if len(pair) != 2 or not plain:
        raise SettingsError(
            f"`{name}` is {value!r}, expected a number or [lowest, highest].",
            f"It means: {meta['help']}.",
        )
    low, high = float(pair[0]), float(pair[1])
    if low > high:
        raise SettingsError(f"`{name}` is [{low:g}, {high:g}]: the lower end comes first.")
    _within(name, low, meta)
    _within(name, high, meta)
    return low, high


def _within(name: str, value: float, meta: Any) -> None:
    low, high = meta["low"], meta["high"]
    if not np.isfinite(value):
        raise SettingsError(f"`{name}` is {value}, expected a finite number.")
    if (low is not None and value < low) or (high is not None and value > high):
        if high is None:
            raise SettingsError(f"`{name}` is {value:g}, expected at least {low:g}.")
        raise SettingsError(f"`{name}` is {value:g}, expected {low:g} to {high:g}.")


def unknown(setting: str, word: str, known: Iterable[str]) -> SettingsError:
    """The error for a word that a setting does not know."""
    return SettingsError(f"`{setting}` holds `{word}`.", nearest(word, known))
