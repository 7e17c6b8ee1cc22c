"""JPEG: only the touched blocks get new coefficients; everything else stays the same numbers."""

from __future__ import annotations

import io
from pathlib import Path

import jpeglib
import numpy as np
import pytest
from made_files import IPTC, exif, jpeg, profile, scene
from PIL import Image
from skimage import data

from unfade import files
from unfade.errors import UnreadableInput, UnsupportedInput, WouldLose
from unfade.files.formats.jpeg import blocks, entropy, huffman, markers
from unfade.files.formats.jpeg.colour import Kind
from unfade.files.formats.jpeg.read import Native
from unfade.pixels.ink import inks_to_rgb
from unfade.record import Evidence

KINDS = {
    "4:2:0": {"subsampling": 2},
    "4:2:2": {"subsampling": 1},
    "4:4:4": {"subsampling": 0},
    "4:1:1": {"subsampling": 2, "quality": 40},
    "grey": {},
    "progressive": {"progressive": True, "subsampling": 2},
    "restarts": {"restart_marker_blocks": 5},
    "optimised": {"optimize": True},
    "rgb": {"keep_rgb": True},
}
SIZES = [(64, 64), (61, 75), (1, 1), (8, 17), (9, 8)]


def original(kind: str, rows: int, cols: int) -> bytes:
    samples = scene(rows, cols, 1 if kind == "grey" else 3)
    return jpeg(samples, **({"quality": 85} | KINDS[kind]))


