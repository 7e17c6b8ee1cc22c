"""Picture: stored samples and what their numbers mean.

The array contract of the whole project, written once:

==============  ===============================================================================
samples         the file's own codes, ``(rows, cols, channels)`` uint8, uint16 or float32,
                1 channel (grey) or 3 (RGB), upright
pixels          float32 of the same shape; 0 is code 0, 1 is the *stated* full scale
mask            ``bool (rows, cols)``, True = mend here
weight          ``float32 (rows, cols)``, 0-1: a soft mask
encoding        ``srgb``, ``linear`` or ``icc`` (the profile's bytes are on the picture)
lengths         carry their unit in the name: ``_px``, ``_share``, ``_mm``, ``_s``
==============  ===============================================================================

Codes become pixels and pixels become codes in this module and in no other. A picture knows
no files and no networks. It may be far larger than what a step should hold as float32: steps
read windows.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Annotated, Literal

import numpy as np


@dataclass(frozen=True, slots=True)
class Layout:
    """Shape names and dtypes of an annotated array; the tests check them on every call."""

    dims: str
    dtypes: str


Samples = Annotated[np.ndarray, Layout("rows cols channels", "uint8 uint16 float32")]
Pixels = Annotated[np.ndarray, Layout("rows cols channels", "float32")]
Plane = Annotated[np.ndarray, Layout("rows cols", "float32")]
Mask = Annotated[np.ndarray, Layout("rows cols", "bool")]
Weight = Annotated[np.ndarray, Layout("rows cols", "float32")]
EvidenceMap = Annotated[np.ndarray, Layout("rows cols", "uint8")]

Encoding = Literal["srgb", "linear", "icc"]


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A rectangle of whole pixels: rows ``top`` to ``bottom``, columns ``left`` to ``right``."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def rows(self) -> int:
        return self.bottom - self.top

    @property
    def cols(self) -> int:
        return self.right - self.left

    @property
    def slices(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def grown(self, margin_px: int, rows: int, cols: int) -> Window:
        """This window with a margin on each side, cut at a picture of ``rows x cols``."""
        return Window(
            max(0, self.top - margin_px),
            max(0, self.left - margin_px),
            min(rows, self.bottom + margin_px),
            min(cols, self.right + margin_px),
        )

    def within(self, outer: Window) -> tuple[slice, slice]:
        """Slices that cut this window out of an array which covers ``outer``."""
        return (
            slice(self.top - outer.top, self.bottom - outer.top),
            slice(self.left - outer.left, self.right - outer.left),
        )

    def overlap(self, other: Window) -> Window | None:
        """The common part of two windows, or None."""
        both = Window(
            max(self.top, other.top),
            max(self.left, other.left),
            min(self.bottom, other.bottom),
            min(self.right, other.right),
        )
        return both if both.rows > 0 and both.cols > 0 else None

    def scaled(self, factor: int | Fraction) -> Window:
        """On a grid with ``factor`` samples for each pixel, where the edges fall on samples."""
        edges = (self.top, self.left, self.bottom, self.right)
        return Window(*(int(edge * factor) for edge in edges))


def stated_full_scale(dtype: np.dtype) -> float:
    """The code that means 1.0 when the header says nothing else: 255, 65535, or 1.0 for float."""
    if np.issubdtype(dtype, np.integer):
        return float(np.iinfo(dtype).max)
    return 1.0


def codes_to_pixels(samples: np.ndarray, full_scale: float) -> np.ndarray:
    """Stored codes of any shape as float32, 1.0 at full scale."""
    if samples.dtype == np.float32 and full_scale == 1.0:
        return samples.copy()
    return samples.astype(np.float32) / np.float32(full_scale)


def pixels_to_codes(pixels: np.ndarray, dtype: np.dtype, full_scale: float) -> np.ndarray:
    """Float pixels as stored codes: the only rounding and the only clipping of the project.

    Integer codes are rounded to nearest and clipped to the range of ``dtype``; float samples
    are scaled and keep values outside 0-1.
    """
    dtype = np.dtype(dtype)
    if dtype == np.float32:
        return (pixels * np.float32(full_scale)).astype(np.float32, copy=False)
    scaled = np.rint(pixels * np.float32(full_scale))
    return np.clip(scaled, 0, np.iinfo(dtype).max).astype(dtype)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """Stored samples, upright, and what their numbers mean.

    Attributes:
        samples: (rows, cols, channels) uint8, uint16 or float32; never written to by steps
        full_scale: the code that means 1.0, as the file states it
        encoding: how codes relate to light; ``icc`` means: as ``icc`` says
        icc: the profile's bytes, exactly as found, or None
        alpha: (rows, cols) of the same dtype, or None; never mended
        infrared: (rows, cols) of the same dtype, or None; never mended
        dpi: (horizontal, vertical) dots an inch after orientation, or None when not stated
    """

    samples: np.ndarray
    full_scale: float = field(default=0.0)
    encoding: Encoding = "srgb"
    icc: bytes | None = None
    alpha: np.ndarray | None = None
    infrared: np.ndarray | None = None
    dpi: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        samples = self.samples
        if samples.ndim != 3 or samples.shape[2] not in (1, 3):
            raise ValueError(
                f"samples have shape {samples.shape}, expected (rows, cols, 1 or 3 channels)"
            )
        if samples.dtype not in (np.uint8, np.uint16, np.float32):
            raise ValueError(f"samples are {samples.dtype}, expected uint8, uint16 or float32")
        if 0 in samples.shape:
            raise ValueError(f"samples have shape {samples.shape}: the picture has no pixels")
        for name in ("alpha", "infrared"):
            plane = getattr(self, name)
            if plane is not None and plane.shape != samples.shape[:2]:
                raise ValueError(f"{name} is {plane.shape}, the picture {samples.shape[:2]}")
        if self.full_scale <= 0:
            object.__setattr__(self, "full_scale", stated_full_scale(samples.dtype))

    @property
    def rows(self) -> int:
        return int(self.samples.shape[0])

    @property
    def cols(self) -> int:
        return int(self.samples.shape[1])

    @property
    def channels(self) -> int:
        return int(self.samples.shape[2])

    @property
    def window(self) -> Window:
        return Window(0, 0, self.rows, self.cols)

    @property
    def code_step(self) -> float:
        """The smallest difference that the file can store, in pixel units (0 for float)."""
        return 0.0 if self.samples.dtype == np.float32 else 1.0 / self.full_scale

    @property
    def pixels(self) -> np.ndarray:
        """The whole picture as float32. For large pictures use ``read``."""
        return codes_to_pixels(self.samples, self.full_scale)

    def read(self, window: Window) -> np.ndarray:
        """One window as float32 ``(rows, cols, channels)``, a fresh array."""
        rows, cols = window.slices
        return codes_to_pixels(self.samples[rows, cols], self.full_scale)

    def with_samples(self, samples: np.ndarray) -> Picture:
        """The same picture with other samples of the same kind."""
        return replace(self, samples=samples)

    @staticmethod
    def of(pixels: np.ndarray, like: Picture | None = None) -> Picture:
        """A picture from float32 pixels, stored as ``like`` is, or as float when None."""
        pixels = pixels[:, :, None] if pixels.ndim == 2 else pixels
        if like is None:
            return Picture(np.ascontiguousarray(pixels, dtype=np.float32))
        codes = pixels_to_codes(pixels, like.samples.dtype, like.full_scale)
        return replace(like, samples=codes)
