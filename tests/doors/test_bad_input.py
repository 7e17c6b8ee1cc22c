"""Bad input: a clear two-sentence error, the documented exit code, nothing left behind."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

Run = Callable[..., Any]


def png_header(rows: int, cols: int) -> bytes:
    body = struct.pack(">IIBBBBB", cols, rows, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + body
    return (
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    )


def idat() -> bytes:
    data = zlib.compress(bytes(100))
    chunk = b"IDAT" + data
    return struct.pack(">I", len(data)) + chunk + struct.pack(">I", zlib.crc32(chunk))


def photograph(path: Path, format_: str, **options: Any) -> bytes:
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (60, 80, 3), np.uint8)).save(path, format_, **options)
    return path.read_bytes()


def bad_files(folder: Path) -> dict[str, int]:
    """Name -> documented exit code; the files are made in ``folder``."""
    made = {}

    def put(name: str, data: bytes, code: int = 3) -> None:
        (folder / name).write_bytes(data)
        made[name] = code

    put("empty.jpg", b"")
    put("text.jpg", b"dear diary, " * 50)
    put("zeros.png", bytes(1000))
    put("bomb.png", png_header(60_000, 60_000) + idat())
    put("wide.png", png_header(2, 300_000) + idat())
    put("no-pixels.png", png_header(0, 10) + idat())
    put("header-only.png", png_header(10, 10))
    for format_, name in (("PNG", "p.png"), ("JPEG", "j.jpg"), ("WEBP", "w.webp")):
        data = photograph(folder / name, format_)
        (folder / name).unlink()
        put(f"half-{name}", data[: len(data) // 2])
        put(f"head-{name}", data[:30])
    tifffile.imwrite(folder / "t.tif", np.zeros((50, 60, 3), np.uint8), photometric="rgb")
    data = (folder / "t.tif").read_bytes()
    (folder / "t.tif").unlink()
    put("half-t.tif", data[: len(data) // 2])
    nan = np.zeros((20, 20), np.float32)
    nan[3, 4] = np.nan
    tifffile.imwrite(folder / "nan.tif", nan)
    made["nan.tif"] = 3
    put("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>")
    put("page.pdf", b"%PDF-1.4\n%nothing\n")
    return made


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    folder = tmp_path_factory.mktemp("bad")
    return folder, bad_files(folder)


def test_every_bad_file_is_refused_in_two_sentences(
    unfade: Run, bad: tuple[Path, dict[str, int]]
) -> None:
    folder, files = bad
    names = set(os.listdir(folder))
    for name, code in files.items():
        ran = unfade("restore", folder / name)
        assert ran.code == code, (name, ran.err)
        assert name in ran.err, (name, ran.err)
        assert "Traceback" not in ran.err
        assert ran.err.count(". ") >= 1, ("two sentences", ran.err)
        assert set(os.listdir(folder)) == names, f"{name} left something behind"


def test_a_missing_file_and_a_folder(unfade: Run, tmp_path: Path) -> None:
    assert unfade("restore", tmp_path / "none.jpg").code == 3
    ran = unfade("restore", tmp_path)
    assert ran.code == 3
    assert "folder" in ran.err


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (2, 3)])
def test_tiny_and_narrow_pictures_are_looked_at_and_left(
    unfade: Run, tmp_path: Path, shape: tuple[int, int]
) -> None:
    path = tmp_path / "narrow.png"
    Image.fromarray(np.full(shape, 77, np.uint8)).save(path)
    ran = unfade("restore", path)
    assert ran.code == 0, ran.err
    assert (tmp_path / "narrow-restored.png").read_bytes() == path.read_bytes()


def test_a_wrong_extension_is_read_by_content(unfade: Run, tmp_path: Path) -> None:
    path = tmp_path / "really.jpg"
    photograph(path, "PNG")
    ran = unfade("examine", path)
    assert ran.code == 0
    assert "png" in ran.out


@pytest.mark.parametrize(
    "name", ["Großmutter 1912 — Küche.png", "a" * 200 + ".png", "'; rm -rf $HOME #.png", "家族.png"]
)
def test_any_name(unfade: Run, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    photograph(path, "PNG")
    ran = unfade("restore", path, "--only", "sharpen", "--json")
    assert ran.code == 0, ran.err


def test_a_read_only_folder(unfade: Run, sound: Path, tmp_path: Path) -> None:
    target = tmp_path / "no" / "such" / "folder" / "out.png"
    ran = unfade("restore", sound, "-o", target)
    assert ran.code == 7
    assert "Traceback" not in ran.err


def test_a_full_disk_leaves_nothing(
    unfade: Run, damaged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = set(os.listdir(damaged.parent))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    ran = unfade("restore", damaged)
    assert ran.code == 7
    assert "space" in ran.err
    assert set(os.listdir(damaged.parent)) == names


def test_a_mask_of_another_size_names_both(unfade: Run, sound: Path, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((10, 20), np.uint8)).save(tmp_path / "mask.png")
    ran = unfade("restore", sound, "--mask", tmp_path / "mask.png")
    assert ran.code in (2, 3)
    assert "512" in ran.err
    assert "20" in ran.err


def test_an_empty_and_a_full_mask(unfade: Run, sound: Path, tmp_path: Path) -> None:
    for value in (0, 255):
        mask, target = tmp_path / "mask.png", tmp_path / f"out{value}.png"
        Image.fromarray(np.full((512, 512), value, np.uint8)).save(mask)
        assert unfade("restore", sound, "--mask", mask, "-o", target).code == 0
        assert target.read_bytes() == sound.read_bytes(), "nothing to mend it from"
