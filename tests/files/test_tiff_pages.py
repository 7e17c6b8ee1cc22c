"""Several pages, infrared scans, smaller versions, EXIF directories, BigTIFF, conversions."""

from __future__ import annotations

import io
import struct
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from tiff_files import all_tags, make, noise, open_tiff, touched, write

from unfade.errors import UnreadableInput, UnsupportedInput, UsageError, WouldLose
from unfade.files.formats.contract import Blocks, Header, Opened, WriteOptions
from unfade.files.formats.tiff import TIFF, target
from unfade.files.formats.tiff.container import Container
from unfade.picture import Picture

EXIF = {0x829A: (1, 250), 0x9003: "1931:05:04 10:00:00", 0x927C: b"maker\0note" * 9, 0xA002: 30}


def _pages(path: Path, arrays: list[np.ndarray], **keywords: object) -> Path:
    with tifffile.TiffWriter(path, bigtiff=bool(keywords.pop("bigtiff", False))) as file:
        for number, array in enumerate(arrays):
            file.write(
                array,
                photometric="rgb" if array.ndim == 3 else "minisblack",
                metadata=None,
                description=f"leaf {number}",
                extratags=[(65001, 4, 2, (number, 7), True)],
                **keywords,
            )
    return path


@pytest.mark.parametrize("edit", ["xmp", "same tags"])
@pytest.mark.parametrize("compression", [None, "lzw"])
def test_one_page_of_three(tmp_path: Path, compression: str | None, edit: str) -> None:
    arrays = [noise((30, 40, 3), "u2"), noise((20, 33), "u1"), noise((25, 30, 3), "f4")]
    path = _pages(tmp_path / "in.tif", arrays, compression=compression, rowsperstrip=7)
    opened = open_tiff(path, page=1)
    assert (opened.header.pages, opened.header.rows, opened.header.bits) == (3, 20, 8)
    mended = touched(opened)
    xmp = b"<x/>" * 50 if edit == "xmp" else None
    out = write(tmp_path / "out.tif", opened, mended, xmp=xmp)
    with tifffile.TiffFile(out) as file:
        assert len(file.pages) == 3
        seen = [page.asarray() for page in file.pages]
    assert (seen[0] == arrays[0]).all()
    assert (seen[1] == mended.samples[..., 0]).all()
    assert (seen[2] == arrays[2]).all()
    for page in (0, 2):
        assert all_tags(out, page) == all_tags(path, page)
    assert all_tags(out, 1)[65001] == all_tags(path, 1)[65001]
    assert all_tags(out, 1).get(700, (0, 0, None))[2] == xmp


@pytest.mark.parametrize("page", [0, 1, 2])
def test_another_size_for_one_page(tmp_path: Path, page: int) -> None:
    arrays = [noise((30, 40), "u2", seed) for seed in range(3)]
    path = _pages(tmp_path / "in.tif", arrays, compression="zlib", rowsperstrip=7)
    opened = open_tiff(path, page=page)
    arrays[page] = arrays[page].repeat(2, 0).repeat(2, 1)
    out = write(tmp_path / "out.tif", opened, Picture(arrays[page][..., None]))
    with tifffile.TiffFile(out) as file:
        assert [(leaf.asarray() == array).all() for leaf, array in zip(file.pages, arrays)] == [
            True
        ] * 3
        assert [leaf.description for leaf in file.pages] == ["leaf 0", "leaf 1", "leaf 2"]


def test_a_page_that_is_not_there(tmp_path: Path) -> None:
    path = make(tmp_path / "in.tif", noise((9, 9), "u1"))
    with pytest.raises(UsageError, match="1 page"):
        open_tiff(path, page=1)


def test_a_page_beside_one_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "in.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(noise((9, 9, 4), "u2"), photometric="separated", metadata=None)
        file.write(noise((30, 40), "u1"), photometric="minisblack", metadata=None)
    with pytest.raises(UnsupportedInput, match="page 1: 16-bit CMYK cannot be read"):
        open_tiff(path)
    opened = open_tiff(path, page=1)
    out = write(tmp_path / "out.tif", opened, touched(opened))
    assert (tifffile.imread(out, key=0) == tifffile.imread(path, key=0)).all()
    assert (tifffile.imread(out, key=1) == touched(opened).samples[..., 0]).all()


def test_infrared_on_a_page_of_its_own(tmp_path: Path) -> None:
    arrays = [noise((30, 40, 3), "u2"), noise((30, 40), "u2", seed=4)]
    path = _pages(tmp_path / "in.tif", arrays)
    opened = open_tiff(path)
    assert (opened.picture.infrared == arrays[1]).all()
    assert any("infrared" in note for note in opened.notes)
    out = write(tmp_path / "out.tif", opened, touched(opened))
    assert (tifffile.imread(out, key=1) == arrays[1]).all()
    large = opened.picture.samples.repeat(2, 0).repeat(2, 1)
    out = write(tmp_path / "big.tif", opened, Picture(large))
    assert (tifffile.imread(out, key=0) == large).all()
    assert (tifffile.imread(out, key=1) == arrays[1]).all()


