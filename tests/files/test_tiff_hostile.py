"""Damaged and hostile TIFFs: an error of ours, soon, without much memory."""

from __future__ import annotations

import io
import struct
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import tifffile
from tiff_files import make, noise, open_tiff, touched, write

from unfade.errors import LimitExceeded, UnfadeError, UnreadableInput
from unfade.files.formats.tiff import TIFF
from unfade.files.limits import Limits


def _by_hand(tags: list[tuple[int, int, int, int]], size: int = 0, following: int = 0) -> bytes:
    """Header and one directory of (code, type, count, value), then zeros up to ``size``."""
    out = b"II*\0" + struct.pack("<IH", 8, len(tags))
    out += b"".join(struct.pack("<HHII", *tag) for tag in tags) + struct.pack("<I", following)
    return out.ljust(size, b"\0")


def _grey(rows: int, cols: int, **more: int) -> list[tuple[int, int, int, int]]:
    facts = {256: cols, 257: rows, 258: 8, 259: 1, 262: 1, 273: 200, 277: 1, 279: 100}
    facts |= {int(code[1:]): value for code, value in more.items()}
    return [(code, 4, 1, value) for code, value in sorted(facts.items())]


@pytest.mark.parametrize("compression", [None, "lzw", "zlib", "zstd", "lzma", "packbits", "jpeg"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.6, 0.9, 0.999])
def test_truncated(tmp_path: Path, compression: str | None, share: float) -> None:
    path = make(
        tmp_path / "in.tif", noise((64, 64, 3), "u1"), compression=compression, rowsperstrip=16
    )
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(UnreadableInput) as caught:
        open_tiff(path)
    assert caught.value.remedy


