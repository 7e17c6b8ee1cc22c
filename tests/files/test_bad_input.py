"""Whatever bytes arrive: an error of this project that names the file, or a picture."""

from __future__ import annotations

import os
import random
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from made_files import CASES, jpeg, noise, png_chunk, profile, scene
from PIL import Image

from unfade import files
from unfade.errors import (
    InputRefused,
    LimitExceeded,
    OutOfResources,
    UnfadeError,
    UnreadableInput,
    UnsupportedInput,
    UsageError,
)
from unfade.files.formats import FORMATS

OWN = ("jpeg", "png", "webp", "gif", "bmp", "pnm")
PNG_HEAD = b"\x89PNG\r\n\x1a\n"


def ihdr(cols: int, rows: int, bits: int = 8, colour: int = 2) -> bytes:
    return png_chunk(b"IHDR", struct.pack(">IIBBBBB", cols, rows, bits, colour, 0, 0, 0))


def small_files(folder: Path) -> dict[str, Path]:
    """One file of each kind, by name."""
    made = {c.id: c.write(folder / f"{c.id}{c.extension}", c.bands(19, 23)) for c in CASES}
    for name in ("one.png", "palette.png", "palette.gif", "palette.bmp"):
        image = Image.fromarray(scene(19, 23)).convert("1" if name == "one.png" else "P")
        image.save(folder / name)
        made[name] = folder / name
    for name, kind in (("plain.ppm", b"P3"), ("plain.pgm", b"P2"), ("plain.pbm", b"P1")):
        numbers = noise(5, 7, 3 if kind == b"P3" else 1) >> (7 if kind == b"P1" else 0)
        text = b" ".join(str(n).encode() for n in numbers.ravel())
        maximum = b"" if kind == b"P1" else b"255\n"
        (folder / name).write_bytes(kind + b"\n# by hand\n7 5\n" + maximum + text)
        made[name] = folder / name
    cmyk = folder / "cmyk.jpg"
    cmyk.write_bytes(jpeg(scene(19, 23, 4), mode="CMYK"))
    return made | {"cmyk": cmyk}


def refused(path: Path, kind: type[UnfadeError] = InputRefused) -> UnfadeError:
    with pytest.raises(kind) as caught:
        files.open_picture(path)
    error = caught.value
    assert path.name in error.found, "the file is named"
    assert error.found.endswith(".") and error.remedy.endswith((".", "`"))
    return error


def test_missing(tmp_path: Path) -> None:
    assert "does not exist" in refused(tmp_path / "no.jpg", UnreadableInput).found


