"""Results appear whole or not at all; originals are never written to."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from made_files import CASES, exif, jpeg, noise, scene
from PIL import Image, ImageOps

from unfade import files
from unfade.errors import OutOfResources, OutputError, UnreadableInput, UsageError, WouldLose
from unfade.files.formats.contract import Opened
from unfade.files.formats.png import Png
from unfade.files.places import local
from unfade.picture import Picture
from unfade.pixels.orient import as_stored


@pytest.fixture
def found(tmp_path: Path) -> Opened:
    path = tmp_path / "in.png"
    Image.fromarray(scene(24, 31)).save(path)
    return files.open_picture(path)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_existing_target_stays_unless_overwritten(found: Opened, tmp_path: Path) -> None:
    target = tmp_path / "out.png"
    target.write_bytes(b"someone's work")
    with pytest.raises(OutputError, match=r"exists already\. Use `--overwrite`"):
        files.save_picture(target, found.picture, found)
    assert target.read_bytes() == b"someone's work"
    files.save_picture(target, found.picture, found, overwrite=True)
    assert np.array_equal(files.open_picture(target).picture.samples, found.picture.samples)
    assert names(tmp_path) == ["in.png", "out.png"]


@pytest.mark.parametrize("link", [False, True], ids=["itself", "through a link"])
def test_the_original_is_no_target(link: bool, found: Opened, tmp_path: Path) -> None:
    before = found.path.read_bytes()
    target = found.path
    if link:
        target = tmp_path / "other.png"
        target.symlink_to(found.path)
    with pytest.raises(OutputError, match="is the original itself"):
        files.save_picture(target, found.picture, found, overwrite=True)
    with pytest.raises(OutputError, match="is the original itself"):
        files.copy_original(found.path, target, overwrite=True)
    assert found.path.read_bytes() == before


def test_missing_folder_and_folder_as_target(found: Opened, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"folder .*none.* does not exist\. Create it"):
        files.save_picture(tmp_path / "none" / "out.png", found.picture, found)
    (tmp_path / "sub.png").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        files.save_picture(tmp_path / "sub.png", found.picture, found, overwrite=True)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EACCES, "permission denied.*permissions"),
        (errno.EROFS, "read-only file system"),
        (errno.ENOSPC, "no space left.*Free some space"),
        (errno.EIO, "input/output error"),
    ],
)
def test_a_failing_disk_is_an_output_error(
    number: int, words: str, found: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Path, data: bytes) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OutputError, match=f"(?i){words}"):
        files.save_picture(tmp_path / "out.png", found.picture, found)
    assert names(tmp_path) == ["in.png"]


@pytest.mark.parametrize("error", [RuntimeError("a bug"), KeyboardInterrupt(), MemoryError()])
def test_nothing_is_left_whatever_happens(
    error: BaseException, found: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(self: Png, target: Path, *rest: object) -> None:
        target.write_bytes(b"half of it")
        raise error

    monkeypatch.setattr(Png, "write", half)
    expected = OutOfResources if isinstance(error, MemoryError) else type(error)
    with pytest.raises(expected):
        files.save_picture(tmp_path / "out.png", found.picture, found)
    assert names(tmp_path) == ["in.png"]


def test_a_target_that_appears_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "out.png"
    with pytest.raises(OutputError, match="has appeared"), local.fresh_file(target) as temporary:
        temporary.write_bytes(b"ours")
        target.write_bytes(b"theirs")
    assert target.read_bytes() == b"theirs"
    assert names(tmp_path) == ["out.png"]


def test_content_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda handle: events.append("fsync"))
    monkeypatch.setattr(os, "replace", lambda a, b: events.append("rename"))
    with local.fresh_file(tmp_path / "out.png", overwrite=True) as temporary:
        temporary.write_bytes(b"x")
    assert events == ["fsync", "rename", "fsync"]


@pytest.mark.parametrize(
    "name",
    [
        "with space.png",
        "Großmutter — 1923.png",
        "祖母.png",
        "-o.png",
        "a" * 251 + ".png",
        "100%.png",
    ],
)
def test_names_of_all_kinds(name: str, found: Opened, tmp_path: Path) -> None:
    target = tmp_path / name
    files.save_picture(target, found.picture, found)
    assert np.array_equal(files.open_picture(target).picture.samples, found.picture.samples)
    files.save_evidence(target, np.zeros((24, 31), np.uint8), 1, overwrite=True)


def test_a_name_beyond_all_limits_is_an_output_error(found: Opened, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        files.save_picture(tmp_path / ("a" * 300 + ".png"), found.picture, found)
    with pytest.raises(UnreadableInput):
        files.open_picture(tmp_path / ("a" * 300 + ".png"))
    with pytest.raises(UnreadableInput):
        files.open_picture("nul\0inside.png")


def test_extension_chooses_the_format(found: Opened, tmp_path: Path) -> None:
    for extension, name in ((".JPG", "jpeg"), (".webp", "webp"), (".bmp", "bmp"), ("", "png")):
        target = tmp_path / f"out{extension}"
        files.save_picture(target, found.picture, found)
        assert files.read_header(target).format == name
    with pytest.raises(UsageError, match=r"`\.pgn`.*Did you mean `\.p(ng|gm|nm)`"):
        files.save_picture(tmp_path / "out.pgn", found.picture, found)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
def test_copy_is_the_very_same_bytes(case, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = case.write(tmp_path / f"in{case.extension}", case.bands(9, 9))
    files.copy_original(path, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == path.read_bytes()
    with pytest.raises(OutputError, match="exists already"):
        files.copy_original(path, tmp_path / "copy")


def test_every_backup_stays(found: Opened, tmp_path: Path) -> None:
    first = found.path.read_bytes()
    backup = files.back_up(found.path)
    assert backup.name == "in.png.bak" and backup.read_bytes() == first
    changed = found.picture.with_samples(255 - found.picture.samples)
    files.save_picture(found.path, changed, files.open_picture(backup), overwrite=True)
    second = found.path.read_bytes()
    again = files.back_up(found.path)
    assert again.name == "in.png.2.bak" and again.read_bytes() == second
    assert backup.read_bytes() == first
    assert names(tmp_path) == ["in.png", "in.png.2.bak", "in.png.bak"]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_evidence_lies_on_its_original(orientation: int, tmp_path: Path) -> None:
    path, target = tmp_path / "in.jpg", tmp_path / "map.png"
    path.write_bytes(jpeg(scene(24, 31), exif=b"Exif\0\0" + exif(orientation)))
    found = files.open_picture(path)
    evidence = np.random.default_rng(orientation).integers(0, 6, found.picture.samples.shape[:2])
    evidence = evidence.astype(np.uint8)
    files.save_evidence(target, evidence, orientation)
    with Image.open(target) as image, Image.open(path) as picture:
        assert image.mode == "P" and image.size == picture.size
        assert np.array_equal(np.asarray(image), as_stored(evidence, orientation))
        assert np.array_equal(np.asarray(ImageOps.exif_transpose(image)), evidence)
        colours = np.array(image.getpalette()).reshape(-1, 3)[:6]
    assert len({tuple(c) for c in colours.tolist()}) == 6 and not colours[0].any()


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_masks_upright_and_as_stored(orientation: int, tmp_path: Path) -> None:
    path = tmp_path / "in.jpg"
    path.write_bytes(jpeg(scene(24, 31), exif=b"Exif\0\0" + exif(orientation)))
    found = files.open_picture(path)
    wanted = np.zeros(found.picture.samples.shape[:2], bool)
    wanted[3:7, 2:11] = True
    for extension in (".png", ".bmp", ".gif", ".pbm", ".tif", ".webp"):
        upright_mask = tmp_path / f"mask{extension}"
        paint = ~wanted if extension == ".pbm" else wanted
        Image.fromarray((255 * paint).astype(np.uint8)).convert(
            "RGB" if extension == ".webp" else "1" if extension == ".pbm" else "L"
        ).save(upright_mask, **({"lossless": True} if extension == ".webp" else {}))
        mask = files.load_mask(upright_mask, found.header)
        assert mask.dtype == bool
        assert np.array_equal(mask, paint if extension == ".pbm" else wanted), extension
    if orientation == 6:
        stored = np.ascontiguousarray(as_stored(wanted, orientation))
        Image.fromarray((200 * stored).astype(np.uint8)).save(tmp_path / "stored.png")
        assert np.array_equal(files.load_mask(tmp_path / "stored.png", found.header), wanted)


def test_masks_of_other_kinds(found: Opened, tmp_path: Path) -> None:
    evidence = np.zeros((24, 31), np.uint8)
    evidence[3:5] = np.arange(31) % 5 + 1
    files.save_evidence(tmp_path / "map.png", evidence, 1)
    assert np.array_equal(files.load_mask(tmp_path / "map.png", found.header), evidence > 0)
    painted = np.full((24, 31, 4), 255, np.uint8)
    painted[:, :, 3] = 0
    painted[6:8, 6:8, 3] = 255  # opaque strokes on a transparent layer
    Image.fromarray(painted).save(tmp_path / "layer.png")
    assert files.load_mask(tmp_path / "layer.png", found.header).sum() == 4
    Image.fromarray(np.zeros((24, 30), np.uint8)).save(tmp_path / "narrow.png")
    with pytest.raises(UsageError, match="30 x 24 pixels, the picture 31 x 24"):
        files.load_mask(tmp_path / "narrow.png", found.header)


def test_evidence_of_another_size_is_a_bug(found: Opened, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="evidence is"):
        files.save_picture(
            tmp_path / "out.png", found.picture, found, evidence=np.zeros((9, 9), np.uint8)
        )


@pytest.mark.parametrize("extension", [".jpg", ".webp", ".bmp", ".gif"])
def test_16_bits_are_not_cut_in_silence(extension: str, tmp_path: Path) -> None:
    case = next(c for c in CASES if c.id == "png-rgb16")
    found = files.open_picture(case.write(tmp_path / "in.png", case.bands()))
    with pytest.raises(WouldLose, match="uint16 samples"):
        files.save_picture(tmp_path / f"out{extension}", found.picture, found)
    assert names(tmp_path) == ["in.png"]


@pytest.mark.parametrize("extension", [".bmp", ".ppm", ".gif"])
def test_metadata_is_not_stripped_in_silence(extension: str, tmp_path: Path) -> None:
    case = CASES[0]
    found = files.open_picture(case.write(tmp_path / "in.jpg", case.bands()))
    with pytest.raises(WouldLose, match=r"ICC profile.*EXIF.*XMP"):
        files.save_picture(tmp_path / f"out{extension}", found.picture, found)


def test_infrared_is_not_dropped_in_silence(found: Opened, tmp_path: Path) -> None:
    samples = found.picture.samples
    picture = Picture(samples, infrared=samples[:, :, 0])
    for extension in (".png", ".jpg", ".webp", ".bmp"):
        with pytest.raises(WouldLose, match="infrared"):
            files.save_picture(tmp_path / f"out{extension}", picture, found)


def test_a_gif_holds_256_colours(tmp_path: Path) -> None:
    path = tmp_path / "in.gif"
    Image.fromarray(scene(24, 31)).quantize(200).save(path, transparency=3)
    found = files.open_picture(path)
    files.save_picture(tmp_path / "out.gif", found.picture, found)
    again = files.open_picture(tmp_path / "out.gif").picture
    clear = (
        found.picture.alpha == 0 if found.picture.alpha is not None else np.zeros((24, 31), bool)
    )
    assert clear.any() and np.array_equal(again.alpha == 0, clear)
    assert np.array_equal(again.samples[~clear], found.picture.samples[~clear])
    many = Picture(noise(24, 31, 3))
    with pytest.raises(WouldLose, match=r"744 colours.*Choose `\.png`"):
        files.save_picture(tmp_path / "many.gif", many, found)
