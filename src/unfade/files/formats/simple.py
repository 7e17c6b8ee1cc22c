"""GIF and BMP: simple formats, written back in their kind.

Neither holds EXIF, XMP or a profile: a picture that has one is refused rather than stripped.
A GIF is written only when its colours fit into one palette, so that nothing is approximated.
"""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np

from unfade.errors import WouldLose
from unfade.files.formats.contract import Blocks, Header, Opened, WriteOptions
from unfade.files.formats.kept import beyond_8_bits, beyond_plain, refuse_loss
from unfade.files.limits import Limits
from unfade.picture import EvidenceMap, Picture

_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)  # known lengths of the second header
_METRES_PER_INCH = 0.0254


class Gif:
    """GIF, single frames; several need a page."""

    name = "gif"
    extensions: tuple[str, ...] = (".gif",)

    def sniff(self, head: bytes) -> bool:
        return head[:6] in (b"GIF87a", b"GIF89a")

    def header(self, path: Path) -> Header:
        from PIL.GifImagePlugin import GifImageFile

        with path.open("rb") as file, GifImageFile(file) as image:
            pages = image.n_frames
            cols, rows = image.size
        return Header(
            format="gif", rows=rows, cols=cols, channels=1, bits=8, pages=pages,
            colour="palette", compression="lzw",
        )  # fmt: skip

    def read(self, path: Path, header: Header, limits: Limits, page: int = 0) -> Opened:
        from PIL.GifImagePlugin import GifImageFile

        with path.open("rb") as file, GifImageFile(file) as image:
            image.seek(page)
            bands = np.asarray(image.convert("RGBA"))
        alpha = np.ascontiguousarray(bands[:, :, 3])
        picture = Picture(
            np.ascontiguousarray(bands[:, :, :3]), alpha=None if alpha.all() else alpha
        )
        notes = ["The palette is widened to RGB; comments of the GIF are not carried."]
        if header.pages > 1:
            notes.append(f"Only frame {page + 1} of {header.pages} is read.")
        return Opened(
            picture=picture,
            header=header,
            blocks=Blocks(),
            path=path,
            notes=tuple(notes),
            page=page,
        )

    def write(
        self,
        target: Path,
        picture: Picture,
        opened: Opened,
        evidence: EvidenceMap | None,
        options: WriteOptions,
    ) -> EvidenceMap | None:
        """Write one frame with an exact palette."""
        from PIL import Image

        refuse_loss(target.name, "a GIF", beyond_8_bits(picture) + beyond_plain(picture, opened))
        if opened.header.pages > 1:
            raise WouldLose(
                f"`{target.name}`: the other {opened.header.pages - 1} frames of "
                f"`{opened.path.name}` would be lost.",
                "Choose `.png` for the output.",
            )
        samples = picture.samples
        if picture.channels == 1:
            samples = np.repeat(samples, 3, axis=2)
        packed = samples.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
        alpha = picture.alpha if picture.alpha is not None else np.full(packed.shape, 255, np.uint8)
        clear, partly = alpha == 0, bool(((alpha > 0) & (alpha < 255)).any())
        colours, index = np.unique(packed[~clear], return_inverse=True)
        if partly or len(colours) > 256 - bool(clear.any()):
            what = "soft transparency" if partly else f"{len(colours)} colours"
            raise WouldLose(
                f"`{target.name}`: a GIF cannot hold {what} of this picture, it holds 256 colours.",
                "Choose `.png` for the output.",
            )
        indices = np.full(packed.shape, len(colours) % 256, np.uint8)
        indices[~clear] = index
        image = Image.fromarray(indices)
        image.putpalette([c >> s & 255 for c in colours.tolist() for s in (16, 8, 0)] or [0, 0, 0])
        extra = {"transparency": len(colours)} if clear.any() else {}
        image.save(target, "GIF", optimize=False, **extra)
        return evidence


