"""Stored samples of one block <-> codes under the array contract, and back without loss.

Where a page stores something else than the picture shows (0 as white, few bits, a palette,
inks), codes that did not change keep the very samples of the original.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.errors import WouldLose
from unfade.files.formats.tiff.container import Container
from unfade.files.formats.tiff.kinds import (
    CMYK,
    JPEG,
    MIN_IS_WHITE,
    PALETTE,
    RGB,
    YCBCR,
)
from unfade.files.formats.tiff.page import (
    Page,
)
from unfade.files.formats.tiff.segments import WRITABLE, sample_type
from unfade.pixels.ink import inks_to_rgb, rgb_to_inks

_WIDENED = {1: 255, 2: 85, 4: 17}  # a code of few bits times this is the same light in 8 bits


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rendering:
    """How the stored samples of a page become a picture's codes.

    Attributes:
        dtype: of the codes
        channels: 1 or 3
        full_scale: the code that means 1.0
        widen: factor of stored samples, 1 unless few bits are widened to 8
        palette: (entries, 3) codes, or None
        alpha: index of the stored plane that is alpha, or None
        infrared: index of the stored plane that is read as infrared, or None
        in_place: whether changed codes can be stored as this page stores its samples
    """

    dtype: np.dtype
    channels: int
    full_scale: float
    widen: int = 1
    palette: np.ndarray | None = None
    alpha: int | None = None
    infrared: int | None = None
    in_place: bool = True


def rendering(box: Container, page: Page) -> tuple[Rendering, tuple[str, ...]]:
    """The rendering of a page, and sentences about what a reader should know."""
    notes: list[str] = []
    stored = sample_type(page)
    dtype = np.dtype(np.float32) if page.is_float else stored
    if page.is_float and page.bits != 32:
        notes.append(
            f"{page.bits}-bit float samples are treated as 32-bit and stored as {page.bits}-bit."
        )
    channels = 3 if page.photometric in (RGB, PALETTE, CMYK, YCBCR) else 1
    full_scale = 1.0 if page.is_float else float(2**page.bits - 1)
    widen, palette = 1, None
    if page.photometric == PALETTE:
        palette = _palette(box, page)
        dtype, full_scale = palette.dtype, float(np.iinfo(palette.dtype).max)
        notes.append("The palette is read as RGB; if the picture changes it is stored as RGB.")
    elif page.bits in _WIDENED and not page.is_float:
        widen, full_scale = _WIDENED[page.bits], 255.0
        notes.append(
            f"{page.bits}-bit samples are read as 8-bit; if the picture changes it is stored so."
        )
    elif page.photometric != CMYK:
        stated, note = stated_maximum(box, page, full_scale)
        full_scale = stated
        notes += [note] if note else []
    if page.compression == JPEG:
        notes.append(
            "JPEG compression inside TIFF: if samples change they are stored with deflate, "
            "which loses nothing."
        )
    in_place = widen == 1 and palette is None and page.compression in WRITABLE
    alpha, infrared = _extra_planes(page, notes)
    shown = Rendering(
        dtype=dtype,
        channels=channels,
        full_scale=full_scale,
        widen=widen,
        palette=palette,
        alpha=alpha,
        infrared=infrared,
        in_place=in_place,
    )
    return shown, tuple(notes)


def stated_maximum(box: Container, page: Page, default: float) -> tuple[float, str]:
    """The full scale that the page states, and a sentence if a statement is not followed.

    SMaxSampleValue (341) states the range of the samples. MaxSampleValue (281) is statistics by
    the specification; cameras and scanners use it to say that 12 bits lie in 16, so it is taken
    as the scale only where it is 2^n - 1.
    """
    for code, name in ((341, "SMaxSampleValue"), (281, "MaxSampleValue")):
        entry = page.ifd.entries.get(code)
        if entry is None or entry.count == 0 or entry.kind in (2, 5, 7, 10):
            continue
        values = {float(value) for value in box.values(entry)[: page.colour_samples]}
        if len(values) != 1:
            return default, f"{name} differs between channels and is not used as the scale."
        top = values.pop()
        if top == default or (code == 341 and top > 0 and (page.is_float or top < default)):
            return top, ""
        power = top > 0 and top == int(top) and (int(top) & (int(top) + 1)) == 0
        if power and not page.is_float and top < default:
            return top, ""
        return default, f"{name} {top:g} is taken as statistics, not as the scale."
    return default, ""


def to_codes(stored: np.ndarray, page: Page, shown: Rendering) -> np.ndarray:
    """The codes (rows, cols, channels) that stored samples (rows, cols, samples) stand for."""
    colour = stored[..., : page.colour_samples]
    if shown.palette is not None:
        indices = np.minimum(colour[..., 0], len(shown.palette) - 1)
        return np.asarray(shown.palette[indices])
    if page.photometric == CMYK:
        return inks_to_rgb(colour, full=255)
    return plane_codes(colour, page, shown, invert=page.photometric == MIN_IS_WHITE)


def plane_codes(plane: np.ndarray, page: Page, shown: Rendering, invert: bool) -> np.ndarray:
    """Codes of samples that need no look at their neighbours: grey, RGB, alpha, infrared."""
    if page.is_float:
        with np.errstate(over="ignore", invalid="ignore"):  # NaN and Inf are looked for later
            return plane.astype(np.float32, copy=False)
    if invert:
        top = 2**page.bits - 1 if shown.widen > 1 else int(shown.full_scale)
        plane = plane.dtype.type(top) - plane
    return plane if shown.widen == 1 else plane * np.uint8(shown.widen)


def to_stored(codes: np.ndarray, original: np.ndarray, page: Page, shown: Rendering) -> np.ndarray:
    """Stored colour samples for codes; where a code did not change, the original's sample.

    Args:
        codes: (rows, cols, channels) as they shall be
        original: (rows, cols, colour samples) as stored now; returned itself if nothing changed
    """
    changed = differs(codes, to_codes(original, page, shown))
    if not changed.any():
        return original
    if page.photometric == CMYK:
        return rgb_to_inks(codes, original, full=255)
    invert = page.photometric == MIN_IS_WHITE
    return np.where(changed, plane_stored(codes, page, shown, invert), original)


def plane_stored(codes: np.ndarray, page: Page, shown: Rendering, invert: bool) -> np.ndarray:
    """The inverse of ``plane_codes`` for pages whose samples can be stored in place.

    Raises:
        WouldLose: a changed sample is too large for 16-bit float
    """
    if page.is_float:
        with np.errstate(over="ignore"):
            stored = codes.astype(sample_type(page), copy=False)
        if page.bits == 16 and not np.isfinite(stored).all():
            raise WouldLose(
                "A mended sample is larger than 65504, the most that 16-bit float can hold.",
                "Convert the original to 32-bit float first.",
            )
        return stored
    top = codes.dtype.type(shown.full_scale)
    codes = np.minimum(codes, top)  # a code above the stated scale has no meaning in this file
    return np.asarray(top - codes if invert else codes)


def differs(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Where two arrays have other bits: for floats -0.0 is not 0.0."""
    if one.dtype.kind == "f":
        whole = np.dtype(f"u{one.dtype.itemsize}")
        one, other = np.ascontiguousarray(one), np.ascontiguousarray(other)
        return np.asarray(one.view(whole) != other.view(whole))
    return np.asarray(one != other)


