"""Kinds of samples: few bits, palettes, inks, JPEG, stated maxima, and those that are refused."""

from __future__ import annotations

import io
import struct
from dataclasses import replace
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image
from tiff_files import all_tags, make, noise, open_tiff, touched, write

from unfade.errors import UnreadableInput, UnsupportedInput, WouldLose
from unfade.files.formats.tiff import TIFF
from unfade.picture import Picture


def _pillow(path: Path, image: Image.Image, **keywords: object) -> Path:
    image.save(path, "TIFF", **keywords)
    return path


@pytest.mark.parametrize("order", "<>")
def test_white_as_zero_is_inverted_exactly(tmp_path: Path, order: str) -> None:
    array = noise((30, 40), "u2")
    path = make(tmp_path / "in.tif", array, photometric="miniswhite", byteorder=order)
    opened = open_tiff(path)
    assert (opened.picture.samples[..., 0] == 65535 - array).all()
    mended = touched(opened)
    out = write(tmp_path / "out.tif", opened, mended)
    assert (tifffile.imread(out) == 65535 - mended.samples[..., 0]).all()
    assert all_tags(out)[262][2] == 0


@pytest.mark.parametrize("compression", [None, "group3", "group4", "tiff_ccitt", "packbits"])
def test_bilevel_is_widened(tmp_path: Path, compression: str | None) -> None:
    bits = np.kron(noise((20, 19), "u1") > 99, np.ones((3, 4), bool))
    path = _pillow(tmp_path / "in.tif", Image.fromarray(bits), compression=compression)
    opened = open_tiff(path)
    assert (opened.picture.samples[..., 0] == bits * 255).all()
    assert opened.picture.full_scale == 255
    assert any("1-bit" in note for note in opened.notes)
    assert write(tmp_path / "same.tif", opened).read_bytes() == path.read_bytes()
    mended = touched(opened)
    out = write(tmp_path / "out.tif", opened, mended)
    assert (tifffile.imread(out) == mended.samples[..., 0]).all()
    with Image.open(out) as seen:
        assert (np.asarray(seen) == mended.samples[..., 0]).all()


