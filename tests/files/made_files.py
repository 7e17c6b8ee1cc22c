"""Pictures and files for the tests of `unfade.files`, made by other programs than it."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from PIL import Image, ImageCms

DPI = (300.0, 200.0)
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    b'xmlns:dc="http://purl.org/dc/elements/1.1/" dc:title="Gro\xc3\x9fmutter"/>'
    b"</rdf:RDF></x:xmpmeta>"
)
IPTC = b"8BIM\x04\x04\0\0\0\0\0\x0c\x1c\x02\x05\0\x07Hamburg"


@cache
def profile(channels: int = 3) -> bytes:
    """A real sRGB profile, or the same with a grey signature; made once, it holds its date."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return srgb if channels == 3 else srgb[:16] + b"GRAY" + srgb[20:]


def exif(orientation: int = 1) -> bytes:
    """Orientation and a maker's text; big-endian, so that copying by value would show."""
    head = b"MM\0*" + struct.pack(">IH", 8, 2)
    make = struct.pack(">HHI", 0x010F, 2, 4) + b"Leo\0"
    return head + make + struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0) + bytes(4)


def noise(rows: int, cols: int, channels: int, dtype: str = "uint8", seed: int = 0) -> np.ndarray:
    full = np.iinfo(dtype).max
    return np.random.default_rng(seed).integers(0, full, (rows, cols, channels), dtype, True)


def scene(rows: int, cols: int, channels: int = 3) -> np.ndarray:
    """Soft shapes with an edge, as photographs have them: fit for lossy coding."""
    y, x = np.mgrid[:rows, :cols]
    planes = [
        120 + 70 * np.sin(x / 17 + k) + 50 * np.cos(y / 11 - k) + 40 * (x > cols / 2 + k)
        for k in range(channels)
    ]
    return np.clip(np.dstack(planes), 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Case:
    """One kind of file: extension, samples, alpha, and who writes it."""

    id: str
    extension: str
    channels: int = 3
    dtype: str = "uint8"
    alpha: bool = False
    lossy: bool = False
    metadata: bool = True  # whether the format has places for it
    options: tuple[tuple[str, Any], ...] = ()

    def bands(self, rows: int = 37, cols: int = 53) -> np.ndarray:
        if self.lossy:
            return scene(rows, cols, self.channels)
        return noise(rows, cols, self.channels + self.alpha, self.dtype)

    def write(self, path: Path, bands: np.ndarray, orientation: int = 1) -> Path:
        """``bands`` as a file with resolution, profile and EXIF where the format has them."""
        icc, block = profile(self.channels), exif(orientation)
        flat = bands[:, :, 0] if bands.shape[2] == 1 else bands
        if self.extension == ".png":
            path.write_bytes(png(flat, icc, block, XMP))
        elif self.extension == ".tif":
            photometric = "rgb" if self.channels == 3 else "minisblack"
            tifffile.imwrite(
                path, flat, photometric=photometric, resolution=DPI, iccprofile=icc, metadata=None,
                extrasamples=["unassalpha"] if self.alpha else None,
                extratags=[(274, "H", 1, orientation, True), (700, "B", len(XMP), XMP, True)],
            )  # fmt: skip
        else:
            extra = dict(self.options)
            if self.metadata:
                extra |= {"exif": b"Exif\0\0" + block, "icc_profile": icc, "xmp": XMP}
            if self.extension in (".jpg", ".bmp"):
                extra["dpi"] = DPI
            Image.fromarray(flat).save(path, **extra)
        return path


CASES = (
    Case("jpeg-420", ".jpg", lossy=True, options=(("quality", 88), ("subsampling", 2))),
    Case("jpeg-422", ".jpg", lossy=True, options=(("quality", 88), ("subsampling", 1))),
    Case("jpeg-444", ".jpg", lossy=True, options=(("quality", 95), ("subsampling", 0))),
    Case("jpeg-grey", ".jpg", channels=1, lossy=True, options=(("quality", 88),)),
    Case(
        "jpeg-progressive", ".jpg", lossy=True,
        options=(("quality", 80), ("progressive", True), ("subsampling", 2)),
    ),
    Case("png-rgb8", ".png"),
    Case("png-rgb16", ".png", dtype="uint16"),
    Case("png-grey8", ".png", channels=1),
    Case("png-grey16", ".png", channels=1, dtype="uint16"),
    Case("png-rgba8", ".png", alpha=True),
    Case("png-rgba16", ".png", alpha=True, dtype="uint16"),
    Case("png-la8", ".png", channels=1, alpha=True),
    Case("png-la16", ".png", channels=1, alpha=True, dtype="uint16"),
    Case("webp-lossless", ".webp", options=(("lossless", True), ("exact", True))),
    Case("webp-lossy", ".webp", lossy=True, options=(("quality", 80),)),
    Case("webp-alpha", ".webp", alpha=True, options=(("lossless", True), ("exact", True))),
    Case("tiff-rgb8", ".tif"),
    Case("tiff-rgb16", ".tif", dtype="uint16"),
    Case("tiff-grey16", ".tif", channels=1, dtype="uint16"),
    Case("tiff-rgba16", ".tif", dtype="uint16", alpha=True),
    Case("bmp-rgb", ".bmp", metadata=False),
    Case("bmp-grey", ".bmp", channels=1, metadata=False),
    Case("ppm", ".ppm", metadata=False),
    Case("pgm-16", ".pgm", channels=1, dtype="uint16", metadata=False),
)  # fmt: skip
WITH_METADATA = tuple(case for case in CASES if case.metadata)


def png_chunk(kind: bytes, data: bytes) -> bytes:
    check = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)


def png(bands: np.ndarray, icc: bytes | None, block: bytes | None, xmp: bytes | None) -> bytes:
    """A PNG by libpng with chunks put in by hand, one of them unknown."""
    plain = bytes(imagecodecs.png_encode(np.ascontiguousarray(bands)))
    extra = png_chunk(b"pHYs", struct.pack(">IIB", 11811, 7874, 1))  # 300 x 200 dpi
    extra += png_chunk(b"tEXt", b"Author\0Lucia Moholy")
    extra += png_chunk(b"unKn", b"kept by programs that do not know it")
    if icc:
        extra += png_chunk(b"iCCP", b"name of it\0\0" + zlib.compress(icc))
    if block:
        extra += png_chunk(b"eXIf", block)
    if xmp:
        extra += png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp)
    return plain[:33] + extra + plain[33:]


def jpeg(samples: np.ndarray, **options: Any) -> bytes:
    buffer = io.BytesIO()
    flat = samples[:, :, 0] if samples.shape[2] == 1 else samples
    Image.fromarray(flat, options.pop("mode", None)).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def shown_by_pillow(path: Path) -> np.ndarray:
    """(rows, cols, bands) as stored, by Pillow."""
    with Image.open(path) as image:
        bands = np.asarray(image)
    return bands[:, :, None] if bands.ndim == 2 else bands
