"""The report and the package of a treatment."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner
from PIL import Image
from skimage import data

from unfade import restore
from unfade.cli import app
from unfade.errors import OutputError, UnreadableInput
from unfade.package import is_package, unpacked, write_package
from unfade.report import report_page, write_report


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A 16-bit TIFF, and a mask of two blotches in it."""
    folder = tmp_path_factory.mktemp("scene")
    samples = data.astronaut()[:160, 100:300].astype(np.uint16) * 257
    mask = np.zeros((160, 200), np.uint8)
    mask[30:36, 20:60] = 255
    mask[100:108, 150:160] = 255
    samples[mask > 0] = 65535
    tifffile.imwrite(folder / "portrait.tif", samples, photometric="rgb")
    Image.fromarray(mask).save(folder / "mask.png")
    return folder / "portrait.tif", folder / "mask.png"


def _save(scene: tuple[Path, Path], folder: Path):  # type: ignore[no-untyped-def]
    result = restore(scene[0], mask=scene[1])
    return result, result.save(folder / "out.tif")


def test_a_report_tells_all_that_the_record_holds(scene: tuple[Path, Path], tmp_path: Path) -> None:
    result, saved = _save(scene, tmp_path)
    path = write_report(result, saved)
    assert path.name == "out.tif.report.html"
    page = path.read_text("utf-8")
    held = re.search(r'<script type="application/json" id="record">(.*?)</script>', page, re.S)
    assert held and json.loads(held[1]) == json.loads(json.dumps(saved.record.to_dict()))
    for item in saved.record.items:
        assert f"{item.number}: {item.kind}, {item.area_px} px" in page
    assert saved.record.output["sha256"] in page and saved.record.source["sha256"] in page
    assert "inpaint" in page and "No network was used" in page
    assert not re.search(r'(src|href)="(?!data:)', page), "nothing is fetched"
    assert write_report(result, saved, overwrite=True).read_text("utf-8") == page
    with pytest.raises(OutputError):
        write_report(result, saved)


def test_a_report_of_nothing_says_so(tmp_path: Path) -> None:
    Image.fromarray(data.coffee()[:200, :200]).save(tmp_path / "sound.png")
    result = restore(tmp_path / "sound.png", recipe="careful", only=["denoise"])
    saved = result.save(tmp_path / "same.png")
    page = report_page(result, saved.record)
    assert saved.same_bytes == ("Nothing was changed" in page)


def test_what_a_stranger_wrote_is_harmless(scene: tuple[Path, Path], tmp_path: Path) -> None:
    result, saved = _save(scene, tmp_path)
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
    record = replace(
        saved.record,
        source=saved.record.source | {"name": evil},
        output=saved.record.output | {"name": evil},
        warnings=(evil,),
        left_alone=(evil,),
    )
    page = report_page(result, record)
    assert "<script>alert" not in page and "<img src=x" not in page


def test_a_package_gives_the_original_back_byte_for_byte(
    scene: tuple[Path, Path], tmp_path: Path
) -> None:
    result, saved = _save(scene, tmp_path)
    package = write_package(result, saved)
    assert is_package(package) and not is_package(scene[0])
    done = CliRunner().invoke(app, ["revert", str(package), "-o", str(tmp_path / "b.tif")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "b.tif").read_bytes() == scene[0].read_bytes()
    done = CliRunner().invoke(
        app, ["revert", str(package), "--item", "1", "-o", str(tmp_path / "c.tif")]
    )
    assert done.exit_code == 0, done.output
    one_less = tifffile.imread(tmp_path / "c.tif")
    before, after = tifffile.imread(scene[0]), tifffile.imread(saved.output)
    top, left, rows, cols = saved.record.items[0].box
    first = (slice(top, top + rows), slice(left, left + cols))
    assert np.array_equal(one_less[first], before[first])
    rest = np.ones(before.shape[:2], bool)
    rest[first] = False
    assert np.array_equal(one_less[rest], after[rest])


def test_a_package_opens_without_us(scene: tuple[Path, Path], tmp_path: Path) -> None:
    result, saved = _save(scene, tmp_path)
    with zipfile.ZipFile(write_package(result, saved)) as package:
        lines = package.read("manifest-sha256.txt").decode().splitlines()
        assert {line.split("  ")[1] for line in lines} == set(package.namelist()) - {
            "manifest-sha256.txt"
        }
        for line in lines:
            digest, name = line.split("  ")
            assert hashlib.sha256(package.read(name)).hexdigest() == digest
        package.extractall(tmp_path / "open")
    layer = tifffile.imread(tmp_path / "open" / "layers" / "repairs.tif")
    original = tifffile.imread(tmp_path / "open" / "original" / "portrait.tif")
    over = layer[:, :, 3:] > 0
    assert np.array_equal(np.where(over, layer[:, :, :3], original), tifffile.imread(saved.output))
    numbers = tifffile.imread(tmp_path / "open" / "layers" / "items.tif")
    assert set(np.unique(numbers)) == {0} | {i.number for i in saved.record.items}
    evidence = tifffile.imread(tmp_path / "open" / "layers" / "evidence.tif")
    assert np.array_equal(evidence, result.evidence)


def test_the_same_treatment_gives_the_same_package(
    scene: tuple[Path, Path], tmp_path: Path
) -> None:
    result, saved = _save(scene, tmp_path)
    first = write_package(result, saved).read_bytes()
    assert write_package(result, saved, overwrite=True).read_bytes() == first


def test_a_package_that_was_changed_is_refused(scene: tuple[Path, Path], tmp_path: Path) -> None:
    result, saved = _save(scene, tmp_path)
    package = write_package(result, saved)
    changed = tmp_path / "changed.zip"
    with zipfile.ZipFile(package) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            data_ = old.read(name)
            new.writestr(name, data_[:-1] + b"x" if name.startswith("original/") else data_)
    with pytest.raises(UnreadableInput, match="manifest"), unpacked(changed):
        raise AssertionError("it opened")


def test_a_package_writes_nothing_outside_its_folder(tmp_path: Path) -> None:
    evil = tmp_path / "evil.zip"
    with zipfile.ZipFile(evil, "w") as package:
        package.writestr("record.json", "{}")
        package.writestr("manifest-sha256.txt", "")
        package.writestr("original/../../outside.txt", "x")
        package.writestr("/result/abs.txt", "x")
    with pytest.raises(UnreadableInput, match="no result"), unpacked(evil):
        raise AssertionError("it opened")
    assert (
        not (tmp_path / "outside.txt").exists() and not (tmp_path.parent / "outside.txt").exists()
    )


def test_report_and_package_by_command(scene: tuple[Path, Path], tmp_path: Path) -> None:
    arguments = ["restore", str(scene[0]), "--mask", str(scene[1]), "--report", "--package"]
    done = CliRunner().invoke(app, [*arguments, "-o", str(tmp_path / "o.tif"), "-q"])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "o.tif.report.html").exists() and (tmp_path / "o.tif.unfade.zip").exists()
