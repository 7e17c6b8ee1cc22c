"""Is this a film? Answered from the first bytes, without opening a decoder."""

from __future__ import annotations

import re
from pathlib import Path

# Containers that are opened, by FFmpeg's names of their readers. Playlists (HLS, concat, DASH)
# are not among them: they reach for other files of this machine.
CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,m4v,dv,flv,mxf,ogg,nut,gxf,"
    "asf,h264,hevc,ivf,obu,yuv4mpegpipe,rm,wtv"
)
SUFFIXES = frozenset((
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mts", ".m2ts", ".ts",
    ".mpg", ".mpeg", ".vob", ".m2v", ".dv", ".flv", ".mxf", ".ogv", ".nut",
    ".gxf", ".wmv", ".asf", ".3gp", ".ivf", ".y4m", ".qt",
))  # fmt: skip
SEQUENCE_SUFFIXES = frozenset((".dpx", ".tif", ".tiff", ".png"))
_STILL_BRANDS = (b"heic", b"heix", b"heim", b"mif1", b"avif", b"jp2 ", b"jpx ", b"crx ", b"msf1")
_PATTERN = re.compile(r"%(0\d+)?d")


def is_sequence(path: Path) -> bool:
    """Whether the path is a pattern of numbered pictures, like ``scan_%06d.dpx``."""
    return bool(_PATTERN.search(path.name)) and path.suffix.lower() in SEQUENCE_SUFFIXES


def is_film(path: Path) -> bool:
    """Whether the file is a container of moving pictures, or a pattern of numbered pictures.

    Only the first bytes are looked at; a missing or unreadable file is no film (the reader of
    pictures says what is wrong with it), except under a film's extension.
    """
    if is_sequence(path):
        return True
    try:
        with path.open("rb") as file:
            head = file.read(400)
    except (OSError, ValueError):
        return path.suffix.lower() in SUFFIXES
    return _has_film_head(head) or (path.suffix.lower() in SUFFIXES and not _has_still_head(head))


def _has_film_head(head: bytes) -> bool:
    if head[4:8] == b"ftyp":
        return head[8:12] not in _STILL_BRANDS
    return (
        head[4:8] in (b"moov", b"mdat", b"wide", b"free")
        or head[:4] == b"\x1a\x45\xdf\xa3"  # Matroska, WebM
        or (head[:4] == b"RIFF" and head[8:12] == b"AVI ")
        or head[:4] in (b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3", b"OggS", b"FLV\x01", b"DKIF")
        or head[:14] == b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01\x02"  # MXF
        or head[:9] == b"YUV4MPEG2"
        or head[:10] == b"nut/multim"
        or head[:4] == b"\x30\x26\xb2\x75"  # ASF
        or (len(head) > 376 and head[0] == head[188] == head[376] == 0x47)  # transport stream
        or (len(head) > 389 and head[4] == head[196] == head[388] == 0x47)  # the same, of discs
    )


def _has_still_head(head: bytes) -> bool:
    return head[:3] == b"\xff\xd8\xff" or head[:8] == b"\x89PNG\r\n\x1a\n" or head[:4] in (
        b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"GIF8",
    )  # fmt: skip
