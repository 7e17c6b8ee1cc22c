"""The door out: a result appears whole under its name, or not at all.

Originals are never written to: a result may take the place of its original only after a copy
of that has been laid beside it (``back_up``), which is then the original.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from os import PathLike
from pathlib import Path

import numpy as np

from unfade.errors import OutOfResources
from unfade.files.formats import format_for, format_named
from unfade.files.formats.contract import Blocks, Format, Header, Opened, WriteOptions
from unfade.files.formats.png_encode import encode_evidence
from unfade.files.places import local
from unfade.picture import EvidenceMap, Mask, Picture

_AS_BEFORE = WriteOptions()


def save_picture(
    target: str | PathLike[str],
    picture: Picture,
    opened: Opened,
    *,
    evidence: EvidenceMap | None = None,
    options: WriteOptions = _AS_BEFORE,
    overwrite: bool = False,
) -> EvidenceMap | None:
    """Write a treated picture with all that its original carried.

    Args:
        target: its extension chooses the format; without one it is the original's
        picture: upright
        opened: the original that it came from
        evidence: (rows, cols) uint8, what stands behind each pixel; None: not known
        options: quality, and the XMP packet to write instead of the original's
        overwrite: whether an existing target may be replaced; never the original
    Returns:
        the map that holds for the file as written: where a lossy format has moved an untouched
        pixel, that is *estimated*; None when ``evidence`` is None
    Raises:
        WouldLose: the format cannot hold something that the picture or its original has
        OutputError: an existing target, a missing folder, a full disk; nothing is left behind
        UsageError: an unknown extension
        OutOfResources: not enough memory
    """
    place = Path(target)
    form = format_for(place, _own_format(opened))
    with local.fresh_file(place, overwrite=overwrite, source=opened.path) as temporary:
        return _written(form, temporary, place, picture, opened, evidence, options)


def copy_original(
    path: str | PathLike[str], target: str | PathLike[str], *, overwrite: bool = False
) -> None:
    """Write the very same bytes under another name: the result of having nothing to mend.

    Raises:
        UnreadableInput: the original is gone
        OutputError: as ``save_picture``
    """
    local.copy_file(Path(path), Path(target), overwrite=overwrite)


def back_up(path: str | PathLike[str]) -> Path:
    """Copy a file beside itself: ``NAME.bak``, then ``NAME.2.bak``; older copies stay.

    Raises:
        UnreadableInput: the file is gone
        OutputError: as ``save_picture``
    """
    return local.back_up(Path(path))


def same_format(opened: Opened, target: str | PathLike[str]) -> bool:
    """Whether ``target``'s extension asks for the format that the original has."""
    own = _own_format(opened)
    return own is not None and format_for(Path(target), own) is own


def usual_extension(opened: Opened) -> str:
    """The extension, with its dot, that files of the original's format usually have."""
    return format_named(opened.header.format).extensions[0]


def save_mask(target: str | PathLike[str], mask: Mask, *, overwrite: bool = False) -> None:
    """Write a mask as a grey PNG, white where it holds.

    Args:
        mask: (rows, cols) bool, upright
    Raises:
        OutputError: as ``save_picture``
    """
    picture = Picture(mask.astype(np.uint8)[:, :, None] * np.uint8(255))
    header = Header(format="png", rows=picture.rows, cols=picture.cols, channels=1, bits=8)
    opened = Opened(picture=picture, header=header, blocks=Blocks(), path=Path())
    save_picture(target, picture, opened, overwrite=overwrite)


def save_evidence(
    target: str | PathLike[str],
    evidence: EvidenceMap,
    orientation: int,
    *,
    overwrite: bool = False,
) -> None:
    """Write an evidence map as a PNG whose pixel values are the classes 0 to 5.

    The map is stored as its original is, with the same orientation: input, output and map lie on
    each other, for programs that turn pictures and for those that do not. Its palette shows the
    classes as black, blue, green, teal, magenta and orange.

    Args:
        evidence: (rows, cols) uint8, upright
        orientation: of the original, EXIF 1-8
    Raises:
        OutputError: as ``save_picture``
    """
    coded = encode_evidence(evidence, orientation)
    with local.fresh_file(Path(target), overwrite=overwrite) as temporary:
        temporary.write_bytes(coded)


def _own_format(opened: Opened) -> Format | None:
    """The original's format; None for a picture that came from memory."""
    return None if opened.header.format == "array" else format_named(opened.header.format)


def _written(
    form: Format,
    temporary: Path,
    target: Path,
    picture: Picture,
    opened: Opened,
    evidence: EvidenceMap | None,
    options: WriteOptions,
) -> EvidenceMap | None:
    if evidence is not None and evidence.shape != (picture.rows, picture.cols):
        raise ValueError(f"evidence is {evidence.shape}, the picture {picture.samples.shape[:2]}")
    with _enough_memory(target):
        return form.write(temporary, picture, opened, evidence, options)


@contextlib.contextmanager
def _enough_memory(target: Path) -> Iterator[None]:
    try:
        yield
    except MemoryError as error:
        raise OutOfResources(
            f"Writing `{target}` needs more memory than there is.",
            "Close other programs, or use a machine with more memory.",
        ) from error
