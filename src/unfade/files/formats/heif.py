"""HEIF (HEIC), read only, and AVIF, read and written.

HEIF: decoded by libheif through ``pi_heif`` (extra ``heif``), which turns the picture upright
itself; the orientation in the EXIF block, which by the standard is not to be followed, is set to
1, so that nobody turns the picture again. 10 and 12 bits become uint16 with their own full
scale. Nothing here writes HEIF: its coding is encumbered by patents and not lossless.

AVIF: decoded by libavif. Orientation is what the container says (``irot``, ``imir``), never the
EXIF block. A changed picture is written without loss, which makes the file larger; the decoded
result is compared with what was to be written.

Source:
    ISO/IEC 23008-12 (HEIF); the AV1 Image File Format, v1.1.0
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import imagecodecs
import numpy as np

from unfade.errors import UnreadableInput, UnsupportedInput, WouldLose
from unfade.files.formats import bmff
from unfade.files.formats.bmff_write import with_metadata
from unfade.files.formats.contract import Blocks, Header, Opened, WriteOptions
from unfade.files.formats.kept import mark_coded, stored_alpha, stored_samples
from unfade.files.formats.tiff.metadata import upright_exif
from unfade.files.limits import Limits
from unfade.files.metadata import check_blocks, exif_facts, profile_fault, profile_note, upright_dpi
from unfade.needs import need
from unfade.picture import EvidenceMap, Picture
from unfade.pixels.orient import swaps_sides, upright

_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_AVIF_BRANDS = (b"avif", b"avis")
_CODED_BITS = {255.0: 8, 1023.0: 10, 4095.0: 12}
LOSSLESS = 100  # libavif: with all chroma kept and RGB coded as it is


def _brands(head: bytes) -> tuple[bytes, ...]:
    """The major brand and then the compatible ones that lie within the first bytes."""
    if head[4:8] != b"ftyp":
        return ()
    end = min(len(head), int.from_bytes(head[:4], "big"))
    return (head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4)))


def _is_avif(head: bytes) -> bool:
    brands = _brands(head)
    return any(brand in _AVIF_BRANDS for brand in brands)


class Heif:
    """HEIF with HEVC inside, see the module's first lines."""

    name = "heif"
    extensions: tuple[str, ...] = (".heic", ".heif", ".hif")

    def sniff(self, head: bytes) -> bool:
        return _brands(head)[:1] != () and _brands(head)[0] in _HEIF_BRANDS and not _is_avif(head)

    def header(self, path: Path) -> Header:
        items = bmff.read_items(path)
        rows, cols = items.cropped_size()
        if swaps_sides(items.orientation()):
            rows, cols = cols, rows
        channels, bits = items.depth()
        return Header(
            format=self.name,
            rows=rows,
            cols=cols,
            channels=channels,
            bits=bits,
            colour="grey" if channels == 1 else "rgb",
            compression="hevc",
        )

    def read(self, path: Path, header: Header, limits: Limits, page: int = 0) -> Opened:
        pi_heif = need("pi_heif", extra="heif", to="read HEIF pictures")
        items = bmff.read_items(path)
        try:
            opened = pi_heif.open_heif(path, convert_hdr_to_8bit=False, hdr_to_16bit=False)
            limits.check(path.name, opened.size[1], opened.size[0])
            # copied at once: the decoder frees its buffer when ``opened`` goes, array or not
            stored = np.array(opened, copy=True)
        except (ValueError, EOFError, SyntaxError, RuntimeError, OSError) as error:
            raise UnreadableInput(
                f"`{path.name}` does not decode ({error}).",
                "The file is truncated or broken; fetch it again.",
            ) from error
        mode, _, deep = str(opened.mode).partition(";")
        if mode not in ("RGB", "RGBA", "L", "LA", "I"):
            raise UnsupportedInput(
                f"`{path.name}`: samples of kind {opened.mode} cannot be read.",
                "Convert it to PNG or TIFF first.",
            )
        stored = np.atleast_3d(stored)[: opened.size[1], : opened.size[0]]
        bits = int(opened.info.get("bit_depth", 8)) if deep else 8
        full = float(2**bits - 1)
        if stored.max() > full:
            raise UnreadableInput(
                f"`{path.name}` states {bits} bits and holds a sample of {stored.max()}.",
                "The file is broken; fetch it again.",
            )
        alpha = mode.endswith("A")
        if header.channels == 1 and stored.shape[2] >= 3:  # grey with alpha is decoded as RGBA
            stored = stored[..., [0, 3]] if alpha else stored[..., :1]
        exif, turned = upright_exif(items.exif())
        notes = ("The orientation in the EXIF block is set to 1: HEIF is turned by its reader.",)
        picture, blocks, more = _picture(path, items, stored, alpha, full, 1, exif, limits)
        return Opened(
            picture=picture,
            header=replace(header, rows=picture.rows, cols=picture.cols, bits=bits),
            blocks=blocks,
            path=path,
            notes=(notes if turned else ()) + more,
        )

    def write(
        self,
        target: Path,
        picture: Picture,
        opened: Opened,
        evidence: EvidenceMap | None,
        options: WriteOptions,
    ) -> EvidenceMap | None:
        raise WouldLose(
            f"`{opened.path.name}`: HEIF is not written here, as its coding loses something.",
            f"Write another format: `-o {opened.path.stem}.png` or `-o {opened.path.stem}.tif`.",
        )