def _palette(box: Container, page: Page) -> np.ndarray:
    """(entries, 3) codes: 8-bit where every entry is one, else 16-bit as the file has them."""
    entry = page.ifd.entries.get(320)
    wanted = 3 * 2**page.bits
    if entry is None or entry.kind != 3 or entry.count < wanted:
        raise box.damaged(
            f"its palette should have {wanted} values and has {entry.count if entry else 0}"
        )
    table = box.values(entry)[:wanted].reshape(3, -1).T
    if (table == (table >> 8) * 257).all() or (table & 255 == 0).all():
        return (table >> 8).astype(np.uint8)
    return table.astype(np.uint16)


def _extra_planes(page: Page, notes: list[str]) -> tuple[int | None, int | None]:
    """Which stored planes are alpha and infrared: the first of each kind."""
    first = page.colour_samples
    if page.photometric == PALETTE:
        if page.extra:
            notes.append("Extra planes beside a palette are not read.")
        return None, None
    alpha = next((first + n for n, kind in enumerate(page.extra) if kind in (1, 2)), None)
    loose = [first + n for n, kind in enumerate(page.extra) if kind not in (1, 2)]
    if alpha is not None and page.extra[alpha - first] == 1:
        notes.append("Alpha is associated: the colours are multiplied by it and left so.")
    infrared = None
    if len(loose) == 1 and page.photometric != CMYK:
        infrared = loose[0]
        notes.append(
            f"Plane {infrared + 1} of {page.samples} has no stated meaning; it is read as infrared."
        )
    elif loose:
        notes.append(f"{len(loose)} planes without a stated meaning are kept as they are.")
    return alpha, infrared