@pytest.mark.parametrize("compression", ["lzw", "zlib", "zstd", "lzma", "packbits", "jpeg"])
def test_a_strip_that_ends_early_is_not_filled_up(tmp_path: Path, compression: str) -> None:
    path = make(
        tmp_path / "in.tif", noise((64, 64, 3), "u1"), compression=compression, rowsperstrip=16
    )
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        tag = file.pages[0].tags[279]
        at = tag.valueoffset + tag.valuebytecount // tag.count * 2
        form = {3: "<H", 4: "<I"}[int(tag.dtype)]
        struct.pack_into(form, data, at, tag.value[2] * 2 // 3)
    path.write_bytes(data)
    with pytest.raises(UnreadableInput, match="Strip 3 of 4"):
        open_tiff(path)


def test_circular_directories(tmp_path: Path) -> None:
    path = tmp_path / "in.tif"
    path.write_bytes(_by_hand(_grey(10, 10), 400, following=8))
    with pytest.raises(UnreadableInput, match="circle"):
        TIFF.header(path)
    path.write_bytes(_by_hand([*_grey(10, 10), (330, 4, 1, 8)], 400))
    with pytest.raises(UnreadableInput, match="circle"):
        TIFF.header(path)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"II*\0", "the header"),
        (b"II*\0\0\0\0\0", "no directory"),
        (b"II*\0\xf0\xff\xff\xff", "a directory"),
        (b"II+\0\x08\0\0\0" + b"\xff" * 8, "an offset|a directory"),
        (b"II+\0\x10\0\0\0" + b"\0" * 8, "16 bytes"),
        (_by_hand([]), "states 0 tags"),
        (_by_hand(_grey(0, 10), 400), "10 x 0"),
        (_by_hand([*_grey(10, 10), (65000, 4, 0xFFFFFFF0, 8)], 400), "tag 65000"),
        (_by_hand(_grey(10, 10, t273=395), 400), "strip 1 of 1"),
        (_by_hand(_grey(10, 10, t279=99), 400), "too few"),
        (_by_hand(_grey(1_000_000, 10, t278=1), 400), "needs 1000000 strips and lists 1"),
        (_by_hand(_grey(10, 10, t277=65), 400), "65 samples"),
        (_by_hand(_grey(10, 10, t322=0, t323=16, t324=200), 400), "tiles of 0 x 16"),
    ],
)
def test_nonsense(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "in.tif"
    path.write_bytes(data)
    with pytest.raises(UnreadableInput, match=words):
        open_tiff(path)


def test_overlapping_directories_and_values(tmp_path: Path) -> None:
    path = tmp_path / "in.tif"
    many = [(code, 1, 3000, 400) for code in range(32_000, 32_200)]
    path.write_bytes(_by_hand([*_grey(10, 10, t273=3400), *many], 4000))
    with pytest.raises(UnreadableInput, match="overlap"):
        open_tiff(path)
    # 100 directories of 50 tags that begin 12 bytes apart, in 3 kilobytes
    data = bytearray(_by_hand([*_grey(10, 10), (330, 4, 100, 300)], 3000))
    struct.pack_into("<100I", data, 300, *range(800, 2000, 12))
    for at in range(800, 2000, 12):
        struct.pack_into("<H", data, at, 50)
    path.write_bytes(data)
    with pytest.raises(UnreadableInput, match="overlap"):
        TIFF.header(path)


@pytest.mark.parametrize("compression", [1, 5, 8, 32773, 50000, 34925, 7])
def test_a_small_file_cannot_claim_gigabytes(tmp_path: Path, compression: int) -> None:
    path = tmp_path / "in.tif"
    path.write_bytes(_by_hand(_grey(40_000, 40_000, t259=compression, t278=40_000), 400))
    tracemalloc.start()
    began = time.perf_counter()
    try:
        with pytest.raises(UnreadableInput, match="too few"):
            open_tiff(path)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()
    assert time.perf_counter() - began < 1


def test_limits_hold_for_the_page_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "in.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(noise((9, 9), "u1"), photometric="minisblack", metadata=None)
        file.write(noise((900, 900), "u1"), photometric="minisblack", metadata=None)
    limits = Limits(area_mpx=0.1)
    TIFF.read(path, TIFF.header(path), limits)
    with pytest.raises(LimitExceeded, match="900 x 900"):
        TIFF.read(path, TIFF.header(path), limits, page=1)


def test_limits_on_blocks(tmp_path: Path) -> None:
    for code in (700, 33723, 34675):
        path = make(
            tmp_path / f"{code}.tif",
            noise((9, 9, 3), "u1"),
            extratags=[(code, 7, None, b"x" * 5000, True)],
        )
        with pytest.raises(LimitExceeded, match="5000 bytes"):
            TIFF.read(path, TIFF.header(path), Limits(block_bytes=4000))


def test_jpeg_larger_than_its_strip(tmp_path: Path) -> None:
    path = make(tmp_path / "in.tif", noise((64, 64, 3), "u1"), compression="jpeg", rowsperstrip=64)
    data = path.read_bytes()
    at = data.index(b"\xff\xc0") + 5
    path.write_bytes(data[:at] + b"\xff\xff\xff\xff" + data[at + 4 :])
    with pytest.raises(UnreadableInput, match="65535"):
        open_tiff(path)


def test_shared_strips_are_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "in.tif"
    tags = [tag for tag in _grey(20, 10, t278=10) if tag[0] not in (273, 279)]
    tags = sorted([*tags, (273, 4, 2, 180), (279, 4, 2, 190)])
    data = bytearray(_by_hand(tags, 400))
    struct.pack_into("<4I", data, 180, 200, 200, 0, 0)
    struct.pack_into("<2I", data, 190, 100, 100)
    path.write_bytes(data)
    opened = open_tiff(path)
    with pytest.raises(UnfadeError, match="several parts"):
        write(tmp_path / "out.tif", opened, opened.picture.with_samples(opened.picture.samples + 1))


@pytest.mark.parametrize("seed", range(6))
def test_mutated_files_raise_only_our_errors(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    compression = [None, "lzw", "zlib", "packbits", "jpeg", "zstd"][seed]
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream, bigtiff=seed % 2 == 1, byteorder="<>"[seed // 3]) as file:
        for shape in ((24, 30, 3), (24, 30)):
            file.write(
                noise(shape, "u1", seed),
                photometric="rgb" if len(shape) == 3 else "minisblack",
                compression=compression,
                rowsperstrip=8,
                metadata=None,
                extratags=[(700, 7, None, b"<x/>" * 9, True)],
            )
    clean = stream.getvalue()
    with tifffile.TiffFile(io.BytesIO(clean)) as file:
        hot = [page.offset for page in file.pages]
    path, out = tmp_path / "in.tif", tmp_path / "out.tif"
    survived = 0
    for _ in range(80):
        data = bytearray(clean)
        for _ in range(int(rng.integers(1, 4))):
            near = int(rng.choice(hot)) if rng.random() < 0.7 else int(rng.integers(len(data)))
            at = min(len(data) - 1, near + int(rng.integers(0, 200)))
            data[at] = int(rng.choice([0, 1, 127, 128, 255, int(rng.integers(256))]))
        path.write_bytes(data)
        try:
            opened = TIFF.read(path, TIFF.header(path), Limits(area_mpx=4))
            if min(opened.picture.samples.shape[:2]) >= 9:
                write(out, opened, touched(opened))
                open_tiff(out)
            survived += 1
        except UnfadeError:
            pass
    assert 0 < survived < 80
