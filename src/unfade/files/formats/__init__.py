"""All file formats, in the order in which a file's first bytes are shown to them."""

from __future__ import annotations

from pathlib import Path

from unfade.errors import UsageError, nearest
from unfade.files.formats.contract import Format
from unfade.files.formats.heif import AVIF, HEIF
from unfade.files.formats.jp2 import JP2
from unfade.files.formats.jpeg import JPEG
from unfade.files.formats.png import PNG
from unfade.files.formats.pnm import PNM
from unfade.files.formats.raw import RAW
from unfade.files.formats.simple import BMP, GIF
from unfade.files.formats.tiff import TIFF
from unfade.files.formats.webp import WEBP

# raw camera files are TIFF files outwardly, so RAW must be asked first
FORMATS: tuple[Format, ...] = (JPEG, PNG, RAW, TIFF, WEBP, AVIF, HEIF, JP2, GIF, BMP, PNM)


def format_of(head: bytes) -> Format | None:
    """The format of a file that begins with ``head``, whatever it is called."""
    return next((known for known in FORMATS if known.sniff(head)), None)


def format_named(name: str) -> Format:
    """The format of this name, e.g. ``png``."""
    return next(known for known in FORMATS if known.name == name)


def format_for(target: Path, default: Format | None) -> Format:
    """The format that a target's extension asks for; ``default`` when it has none.

    Raises:
        UsageError: an extension that no format has, or none at all and no default
    """
    extension = target.suffix.lower()
    if default is not None and (not extension or extension in default.extensions):
        return default
    for known in FORMATS:
        if extension in known.extensions:
            return known
    raise UsageError(
        f"`{target.name}`: `{extension}` is not an extension of a known format.",
        nearest(extension, [e for known in FORMATS for e in known.extensions]),
    )
