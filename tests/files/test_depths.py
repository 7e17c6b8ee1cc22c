"""Samples at the file's own depth: PNG and PNM of every kind, exactly, for arrays of any size."""

from __future__ import annotations

import io
import struct
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from made_files import Case, png_chunk, scene
from PIL import Image

from unfade import files
from unfade.pixels.ink import inks_to_rgb, rgb_to_inks

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def small(dtype: str, bands: int) -> st.SearchStrategy[np.ndarray]:
    shape = st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(bands))
    return arrays.arrays(dtype, shape)


@st.composite
def pictures(draw: st.DrawFn) -> tuple[Case, np.ndarray]:
    extension = draw(st.sampled_from([".png", ".webp", ".bmp", ".ppm"]))
    channels = 3 if extension == ".webp" else draw(st.sampled_from([1, 3]))
    alpha = extension in (".png", ".webp") and draw(st.booleans())
    dtype = draw(st.sampled_from(["uint8", "uint16"])) if extension == ".png" else "uint8"
    options = (("lossless", True), ("exact", True)) if extension == ".webp" else ()
    case = Case("any", extension, channels, dtype, alpha, metadata=False, options=options)
    return case, draw(small(dtype, channels + alpha))


@QUICK
@given(pictures())
def test_any_small_picture_comes_back(made: tuple[Case, np.ndarray]) -> None:
    case, bands = made
    with tempfile.TemporaryDirectory() as folder:
        found = files.open_picture(case.write(Path(folder, f"in{case.extension}"), bands))
        target = Path(folder, f"out{case.extension}")
        files.save_picture(target, found.picture, found)
        for picture in (found.picture, files.open_picture(target).picture):
            assert np.array_equal(picture.samples, bands[:, :, : case.channels])
            if case.alpha:
                # a WebP whose alpha is full everywhere is stored without the plane
                alpha = picture.alpha if picture.alpha is not None else np.uint8(255)
                assert np.array_equal(bands[:, :, -1], np.broadcast_to(alpha, bands.shape[:2]))


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("clear", [False, True])
def test_png_grey_and_palette_of_few_bits(
    bits: int, interlaced: bool, clear: bool, tmp_path: Path
) -> None:
    rng = np.random.default_rng(bits)
    index = rng.integers(0, 1 << bits, (11, 13))
    palette = rng.integers(0, 256, (1 << bits, 3), dtype=np.uint8)
    for colour, marks in ((0, b"\0\1" if clear else b""), (3, b"\x07\x80" if clear else b"")):
        path = tmp_path / f"{colour}.png"
        path.write_bytes(png_of_indices(index, bits, colour, palette, marks, interlaced))
        picture = files.open_picture(path).picture
        with Image.open(path) as image:
            shown = np.asarray(image.convert("RGBA"))[:, :, : 1 if colour == 0 else 3]
        assert np.array_equal(picture.samples, shown)
        wanted = palette[index] if colour else (index * 255 // ((1 << bits) - 1))[:, :, None]
        assert np.array_equal(picture.samples, wanted)
        opacity = np.full(256, 255)
        if colour:
            opacity[: len(marks)] = list(marks)
        elif clear:
            opacity[1] = 0
        assert (picture.alpha is not None) == clear
        if picture.alpha is not None:
            assert np.array_equal(picture.alpha, opacity[index])
        found = files.open_picture(path)
        assert found.header.bits == bits
        assert any("stored" in note for note in found.notes) or (bits == 8 and colour == 0)
        files.save_picture(tmp_path / f"out{colour}.png", found.picture, found)
        again = files.open_picture(tmp_path / f"out{colour}.png").picture
        assert np.array_equal(again.samples, picture.samples)


def png_of_indices(
    index: np.ndarray, bits: int, colour: int, palette: np.ndarray, marks: bytes, interlaced: bool
) -> bytes:
    """A PNG made by hand, with the seven passes of Adam7 when interlaced."""
    passes = [(0, 0, 1, 1)]
    if interlaced:
        passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2),
                  (0, 1, 2, 2), (1, 0, 2, 1)]  # fmt: skip
    raw = b""
    for top, left, down, right in passes:
        part = index[top::down, left::right]
        for row in part if part.shape[1] else ():
            plain = "".join(format(v, f"0{bits}b") for v in row)
            plain += "0" * (-len(plain) % 8)
            raw += b"\0" + int(plain, 2).to_bytes(len(plain) // 8, "big")
    rows, cols = index.shape
    head = struct.pack(">IIBBBBB", cols, rows, bits, colour, 0, 0, interlaced)
    chunks = png_chunk(b"IHDR", head)
    chunks += png_chunk(b"PLTE", palette.tobytes()) if colour == 3 else b""
    chunks += png_chunk(b"tRNS", marks) if marks else b""
    chunks += png_chunk(b"IDAT", zlib.compress(raw)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def test_png_colour_and_text_chunks_stay(tmp_path: Path) -> None:
    path, target = tmp_path / "in.png", tmp_path / "out.png"
    buffer = io.BytesIO()
    Image.fromarray(scene(9, 9)).save(buffer, "PNG")
    plain = buffer.getvalue()
    kept = [
        png_chunk(b"cHRM", bytes(range(32))),
        png_chunk(b"gAMA", struct.pack(">I", 45455)),
        png_chunk(b"sBIT", b"\x07\x07\x07"),
        png_chunk(b"cICP", b"\x09\x10\0\1"),
        png_chunk(b"tEXt", b"Title\0Hochzeit"),
        png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"rue de Seine")),
        png_chunk(b"iTXt", b"Place\0\0\0de\0\0" + "Köln".encode()),
    ]
    unsafe = png_chunk(b"prIV", b"true of the old pixels only")
    path.write_bytes(plain[:33] + b"".join(kept) + unsafe + plain[33:])
    found = files.open_picture(path)
    samples = 255 - found.picture.samples
    files.save_picture(target, found.picture.with_samples(samples), found)
    written = target.read_bytes()
    assert b"".join(kept) in written
    assert unsafe not in written
    assert any("`prIV`" in note for note in found.notes)


