"""A grey picture as one of three equal channels, that says the same light by the same codes."""

from __future__ import annotations

import struct
from dataclasses import replace

from unfade.picture import Picture
from unfade.pixels.profile import tags_of, tone_curves

# columns of red, green and blue of BT.709 primaries, adapted from D65 to the D50 of profiles;
# ICC sRGB v4 characterisation
_COLUMNS = {
    b"rXYZ": (0.43607, 0.22249, 0.01392),
    b"gXYZ": (0.38515, 0.71687, 0.09708),
    b"bXYZ": (0.14307, 0.06061, 0.71410),
}
_KEPT = (b"desc", b"cprt", b"wtpt", b"chad")


def in_colour(picture: Picture) -> Picture:
    """A grey picture with its codes in three channels; one in colour as it is.

    A grey profile becomes a profile of sRGB's primaries with the very same tone curve, so every
    code goes on meaning the same light. A profile without a curve of its own is left out, as
    sRGB's curve stands in for it.
    """
    if picture.channels == 3:
        return picture
    samples = picture.samples.repeat(3, axis=2)
    if picture.encoding != "icc" or not tone_curves(picture).stated:
        encoding = "srgb" if picture.encoding == "icc" else picture.encoding
        return replace(picture, samples=samples, icc=None, encoding=encoding)
    return replace(picture, samples=samples, icc=_rgb_profile(picture.icc or b""))


def _rgb_profile(grey: bytes) -> bytes:
    """A matrix/TRC profile with the tone curve of a grey one (ICC.1:2022, 8.3.3)."""
    known = tags_of(grey)
    tags = {name: known[name] for name in _KEPT if name in known}
    for name, column in _COLUMNS.items():
        values = (round(value * 65536) for value in column)
        tags[name] = b"XYZ \0\0\0\0" + struct.pack(">3i", *values)
    for name in (b"rTRC", b"gTRC", b"bTRC"):
        tags[name] = known[b"kTRC"]
    header = bytearray(grey[:128])
    header[12:24] = b"mntrRGB XYZ "
    table = struct.pack(">I", len(tags))
    content = b""
    start = 128 + 4 + 12 * len(tags)
    for name, tag in tags.items():
        table += struct.pack(">4sII", name, start + len(content), len(tag))
        content += tag + b"\0" * (-len(tag) % 4)
    header[0:4] = struct.pack(">I", start + len(content))
    header[84:100] = b"\0" * 16  # the hash of another profile
    return bytes(header) + table + content