def test_grey_pages_of_a_book_are_no_infrared(tmp_path: Path) -> None:
    arrays = [noise((30, 40, 3), "u2"), noise((30, 40), "u2"), noise((30, 40), "u2")]
    assert open_tiff(_pages(tmp_path / "a.tif", arrays)).picture.infrared is None
    assert open_tiff(_pages(tmp_path / "b.tif", arrays[1:])).picture.infrared is None


def test_infrared_as_fourth_sample(tmp_path: Path) -> None:
    array = noise((30, 40, 4), "u2")
    path = make(tmp_path / "in.tif", array, extrasamples=[0], compression="lzw", predictor=True)
    opened = open_tiff(path)
    assert (opened.picture.infrared == array[..., 3]).all()
    assert opened.picture.alpha is None
    seen = tifffile.imread(write(tmp_path / "out.tif", opened, touched(opened)))
    assert (seen[..., 3] == array[..., 3]).all()


@pytest.mark.parametrize("below", [True, False])
def test_smaller_versions_go_when_the_picture_changes(tmp_path: Path, below: bool) -> None:
    array = noise((64, 64, 3), "u1")
    path = tmp_path / "in.tif"
    with tifffile.TiffWriter(path) as file:
        common = {"photometric": "rgb", "metadata": None, "compression": "lzw"}
        file.write(array, subifds=1 if below else 0, **common)
        file.write(array[::2, ::2], subfiletype=1, **common)
        file.write(array[::-1], **common)
    opened = open_tiff(path)
    assert opened.header.pages == 2
    assert any("smaller versions" in note for note in opened.notes)
    assert write(tmp_path / "same.tif", opened).read_bytes() == path.read_bytes()
    out = write(tmp_path / "out.tif", opened, touched(opened))
    with tifffile.TiffFile(out) as file:
        assert len(file.pages) == 2
        assert file.pages[0].subifds is None
        assert (file.pages[0].asarray() == touched(opened).samples).all()
        assert (file.pages[1].asarray() == array[::-1]).all()


@pytest.mark.parametrize("order", "<>")
def test_exif_directories_stay(tmp_path: Path, order: str) -> None:
    path = _with_exif(tmp_path / "in.tif", order)
    opened = open_tiff(path)
    out = write(tmp_path / "out.tif", opened, touched(opened))
    with Image.open(path) as one, Image.open(out) as other:
        before, after = one.getexif(), other.getexif()
        assert dict(after.get_ifd(0x8769)) == dict(before.get_ifd(0x8769))
        assert dict(after.get_ifd(0x8825)) == dict(before.get_ifd(0x8825))
    assert after.get_ifd(0x8769)[0x927C] == EXIF[0x927C]
    large = opened.picture.samples.repeat(2, 0).repeat(2, 1)
    out = write(tmp_path / "big.tif", opened, Picture(large))
    with Image.open(out) as other:
        assert other.getexif().get_ifd(0x8769)[0xA002] == 60


@pytest.mark.parametrize("order", "<>")
def test_exif_block_of_a_tiff(tmp_path: Path, order: str) -> None:
    opened = open_tiff(_with_exif(tmp_path / "in.tif", order))
    exif = Image.Exif()
    exif.load(b"Exif\0\0" + opened.blocks.exif)
    assert exif[271] == "Kodak"
    assert exif.get_ifd(0x8769)[0x9003] == EXIF[0x9003]
    assert exif.get_ifd(0x8825)[1] == "N"
    assert 256 not in exif


def test_resolution(tmp_path: Path) -> None:
    keywords = {"resolution": ((300, 1), (150, 1)), "resolutionunit": 3}
    path = make(tmp_path / "in.tif", noise((9, 12), "u1"), **keywords)
    assert open_tiff(path).picture.dpi == (762.0, 381.0)
    turned = make(tmp_path / "b.tif", noise((9, 12), "u1"), extratags=[(274, 3, 1, 6)], **keywords)
    opened = open_tiff(turned)
    assert opened.picture.dpi == (381.0, 762.0)
    picture = replace(opened.picture, dpi=(762.0, 1524.0))
    tags = all_tags(write(tmp_path / "out.tif", opened, picture))
    assert (tags[282][2], tags[283][2], tags[296][2]) == ((600, 1), (300, 1), 3)
    plain = make(tmp_path / "c.tif", noise((9, 12), "u1"), resolutionunit=1)
    assert open_tiff(plain).picture.dpi is None


