"""AVIF: read by libavif, written without loss, metadata spliced in; checked against Pillow."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageCms
from tiff_files import noise

from unfade.errors import UnfadeError, UnreadableInput, WouldLose
from unfade.files.formats.contract import Blocks, Header, Opened, WriteOptions
from unfade.files.formats.heif import AVIF, HEIF
from unfade.files.limits import Limits
from unfade.picture import Picture
from unfade.pixels.orient import upright

ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _open(path: Path) -> Opened:
    return AVIF.read(path, AVIF.header(path), Limits())


def _ramp(rows: int, cols: int, channels: int) -> np.ndarray:
    planes = [np.add.outer(np.arange(rows) * (n + 1), np.arange(cols) * 3) for n in range(channels)]
    return np.stack(planes, axis=-1).astype("u1")


def _pillow(path: Path, array: np.ndarray, **keywords: object) -> Path:
    image = Image.fromarray(array[..., 0] if array.shape[2] == 1 else array)
    image.save(path, "AVIF", **keywords)
    return path


@pytest.mark.parametrize(("dtype", "bits"), [("u1", 8), ("u2", 10), ("u2", 12)])
@pytest.mark.parametrize("shape", [(40, 50), (40, 50, 3), (40, 50, 4)])
def test_changed_samples_are_stored_exactly(tmp_path: Path, dtype: str, bits: int, shape) -> None:
    array = noise(shape, dtype) >> (np.dtype(dtype).itemsize * 8 - bits)
    form = "400" if len(shape) == 2 else "444"
    path = tmp_path / "in.avif"
    path.write_bytes(imagecodecs.avif_encode(array, level=60, bitspersample=bits, pixelformat=form))
    assert AVIF.sniff(path.read_bytes()[:64])
    assert not HEIF.sniff(path.read_bytes()[:64])
    opened = _open(path)
    assert opened.picture.full_scale == 2**bits - 1
    assert opened.picture.channels == (1 if len(shape) == 2 else 3)
    out = tmp_path / "out.avif"
    AVIF.write(out, opened.picture, opened, None, WriteOptions())
    assert out.read_bytes() == path.read_bytes()
    samples = opened.picture.samples.copy()
    samples[3:9, 5:9] //= 2
    AVIF.write(out, opened.picture.with_samples(samples), opened, None, WriteOptions(xmp=b"<x/>"))
    again = _open(out)
    assert (again.picture.samples == samples).all()
    assert again.blocks.xmp == b"<x/>"
    if len(shape) == 3 and shape[2] == 4:
        assert (again.picture.alpha == opened.picture.alpha).all()
    if bits == 8:
        with Image.open(out) as seen:
            pixels = np.asarray(seen.convert("RGB" if len(shape) == 3 else "L"))
        assert (np.atleast_3d(pixels) == samples).all()


@pytest.mark.parametrize("turned", range(1, 9))
def test_orientation_is_the_containers(tmp_path: Path, turned: int) -> None:
    exif = Image.Exif()
    exif[274] = turned
    exif[271] = "Kodak"
    path = _pillow(tmp_path / "in.avif", _ramp(24, 40, 3), exif=exif, quality=90)
    opened = _open(path)
    assert opened.header.orientation == turned
    with Image.open(path) as seen:
        stored = np.asarray(seen)
        assert seen.getexif().get(274, 1) == turned
    assert (np.abs(upright(stored, turned).astype(int) - opened.picture.samples) <= 2).all()
    samples = opened.picture.samples // 2
    out = tmp_path / "out.avif"
    AVIF.write(out, opened.picture.with_samples(samples), opened, None, WriteOptions())
    again = _open(out)
    assert (again.picture.samples == samples).all()
    assert again.header.orientation == turned
    with Image.open(out) as seen:
        assert seen.getexif().get(274, 1) == turned
        assert seen.getexif()[271] == "Kodak"


def test_metadata(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[271] = "Kodak"
    exif[282], exif[283], exif[296] = 300.0, 300.0, 2
    path = _pillow(
        tmp_path / "in.avif", _ramp(24, 40, 3), exif=exif, xmp=b"<old/>", icc_profile=ICC
    )
    opened = _open(path)
    assert (opened.picture.icc, opened.picture.encoding) == (ICC, "icc")
    assert (opened.blocks.xmp, opened.picture.dpi) == (b"<old/>", (300.0, 300.0))
    out = tmp_path / "out.avif"
    picture = opened.picture.with_samples(opened.picture.samples // 2)
    AVIF.write(out, picture, opened, None, WriteOptions(xmp=b"<new/>"))
    with Image.open(out) as seen:
        assert seen.info["icc_profile"] == ICC
        assert seen.info["xmp"] == b"<new/>"
        assert seen.getexif()[271] == "Kodak"
    assert _open(out).blocks.exif == opened.blocks.exif


def test_conversion_with_a_quality_marks_what_it_changed(tmp_path: Path) -> None:
    picture = Picture(noise((40, 40, 3), "u1"))
    original = Opened(
        picture=picture,
        header=Header(format="png", rows=40, cols=40, channels=3, bits=8),
        blocks=Blocks(),
        path=tmp_path / "in.png",
    )
    evidence = np.zeros((40, 40), np.uint8)
    out = tmp_path / "out.avif"
    marked = AVIF.write(out, picture, original, evidence, WriteOptions(quality=50))
    lossy = _open(out).picture.samples
    assert ((lossy != picture.samples).any(axis=-1) == (marked > 0)).all()
    assert marked.any()
    assert AVIF.write(out, picture, original, evidence, WriteOptions()) is evidence
    assert (_open(out).picture.samples == picture.samples).all()


@pytest.mark.parametrize(
    "picture",
    [
        Picture(noise((9, 9, 3), "f4")),
        Picture(noise((9, 9, 3), "u2")),
        Picture(noise((9, 9, 3), "u1"), infrared=noise((9, 9), "u1")),
    ],
)
def test_what_it_cannot_hold(tmp_path: Path, picture: Picture) -> None:
    opened = _open(_pillow(tmp_path / "in.avif", _ramp(24, 40, 3)))
    with pytest.raises(WouldLose, match="AVIF cannot hold"):
        AVIF.write(tmp_path / "out.avif", picture, opened, None, WriteOptions())


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.98])
def test_truncated(tmp_path: Path, share: float) -> None:
    path = _pillow(tmp_path / "in.avif", _ramp(64, 64, 3))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(UnreadableInput):
        _open(path)


def test_stated_size_is_checked(tmp_path: Path) -> None:
    path = _pillow(tmp_path / "in.avif", _ramp(24, 40, 3))
    data = bytearray(path.read_bytes())
    struct.pack_into(">II", data, data.index(b"ispe") + 8, 60_000, 60_000)
    path.write_bytes(data)
    assert AVIF.header(path).rows == 60_000
    with pytest.raises(UnreadableInput):
        _open(path)


def test_mutated_files_raise_only_our_errors(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    stream = io.BytesIO()
    Image.fromarray(_ramp(24, 40, 3)).save(stream, "AVIF", xmp=b"<x/>")
    clean, path = stream.getvalue(), tmp_path / "in.avif"
    refused = 0
    for _ in range(150):
        data = bytearray(clean)
        for _ in range(int(rng.integers(1, 4))):
            data[int(rng.integers(len(data)))] = int(rng.integers(256))
        path.write_bytes(data)
        try:
            header = AVIF.header(path)
            Limits(area_mpx=1).check("x", header.rows, header.cols)
            AVIF.read(path, header, Limits())
        except UnfadeError:
            refused += 1
    assert 0 < refused < 150
