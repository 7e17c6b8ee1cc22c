"""What every finding is, and the marks that local ones are made of.

A finder that is not sure abstains: ``confidence`` is None and ``says`` tells why. Findings are
plain data; the masks behind them are sparse regions that are cut out on demand, so that a
finding about 200 megapixels stays small.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from unfade.picture import Window


class MarkKind(StrEnum):
    """Kinds of local damage that the eyes tell apart."""

    DUST = "dust"
    HAIR = "hair"
    SCRATCH = "scratch"
    CREASE = "crease"
    TEAR = "tear"
    CORNER = "corner"  # torn off: the scanner's lid shows
    STAIN = "stain"
    TIDE_LINE = "tide-line"
    FOXING = "foxing"
    MOULD = "mould"
    CRACK = "crack"
    LOSS = "loss"
    WEAR = "wear"  # of any kind, as a network sees it
    USER = "user"  # painted by the user: their mask
    FACE = "face"  # no damage: a face that is to be restored


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A sparse mask: a window and, inside it, which pixels belong (bits packed by row)."""

    window: Window
    bits: np.ndarray

    @staticmethod
    def cut(mask: np.ndarray, window: Window) -> Region:
        """What is set in a mask over a window, cut down to the rows and columns that hold any."""
        rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        top, bottom, left, right = (int(n) for n in (rows[0], rows[-1] + 1, cols[0], cols[-1] + 1))
        place = Window(window.top + top, window.left + left,
                       window.top + bottom, window.left + right)  # fmt: skip
        return Region.of(mask[top:bottom, left:right], place)

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
        return {f.name: plain(getattr(self, f.name)) for f in dataclasses.fields(self)}


def paint(marks: Iterable[Mark], window: Window) -> np.ndarray:
    """The marks' pixels inside ``window`` as a bool mask (rows, cols)."""
    mask = np.zeros((window.rows, window.cols), bool)
    for mark in marks:
        both = mark.region.window.overlap(window)
        if both is not None:
            mask[both.within(window)] |= mark.region.mask[both.within(mark.region.window)]
    return mask


def plain(value: Any) -> Any:
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
    if isinstance(value, Window):
        return [value.top, value.left, value.rows, value.cols]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {("box" if name == "window" else name): v for name, v in fields.items()}
    if isinstance(value, (tuple, list)):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    return round(value, 6) if isinstance(value, float) else value