def test_png_of_linear_light_says_so(tmp_path: Path) -> None:
    path = tmp_path / "in.png"
    buffer = io.BytesIO()
    Image.fromarray(scene(9, 9)).save(buffer, "PNG")
    data = buffer.getvalue()
    path.write_bytes(data[:33] + png_chunk(b"gAMA", struct.pack(">I", 100000)) + data[33:])
    found = files.open_picture(path)
    assert found.picture.encoding == "linear"
    files.save_picture(tmp_path / "out.png", found.picture, found)
    assert files.open_picture(tmp_path / "out.png").picture.encoding == "linear"


@pytest.mark.parametrize(("maximum", "kind"), [(1, 5), (100, 6), (255, 5), (1023, 6), (65535, 5)])
def test_pnm_keeps_its_stated_maximum(maximum: int, kind: int, tmp_path: Path) -> None:
    channels = 3 if kind == 6 else 1
    codes = np.random.default_rng(maximum).integers(0, maximum + 1, (7, 5, channels))
    path = tmp_path / "in.pnm"
    raw = codes.astype(">u2" if maximum > 255 else "u1").tobytes()
    path.write_bytes(b"P%d\n# a comment\n5 7\n%d\n" % (kind, maximum) + raw)
    found = files.open_picture(path)
    assert found.picture.full_scale == maximum
    assert np.array_equal(found.picture.samples, codes)
    files.save_picture(tmp_path / "out.pnm", found.picture, found)
    again = files.open_picture(tmp_path / "out.pnm").picture
    assert np.array_equal(again.samples, codes) and again.full_scale == maximum


def test_bmp_with_alpha_comes_back(tmp_path: Path) -> None:
    bands = scene(9, 10, 4)
    path, target = tmp_path / "in.png", tmp_path / "out.bmp"
    Image.fromarray(bands).save(path)
    found = files.open_picture(path)
    files.save_picture(target, found.picture, found)
    with Image.open(target) as image:
        assert np.array_equal(np.asarray(image), bands)
    again = files.open_picture(target).picture
    assert np.array_equal(again.samples, bands[:, :, :3])
    assert np.array_equal(again.alpha, bands[:, :, 3])  # type: ignore[arg-type]


@QUICK
@given(small("uint8", 4), st.randoms(use_true_random=False))
def test_inks_show_what_was_wanted(inks: np.ndarray, chance) -> None:  # type: ignore[no-untyped-def]
    rgb = inks_to_rgb(inks, 255)
    assert np.array_equal(rgb_to_inks(rgb, inks, 255), inks)
    wanted = rgb.copy()
    wanted[chance.randrange(len(wanted))] = chance.randrange(256)
    after = rgb_to_inks(wanted, inks, 255)
    assert np.array_equal(inks_to_rgb(after, 255), wanted)
    same = (wanted == rgb).all(axis=2)
    assert np.array_equal(after[same], inks[same])
    possible = wanted.max(axis=2) <= 255 - inks[:, :, 3]
    assert np.array_equal(after[possible][:, 3], inks[possible][:, 3]), "black is kept"


def test_inks_of_16_bits_are_exact() -> None:
    rng = np.random.default_rng(0)
    inks = rng.integers(0, 65536, (50, 40, 4), dtype=np.uint16)
    wanted = rng.integers(0, 65536, (50, 40, 3), dtype=np.uint16)
    assert np.array_equal(inks_to_rgb(rgb_to_inks(wanted, inks, 65535), 65535), wanted)
    assert np.array_equal(inks_to_rgb(np.array([[[0, 0, 0, 0]]], np.uint8), 255)[0, 0], [255] * 3)
    assert not inks_to_rgb(np.array([[[9, 9, 9, 255]]], np.uint8), 255).any()