def test_folder(tmp_path: Path) -> None:
    assert "is a folder" in refused(tmp_path, UnreadableInput).found


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a"])
def test_empty(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    assert "is empty" in refused(tmp_path / name, UnreadableInput).found


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names on this system")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    assert "not a regular file" in refused(tmp_path / "pipe.jpg", UnreadableInput).found


@pytest.mark.parametrize("content", [b"x", b"%PDF-1.7 ...", b"<svg xmlns='...'/>", bytes(500)])
def test_unknown_type_names_what_is_known(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    error = refused(path, UnsupportedInput)
    assert all(name.upper() in error.remedy for name in OWN)


def test_random_bytes(tmp_path: Path) -> None:
    rng = random.Random(7)
    path = tmp_path / "noise.bin"
    heads = [b"", b"\xff\xd8\xff\xe0", PNG_HEAD, b"RIFF\x40\0\0\0WEBP", b"GIF89a", b"P6 ", b"II*\0"]
    heads.append(b"BM" + bytes(12) + b"\x28")
    for head in heads * 6:
        path.write_bytes(head + rng.randbytes(rng.randrange(1, 400)))
        refused(path)


@pytest.mark.parametrize("share", [0.02, 0.2, 0.5, 0.8, 0.97])
def test_truncated_files_are_refused(share: float, tmp_path: Path) -> None:
    for name, path in small_files(tmp_path).items():
        whole = path.read_bytes()
        path.write_bytes(whole[: max(3, int(len(whole) * share))])
        try:
            files.open_picture(path)
        except InputRefused as error:
            assert path.name in error.found
        else:
            pytest.fail(f"{name} cut to {share:.0%} was read")


def test_content_wins_over_the_name(tmp_path: Path) -> None:
    path = tmp_path / "scan.png"
    path.write_bytes(jpeg(scene(16, 16)))
    found = files.open_picture(path)
    assert found.header.format == "jpeg"
    assert found.notes[0] == "The file is called `.png` but is a JPEG; it is read as one."


BOMBS = {
    "png": PNG_HEAD + ihdr(65536, 65536) + png_chunk(b"IDAT", zlib.compress(bytes(99)))
    + png_chunk(b"IEND", b""),
    "jpeg": jpeg(scene(8, 8)).replace(
        b"\xff\xc0\0\x11\x08\0\x08\0\x08", b"\xff\xc0\0\x11\x08\xff\xdc\xff\xdc"
    ),
    "pnm": b"P6 99999 99999 255\n",
    "bmp": b"BM" + struct.pack("<IIIIiiHHIIIIII", 99, 0, 54, 40, 99999, 99999, 1, 24, *[0] * 6),
    "gif": b"GIF89a" + struct.pack("<HH", 65535, 65535) + b"\0\0\0,"
    + struct.pack("<HHHHB", 0, 0, 65535, 65535, 0) + b"\x08\x01\0\0;",
}  # fmt: skip


@pytest.mark.parametrize("kind", BOMBS)
def test_bombs_are_refused_by_their_header(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"bomb.{kind}"
    path.write_bytes(BOMBS[kind])
    assert "megapixels" in refused(path, LimitExceeded).found


def test_a_long_thin_picture_is_read(tmp_path: Path) -> None:
    for rows, cols in ((1, 1), (1, 50_000), (50_000, 1)):
        path = tmp_path / "thin.png"
        Image.fromarray(np.full((rows, cols), 7, np.uint8)).save(path)
        assert files.open_picture(path).picture.samples.shape == (rows, cols, 1)


def test_limits_name_the_option(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(scene(40, 50)).save(path)
    with pytest.raises(LimitExceeded, match="--max-megapixels"):
        files.open_picture(path, limits=files.Limits(area_mpx=0.001))


def test_inflating_blocks_are_capped(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    packed = zlib.compress(bytes(20_000_000))
    plain = PNG_HEAD + ihdr(1, 1)
    pixels = png_chunk(b"IDAT", zlib.compress(bytes(4))) + png_chunk(b"IEND", b"")
    chunks = {
        "ICC profile": png_chunk(b"iCCP", b"x\0\0" + packed),
        "zTXt": png_chunk(b"zTXt", b"x\0\0" + packed),
        "XMP": png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + packed),
    }
    for what, chunk in chunks.items():
        path.write_bytes(plain + chunk + pixels)
        assert what in refused(path, LimitExceeded).found


@pytest.mark.parametrize("name", ["png-rgb8", "jpeg-420", "webp-lossless"])
def test_large_blocks_are_refused(name: str, tmp_path: Path) -> None:
    path = small_files(tmp_path)[name]
    with pytest.raises(LimitExceeded, match="block of"):
        files.open_picture(path, limits=files.Limits(block_bytes=20))


@pytest.mark.parametrize("case", [c for c in CASES if c.metadata], ids=lambda c: c.id)
def test_a_broken_profile_is_kept_and_not_used(
    case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # type: ignore[no-untyped-def]
    broken = profile(case.channels)[:200]
    monkeypatch.setattr("made_files.profile", lambda channels=3: broken)
    found = files.open_picture(case.write(tmp_path / f"in{case.extension}", case.bands()))
    assert found.picture.encoding == "srgb"
    assert any("ICC profile" in note for note in found.notes)
    samples = found.picture.samples.copy()
    samples[3, 3] ^= 64
    files.save_picture(
        tmp_path / f"out{case.extension}", found.picture.with_samples(samples), found
    )
    assert broken in _all_bytes(tmp_path / f"out{case.extension}")


def _all_bytes(path: Path) -> bytes:
    """The file, with the profile of a PNG unpacked."""
    data = path.read_bytes()
    at = data.find(b"iCCPname of it\0\0")
    return data + (zlib.decompressobj().decompress(data[at + 16 :]) if at > 0 else b"")


def test_a_damaged_exif_block_is_kept_with_a_note(tmp_path: Path) -> None:
    path, target = tmp_path / "a.jpg", tmp_path / "b.jpg"
    path.write_bytes(jpeg(scene(16, 16), exif=b"Exif\0\0II*\0\xff\xff\xff\xff"))
    found = files.open_picture(path)
    assert found.header.orientation == 1
    assert any("EXIF block is damaged" in note for note in found.notes)
    files.save_picture(target, found.picture, found)
    assert files.open_picture(target).blocks.exif == b"II*\0\xff\xff\xff\xff"


def test_several_gif_frames_need_a_page(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    frames = [Image.fromarray(scene(16, 16 + 0, 3) // (k + 1)) for k in range(3)]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    with pytest.raises(UsageError, match=r"3 frames.*--page 1"):
        files.open_picture(path)
    assert files.open_picture(path, page=2).page == 2
    with pytest.raises(UsageError, match="page 4 was asked for"):
        files.open_picture(path, page=3)


@pytest.mark.parametrize("kind", ["png", "webp"])
def test_animations_are_refused_by_name(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{kind}"
    frames = [Image.fromarray(noise(16, 16, 3, seed=k)) for k in range(3)]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    with pytest.raises(UnsupportedInput, match="animated"):
        files.open_picture(path)


def test_out_of_memory_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(scene(8, 8)).save(path)

    def greedy(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("unfade.files.formats.png._bands", greedy)
    refused(path, OutOfResources)


def test_no_mutation_lets_another_error_out(tmp_path: Path) -> None:
    rng = random.Random(20)
    whole = {name: path.read_bytes() for name, path in small_files(tmp_path).items()}
    path = tmp_path / "mutated"
    read = 0
    for number in range(600):
        data = bytearray(whole[sorted(whole)[number % len(whole)]])
        for _ in range(rng.randint(1, 6)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        if rng.random() < 0.2:
            del data[rng.randrange(len(data)) :]
        if rng.random() < 0.2:
            at = rng.randrange(len(data) + 1)
            data[at:at] = rng.randbytes(rng.randrange(1, 40))
        path.write_bytes(data)
        for ask in (files.read_header, files.open_picture):
            try:
                ask(path)
            except UnfadeError as error:
                assert path.name in error.found
            else:
                read += 1
    assert read > 50, "some mutations hit pixels or text only"


def test_the_known_formats_do_not_claim_each_others_files(tmp_path: Path) -> None:
    for path in small_files(tmp_path).values():
        head = path.read_bytes()[:64]
        claims = [form.name for form in FORMATS if form.sniff(head)]
        assert claims and (len(claims) == 1 or set(claims) <= {"raw", "tiff"}), path
