"""What a step is: settings, a proposal for each tile, and what it promises.

A step never writes the picture. It looks at pixels and returns a proposal; the treatment
composes proposals on integer samples and checks the promise. Adding a step is one module with a
``STEP`` at its end and one line in ``unfade.steps.STEPS``.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import types
import typing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

from unfade.engines.contract import BenchView
from unfade.errors import SettingsError, nearest
from unfade.findings import Findings, Mark
from unfade.picture import Mask, Picture, Pixels, Window
from unfade.pixels.render import RENDERS
from unfade.record import Evidence

NETWORK_NAME = r"[a-z0-9][a-z0-9._-]{0,63}"


class Kind(StrEnum):
    """What a step does to a picture; the treatment drives each kind in its own way."""

    LOCAL = "local"  # changes only inside the regions that were found or given
    TONAL = "tonal"  # one curve or matrix for the whole picture
    TEXTURE = "texture"  # each pixel from its neighbourhood: denoise, sharpen
    CHROMA = "chroma"  # colour only; luminance stays
    GEOMETRY = "geometry"  # another number of pixels
    TEMPORAL = "temporal"  # from the frames before and after: for films only


def setting(
    default: Any,
    help: str,
    *,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    neutral: Any = None,
    choices: Sequence[str] = (),
    networks: bool = False,
) -> Any:
    """A field of a step's ``Settings``: value, words, unit, range and neutral value.

    ``neutral`` is the value at which the step changes nothing (None: there is none). With
    ``networks`` the name of any network of the catalogue, the user's own among them, stands
    beside the choices; whether there is one is known when the treatment opens it.
    """
    return field(
        default=default,
        metadata={
            "help": help,
            "unit": unit,
            "low": low,
            "high": high,
            "neutral": neutral,
            "choices": tuple(choices),
            "networks": networks,
        },
    )


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Base of all steps' settings: frozen, checked on creation, hashable."""

    def __post_init__(self) -> None:
        hints = typing.get_type_hints(type(self))
        for f in dataclasses.fields(self):
            _check(type(self), f, hints[f.name], getattr(self, f.name))

    @property
    def neutral(self) -> bool:
        """Whether these settings change nothing at all."""
        pairs = [
            (getattr(self, f.name), f.metadata["neutral"])
            for f in dataclasses.fields(self)
            if f.metadata.get("neutral") is not None
        ]
        return bool(pairs) and all(value == neutral for value, neutral in pairs)

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


@dataclass(frozen=True, kw_only=True)
class RepairSettings(Settings):
    """Base of all local steps' settings: how their repairs are shown.

    The treatment does it, in one place, on the pixels that it is about to write; a step proposes
    the same colours whatever stands here.
    """

    render: str = setting(
        "imitative",
        "how repairs are shown: like their surround, as one neutral tone, or in fine vertical "
        "lines that are seen from near and merge from afar",
        choices=RENDERS,
    )
    line_px: int | None = setting(
        None, "for `tratteggio`: width of a line; left out: 0.25 mm where dpi is known, at least 2",
        unit="px", low=1, high=512,
    )  # fmt: skip
    contrast: float = setting(
        0.3, "for `tratteggio`: how far lines deviate, share of the light", low=0, high=0.6
    )


