"""What can be known about a picture: typed findings, each with how sure it is.

A finder that is not sure abstains: ``confidence`` is None and ``says`` tells why. Findings are
plain data; the masks behind them are sparse regions that are cut out on demand, so that a
finding about 200 megapixels stays small.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

from unfade.picture import Window


class MarkKind(StrEnum):
    """Kinds of local damage that the eyes tell apart."""

    DUST = "dust"
    HAIR = "hair"
    SCRATCH = "scratch"
    USER = "user"  # painted by the user: their mask
    FACE = "face"  # no damage: a face that is to be restored


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A sparse mask: a window and, inside it, which pixels belong (bits packed by row)."""

    window: Window
    bits: np.ndarray

    @staticmethod
    def of(mask: np.ndarray, window: Window) -> Region:
        """From a bool array that covers ``window``."""
        if mask.shape != (window.rows, window.cols):
            raise ValueError(f"mask is {mask.shape}, its window {window.rows}x{window.cols}")
        return Region(window, np.packbits(mask, axis=1))

    @property
    def mask(self) -> np.ndarray:
        """(window.rows, window.cols) bool."""
        return np.unpackbits(self.bits, axis=1, count=self.window.cols).astype(bool)

    @property
    def area_px(self) -> int:
        return int(np.count_nonzero(np.unpackbits(self.bits, axis=1, count=self.window.cols)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mark:
    """One item of local damage: where, what, how sure.

    Attributes:
        kind: dust, hair, scratch, or the user's own
        region: the pixels that belong to it
        light: True where the mark is lighter than what it covers, False darker
        width_px: mean thickness across; ``length_px``: extent along
        confidence: 0-1, calibrated: of 100 marks at 0.9 about 90 are damage
        origin: the key of the mark that this one was grown from, so that its name stays
    """

    kind: MarkKind
    region: Region
    light: bool = True
    width_px: float = 0.0
    length_px: float = 0.0
    confidence: float = 1.0
    origin: str = ""

    @property
    def key(self) -> str:
        """Stable name in this picture: kind and the mark's first pixel, row by row."""
        if self.origin:
            return self.origin
        mask = self.region.mask
        first = int(np.flatnonzero(mask)[0])
        row, col = divmod(first, mask.shape[1])
        return f"{self.kind}@{self.region.window.top + row}:{self.region.window.left + col}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one finder saw. ``confidence`` None means: it abstained, and ``says`` tells why."""

    says: str
    confidence: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; marks are listed without their masks."""
        return {f.name: _plain(getattr(self, f.name)) for f in dataclasses.fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tone(Finding):
    """Grey, toned (sepia, cyanotype, selenium) or colour."""

    kind: str = "unknown"  # "grey", "toned", "colour", "unknown"
    hue_degrees: float | None = None  # of the tone
    chroma: float = 0.0  # median CIELAB chroma
    chroma_spread: float = 0.0  # how far chroma strays from one tone curve, CIELAB units


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise(Finding):
    """Noise or grain: its strength in pixel units (0-1) and its size."""

    sigma: float | None = None  # standard deviation at mid grey, of the luminance
    sigma_channels: tuple[float, ...] = ()
    correlation_px: float | None = None  # 1/e width of the autocorrelation: below 0.7 is white
    grain: bool | None = None  # correlated and signal-dependent as film is


@dataclass(frozen=True, slots=True, kw_only=True)
class Fade(Finding):
    """Loss of dye or silver: the density range that is left."""

    faded: bool | None = None
    density_low: tuple[float, ...] = ()  # per channel, 0.5 % point of optical density
    density_high: tuple[float, ...] = ()  # per channel, 99.5 % point
    contrast_share: float | None = None  # used range over full range, 0-1


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast(Finding):
    """A colour that lies over everything, in CIELAB a*, b* of what should be neutral."""

    a: float | None = None
    b: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Marks(Finding):
    """Dust, hairs and scratches, each an item."""

    items: tuple[Mark, ...] = ()
    area_share: float = 0.0
    size_mm: tuple[float, ...] = ()  # longest extent of each item when dpi is known

    def of_kind(self, *kinds: MarkKind) -> tuple[Mark, ...]:
        return tuple(mark for mark in self.items if mark.kind in kinds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharpness(Finding):
    """How much detail there is: variance of the Laplacian and the blur of its sharpest edges."""

    laplacian_variance: float | None = None  # pixel units squared x 1e4
    edge_width_px: float | None = None  # 10-90 % rise of the sharpest edges
    blurred: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clipping(Finding):
    """Share of pixels at the ends of the scale, per channel, and how much of it is used."""

    black_share: tuple[float, ...] = ()
    white_share: tuple[float, ...] = ()
    used_scale_share: float | None = None  # highest code over full scale: 12 bits in 16 show 0.06


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """One face: box in pixels, eye distance where known, how sure.

    Attributes:
        landmarks: x, y in pixels of the eye at the left, the eye at the right and, where they were
            found, the nose and the corners of the mouth, left and right
    """

    window: Window
    confidence: float
    eye_distance_px: float | None = None
    landmarks: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Faces(Finding):
    """Faces, left to right; ``detector`` names which eyes were used."""

    faces: tuple[Face, ...] = ()
    detector: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """All that was found; None means that nobody looked."""

    tone: Tone | None = None
    noise: Noise | None = None
    fade: Fade | None = None
    cast: Cast | None = None
    marks: Marks | None = None
    sharpness: Sharpness | None = None
    clipping: Clipping | None = None
    faces: Faces | None = None
    notes: tuple[str, ...] = field(default=())  # what reading the file already told

    def each(self) -> Iterator[tuple[str, Finding]]:
        """Name and finding, for those that were looked for."""
        for f in dataclasses.fields(self):
            value = getattr(self, f.name)
            if isinstance(value, Finding):
                yield f.name, value

    def to_dict(self) -> dict[str, Any]:
        return {name: finding.to_dict() for name, finding in self.each()} | {
            "notes": list(self.notes)
        }


def paint(marks: Iterable[Mark], window: Window) -> np.ndarray:
    """The marks' pixels inside ``window`` as a bool mask (rows, cols)."""
    mask = np.zeros((window.rows, window.cols), bool)
    for mark in marks:
        both = mark.region.window.overlap(window)
        if both is not None:
            mask[both.within(window)] |= mark.region.mask[both.within(mark.region.window)]
    return mask


def _plain(value: Any) -> Any:
    """A finding's value as JSON knows it."""
    if isinstance(value, Mark):
        w = value.region.window
        return {
            "key": value.key,
            "kind": str(value.kind),
            "box": [w.top, w.left, w.rows, w.cols],
            "area_px": value.region.area_px,
            "light": value.light,
            "width_px": round(value.width_px, 2),
            "length_px": round(value.length_px, 1),
            "confidence": round(value.confidence, 3),
        }
    if isinstance(value, Face):
        w = value.window
        return {
            "box": [w.top, w.left, w.rows, w.cols],
            "confidence": round(value.confidence, 3),
            "eye_distance_px": value.eye_distance_px,
            "landmarks": [list(point) for point in value.landmarks],
        }
    if isinstance(value, (tuple, list)):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    return round(value, 6) if isinstance(value, float) else value
