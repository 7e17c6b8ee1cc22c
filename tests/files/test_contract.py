"""One suite over all formats that are read and written: what goes in comes out."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest
from made_files import CASES, DPI, IPTC, WITH_METADATA, XMP, Case, exif, profile
from PIL import Image, ImageOps

from unfade import files
from unfade.errors import OutputError
from unfade.files.formats import FORMATS, format_named
from unfade.files.formats.contract import Opened
from unfade.picture import Picture
from unfade.record import Evidence

by_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
with_metadata = pytest.mark.parametrize("case", WITH_METADATA, ids=lambda case: case.id)


def opened(case: Case, folder: Path, orientation: int = 1) -> Opened:
    path = case.write(folder / f"in{case.extension}", case.bands(), orientation)
    return files.open_picture(path)


def saved(found: Opened, picture: Picture, case: Case, **options: object) -> Opened:
    target = found.path.with_name(f"out{case.extension}")
    files.save_picture(target, picture, found, overwrite=True, **options)  # type: ignore[arg-type]
    return files.open_picture(target)


def with_patch(picture: Picture, *, add: int = 40) -> tuple[Picture, np.ndarray]:
    """A region changed as a repair changes it, and the mask of where."""
    mask = np.zeros(picture.samples.shape[:2], bool)
    mask[9:21, 12:30] = True
    samples = picture.samples.copy()
    full = int(picture.full_scale)
    step = add * full // 255
    samples[mask] = np.where(samples[mask] > full // 2, samples[mask] - step, samples[mask] + step)
    return picture.with_samples(samples), mask


@by_case
def test_reads_what_another_program_wrote(case: Case, tmp_path: Path) -> None:
    found = opened(case, tmp_path)
    picture = found.picture
    assert picture.samples.dtype == case.dtype
    assert picture.channels == case.channels
    assert (picture.alpha is not None) == case.alpha
    bands = case.bands()
    if case.lossy:
        bands = np.asarray(Image.open(found.path)).reshape(*bands.shape[:2], -1)
    assert np.array_equal(picture.samples, bands[:, :, : case.channels])
    if case.alpha:
        assert np.array_equal(picture.alpha, bands[:, :, -1])  # type: ignore[arg-type]


@by_case
def test_comes_back_exactly(case: Case, tmp_path: Path) -> None:
    before = opened(case, tmp_path)
    after = saved(before, before.picture, case)
    one, two = before.picture, after.picture
    assert np.array_equal(one.samples, two.samples) and one.samples.dtype == two.samples.dtype
    assert (one.full_scale, one.encoding, one.dpi) == (two.full_scale, two.encoding, two.dpi)
    assert one.icc == two.icc
    assert np.array_equal(one.alpha, two.alpha) if case.alpha else two.alpha is None  # type: ignore[arg-type]
    assert after.header.bits == before.header.bits
    assert after.header.channels == before.header.channels


@with_metadata
def test_metadata_comes_back_byte_for_byte(case: Case, tmp_path: Path) -> None:
    before = opened(case, tmp_path)
    assert before.picture.icc == profile(case.channels)
    assert before.picture.encoding == "icc"
    assert before.blocks.xmp == XMP
    if case.extension != ".webp":
        assert before.picture.dpi == pytest.approx(DPI, rel=1e-4)
    changed, mask = with_patch(before.picture)
    after = saved(before, changed, case, evidence=mask.astype(np.uint8) * 2)
    assert after.blocks == before.blocks
    assert after.picture.icc == before.picture.icc
    if case.extension != ".tif":  # there the tags themselves are the block
        assert after.blocks.exif == exif()


@with_metadata
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(case: Case, orientation: int, tmp_path: Path) -> None:
    before = opened(case, tmp_path, orientation)
    assert before.header.orientation == orientation
    if case.dtype == "uint8":
        with Image.open(before.path) as image:
            upright = np.asarray(ImageOps.exif_transpose(image))
        upright = upright.reshape(*upright.shape[:2], -1)[:, :, : case.channels]
        assert np.array_equal(before.picture.samples, upright)
    changed, mask = with_patch(before.picture)
    after = saved(before, changed, case, evidence=mask.astype(np.uint8) * 2)
    assert after.header.orientation == orientation
    assert (after.header.rows, after.header.cols) == (before.header.rows, before.header.cols)
    if not case.lossy:
        assert np.array_equal(after.picture.samples, changed.samples)


@by_case
def test_what_was_not_changed_stays_equal(case: Case, tmp_path: Path) -> None:
    before = opened(case, tmp_path)
    changed, mask = with_patch(before.picture)
    target = tmp_path / f"out{case.extension}"
    evidence = files.save_picture(
        target, changed, before, evidence=mask.astype(np.uint8) * Evidence.INVENTED
    )
    assert evidence is not None
    after = files.open_picture(target).picture
    untouched = evidence == Evidence.UNTOUCHED
    assert np.array_equal(after.samples[untouched], before.picture.samples[untouched])
    assert (evidence[mask] == Evidence.INVENTED).all()
    assert set(np.unique(evidence[~mask])) <= {Evidence.UNTOUCHED, Evidence.ESTIMATED}
    error = np.abs(after.samples[mask].astype(float) - changed.samples[mask])
    assert error.mean() <= (8 if case.extension == ".jpg" else 0)
    if case.extension != ".jpg":
        assert (evidence[~mask] == Evidence.UNTOUCHED).all()


@by_case
def test_a_failed_write_leaves_nothing(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = opened(case, tmp_path)
    form = format_named(before.header.format)
    whole = type(form).write

    def until_full(self, target, *rest):  # type: ignore[no-untyped-def]
        whole(self, target, *rest)
        with open(target, "r+b") as file:
            file.truncate(target.stat().st_size // 2)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(type(form), "write", until_full)
    there = sorted(tmp_path.iterdir())
    with pytest.raises(OutputError, match=r"cannot be written: no space left.*Free some space"):
        files.save_picture(tmp_path / f"out{case.extension}", before.picture, before)
    assert sorted(tmp_path.iterdir()) == there


def test_iptc_comes_back_and_crosses_over(tmp_path: Path) -> None:
    case = CASES[0]
    path = case.write(tmp_path / "in.jpg", case.bands())
    data = path.read_bytes()
    segment = b"Photoshop 3.0\0" + IPTC
    block = b"\xff\xed" + (len(segment) + 2).to_bytes(2, "big") + segment
    path.write_bytes(data[:2] + block + data[2:])
    found = files.open_picture(path)
    assert found.blocks.iptc == IPTC
    for extension in (".jpg", ".png"):
        target = tmp_path / f"out{extension}"
        files.save_picture(target, with_patch(found.picture)[0], found)
        assert files.open_picture(target).blocks.iptc == IPTC


@pytest.mark.parametrize("extension", [".png", ".webp", ".jpg"])
def test_conversion_carries_metadata(extension: str, tmp_path: Path) -> None:
    case = next(c for c in CASES if c.id == "jpeg-420")
    found = opened(case, tmp_path, orientation=6)
    target = tmp_path / f"converted{extension}"
    files.save_picture(target, found.picture, found)
    after = files.open_picture(target)
    assert np.array_equal(after.picture.samples, found.picture.samples)
    assert after.blocks == found.blocks
    assert after.picture.icc == found.picture.icc
    assert after.header.orientation == 6


def test_every_format_is_in_the_list() -> None:
    names = [form.name for form in FORMATS]
    assert len(names) == len(set(names))
    assert {"jpeg", "png", "tiff", "webp", "gif", "bmp", "pnm"} <= set(names)
    extensions = [e for form in FORMATS for e in form.extensions]
    assert len(extensions) == len(set(extensions))
    assert all(e == e.lower() and e.startswith(".") for e in extensions)
