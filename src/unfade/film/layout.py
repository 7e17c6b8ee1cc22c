"""How a frame's pixels are stored: planes in the film's own format, never converted on the way.

A *layout* is what the lossless master stores and what planes mean. Most decoded formats are
laid out like that already, and their planes are looked at where they lie. The others (packed,
semi-planar, other byte order) are taken apart sample by sample, which loses nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any, Literal

import numpy as np

from unfade.errors import UnsupportedInput

Planes = tuple[np.ndarray, ...]
_SUBSAMPLING = {"444": (0, 0), "422": (1, 0), "420": (1, 1), "440": (0, 1), "411": (2, 0),
                "410": (2, 2)}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Layout:
    """One stored pixel format.

    Attributes:
        name: FFmpeg's name of the format that the master stores
        family: what the planes are: Y U V, R G B, or one grey plane
        bits: of each sample; more than 8 are stored in uint16
        across, down: log2 of how much coarser the colour planes are
        alpha: whether a last plane holds it; it is never mended
    """

    name: str
    family: Literal["yuv", "rgb", "grey"]
    bits: int
    across: int = 0
    down: int = 0
    alpha: bool = False

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.uint8 if self.bits == 8 else np.uint16)

    @property
    def top(self) -> int:
        """The largest code."""
        return (1 << self.bits) - 1

    @property
    def count(self) -> int:
        return (1 if self.family == "grey" else 3) + self.alpha

    @property
    def mended(self) -> int:
        """How many planes may be mended: all but alpha."""
        return self.count - self.alpha

    def coarse(self, plane: int) -> tuple[int, int]:
        """log2 (across, down) of this plane's coarseness."""
        return (self.across, self.down) if self.family == "yuv" and plane in (1, 2) else (0, 0)

    def shape(self, plane: int, rows: int, cols: int) -> tuple[int, int]:
        """Rows and columns of a plane of a frame of ``rows x cols``."""
        across, down = self.coarse(plane)
        return -(-rows >> down), -(-cols >> across)

    @property
    def turned(self) -> Layout:
        """The layout of the frame turned by a quarter.

        Raises:
            UnsupportedInput: nothing stores it
        """
        if self.across == self.down:
            return self
        swapped = {(1, 0): "440", (0, 1): "422"}.get((self.across, self.down))
        if swapped is None:
            raise UnsupportedInput(
                f"A film in `{self.name}` that is to be turned by a quarter cannot be stored.",
                "Take the rotation off its container first.",
            )
        return layout_named(re.sub("422|440", swapped, self.name))


@cache
def layout_named(name: str) -> Layout:
    """The layout of a stored format of this name.

    Raises:
        UnsupportedInput: it is none
    """
    found = _stored(name)
    if found is None:
        raise UnsupportedInput(
            f"Frames are stored as `{name}`, which is not handled.",
            "Convert the film losslessly to a planar format such as yuv422p10le first.",
        )
    return found


@cache
def layout_of(decoded: str) -> Layout:
    """The layout that a decoded format is brought to, without loss.

    Raises:
        UnsupportedInput: there is none (float, Bayer, hardware frames ...)
    """
    return layout_named(_decoded_as(decoded))


def _stored(name: str) -> Layout | None:
    if name in ("bgr0", "bgra"):
        return Layout(name, "rgb", 8, alpha=name == "bgra")
    match = re.fullmatch(r"gbr(a?)p(9|10|12|14|16)le", name)
    if match:
        return Layout(name, "rgb", int(match[2]), alpha=bool(match[1]))
    match = re.fullmatch(r"gray(?:(9|10|12|14|16)le)?", name)
    if match:
        return Layout(name, "grey", int(match[1] or 8))
    match = re.fullmatch(r"yuv(a?)(444|422|420|440|411|410)p(?:(9|10|12|14|16)le)?", name)
    if match:
        across, down = _SUBSAMPLING[match[2]]
        return Layout(name, "yuv", int(match[3] or 8), across, down, bool(match[1]))
    return None


