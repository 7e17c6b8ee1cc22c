"""Copies for looking at: pyramidal BigTIFF, Deep Zoom or IIIF tiles, whatever the picture's size.

libvips streams them, so memory stays small. They are copies: the result itself stays as it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from unfade.errors import OutputError, UsageError, nearest
from unfade.needs import need

KINDS = ("pyramid", "dzi", "iiif")
TILE_PX = 512
_JPEG = ".jpg[Q=90]"


def access_copy(
    picture: Path, folder: Path, kind: str, *, stem: str, address: str = ""
) -> list[Path]:
    """Make a copy for looking at.

    Args:
        kind: ``pyramid``: STEM.pyramid.tif, the same samples, with each level half the size of
            the one before, in tiles; ``dzi``: STEM.dzi and STEM_files, JPEG tiles for
            OpenSeadragon; ``iiif``: the folder STEM, IIIF Image API 3, level 0
        stem: name of what is made
        address: where the folder will be served, for IIIF; empty: to be put in by hand
    Returns:
        all files made
    Raises:
        UsageError: another kind
        OutputError: it cannot be made
        MissingPackage: libvips is not installed
    Cost:
        about 26 s and 100 MB for 400 megapixels (pyramid), by libvips' own measure here
    """
    if kind not in KINDS:
        raise UsageError(f"There is no kind of copy `{kind}`.", nearest(kind, KINDS))
    vips: Any = need("pyvips", extra="giant", to=f"make {kind} copies")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        image = vips.Image.new_from_file(str(picture), access="sequential")
        if kind == "pyramid":
            image.tiffsave(
                str(folder / f"{stem}.pyramid.tif"),
                tile=True,
                tile_width=TILE_PX,
                tile_height=TILE_PX,
                pyramid=True,
                bigtiff=True,
                compression="deflate",
                predictor="horizontal",
            )
        else:
            shown = _for_screens(image)
            layout = {"layout": "dz"} if kind == "dzi" else {"layout": "iiif3"}
            if address:
                layout["id"] = address
            shown.dzsave(str(folder / stem), suffix=_JPEG, tile_size=TILE_PX, overlap=0, **layout)
    except vips.Error as error:
        raise OutputError(
            f"A {kind} copy of `{picture.name}` cannot be made: {_first_line(error)}.",
            "Leave `--access` out to do without.",
        ) from error
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _for_screens(image: Any) -> Any:
    """Upright, 8 bits, sRGB by the picture's own profile where it has one."""
    image = image.autorot()
    if image.hasalpha():
        image = image.flatten(background=255)
    if image.get_typeof("icc-profile-data"):
        return image.icc_transform("srgb", embedded=True, depth=8)
    return image.colourspace("b-w" if image.bands == 1 else "srgb").cast("uchar")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[-1].strip().rstrip(".")
