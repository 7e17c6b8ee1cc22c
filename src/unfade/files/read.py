"""The door in: a file becomes a picture, or an error that says why not.

Formats are told by content, never by name. Size is checked before a pixel is decoded. Whatever
a decoder makes of hostile bytes, only errors of this project leave here.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from os import PathLike
from pathlib import Path

import numpy as np

from unfade.errors import (
    OutOfResources,
    UnfadeError,
    UnreadableInput,
    UnsupportedInput,
    UsageError,
)
from unfade.files.formats import FORMATS, format_named, format_of
from unfade.files.formats.contract import Format, Header, Opened
from unfade.files.limits import DEFAULT_LIMITS, Limits
from unfade.files.places import local
from unfade.picture import Mask
from unfade.pixels.orient import swaps_sides, upright


def open_picture(
    path: str | PathLike[str], *, limits: Limits = DEFAULT_LIMITS, page: int | None = None
) -> Opened:
    """Read a picture with everything that writing it back faithfully needs.

    Args:
        path: a local file; it is only read
        limits: bounds on size and metadata
        page: which of several pages or frames, 0-based; None: the first. An animated GIF needs
            one to be named
    Returns:
        the upright picture, what the file states, its metadata, and notes on what was found
    Raises:
        UnreadableInput: missing, empty, truncated or damaged
        UnsupportedInput: a format or a kind of pixel that is not handled
        LimitExceeded: larger than ``limits`` allow
        UsageError: a page that is not there, or several frames and none named
        OutOfResources: not enough memory
    Cost:
        about 0.2 s for a JPEG of 12 megapixels
    """
    place = Path(path)
    with _door(place):
        known = _recognised(place)
        header = known.header(place)
        limits.check(str(place), header.rows, header.cols, header.pages)
        _check_page(place, header, page)
        opened = known.read(place, header, limits, page or 0)
        note = _misnamed(place, format_named(opened.header.format))
        return dataclasses.replace(opened, notes=(note, *opened.notes)) if note else opened


def read_header(path: str | PathLike[str]) -> Header:
    """What a file states about itself, without decoding a pixel.

    Raises:
        UnreadableInput, UnsupportedInput, OutOfResources: as ``open_picture``
    """
    place = Path(path)
    with _door(place):
        return _recognised(place).header(place)


def load_mask(
    path: str | PathLike[str], header: Header, *, limits: Limits = DEFAULT_LIMITS
) -> Mask:
    """A user's mask out of any readable picture: light, opaque pixels are to be mended.

    Args:
        path: a picture of the same size as the one to be treated, upright or as it is stored
        header: of the picture to be treated
    Returns:
        (rows, cols) bool, upright; True where a channel reaches half of full scale
    Raises:
        UsageError: another size; both sizes are named
        UnreadableInput, UnsupportedInput, LimitExceeded: as ``open_picture``
    """
    shown = open_picture(path, limits=limits).picture
    mask = np.asarray((shown.samples >= shown.full_scale / 2).any(axis=2))
    if shown.alpha is not None:
        mask &= shown.alpha >= shown.full_scale / 2
    stored = (header.rows, header.cols)
    wanted = stored[::-1] if swaps_sides(header.orientation) else stored
    if mask.shape == wanted:
        return mask
    if mask.shape == stored:
        return np.ascontiguousarray(upright(mask, header.orientation))
    raise UsageError(
        f"The mask `{path}` is {mask.shape[1]} x {mask.shape[0]} pixels, the picture "
        f"{wanted[1]} x {wanted[0]}.",
        "Make the mask on a copy of the picture itself, without scaling or cropping.",
    )


def _recognised(path: Path) -> Format:
    known = format_of(local.read_head(path))
    if known is None:
        names = ", ".join(each.name.upper() for each in FORMATS)
        raise UnsupportedInput(
            f"`{path}` is not of a picture format that is known here.",
            f"Known: {names}. Convert it to one of them first.",
        )
    return known


def _check_page(path: Path, header: Header, page: int | None) -> None:
    if page is not None and not 0 <= page < header.pages:
        raise UsageError(
            f"`{path}` has {header.pages} pages, page {page + 1} was asked for.",
            f"Use `--page 1` to `--page {header.pages}`.",
        )
    if page is None and header.pages > 1 and header.format == "gif":
        raise UsageError(
            f"`{path}` is an animated GIF of {header.pages} frames, one picture is expected.",
            f"Name a frame: `--page 1` to `--page {header.pages}`.",
        )


def _misnamed(path: Path, known: Format) -> str | None:
    if path.suffix.lower() in known.extensions or not path.suffix:
        return None
    others = (each for each in FORMATS if path.suffix.lower() in each.extensions)
    called = next(others, None)
    if called is None:
        return None
    return f"The file is called `{path.suffix}` but is a {known.name.upper()}; it is read as one."


@contextlib.contextmanager
def _door(path: Path) -> Iterator[None]:
    """Let only errors of this project out, each naming the file."""
    try:
        yield
    except UnfadeError:
        raise
    except MemoryError as error:
        raise OutOfResources(
            f"`{path}` needs more memory than there is.",
            "Close other programs, or use a machine with more memory.",
        ) from error
    except Exception as error:  # decoders raise whatever they like; this is the door
        raise UnreadableInput(
            f"`{path}` cannot be decoded: {local.reason(error)}.",
            "It is truncated or damaged; copy it again from its source.",
        ) from error