def planes_of(path: Path) -> list[np.ndarray]:
    dct = jpeglib.read_dct(str(path))
    return [p for p in (dct.Y, dct.Cb, dct.Cr, dct.K) if p is not None]


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
@pytest.mark.parametrize("kind", KINDS)
def test_own_coding_is_read_by_libjpeg(kind: str, size: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / "in.jpg"
    path.write_bytes(original(kind, *size))
    before = files.open_picture(path)
    files.save_picture(tmp_path / "out.jpg", before.picture, before)
    one, two = planes_of(path), planes_of(tmp_path / "out.jpg")
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert np.array_equal(Image.open(path), Image.open(tmp_path / "out.jpg"))


@pytest.mark.parametrize("size", [(64, 64), (61, 75)], ids=lambda s: f"{s[0]}x{s[1]}")
@pytest.mark.parametrize("kind", KINDS)
def test_only_touched_blocks_change(kind: str, size: tuple[int, int], tmp_path: Path) -> None:
    path, target = tmp_path / "in.jpg", tmp_path / "out.jpg"
    path.write_bytes(original(kind, *size))
    before = files.open_picture(path)
    samples = before.picture.samples.copy()
    samples[18:22, 33:35] = 255 - samples[18:22, 33:35]
    mask = np.zeros(size, np.uint8)
    mask[18:22, 33:35] = Evidence.ESTIMATED
    evidence = files.save_picture(
        target, before.picture.with_samples(samples), before, evidence=mask
    )
    native = before.native
    assert isinstance(native, Native) and evidence is not None
    frame = native.parts.frame
    for old, new, c in zip(planes_of(path), planes_of(target), frame.components, strict=True):
        changed = (old != new).any(axis=(2, 3))
        tall, wide = 8 * frame.v_max // c.v, 8 * frame.h_max // c.h
        allowed = np.zeros_like(changed)
        allowed[18 // tall : 21 // tall + 1, 33 // wide : 34 // wide + 1] = True
        assert not (changed & ~allowed).any()
    after = files.open_picture(target)
    untouched = evidence == Evidence.UNTOUCHED
    assert np.array_equal(after.picture.samples[untouched], before.picture.samples[untouched])
    assert untouched.mean() > 0.75
    if c.h == frame.h_max:  # where colour is not subsampled the repair itself is there
        error = np.abs(after.picture.samples.astype(int) - samples)[18:22, 33:35]
        assert error.mean() < 16
    assert after.header == before.header


def test_unchanged_neighbours_are_kept_better_than_by_rounding() -> None:
    rng = np.random.default_rng(5)
    table = np.full(64, 24.0)
    levels = np.rint(rng.normal(0, 2, (200, 64)))
    frame = markers.Frame(markers.BASELINE, 80, 160, (markers.Component(1, 1, 1, 0),))
    planes = blocks.Planes((levels.reshape(10, 20, 64).astype(np.int16),), (table,))
    old = blocks.samples_of(levels * table).reshape(10, 20, 8, 8).swapaxes(1, 2).reshape(80, 160)
    changed = np.zeros((80, 160), bool)
    changed.reshape(10, 8, 20, 8)[:, 3:6, :, 2:5] = True  # a speck in each block
    codes = np.where(changed, np.clip(old + 90, 0, 255), np.clip(old, 0, 255)).astype(np.uint8)
    errors = []
    for stays in (None, ~changed):
        (result,) = blocks.mend_planes(planes, frame, Kind.GREY, codes[:, :, None], changed, stays)
        new = blocks.samples_of(result.reshape(200, 64) * table)
        new = new.reshape(10, 20, 8, 8).swapaxes(1, 2).reshape(80, 160)
        errors.append(float(((new - old)[~changed] ** 2).mean()))
    assert errors[1] < 0.8 * errors[0]


def test_segments_stay_in_order_byte_for_byte(tmp_path: Path) -> None:
    path, target = tmp_path / "in.jpg", tmp_path / "out.jpg"
    thumbnail = jpeg(scene(16, 16), quality=50)
    extra = [
        (0xE1, b"Exif\0\0" + exif(3) + thumbnail),
        (0xED, b"Photoshop 3.0\0" + IPTC),
        (0xE5, b"a camera's own"),
        (0xFE, "von Großmutter".encode()),
        (0xE2, b"ICC_PROFILE\0\x01\x01" + profile()),
    ]
    plain = original("4:2:0", 61, 75)
    put = b"".join(bytes([0xFF, m]) + (len(p) + 2).to_bytes(2, "big") + p for m, p in extra)
    path.write_bytes(plain[:20] + put + plain[20:] + b"bytes after the end")
    found = files.open_picture(path)
    assert any("19 bytes after the end" in note for note in found.notes)
    samples = found.picture.samples.copy()
    samples[10:20, 10:20] = 0
    files.save_picture(target, found.picture.with_samples(samples), found)

    def kept(data: bytes) -> list[tuple[int, bytes]]:
        parts = markers.take_apart(data, "x")
        own = (markers.DHT, markers.BASELINE)
        return [(s.marker, s.data) for s in parts.segments if s.marker not in own]

    assert kept(target.read_bytes()) == kept(path.read_bytes())
    assert put in target.read_bytes()


@pytest.mark.parametrize("transform", [0, 2], ids=["cmyk", "ycck"])
def test_inks_of_unchanged_pixels_stay(transform: int, tmp_path: Path) -> None:
    path, target = tmp_path / "in.jpg", tmp_path / "out.jpg"
    inks = scene(61, 75, 4)
    path.write_bytes(cmyk_file(inks, transform))
    found = files.open_picture(path)
    assert found.header.colour == ("ycck" if transform else "cmyk")
    assert found.header.channels == 4 and found.picture.channels == 3
    with Image.open(path) as image:
        before = np.asarray(image)
    assert np.array_equal(found.picture.samples, inks_to_rgb(before, 255))
    samples = found.picture.samples.copy()
    samples[16:40, 16:40] = (250, 240, 200)
    mask = np.zeros(samples.shape[:2], np.uint8)
    mask[16:40, 16:40] = Evidence.ESTIMATED
    evidence = files.save_picture(target, found.picture.with_samples(samples), found, evidence=mask)
    with Image.open(target) as image:
        assert image.mode == "CMYK"
        after = np.asarray(image)
    assert evidence is not None
    untouched = evidence == Evidence.UNTOUCHED
    assert untouched.mean() > 0.7
    shown = files.open_picture(target).picture.samples
    assert np.array_equal(shown[untouched], found.picture.samples[untouched])
    assert np.array_equal(after[:16], before[:16])
    assert np.abs(shown[20:36, 20:36].astype(int) - samples[20:36, 20:36]).mean() < 4
    assert found.native.icc == files.open_picture(target).native.icc == b"for inks"


def cmyk_file(inks: np.ndarray, transform: int) -> bytes:
    """A CMYK JPEG by Pillow; for YCCK the flag alone is turned, which decoders believe."""
    plain = jpeg(inks, mode="CMYK", quality=92, icc_profile=b"for inks")
    at = plain.index(b"Adobe") + 11
    return plain[:at] + bytes([transform]) + plain[at + 1 :]


def test_enlarged_keeps_tables_and_sampling(tmp_path: Path) -> None:
    path, target = tmp_path / "in.jpg", tmp_path / "out.jpg"
    path.write_bytes(original("4:2:2", 40, 50))
    found = files.open_picture(path)
    large = found.picture.with_samples(found.picture.samples.repeat(2, 0).repeat(2, 1))
    mask = np.full((80, 100), Evidence.ESTIMATED, np.uint8)
    files.save_picture(target, large, found, evidence=mask)
    with Image.open(path) as one, Image.open(target) as two:
        assert one.quantization == two.quantization
        assert two.size == (100, 80)
        shown = np.asarray(two)
    assert [c.h for c in files.open_picture(target).native.parts.frame.components] == [2, 1, 1]
    assert np.abs(shown.astype(int) - large.samples).mean() < 4


@pytest.mark.parametrize("quality", [30, 75, 95])
def test_fresh_coding_is_as_good_as_pillows(quality: int, tmp_path: Path) -> None:
    samples = data.astronaut()[:200, :203]
    path, target = tmp_path / "in.png", tmp_path / "out.jpg"
    Image.fromarray(samples).save(path)
    found = files.open_picture(path)
    options = files.WriteOptions(quality=quality)
    evidence = files.save_picture(
        target, found.picture, found, evidence=np.zeros(samples.shape[:2], np.uint8),
        options=options,
    )  # fmt: skip
    with Image.open(target) as image:
        ours = np.asarray(image).astype(int)
        assert (
            image.quantization
            == Image.open(io.BytesIO(jpeg(samples, quality=quality, subsampling=0))).quantization
        )
    pillows = jpeg(samples, quality=quality, subsampling=0, optimize=True)
    theirs = np.asarray(Image.open(io.BytesIO(pillows))).astype(int)
    assert np.abs(ours - samples).mean() <= 1.01 * np.abs(theirs - samples).mean()
    assert target.stat().st_size <= 1.01 * len(pillows)
    assert evidence is not None
    assert np.array_equal(evidence == Evidence.UNTOUCHED, (ours == samples).all(axis=2))


def test_a_grey_original_may_become_colour(tmp_path: Path) -> None:
    path, target = tmp_path / "in.jpg", tmp_path / "out.jpg"
    path.write_bytes(original("grey", 40, 50))
    found = files.open_picture(path)
    colour = found.picture.with_samples(scene(40, 50, 3))
    files.save_picture(target, colour, found)
    after = files.open_picture(target)
    assert after.picture.channels == 3
    assert np.abs(after.picture.samples.astype(int) - colour.samples).mean() < 3


@pytest.mark.parametrize("kind", ["4:2:0", "4:4:4", "grey", "restarts", "optimised"])
def test_a_cut_file_with_an_end_marker_put_on_is_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "cut.jpg"
    whole = original(kind, 120, 160)
    path.write_bytes(whole[: len(whole) * 3 // 4] + b"\xff\xd9")
    with pytest.raises(UnreadableInput, match="is truncated"):
        files.open_picture(path)


@pytest.mark.parametrize("kind", ["4:2:0", "4:4:4", "grey", "restarts"])
def test_a_missing_end_marker_alone_is_a_note(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "open.jpg"
    path.write_bytes(original(kind, 61, 75)[:-2])
    found = files.open_picture(path)
    assert "The end marker is missing; the picture data is complete." in found.notes
    whole = Image.open(io.BytesIO(original(kind, 61, 75)))
    assert np.array_equal(np.squeeze(found.picture.samples), np.asarray(whole))


def test_grey_of_one_tone_is_not_taken_for_a_cut_file(tmp_path: Path) -> None:
    path = tmp_path / "flat.jpg"
    path.write_bytes(jpeg(np.full((64, 64, 3), 128, np.uint8), quality=90))
    assert (files.open_picture(path).picture.samples == 128).all()


def test_a_progressive_file_without_its_last_scans_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "early.jpg"
    whole = original("progressive", 61, 75)
    path.write_bytes(whole[: whole.rindex(b"\xff\xda")] + b"\xff\xd9")
    with pytest.raises(UnreadableInput, match="is truncated"):
        files.open_picture(path)


@pytest.mark.parametrize(
    ("marker", "word"), [(0xC3, "lossless"), (0xC9, "arithmetic"), (0xC5, "hierarchical")]
)
def test_other_codings_are_refused_by_name(marker: int, word: str, tmp_path: Path) -> None:
    path = tmp_path / "other.jpg"
    path.write_bytes(original("4:2:0", 16, 16).replace(b"\xff\xc0", bytes([0xFF, marker]), 1))
    with pytest.raises(UnsupportedInput, match=word):
        files.open_picture(path)


def test_12_bits_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "deep.jpg"
    path.write_bytes(
        original("4:2:0", 16, 16).replace(b"\xff\xc0\0\x11\x08", b"\xff\xc1\0\x11\x0c")
    )
    with pytest.raises(UnsupportedInput, match="12 bits"):
        files.open_picture(path)


def test_jpeg_refuses_what_it_cannot_hold(tmp_path: Path) -> None:
    path = tmp_path / "in.png"
    Image.fromarray(np.zeros((4, 4, 4), np.uint8)).save(path)
    found = files.open_picture(path)
    with pytest.raises(WouldLose, match=r"alpha plane.*Choose"):
        files.save_picture(tmp_path / "out.jpg", found.picture, found)


@pytest.mark.parametrize("seed", range(4))
def test_fitted_tables_are_prefix_codes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = np.floor(rng.pareto(0.3, 256).clip(0, 1e7)).astype(np.int64)
    counts[0] = 1
    by_length, symbols = huffman.fitted_table(counts)
    assert sorted(symbols) == np.flatnonzero(counts).tolist()
    assert sum(by_length) == len(symbols) and len(by_length) == 16
    # Kraft's sum below 1: a prefix code with the all-ones code left free
    assert sum(n / 2**bits for bits, n in enumerate(by_length, 1)) <= 1 - 2**-16
    codes, sizes = huffman.codes_of(by_length, symbols)
    words = [format(int(codes[s]), f"0{sizes[s]}b") for s in symbols]
    assert not any(b.startswith(a) for a in words for b in words if a != b)


def test_length_of_coded_data_is_foretold(tmp_path: Path) -> None:
    for kind in ("4:2:0", "4:4:4", "grey"):
        parts = markers.take_apart(original(kind, 61, 75), "x")
        planes = blocks.read_planes(parts, "x")
        lengths = markers.huffman_tables(parts.segments)
        assert planes is not None and lengths is not None
        own = [(0, 0), (1, 1), (1, 1)][: len(planes.coefficients)]
        zigzag = [p[:, :, entropy.ZIGZAG] for p in planes.coefficients]
        bits = entropy.scan_bits(zigzag, parts.frame, own, lengths)
        coded = parts.scans[0].coded
        assert -(-int(bits.sum()) // 8) <= len(coded) - coded.count(b"\xff\0")
        assert -(-int(bits.sum()) // 8) >= 0.98 * (len(coded) - coded.count(b"\xff\0"))