class Avif:
    """AVIF, see the module's first lines."""

    name = "avif"
    extensions: tuple[str, ...] = (".avif",)

    def sniff(self, head: bytes) -> bool:
        return _is_avif(head)

    def header(self, path: Path) -> Header:
        items = bmff.read_items(path)
        rows, cols = items.size()
        channels, bits = items.depth()
        return Header(
            format=self.name,
            rows=rows,
            cols=cols,
            channels=channels,
            bits=bits,
            orientation=items.orientation(),
            colour="grey" if channels == 1 else "rgb",
            compression="av1",
        )

    def read(self, path: Path, header: Header, limits: Limits, page: int = 0) -> Opened:
        items = bmff.read_items(path)
        if items.property(items.primary, b"clap") is not None:
            raise UnsupportedInput(
                f"`{path.name}`: an AVIF with a cropping frame (`clap`) cannot be read.",
                "Convert it to PNG first.",
            )
        try:
            stored = imagecodecs.avif_decode(items.data, index=0)
        except (RuntimeError, ValueError) as error:
            raise UnreadableInput(
                f"`{path.name}` does not decode ({error}).",
                "The file is truncated or broken; fetch it again.",
            ) from error
        stored = np.atleast_3d(stored)
        if stored.shape[:2] != (header.rows, header.cols):
            raise bmff.damaged(
                f"`{path.name}`",
                f"it states {header.cols} x {header.rows} pixels and holds "
                f"{stored.shape[1]} x {stored.shape[0]}",
            )
        bits = header.bits if stored.dtype == np.uint16 else 8
        full = float(2**bits - 1)
        alpha = stored.shape[2] in (2, 4)
        if header.channels == 1 and stored.shape[2] >= 3:
            stored = stored[..., [0, 3]] if alpha else stored[..., :1]
        picture, blocks, notes = _picture(
            path, items, stored, alpha, full, header.orientation, items.exif(), limits
        )
        notes += ("AVIF: if samples change, the whole picture is stored without loss, larger.",)
        return Opened(picture=picture, header=header, blocks=blocks, path=path, notes=notes)

    def write(
        self,
        target: Path,
        picture: Picture,
        opened: Opened,
        evidence: EvidenceMap | None,
        options: WriteOptions,
    ) -> EvidenceMap | None:
        name = opened.path.name
        _refuse_what_avif_lacks(name, picture, opened)
        own = opened.header.format == self.name
        if own and options.xmp is None and _same(picture, opened.picture):
            shutil.copyfile(opened.path, target)
            return evidence
        samples, alpha = stored_samples(picture, opened), stored_alpha(picture, opened)
        grey = picture.channels == 1
        stored = samples if alpha is None else np.concatenate([samples, alpha[..., None]], axis=2)
        if grey and alpha is not None:
            stored = stored[..., [0, 0, 0, 1]]
        quality = LOSSLESS if own or options.quality is None else options.quality
        bits = _CODED_BITS[picture.full_scale]
        try:
            coded = bytes(
                imagecodecs.avif_encode(
                    stored[..., 0] if stored.shape[2] == 1 else stored,
                    level=quality,
                    bitspersample=bits,
                    pixelformat="400" if stored.shape[2] == 1 else "444",
                    matrix=None if stored.shape[2] == 1 or quality != LOSSLESS else 0,
                )
            )
            seen = imagecodecs.avif_decode(coded, index=0).reshape(stored.shape)
        except (RuntimeError, ValueError) as error:
            raise WouldLose(
                f"`{name}` cannot be coded as AVIF ({error}).",
                f"Write another format with `-o {opened.path.stem}.png`.",
            ) from error
        if quality == LOSSLESS and not np.array_equal(seen, stored):
            raise WouldLose(
                f"`{name}` cannot be stored as AVIF without loss.",
                f"Write another format with `-o {opened.path.stem}.png`.",
            )
        target.write_bytes(
            with_metadata(
                coded,
                orientation=opened.header.orientation,
                icc=picture.icc,
                exif=opened.blocks.exif,
                xmp=options.xmp if options.xmp is not None else opened.blocks.xmp,
            )
        )
        if evidence is None or quality == LOSSLESS:
            return evidence
        shown = upright(seen, opened.header.orientation)[..., : picture.channels]
        same_size = opened.picture.samples.shape == picture.samples.shape
        return mark_coded(evidence, shown, picture, opened.picture if same_size else None)