_LIKE = {
    "yuvj420p": "yuv420p", "yuvj422p": "yuv422p", "yuvj444p": "yuv444p", "yuvj440p": "yuv440p",
    "yuvj411p": "yuv411p", "nv12": "yuv420p", "nv21": "yuv420p", "nv16": "yuv422p",
    "nv24": "yuv444p", "p010le": "yuv420p10le", "p210le": "yuv422p10le", "p012le": "yuv420p12le",
    "p016le": "yuv420p16le", "p216le": "yuv422p16le", "yuyv422": "yuv422p", "uyvy422": "yuv422p",
    "yvyu422": "yuv422p", "rgb24": "bgr0", "bgr24": "bgr0", "0rgb": "bgr0", "rgb0": "bgr0",
    "0bgr": "bgr0", "gbrp": "bgr0", "pal8": "bgr0", "rgb8": "bgr0", "bgr8": "bgr0",
    "rgb565le": "bgr0", "rgb555le": "bgr0", "argb": "bgra", "rgba": "bgra", "abgr": "bgra",
    "gbrap": "bgra", "rgb48le": "gbrp16le", "rgb48be": "gbrp16le", "bgr48le": "gbrp16le",
    "rgba64le": "gbrap16le", "rgba64be": "gbrap16le", "monow": "gray", "monob": "gray",
}  # fmt: skip
# position of R, G, B(, A) in a packed pixel
_PACKED = {
    "rgb24": (3, (0, 1, 2)), "bgr24": (3, (2, 1, 0)), "0rgb": (4, (1, 2, 3)),
    "rgb0": (4, (0, 1, 2)), "0bgr": (4, (3, 2, 1)), "bgr0": (4, (2, 1, 0)),
    "argb": (4, (1, 2, 3, 0)), "rgba": (4, (0, 1, 2, 3)), "abgr": (4, (3, 2, 1, 0)),
    "bgra": (4, (2, 1, 0, 3)), "rgb48": (3, (0, 1, 2)), "bgr48": (3, (2, 1, 0)),
    "rgba64": (4, (0, 1, 2, 3)),
}  # fmt: skip
_BY_SCALER = ("pal8", "monow", "monob", "rgb8", "bgr8", "rgb565le", "rgb555le")


def _decoded_as(name: str) -> str:
    if name in _LIKE:
        return _LIKE[name]
    little = name[:-2] + "le" if name.endswith("be") else name
    return _LIKE.get(little, little)


def unpack(frame: Any, layout: Layout) -> Planes:
    """The planes of a decoded frame, as views where they lie like that already.

    Args:
        frame: an ``av.VideoFrame``; views keep it alive
    Returns:
        (rows, cols) uint8 or uint16 arrays, in the order of the layout's family
    """
    name = frame.format.name
    rows, cols = frame.height, frame.width
    if name in _BY_SCALER:  # palettes and one-bit frames: each code has one colour
        frame = frame.reformat(format=layout.name)
        name = layout.name
    packed = name[:-2] if name.endswith(("le", "be")) else name
    if packed in _PACKED:
        step, places = _PACKED[packed]
        whole = _plane(frame, 0, rows, cols * step, _dtype(name, layout))
        pixels = whole.reshape(rows, cols, step)
        return tuple(_native(pixels[:, :, k]) for k in places)
    if name in ("yuyv422", "uyvy422", "yvyu422"):
        return _from_packed_422(frame, name, rows, cols)
    if name.startswith(("nv", "p0", "p2")):
        return _from_semi_planar(frame, name, layout, rows, cols)
    order = range(layout.count)
    if layout.family == "rgb":
        order = (2, 0, 1, 3)[: layout.count]  # type: ignore[assignment]  # G, B, R(, A) in FFmpeg
    dtype = _dtype(name, layout)
    return tuple(_native(_plane(frame, k, *layout.shape(n, rows, cols), dtype))
                 for n, k in enumerate(order))  # fmt: skip