class Bmp:
    """Windows bitmaps."""

    name = "bmp"
    extensions: tuple[str, ...] = (".bmp", ".dib")

    def sniff(self, head: bytes) -> bool:
        return head[:2] == b"BM" and len(head) >= 18 and head[14] in _BMP_HEADERS

    def header(self, path: Path) -> Header:
        from PIL.BmpImagePlugin import BmpImageFile

        with path.open("rb") as file, BmpImageFile(file) as image:
            (cols, rows), mode = image.size, image.mode
            compressed = image.info.get("compression", 0)
        channels = {"1": 1, "L": 1, "P": 1, "RGB": 3, "RGBA": 4}.get(mode, 3)
        colour = {"1": "grey", "L": "grey", "P": "palette", "RGBA": "rgb+alpha"}.get(mode, "rgb")
        return Header(
            format="bmp", rows=rows, cols=cols, channels=channels, bits=8, colour=colour,
            compression="rle" if compressed in (1, 2) else "none",
        )  # fmt: skip

    def read(self, path: Path, header: Header, limits: Limits, page: int = 0) -> Opened:
        from PIL.BmpImagePlugin import BmpImageFile

        with path.open("rb") as file, BmpImageFile(file) as image:
            dpi = image.info.get("dpi")
            wanted = {"1": "L", "L": "L", "RGBA": "RGBA"}.get(image.mode, "RGB")
            widened = image.mode in ("1", "P")
            bands = np.asarray(image if image.mode == wanted else image.convert(wanted))
        bands = bands[:, :, None] if bands.ndim == 2 else bands
        picture = Picture(
            np.ascontiguousarray(bands[:, :, :3]),
            alpha=np.ascontiguousarray(bands[:, :, 3]) if bands.shape[2] == 4 else None,
            dpi=(float(dpi[0]), float(dpi[1])) if dpi and all(dpi) else None,
        )
        notes = ("Few colours are widened to 8 bits a sample; a changed copy stores that.",)
        return Opened(
            picture=picture, header=header, blocks=Blocks(), path=path,
            notes=notes if widened else (),
        )  # fmt: skip

    def write(
        self,
        target: Path,
        picture: Picture,
        opened: Opened,
        evidence: EvidenceMap | None,
        options: WriteOptions,
    ) -> EvidenceMap | None:
        """Write 8-bit grey, 24-bit RGB or 32-bit RGB with alpha, uncompressed."""
        refuse_loss(target.name, "a BMP", beyond_8_bits(picture) + beyond_plain(picture, opened))
        target.write_bytes(_bitmap(picture))
        return evidence


GIF, BMP = Gif(), Bmp()


def _bitmap(picture: Picture) -> bytes:
    """The bytes of a BMP file; one with alpha has the version 4 header, which states the mask."""
    from PIL import BmpImagePlugin, Image  # noqa: F401  (the plug-in registers itself)

    if picture.alpha is None:
        bands = picture.samples[:, :, 0] if picture.channels == 1 else picture.samples
        buffer = io.BytesIO()
        extra = {"dpi": picture.dpi} if picture.dpi else {}
        Image.fromarray(np.ascontiguousarray(bands)).save(buffer, "BMP", **extra)
        return buffer.getvalue()
    rgb = np.repeat(picture.samples, 3 // picture.channels, axis=2)
    pixels = np.dstack([rgb[:, :, ::-1], picture.alpha])[::-1].tobytes()
    x, y = (round(side / _METRES_PER_INCH) for side in picture.dpi or (0.0, 0.0))
    masks = struct.pack("<4I4s", 0xFF0000, 0xFF00, 0xFF, 0xFF000000, b"BGRs")
    header = struct.pack(
        "<IiiHHIIiiII", 108, picture.cols, picture.rows, 1, 32, 3, len(pixels), x, y, 0, 0
    )
    header += masks + bytes(108 - len(header) - len(masks))
    return struct.pack("<2sIII", b"BM", 14 + 108 + len(pixels), 0, 14 + 108) + header + pixels