def _picture(
    path: Path,
    items: bmff.Items,
    stored: np.ndarray,
    has_alpha: bool,
    full: float,
    orientation: int,
    exif: bytes | None,
    limits: Limits,
) -> tuple[Picture, Blocks, tuple[str, ...]]:
    """Split decoded samples (rows, cols, 1-4) into colours and alpha, with the metadata."""
    colours = stored[..., : stored.shape[2] - has_alpha]
    alpha = stored[..., -1] if has_alpha else None
    icc, notes = items.profile(), ()
    facts = exif_facts(exif)
    blocks = Blocks(exif=exif, xmp=items.xmp())
    check_blocks(path.name, limits, blocks, icc)
    told: list[str] = list(notes)
    if icc is not None and (fault := profile_fault(icc, colours.shape[2])):
        told.append(profile_note(fault))
    believed = icc is not None and len(told) == 0
    if facts.note:
        told.append(facts.note)
    picture = Picture(
        np.ascontiguousarray(upright(colours, orientation)),
        full_scale=full,
        encoding="icc" if believed else "srgb",
        icc=icc,
        alpha=None if alpha is None else np.ascontiguousarray(upright(alpha, orientation)),
        dpi=upright_dpi(facts.dpi, orientation),
    )
    return picture, blocks, tuple(told)


def _same(one: Picture, other: Picture) -> bool:
    if one.alpha is None or other.alpha is None:
        if one.alpha is not other.alpha:
            return False
    elif not np.array_equal(one.alpha, other.alpha):
        return False
    return np.array_equal(one.samples, other.samples) and one.icc == other.icc


def _refuse_what_avif_lacks(name: str, picture: Picture, opened: Opened) -> None:
    lost = []
    if picture.samples.dtype == np.float32 or picture.full_scale not in _CODED_BITS:
        lost.append(f"{picture.samples.dtype} samples of full scale {picture.full_scale:g}")
    if picture.infrared is not None:
        lost.append("an infrared plane")
    if picture.encoding == "linear":
        lost.append("linear light")
    if opened.blocks.iptc is not None:
        lost.append("an IPTC block")
    if lost:
        raise WouldLose(
            f"`{name}`: AVIF cannot hold {' and '.join(lost)}.",
            f"Write another format with `-o {Path(name).stem}.tif`.",
        )


HEIF = Heif()
AVIF = Avif()