def settings_from(kind: type[Settings], values: dict[str, Any], where: str) -> Settings:
    """Settings of ``kind`` from plain values, with unknown names refused.

    Args:
        where: names the place in messages, e.g. "Recipe `attic.toml`, step 2 `denoise`"
    Raises:
        SettingsError: an unknown name (the nearest known is named), a wrong type or range
    """
    known = [f.name for f in dataclasses.fields(kind)]
    for name in values:
        if name not in known:
            raise SettingsError(f"{where} has no setting `{name}`.", nearest(name, known))
    try:
        return kind(**values)
    except SettingsError as error:
        raise SettingsError(f"{where}: {error.found}", error.remedy) from error


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What a step sees of one tile.

    Attributes:
        pixels: (rows, cols, channels) float32 of the tile with its halo, a fresh array that the
            step may write to, in the encoding that the step asked for
        window: where it lies in the picture
        mask: (rows, cols) bool, only for local steps: mend here. It holds *all* damage known
            here, so that no repair is made from damaged neighbours
        findings: what was found in the whole picture
        measured: what the step's ``measure`` returned
        mark: only for local steps: which mark is mended
    """

    pixels: Pixels
    window: Window
    mask: Mask | None
    findings: Findings
    measured: Any = None
    mark: Mark | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Proposal:
    """What a step would put there: pixels as large as the look, and how sure it is.

    Attributes:
        fill: local steps: (rows, cols) bool, where the pixels were made of their surround; None:
            everywhere. Where something was only taken off, so that what lies below it is seen,
            it is False, and nothing is drawn over it (see ``RepairSettings.render``)
    """

    pixels: Pixels
    confidence: float = 1.0
    fill: Mask | None = None


Measure = Callable[[Picture, Any, Findings, BenchView], Any]
Propose = Callable[[Look, Any], Proposal]
Stream = Callable[[Picture, Any, Findings, BenchView], Iterator[tuple[Window, Pixels]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One treatment, as the rest of the program knows it.

    Attributes:
        name: verb with object, as typed in recipes and on the command line
        title: one sentence of what it does, for lists
        settings: its ``Settings`` class
        kind, evidence: see ``Kind`` and ``Evidence``
        looks_at: names of the findings it needs
        propose: (look, settings) -> proposal; pure
        stream: yields windows of the *output* that tile it exactly, in raster order. Geometry
            steps have nothing else; others use it where ``network`` names a network, which has
            a grid of its own
        regions: local steps only: which marks among the findings it mends
        measure: (picture, settings, findings, bench) -> anything with ``to_dict``; streams over
            the whole picture once before the tiles, and goes into the record
        halo_px: settings -> how far outside a tile it looks; local steps: how much sound
            surround a hole needs
        scale: settings -> output pixels for each input pixel along a side
        network: settings -> catalogue name of the network it uses, or None
        made_with: settings -> evidence class under these settings; None: always ``evidence``
        mark_made_with: local steps: (mark, settings) -> evidence class of this one repair
        one_piece: local steps: (mark, settings) -> the mark must be seen as a whole
        colours: it needs a picture of three channels; a grey one is given as such
        fills: local steps: False where what lies under a mark is looked at, not filled
        encoding: "stored" pixels, or "linear" light
        after: names of steps that should come before it when both are advised
        paper: where the method is published
    """

    name: str
    title: str
    settings: type[Settings]
    kind: Kind
    evidence: Evidence
    propose: Propose | None = None
    stream: Stream | None = None
    looks_at: tuple[str, ...] = ()
    regions: Callable[[Findings, Any], Sequence[Mark]] | None = None
    measure: Measure | None = None
    halo_px: Callable[[Any], int] = lambda settings: 0
    scale: Callable[[Any], int] = lambda settings: 1
    network: Callable[[Any], str | None] = lambda settings: None
    made_with: Callable[[Any], Evidence] | None = None
    mark_made_with: Callable[[Mark, Any], Evidence] | None = None
    one_piece: Callable[[Mark, Any], bool] = lambda mark, settings: False
    fills: bool = True
    colours: bool = False
    encoding: str = "stored"
    paper: str = ""

    def evidence_of(self, settings: Any) -> Evidence:
        """The evidence class of what it makes under these settings."""
        return self.evidence if self.made_with is None else self.made_with(settings)

    def evidence_for(self, mark: Mark, settings: Any) -> Evidence:
        """The evidence class of one repair."""
        if self.mark_made_with is None:
            return self.evidence_of(settings)
        return self.mark_made_with(mark, settings)


def may_be_network(word: str, choices: Sequence[str]) -> bool:
    """Whether a word beside a setting's choices is taken for the name of a network.

    One that looks like a choice mistyped is not: ``teela`` is no network, ``lama-2`` may be one.
    """
    if word in choices or re.fullmatch(NETWORK_NAME, word) is None:
        return False
    close = difflib.get_close_matches(word, choices, n=1, cutoff=0.75)
    return not close or any(choice in word for choice in choices)


def _check(kind: type, f: dataclasses.Field[Any], hint: Any, value: Any) -> None:
    name, meta = f.name, f.metadata
    allowed = _types(hint)
    if float in allowed and type(value) is int:
        pass
    elif type(value) not in allowed:
        wanted = " or ".join(t.__name__ for t in allowed if t is not type(None))
        raise SettingsError(f"`{name}` is {value!r}, expected {wanted}.")
    if value is None:
        return
    choices = meta.get("choices") or ()
    named = bool(meta.get("networks")) and may_be_network(str(value), choices)
    if choices and value not in choices and not named:
        close = difflib.get_close_matches(str(value), choices, n=1)
        hint_text = f"Did you mean `{close[0]}`? " if close else ""
        raise SettingsError(
            f"`{name}` is `{value}`, which it does not know.",
            f"{hint_text}Known: {', '.join(f'`{c}`' for c in choices)}.",
        )
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        low, high = meta.get("low"), meta.get("high")
        if not np.isfinite(value):
            raise SettingsError(f"`{name}` is {value}, expected a finite number.")
        if (low is not None and value < low) or (high is not None and value > high):
            unit = f" {meta['unit']}" if meta.get("unit") else ""
            raise SettingsError(f"`{name}` is {value}, expected {low} to {high}{unit}.")


def _types(hint: Any) -> tuple[type, ...]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return tuple(t for arg in typing.get_args(hint) for t in _types(arg))
    origin = typing.get_origin(hint)
    return (origin or hint,)