@pytest.mark.parametrize("bits", [2, 4])
def test_few_bits_are_widened(tmp_path: Path, bits: int) -> None:
    array = noise((21, 33), "u1") >> (8 - bits)
    rows = [np.packbits(np.unpackbits(r[:, None], axis=1)[:, 8 - bits :].ravel()) for r in array]
    path = tmp_path / "in.tif"
    path.write_bytes(_single_strip(array.shape, bits, b"".join(r.tobytes() for r in rows)))
    opened = open_tiff(path)
    assert (opened.picture.samples[..., 0] == array * (255 // (2**bits - 1))).all()
    out = write(tmp_path / "out.tif", opened, touched(opened))
    assert (tifffile.imread(out) == touched(opened).samples[..., 0]).all()


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_packed_bits_stay_packed(tmp_path: Path, bits: int) -> None:
    array = noise((21, 33), "u2") >> (16 - bits)
    packed = imagecodecs.packints_decode  # the independent reader
    wide = np.unpackbits(array.astype(">u2").view("u1").reshape(21, 33, 2), axis=-1)
    rows = np.packbits(wide[..., 16 - bits :].reshape(21, -1), axis=1)
    path = tmp_path / "in.tif"
    path.write_bytes(_single_strip(array.shape, bits, rows.tobytes()))
    opened = open_tiff(path)
    assert (opened.picture.samples[..., 0] == array).all()
    assert opened.picture.full_scale == 2**bits - 1
    mended = touched(opened)
    out = write(tmp_path / "out.tif", opened, mended)
    with tifffile.TiffFile(out) as file:
        page = file.pages[0]
        data = out.read_bytes()[page.dataoffsets[0] : page.dataoffsets[0] + rows.size]
    seen = packed(data, np.dtype("<u2"), bits, runlen=33).reshape(21, 33)
    assert (seen == mended.samples[..., 0]).all()
    assert all_tags(out)[258][2] == bits


def test_palette(tmp_path: Path) -> None:
    image = Image.fromarray(noise((40, 40, 3), "u1")).quantize(100)
    path = _pillow(tmp_path / "in.tif", image)
    opened = open_tiff(path)
    assert (opened.picture.samples == np.asarray(image.convert("RGB"))).all()
    assert write(tmp_path / "same.tif", opened).read_bytes() == path.read_bytes()
    mended = touched(opened)
    out = write(tmp_path / "out.tif", opened, mended)
    assert (tifffile.imread(out) == mended.samples).all()
    assert 320 not in all_tags(out)


@pytest.mark.parametrize("planar", [1, 2])
def test_inks_stay_where_nothing_changed(tmp_path: Path, planar: int) -> None:
    inks = noise((40, 40, 4), "u1") // 2
    stored = np.moveaxis(inks, -1, 0) if planar == 2 else inks
    path = make(tmp_path / "in.tif", stored, photometric="separated", planarconfig=planar)
    opened = open_tiff(path)
    mended = touched(opened)
    out = write(tmp_path / "out.tif", opened, mended)
    seen = tifffile.imread(out)
    seen = np.moveaxis(seen, 0, -1) if planar == 2 else seen
    same = (mended.samples == opened.picture.samples).all(axis=-1)
    assert (seen[same] == inks[same]).all()
    assert (seen[~same] != inks[~same]).any(axis=-1).all()
    assert (open_tiff(out).picture.samples == mended.samples).all()


def test_inks_of_another_size_are_refused(tmp_path: Path) -> None:
    opened = open_tiff(make(tmp_path / "in.tif", noise((20, 20, 4), "u1"), photometric="separated"))
    with pytest.raises(WouldLose, match="CMYK"):
        write(tmp_path / "out.tif", opened, Picture(noise((40, 40, 3), "u1")))


@pytest.mark.parametrize("tile", [None, (16, 16)])
@pytest.mark.parametrize("grey", [False, True])
def test_jpeg_inside(tmp_path: Path, tile, grey: bool) -> None:
    ramp = np.add.outer(np.arange(48), np.arange(64)).astype("u1")
    array = ramp if grey else np.stack([ramp, ramp[::-1], ramp // 2], axis=-1)
    path = make(
        tmp_path / "in.tif",
        array,
        photometric="minisblack" if grey else "ycbcr",
        compression="jpeg",
        **({"tile": tile} if tile else {"rowsperstrip": 16}),
    )
    opened = open_tiff(path)
    assert (opened.picture.samples == np.atleast_3d(tifffile.imread(path))).all()
    assert any("deflate" in note for note in opened.notes)
    assert write(tmp_path / "same.tif", opened).read_bytes() == path.read_bytes()
    mended = touched(opened)
    out = write(tmp_path / "out.tif", opened, mended)
    assert (np.atleast_3d(tifffile.imread(out)) == mended.samples).all()
    assert all_tags(out)[259][2] == 8
    with Image.open(out) as seen:
        assert (np.atleast_3d(np.asarray(seen)) == mended.samples).all()


@pytest.mark.parametrize("invert", [False, True])
def test_twelve_bits_in_sixteen(tmp_path: Path, invert: bool) -> None:
    array = noise((20, 30), "u2") >> 4
    path = make(
        tmp_path / "in.tif",
        array,
        photometric="miniswhite" if invert else "minisblack",
        compression="lzw",
        extratags=[(281, 3, 1, 4095, True)],
    )
    opened = open_tiff(path)
    assert opened.picture.full_scale == 4095
    assert (opened.picture.samples[..., 0] == (4095 - array if invert else array)).all()
    mended = touched(opened)
    mended.samples[0, 0] = 5000  # beyond what the file can mean
    out = write(tmp_path / "out.tif", opened, mended)
    seen = tifffile.imread(out)
    assert seen.max() <= 4095
    assert seen[0, 0] == (0 if invert else 4095)
    assert (seen[1:] == (4095 - mended.samples if invert else mended.samples)[1:, :, 0]).all()


def test_maximum_is_stated_never_guessed(tmp_path: Path) -> None:
    array = noise((20, 30), "u2") >> 4
    assert open_tiff(make(tmp_path / "a.tif", array)).picture.full_scale == 65535
    above = make(tmp_path / "b.tif", array * 2, extratags=[(281, 3, 1, 4095, True)])
    opened = open_tiff(above)
    assert opened.picture.full_scale == 65535
    assert any("larger samples" in note for note in opened.notes)
    statistics = make(
        tmp_path / "c.tif", array, extratags=[(281, 3, 1, int(array.max()) - 1, True)]
    )
    opened = open_tiff(statistics)
    assert opened.picture.full_scale == 65535
    assert any("statistics" in note for note in opened.notes)
    stated = make(tmp_path / "d.tif", array, extratags=[(341, 3, 1, 10_000, True)])
    assert open_tiff(stated).picture.full_scale == 10_000


def test_double_where_single_holds_it(tmp_path: Path) -> None:
    array = noise((20, 30, 3), "f4").astype("f8")
    opened = open_tiff(make(tmp_path / "in.tif", array, compression="zlib", predictor=True))
    out = write(tmp_path / "out.tif", opened, touched(opened))
    assert (tifffile.imread(out) == touched(opened).samples).all()
    assert tifffile.imread(out).dtype == np.float64
    array[3, 4] = 1 / 3
    with pytest.raises(UnsupportedInput, match="64-bit float"):
        open_tiff(make(tmp_path / "b.tif", array))


def test_half_that_would_overflow(tmp_path: Path) -> None:
    opened = open_tiff(make(tmp_path / "in.tif", noise((9, 9), "f2")))
    samples = opened.picture.samples.copy()
    samples[0, 0] = 1e6
    with pytest.raises(WouldLose, match="65504"):
        write(tmp_path / "out.tif", opened, opened.picture.with_samples(samples))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_not_a_number_is_refused_with_its_place(tmp_path: Path, value: float) -> None:
    array = noise((400, 20, 3), "f4")
    array[300, 7, 1] = array[350, 2, 2] = value
    path = make(tmp_path / "in.tif", array, extratags=[(274, 3, 1, 3, True)])
    with pytest.raises(UnreadableInput, match=r"2 samples .* row 49, column 17, channel 2"):
        open_tiff(path)


def test_negative_zero_is_kept(tmp_path: Path) -> None:
    array = noise((20, 30), "f4")
    array[0] = -0.0
    opened = open_tiff(make(tmp_path / "in.tif", array))
    samples = opened.picture.samples.copy()
    samples[0, 3] = 0.0
    out = write(tmp_path / "out.tif", opened, opened.picture.with_samples(samples))
    assert np.signbit(tifffile.imread(out)[0]).tolist() == [True] * 3 + [False] + [True] * 26


@pytest.mark.parametrize(
    ("array", "keywords", "words"),
    [
        (noise((9, 9, 4), "u2"), {"photometric": "separated"}, "16-bit CMYK cannot be read"),
        (noise((9, 9), "u4"), {}, "32-bit unsigned integer"),
        (noise((9, 9), "u1").astype("i1"), {}, "signed integer"),
        (noise((9, 9), "f4").astype("c8"), {}, "complex"),
        (noise((9, 9, 3), "u1"), {"photometric": "cielab"}, "CIELab"),
        (noise((32, 32, 3), "u1"), {"compression": "webp"}, "WebP"),
        (noise((32, 32), "u1"), {"compression": "jpegxl"}, "JPEG XL"),
        (noise((9, 9), "f4"), {"photometric": "miniswhite"}, "0 as white"),
        (noise((9, 9), "u1"), {"photometric": "cfa"}, "colour filter array"),
    ],
)
def test_refused_by_name(tmp_path: Path, array: np.ndarray, keywords: dict, words: str) -> None:
    path = make(tmp_path / "in.tif", array, **keywords)
    with pytest.raises(UnsupportedInput, match=words) as caught:
        TIFF.header(path)
    assert "`in.tif`" in caught.value.found
    assert caught.value.remedy.endswith("first.")


def test_more_planes_are_kept(tmp_path: Path) -> None:
    array = noise((30, 40, 6), "u2")
    path = make(tmp_path / "in.tif", array, extrasamples=[0, 2, 0], compression="lzw")
    opened = open_tiff(path)
    assert (opened.picture.alpha == array[..., 4]).all()
    assert opened.picture.infrared is None
    out = write(tmp_path / "out.tif", opened, touched(opened))
    assert (tifffile.imread(out)[..., 3:] == array[..., 3:]).all()
    with pytest.raises(WouldLose, match="3 planes"):
        write(tmp_path / "big.tif", opened, Picture(noise((60, 80, 3), "u2")))


def test_alpha_and_infrared_that_changed(tmp_path: Path) -> None:
    array = noise((30, 40, 5), "u2")
    opened = open_tiff(make(tmp_path / "in.tif", array, extrasamples=[0, 2]))
    assert (opened.picture.infrared == array[..., 3]).all()
    picture = replace(opened.picture, alpha=opened.picture.alpha // 2)
    seen = tifffile.imread(write(tmp_path / "out.tif", opened, picture))
    assert (seen[..., :4] == array[..., :4]).all()
    assert (seen[..., 4] == array[..., 4] // 2).all()


def test_icc_of_another_colour_is_kept_and_not_used(tmp_path: Path) -> None:
    from PIL import ImageCms

    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    rgb = open_tiff(make(tmp_path / "a.tif", noise((9, 9, 3), "u1"), iccprofile=icc))
    assert (rgb.picture.icc, rgb.picture.encoding) == (icc, "icc")
    path = make(tmp_path / "b.tif", noise((9, 9), "u1"), iccprofile=icc)
    grey = open_tiff(path)
    assert (grey.picture.icc, grey.picture.encoding) == (icc, "srgb")
    assert any("ICC" in note for note in grey.notes)
    out = write(tmp_path / "out.tif", grey, touched(grey))
    assert all_tags(out)[34675][2] == icc


def _single_strip(shape: tuple[int, int], bits: int, data: bytes) -> bytes:
    """The smallest grey TIFF, by hand."""
    tags = [
        (256, shape[1]),
        (257, shape[0]),
        (258, bits),
        (259, 1),
        (262, 1),
        (273, 8),
        (277, 1),
        (278, shape[0]),
        (279, len(data)),
    ]
    data += b"\0" * (len(data) % 2)
    out = io.BytesIO()
    out.write(b"II*\0" + struct.pack("<I", 8 + len(data)) + data)
    out.write(struct.pack("<H", len(tags)))
    for code, value in tags:
        out.write(struct.pack("<HHII", code, 4 if code in (273, 279) else 3, 1, value))
    out.write(bytes(4))
    return out.getvalue()