def pack(planes: Planes, layout: Layout) -> Any:
    """An ``av.VideoFrame`` of the layout's format that holds these planes."""
    import av

    rows, cols = planes[0].shape
    frame = av.VideoFrame(cols, rows, layout.name)
    if layout.name in _PACKED:
        step, places = _PACKED[layout.name]
        pixels = _plane(frame, 0, rows, cols * step, np.dtype(np.uint8)).reshape(rows, cols, step)
        if not layout.alpha:
            pixels[:, :, 3] = 255
        for plane, k in zip(planes, places, strict=True):
            pixels[:, :, k] = plane
        return frame
    order = (2, 0, 1, 3)[: layout.count] if layout.family == "rgb" else range(layout.count)
    for plane, k in zip(planes, order, strict=True):
        rows, cols = plane.shape
        _plane(frame, k, rows, cols, layout.dtype)[:] = plane
    return frame


def _dtype(name: str, layout: Layout) -> np.dtype:
    if layout.bits == 8:
        return np.dtype(np.uint8)
    return np.dtype(">u2" if name.endswith("be") else "<u2")


def _plane(frame: Any, k: int, rows: int, cols: int, dtype: np.dtype) -> np.ndarray:
    """One plane of an FFmpeg frame, without its padding, as a view."""
    plane = frame.planes[k]
    stride = plane.line_size // dtype.itemsize
    return np.frombuffer(plane, dtype)[: stride * plane.height].reshape(plane.height, stride)[
        :rows, :cols
    ]


def _native(plane: np.ndarray) -> np.ndarray:
    return plane if plane.dtype.isnative else plane.astype(plane.dtype.newbyteorder("="))


def _from_packed_422(frame: Any, name: str, rows: int, cols: int) -> Planes:
    even = -(-cols // 2) * 2
    whole = _plane(frame, 0, rows, even * 2, np.dtype(np.uint8))
    y, u, v = {"yuyv422": (0, 1, 3), "uyvy422": (1, 0, 2), "yvyu422": (0, 3, 1)}[name]
    return whole[:, y::2][:, :cols], whole[:, u::4], whole[:, v::4]


def _from_semi_planar(frame: Any, name: str, layout: Layout, rows: int, cols: int) -> Planes:
    dtype = _dtype(name, layout)
    small_rows, small_cols = layout.shape(1, rows, cols)
    luma = _plane(frame, 0, rows, cols, dtype)
    both = _plane(frame, 1, small_rows, small_cols * 2, dtype)
    u, v = both[:, 0::2], both[:, 1::2]
    if name.startswith("nv21"):
        u, v = v, u
    shift = 16 - layout.bits if name.startswith("p") and layout.bits < 16 else 0
    return (luma >> shift, u >> shift, v >> shift) if shift else (luma, u, v)


@dataclass(slots=True, eq=False)
class Frame:
    """One picture of a film.

    Attributes:
        index: its place in the film, from 0
        pts: its time, in units of the film's time base
        planes: as ``Layout`` says; never written to
        decoded: FFmpeg's frame when it holds these very planes in the layout's format
        trouble: what was wrong with it when it was read: "", "concealed", "missing"
    """

    index: int
    pts: int
    planes: Planes
    decoded: Any = None
    trouble: str = ""

    @property
    def rows(self) -> int:
        return int(self.planes[0].shape[0])

    @property
    def cols(self) -> int:
        return int(self.planes[0].shape[1])

    def with_planes(self, planes: Planes) -> Frame:
        return Frame(self.index, self.pts, planes, None, self.trouble)


@dataclass(frozen=True, slots=True)
class Colour:
    """Colour tags, as FFmpeg numbers them (ITU-T H.273), and the range; carried unchanged."""

    matrix: int = 2
    primaries: int = 2
    transfer: int = 2
    full_range: bool | None = None
    sample_aspect: Fraction = Fraction(1)


def turn(planes: Planes, quarter_turns: int) -> Planes:
    """Planes turned counter-clockwise, as views."""
    return tuple(np.rot90(plane, quarter_turns) for plane in planes) if quarter_turns else planes
