"""JPEG 2000: exact both ways, boxes kept, damage refused."""

from __future__ import annotations

import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageCms
from tiff_files import noise

from unfade.errors import UnfadeError, UnreadableInput, UnsupportedInput, WouldLose
from unfade.files.formats.contract import Blocks, Header, Opened, WriteOptions
from unfade.files.formats.jp2 import JP2
from unfade.files.formats.jp2_boxes import EXIF_UUID, XMP_UUID
from unfade.files.limits import Limits
from unfade.picture import Picture

ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
EXIF = b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", 271, 2, 4, 0x00414243) + bytes(4)


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, kind) + content


def _make(path: Path, array: np.ndarray, bits: int, *extra: bytes, **keywords: object) -> Path:
    data = imagecodecs.jpeg2k_encode(
        array, level=0, reversible=True, bitspersample=bits, **keywords
    )
    path.write_bytes(data + b"".join(extra))
    return path


def _open(path: Path) -> Opened:
    return JP2.read(path, JP2.header(path), Limits())


@pytest.mark.parametrize("codec", ["jp2", "j2k"])
@pytest.mark.parametrize(("dtype", "bits"), [("u1", 8), ("u2", 16), ("u2", 12)])
@pytest.mark.parametrize("shape", [(40, 50), (40, 50, 3), (40, 50, 4)])
def test_round_trip(tmp_path: Path, codec: str, dtype: str, bits: int, shape) -> None:
    array = noise(shape, dtype) >> (np.dtype(dtype).itemsize * 8 - bits)
    path = _make(tmp_path / "in.jp2", array, bits, codecformat=codec)
    assert JP2.sniff(path.read_bytes()[:64])
    opened = _open(path)
    stored = np.atleast_3d(array)
    assert (opened.picture.samples == stored[..., :3]).all()
    assert opened.picture.full_scale == 2**bits - 1
    samples = opened.picture.samples.copy()
    samples[3:9, 5:9] //= 2
    JP2.write(
        tmp_path / "out.jp2", opened.picture.with_samples(samples), opened, None, WriteOptions()
    )
    seen = np.atleast_3d(imagecodecs.jpeg2k_decode((tmp_path / "out.jp2").read_bytes()))
    assert (seen[..., :3] == samples).all()
    assert (seen[..., 3:] == stored[..., 3:]).all()


def test_boxes_stay(tmp_path: Path) -> None:
    xmp, private = _box(b"uuid", XMP_UUID + b"<old/>"), _box(b"abcd", b"something private")
    exif = _box(b"uuid", EXIF_UUID + EXIF)
    array = noise((30, 40, 3), "u1")
    path = _make(tmp_path / "in.jp2", array, 8, xmp, private, exif)
    data = path.read_bytes()
    at = data.index(b"colr") - 4
    size = struct.unpack_from(">I", data, at)[0]
    colr = _box(b"colr", b"\2\0\0" + ICC)
    head = data.index(b"jp2h") - 4
    inner = struct.unpack_from(">I", data, head)[0] - size + len(colr)
    data = data[:head] + struct.pack(">I", inner) + data[head + 4 : at] + colr + data[at + size :]
    path.write_bytes(data)
    opened = _open(path)
    assert (opened.picture.icc, opened.picture.encoding) == (ICC, "icc")
    assert (opened.blocks.xmp, opened.blocks.exif) == (b"<old/>", EXIF)
    assert (opened.picture.samples == array).all()
    samples = opened.picture.samples // 2
    out = tmp_path / "out.jp2"
    JP2.write(out, opened.picture.with_samples(samples), opened, None, WriteOptions(xmp=b"<new/>"))
    after = out.read_bytes()
    assert private in after
    assert exif in after
    assert b"<old/>" not in after
    again = _open(out)
    assert (again.blocks.xmp, again.picture.icc) == (b"<new/>", ICC)
    with Image.open(out) as seen:
        assert (np.asarray(seen) == samples).all()
    large = Picture(samples.repeat(2, 0).repeat(2, 1), icc=ICC, encoding="icc")
    JP2.write(out, large, opened, None, WriteOptions())
    with Image.open(out) as seen:
        assert (np.asarray(seen) == large.samples).all()


def test_conversion_carries_metadata(tmp_path: Path) -> None:
    picture = Picture(noise((30, 40, 3), "u2"), icc=ICC, encoding="icc")
    original = Opened(
        picture=picture,
        header=Header(format="tiff", rows=30, cols=40, channels=3, bits=16),
        blocks=Blocks(exif=EXIF, xmp=b"<x/>"),
        path=tmp_path / "in.tif",
    )
    out = tmp_path / "out.jp2"
    JP2.write(out, picture, original, None, WriteOptions())
    opened = _open(out)
    assert (opened.picture.samples == picture.samples).all()
    assert (opened.picture.icc, opened.blocks.xmp, opened.blocks.exif) == (ICC, b"<x/>", EXIF)


def test_what_it_cannot_hold(tmp_path: Path) -> None:
    path = _make(tmp_path / "in.j2k", noise((30, 40), "u1"), 8, codecformat="j2k")
    opened = _open(path)
    with pytest.raises(WouldLose, match="bare"):
        JP2.write(tmp_path / "o", opened.picture, opened, None, WriteOptions(xmp=b"<x/>"))
    for picture in (
        Picture(noise((9, 9, 1), "f4")),
        Picture(noise((9, 9, 1), "u2"), full_scale=999),
    ):
        with pytest.raises(WouldLose, match="full scale"):
            JP2.write(tmp_path / "o", picture, opened, None, WriteOptions())


def test_refused_by_name(tmp_path: Path) -> None:
    path = _make(tmp_path / "in.jp2", noise((30, 40, 3), "u1"), 8, codecformat="jp2")
    data = bytearray(path.read_bytes())
    at = data.index(b"colr") + 7
    data[at : at + 4] = struct.pack(">I", 18)
    path.write_bytes(data)
    with pytest.raises(UnsupportedInput, match="colour space 18"):
        JP2.header(path)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.5, 0.98])
def test_truncated(tmp_path: Path, share: float) -> None:
    path = _make(tmp_path / "in.jp2", noise((30, 40, 3), "u1"), 8)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(UnreadableInput):
        _open(path)


def test_mutated_files_raise_only_our_errors(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = _make(tmp_path / "in.jp2", noise((20, 24, 3), "u1"), 8)
    clean = path.read_bytes()
    refused = 0
    for _ in range(150):
        data = bytearray(clean)
        for _ in range(int(rng.integers(1, 4))):
            data[int(rng.integers(min(len(data), 300)))] = int(rng.integers(256))
        path.write_bytes(data)
        try:
            header = JP2.header(path)
            Limits(area_mpx=1).check("x", header.rows, header.cols)
            JP2.read(path, header, Limits())
        except UnfadeError:
            refused += 1
    assert 0 < refused < 150
