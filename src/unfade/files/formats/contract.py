"""What a file format is: sniff, header, read, write.

One file for each format, one contract suite over all of them. A format never guesses, never
substitutes, and never loses something in silence: what it cannot keep it refuses (`WouldLose`)
or names in ``notes``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from unfade.files.limits import Limits
from unfade.picture import EvidenceMap, Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a file states about itself before a pixel is decoded; sizes as stored."""

    format: str  # "jpeg", "png", "tiff", ...
    rows: int
    cols: int
    channels: int  # as stored, alpha and extra planes included
    bits: int  # of one stored sample
    pages: int = 1
    orientation: int = 1  # EXIF 1-8
    colour: str = ""  # the format's own word: "rgb", "grey", "palette", "cmyk", "ycbcr" ...
    compression: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """Metadata exactly as found, byte for byte; None where the file has none."""

    exif: bytes | None = None  # TIFF-structured, without the "Exif\0\0" prefix
    xmp: bytes | None = None  # the packet
    iptc: bytes | None = None  # the IIM/Photoshop resource block as the container holds it


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Opened:
    """A picture that was read, with all that writing it back faithfully needs.

    Attributes:
        picture: upright, under the array contract
        header: as stored
        blocks: metadata bytes
        native: the format's own knowledge for writing back (tables, strips, palette ...)
        notes: sentences about what was found while reading ("the ICC profile is damaged ...")
        path: the original; read-only, needed by formats that rewrite only what changed
        page: which page of several, 0-based
    """

    picture: Picture
    header: Header
    blocks: Blocks
    path: Path
    native: Any = None
    notes: tuple[str, ...] = field(default=())
    page: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOptions:
    """How to write; None means: as the original was."""

    xmp: bytes | None = None  # the packet to write instead of the original's (history added)
    quality: int | None = None  # JPEG, WebP, AVIF: only when there are no tables to keep


class Format(Protocol):
    """One file format."""

    name: str
    extensions: tuple[str, ...]  # lower case with the dot, the usual one first

    def sniff(self, head: bytes) -> bool:
        """Whether a file that begins with these up to 64 bytes is of this format."""
        ...

    def header(self, path: Path) -> Header:
        """The stated facts, cheaply; UnreadableInput or UnsupportedInput when it cannot."""
        ...

    def read(self, path: Path, header: Header, limits: Limits, page: int = 0) -> Opened:
        """The picture, decoded strictly: a truncated file is an error, not a grey area."""
        ...

    def write(
        self,
        target: Path,
        picture: Picture,
        opened: Opened,
        evidence: EvidenceMap | None,
        options: WriteOptions,
    ) -> EvidenceMap | None:
        """Write ``picture`` (upright) to ``target``, a fresh file that the caller renames.

        ``opened`` is the original that the picture came from; it may be of another format when
        the user converts. ``evidence`` tells which pixels changed (None: all may have).

        Returns:
            the evidence map that holds for the file as written: a lossy format marks what
            coding it again has changed besides (None: all pixels)
        """
        ...