def test_a_classic_tiff_that_grows_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays = [noise((30, 40, 3), "u2"), noise((20, 33), "u1")]
    path = _pages(tmp_path / "in.tif", arrays, compression="zlib", rowsperstrip=7)
    opened = open_tiff(path)
    large = arrays[0].repeat(3, 0).repeat(3, 1)
    monkeypatch.setattr(target, "CLASSIC_END", path.stat().st_size + 100)
    out = write(tmp_path / "out.tif", opened, Picture(large), xmp=b"<x/>" * 9)
    with tifffile.TiffFile(out) as file:
        assert file.is_bigtiff
        assert len(file.pages) == 2
        assert (file.pages[0].asarray() == large).all()
        assert (file.pages[1].asarray() == arrays[1]).all()
    for page in (0, 1):
        tags, before = all_tags(out, page), all_tags(path, page)
        assert all(tags[code][2] == before[code][2] for code in (258, 259, 262, 270, 65001))
    assert (open_tiff(out).picture.samples == large).all()


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("turned", [1, 6])
def test_conversion(tmp_path: Path, dtype: str, channels: int, turned: int) -> None:
    exif = open_tiff(_with_exif(tmp_path / "exif.tif", ">")).blocks.exif
    picture = Picture(
        noise((30, 40, channels), dtype),
        alpha=noise((30, 40), dtype, seed=2),
        icc=b"\0" * 36 + b"acsp" + b"\0" * 100,
        dpi=(300.0, 200.0),
    )
    original = Opened(
        picture=picture,
        header=Header(format="png", rows=30, cols=40, channels=4, bits=8, orientation=turned),
        blocks=Blocks(exif=exif, xmp=b"<x/>", iptc=b"\x1c\x02\x05\0\x03abc"),
        path=tmp_path / "in.png",
    )
    out = tmp_path / "out.tif"
    TIFF.write(out, picture, original, None, WriteOptions())
    opened = open_tiff(out)
    assert (opened.picture.samples == picture.samples).all()
    assert (opened.picture.alpha == picture.alpha).all()
    assert opened.picture.dpi == picture.dpi
    tags = all_tags(out)
    assert (tags[274][2], tags[259][2], tags[700][2]) == (turned, 8, b"<x/>")
    assert tags[34675][2] == picture.icc
    assert tags[33723][2] == original.blocks.iptc
    with tifffile.TiffFile(out) as file:
        assert file.pages[0].asarray().shape == ((30, 40) if turned == 1 else (40, 30)) + (
            channels + 1,
        )
    with Image.open(io.BytesIO(out.read_bytes())) if dtype == "u1" else _nothing() as seen:
        if seen is not None:
            assert seen.getexif().get_ifd(0x8769)[0x927C] == EXIF[0x927C]


def test_conversion_with_damaged_exif_is_refused(tmp_path: Path) -> None:
    picture = Picture(noise((9, 9, 3), "u1"))
    header = Header(format="png", rows=9, cols=9, channels=3, bits=8)
    original = Opened(
        picture=picture, header=header, blocks=Blocks(exif=b"II*\0abcd"), path=tmp_path / "in.png"
    )
    with pytest.raises(WouldLose, match="EXIF"):
        TIFF.write(tmp_path / "out.tif", picture, original, None, WriteOptions())


def test_an_original_that_changed_meanwhile(tmp_path: Path) -> None:
    path = make(tmp_path / "in.tif", noise((9, 9), "u1"))
    opened = open_tiff(path)
    make(path, noise((9, 12), "u1"))
    with pytest.raises(UnreadableInput, match="changed since"):
        write(tmp_path / "out.tif", opened)


def test_directories_read_twice_agree(tmp_path: Path) -> None:
    path = _with_exif(tmp_path / "in.tif", "<")
    with Container(path) as box:
        assert set(box.ifds[0].children) == {34665, 34853}
        assert box.integer(box.ifds[0].children[34665][0], 0xA002, 0) == 30


def _with_exif(path: Path, order: str) -> Path:
    """A 30 x 20 TIFF with EXIF and GPS directories, whose pointers are set by hand."""
    make(
        path,
        noise((20, 30, 3), "u1"),
        byteorder=order,
        compression="lzw",
        extratags=[(271, 2, None, "Kodak", True), (50001, 4, 1, 0, True), (50002, 4, 1, 0, True)],
    )
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        places = [file.pages[0].tags[code].offset for code in (50001, 50002)]
    for place, code, tags in zip(places, (34665, 34853), (EXIF.items(), [(1, "N")]), strict=True):
        data += b"\0" * (len(data) % 2)
        struct.pack_into(order + "H", data, place, code)
        struct.pack_into(order + "I", data, place + 8, len(data))
        data += _directory(tags, len(data), order)
    path.write_bytes(data)
    return path


def _directory(tags: Collection, at: int, order: str) -> bytes:
    entries, rest = b"", b""
    after = at + 2 + 12 * len(tags) + 4
    for code, value in tags:
        if isinstance(value, str):
            kind, count, stored = 2, len(value) + 1, value.encode() + b"\0"
        elif isinstance(value, bytes):
            kind, count, stored = 7, len(value), value
        elif isinstance(value, tuple):
            kind, count, stored = 5, 1, struct.pack(order + "II", *value)
        else:
            kind, count, stored = 4, 1, struct.pack(order + "I", value)
        entries += struct.pack(order + "HHI", code, kind, count)
        if len(stored) <= 4:
            entries += stored.ljust(4, b"\0")
        else:
            entries += struct.pack(order + "I", after + len(rest))
            rest += stored + b"\0" * (len(stored) % 2)
    return struct.pack(order + "H", len(tags)) + entries + bytes(4) + rest


class _nothing:  # noqa: N801 - stands in for a context that opens no file
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None
