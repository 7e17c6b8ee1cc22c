"""PBM, PGM and PPM: plain samples of any stated maximum, written back with the same maximum.

They hold no EXIF, XMP or profile: a picture that has one is refused rather than stripped.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from unfade.errors import UnreadableInput
from unfade.files.formats.contract import Blocks, Header, Opened, WriteOptions
from unfade.files.formats.kept import beyond_plain, refuse_loss
from unfade.files.limits import Limits
from unfade.picture import EvidenceMap, Picture

_AGAIN = "Copy it again from its source."
_GAP = rb"(?:\s|#[^\r\n]*[\r\n])+"
_HEADER = re.compile(rb"P([1-6])" + _GAP + rb"(\d{1,9})" + _GAP + rb"(\d{1,9})")
_MAXIMUM = re.compile(_GAP + rb"(\d{1,5})")
_HEADER_BYTES = 65536


class Pnm:
    """PBM, PGM and PPM, plain and raw, of any stated maximum to 65535."""

    name = "pnm"
    extensions: tuple[str, ...] = (".ppm", ".pgm", ".pbm", ".pnm")

    def sniff(self, head: bytes) -> bool:
        return re.match(rb"P[1-6][\s#]", head) is not None

    def header(self, path: Path) -> Header:
        with path.open("rb") as file:
            kind, rows, cols, maximum, _ = _header_of(file.read(_HEADER_BYTES), str(path))
        bits = 1 if kind in (1, 4) else int(maximum).bit_length()
        return Header(
            format="pnm", rows=rows, cols=cols, channels=3 if kind in (3, 6) else 1, bits=bits,
            colour="rgb" if kind in (3, 6) else "grey", compression="text" if kind < 4 else "none",
        )  # fmt: skip

    def read(self, path: Path, header: Header, limits: Limits, page: int = 0) -> Opened:
        name = str(path)
        limits.check(name, header.rows, header.cols)
        data = path.read_bytes()
        kind, rows, cols, maximum, start = _header_of(data, name)
        channels = 3 if kind in (3, 6) else 1
        count = rows * cols * channels
        if kind in (1, 4):
            codes, maximum = _bits_of(data[start:], kind, rows, cols, name), 255
        elif kind < 4:
            plain = re.sub(rb"#[^\r\n]*", b"", data[start:])
            codes = np.array(plain.split(maxsplit=count)[:count], np.int64)
        else:
            wide = maximum > 255
            there = min(count, (len(data) - start) // (1 + wide))
            codes = np.frombuffer(
                data, ">u2" if wide else "u1", max(0, there), min(start, len(data))
            )
        if codes.size < count:
            raise UnreadableInput(
                f"`{name}` is truncated: it has {codes.size} of {count} samples.", _AGAIN
            )
        if int(codes.max()) > maximum:
            raise UnreadableInput(
                f"`{name}` has a sample of {int(codes.max())}, beyond its maximum {maximum}.",
                _AGAIN,
            )
        samples = codes.astype(np.uint16 if maximum > 255 else np.uint8)
        notes = ("Comments of the file are not carried.",) if b"#" in data[:start] else ()
        return Opened(
            picture=Picture(samples.reshape(rows, cols, channels), full_scale=float(maximum)),
            header=header, blocks=Blocks(), path=path, notes=notes,
        )  # fmt: skip

    def write(
        self,
        target: Path,
        picture: Picture,
        opened: Opened,
        evidence: EvidenceMap | None,
        options: WriteOptions,
    ) -> EvidenceMap | None:
        """Write raw PGM or PPM with the picture's own maximum."""
        lost = beyond_plain(picture, opened)
        if picture.samples.dtype == np.float32:
            lost.append("floating-point samples")
        if picture.alpha is not None:
            lost.append("the alpha plane")
        if picture.dpi is not None:
            lost.append("the resolution")
        refuse_loss(target.name, "a PNM", lost)
        maximum = int(picture.full_scale)
        kind = 5 if picture.channels == 1 else 6
        head = f"P{kind}\n{picture.cols} {picture.rows}\n{maximum}\n".encode()
        with target.open("wb") as file:
            file.write(head)
            file.write(picture.samples.astype(">u2" if maximum > 255 else "u1").tobytes())
        return evidence


PNM = Pnm()


def _header_of(data: bytes, name: str) -> tuple[int, int, int, int, int]:
    """Kind 1-6, rows, columns, maximum, and where the samples begin."""
    match = _HEADER.match(data)
    if match is None:
        raise UnreadableInput(f"`{name}` ends inside its header, or has a damaged one.", _AGAIN)
    kind, cols, rows = (int(group) for group in match.groups())
    at, maximum = match.end(), 1
    if kind not in (1, 4):
        stated = _MAXIMUM.match(data, at)
        maximum = int(stated.group(1)) if stated else 0
        if stated is None or not 0 < maximum < 65536:
            raise UnreadableInput(f"`{name}` states no maximum from 1 to 65535.", _AGAIN)
        at = stated.end()
    if not rows or not cols:
        raise UnreadableInput(f"`{name}` states {cols} x {rows} pixels.", _AGAIN)
    return kind, rows, cols, maximum, at + 1  # one white space ends the header


def _bits_of(data: bytes, kind: int, rows: int, cols: int, name: str) -> np.ndarray:
    """Codes 0 and 255 of a bitmap, in which 1 is black."""
    if kind == 1:
        plain = re.sub(rb"#[^\r\n]*|\s", b"", data)
        bits = np.frombuffer(plain[: rows * cols], np.uint8) - ord("0")
        if bits.size and bits.max() > 1:
            raise UnreadableInput(
                f"`{name}` is a plain PBM with digits other than 0 and 1.", _AGAIN
            )
    else:
        stride = -(-cols // 8)
        packed = np.frombuffer(data[: rows * stride], np.uint8)
        if packed.size < rows * stride:
            return packed[:0]
        bits = np.unpackbits(packed.reshape(rows, stride), axis=1)[:, :cols].ravel()
    return np.asarray(255 * (1 - bits)).astype(np.int64)
