"""HEIF and camera raw.

Nothing installed writes HEIF, so what is tested here is everything around the decoder: a stand-in
with the shape of ``pi_heif`` gives the pixels, the container is real. Camera raw is tested for
real: a DNG is built whose scene is known, and LibRaw renders it.
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from types import SimpleNamespace

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image
from tiff_files import make, noise, write

from unfade.errors import MissingPackage, UnreadableInput, UnsupportedInput, WouldLose
from unfade.files.formats.bmff_write import with_metadata
from unfade.files.formats.contract import Opened, WriteOptions
from unfade.files.formats.heif import HEIF
from unfade.files.formats.png import PNG
from unfade.files.formats.raw import RAW
from unfade.files.formats.tiff import TIFF
from unfade.files.limits import Limits
from unfade.pixels.orient import upright

EXIF_TURNED = b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", 274, 3, 1, 6) + bytes(4)


class _Decoded:
    """What ``pi_heif.open_heif`` returns, as far as it is used."""

    def __init__(self, array: np.ndarray, mode: str, bits: int) -> None:
        self.array, self.mode = array, mode
        self.size = (array.shape[1], array.shape[0])
        self.info = {"bit_depth": bits}

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return self.array.copy()


def _heif(path: Path, orientation: int = 1, exif: bytes | None = None) -> Path:
    """The container of a HEIC of 24 x 40 pixels (with AV1 inside, which is never decoded)."""
    coded = imagecodecs.avif_encode(np.zeros((24, 40, 3), np.uint8), level=50)
    data = with_metadata(bytes(coded), orientation=orientation, icc=None, exif=exif, xmp=b"<x/>")
    size = int.from_bytes(data[:4], "big")
    ftyp = b"ftypheic\0\0\0\0mif1heic".ljust(size - 4, b"\0")
    path.write_bytes(data[:4] + ftyp + data[size:])
    return path


def _decoder(monkeypatch: pytest.MonkeyPatch, array: np.ndarray, mode: str, bits: int) -> None:
    module = SimpleNamespace(open_heif=lambda *_args, **_keywords: _Decoded(array, mode, bits))
    monkeypatch.setitem(sys.modules, "pi_heif", module)


def _open_heif(path: Path) -> Opened:
    assert HEIF.sniff(path.read_bytes()[:64])
    return HEIF.read(path, HEIF.header(path), Limits())


@pytest.mark.parametrize(
    ("mode", "bits", "channels"),
    [("RGB", 8, 3), ("RGBA", 8, 4), ("L", 8, 1), ("RGB;10", 10, 3), ("I;12", 12, 1)],
)
def test_heif_samples(tmp_path: Path, monkeypatch, mode: str, bits: int, channels: int) -> None:
    dtype = "u1" if bits == 8 else "u2"
    array = noise((24, 40, channels), dtype) >> (np.dtype(dtype).itemsize * 8 - bits)
    _decoder(monkeypatch, array[..., 0] if channels == 1 else array, mode, bits)
    opened = _open_heif(_heif(tmp_path / "in.heic"))
    assert (opened.picture.samples == array[..., :3]).all()
    assert opened.picture.full_scale == 2**bits - 1
    assert (opened.picture.alpha is not None) == (channels == 4)
    assert opened.blocks.xmp == b"<x/>"


def test_heif_is_turned_once(tmp_path: Path, monkeypatch) -> None:
    shown = noise((40, 24, 3), "u1")  # as the decoder gives it, upright
    _decoder(monkeypatch, shown, "RGB", 8)
    path = _heif(tmp_path / "in.heic", orientation=6, exif=EXIF_TURNED)
    header = HEIF.header(path)
    assert (header.rows, header.cols, header.orientation) == (40, 24, 1)
    opened = _open_heif(path)
    assert (opened.picture.samples == shown).all()
    assert any("orientation" in note for note in opened.notes)
    for form, name in ((TIFF, "out.tif"), (PNG, "out.png")):
        out = tmp_path / name
        form.write(out, opened.picture, opened, None, WriteOptions())
        again = form.read(out, form.header(out), Limits())
        assert (again.picture.samples == shown).all()
        with Image.open(out) as seen:
            assert seen.getexif().get(274, 1) == 1


def test_heif_refusals(tmp_path: Path, monkeypatch) -> None:
    path = _heif(tmp_path / "in.heic")
    _decoder(monkeypatch, noise((24, 40, 3), "u1"), "RGB", 8)
    opened = _open_heif(path)
    with pytest.raises(WouldLose, match="`-o in"):
        HEIF.write(tmp_path / "o.heic", opened.picture, opened, None, WriteOptions())
    _decoder(monkeypatch, noise((24, 40, 3), "u1"), "YCbCr", 8)
    with pytest.raises(UnsupportedInput, match="YCbCr"):
        _open_heif(path)
    _decoder(monkeypatch, noise((24, 40, 3), "u2"), "RGB;10", 10)
    with pytest.raises(UnreadableInput, match="10 bits"):
        _open_heif(path)
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    with pytest.raises(MissingPackage, match="pi_heif"):
        _open_heif(path)


def test_real_decoder_refuses_what_is_no_heif(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match="does not decode"):
        _open_heif(_heif(tmp_path / "in.heic"))


def _dng(path: Path, orientation: int = 1, bits: int = 16) -> np.ndarray:
    """A DNG of a smooth scene in linear light, (rows, cols, 3); its camera sees sRGB."""
    row, col = np.mgrid[:120, :160]
    scene = np.stack([col / 160, row / 120, np.full((120, 160), 0.5)], axis=-1) * 0.8 + 0.1
    sensor = np.empty((120, 160))
    for (down, right), channel in {(0, 0): 0, (0, 1): 1, (1, 0): 1, (1, 1): 2}.items():
        sensor[down::2, right::2] = scene[down::2, right::2, channel]
    white = 2**bits - 1
    xyz_to_camera = [
        (32404542, -15371385, -4985314),
        (-9692660, 18760108, 415560),
        (556434, -2040259, 10572252),
    ]
    matrix = tuple(part for line in xyz_to_camera for value in line for part in (value, 10**7))
    make(
        path,
        (sensor * white).astype("u2"),
        photometric="cfa",
        rowsperstrip=120,
        extratags=[
            (271, 2, None, "Maker", True),
            (272, 2, None, "Camera", True),
            (274, 3, 1, orientation, True),
            (33421, 3, 2, (2, 2), True),
            (33422, 1, 4, bytes([0, 1, 1, 2]), True),
            (50706, 1, 4, bytes([1, 4, 0, 0]), True),
            (50708, 2, None, "Maker Camera", True),
            (50714, 5, 1, (0, 1), True),
            (50717, 4, 1, white, True),
            (50721, 10, 9, matrix, True),
            (50728, 5, 3, (1,) * 6, True),
            (50778, 3, 1, 21, True),
        ],
    )
    return scene


@pytest.mark.parametrize(("orientation", "bits"), [(1, 16), (6, 16), (3, 12)])
def test_a_dng_shows_its_scene(tmp_path: Path, orientation: int, bits: int) -> None:
    path = tmp_path / "in.dng"
    scene = upright(_dng(path, orientation, bits), orientation)
    assert not RAW.sniff(path.read_bytes()[:64])
    header = TIFF.header(path)  # recognised behind its TIFF dress
    assert (header.format, header.orientation) == ("raw", 1)
    assert (header.rows, header.cols) == scene.shape[:2]
    opened = TIFF.read(path, header, Limits())
    curve = np.where(scene <= 0.0031308, scene * 12.92, 1.055 * scene ** (1 / 2.4) - 0.055)
    difference = np.abs(opened.picture.pixels - curve)[8:-8, 8:-8]
    assert difference.max() < 1e-3
    assert opened.picture.samples.dtype == np.uint16
    out = tmp_path / "out.tif"
    write(out, opened)
    assert (tifffile.imread(out) == opened.picture.samples).all()
    with tifffile.TiffFile(out) as file:
        assert file.pages[0].tags[271].value == "Maker"
        assert file.pages[0].tags[274].value == 1
    with pytest.raises(WouldLose, match="`-o in"):
        RAW.write(tmp_path / "o.dng", opened.picture, opened, None, WriteOptions())


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_truncated_dng(tmp_path: Path, share: float) -> None:
    path = tmp_path / "in.dng"
    _dng(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(UnreadableInput):
        TIFF.read(path, TIFF.header(path), Limits())


def test_raw_by_its_first_bytes() -> None:
    assert RAW.sniff(b"II*\0\x10\0\0\0CR\x02\0")
    assert RAW.sniff(b"IIRO\x08\0\0\0")
    assert RAW.sniff(b"FUJIFILMCCD-RAW 0201")
    assert RAW.sniff(b"\0\0\0\x18ftypcrx ")
    assert not RAW.sniff(b"II*\0\x08\0\0\0")
    assert TIFF.sniff(b"II*\0\x08\0\0\0")


def test_raw_without_its_package(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "in.dng"
    _dng(path)
    monkeypatch.setitem(sys.modules, "rawpy", None)
    with pytest.raises(MissingPackage, match="unfade\\[raw\\]"):
        TIFF.header(path)
