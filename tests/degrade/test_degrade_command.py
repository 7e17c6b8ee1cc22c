"""``unfade degrade``: files written, formats kept, errors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner
from degrade_scenes import scene
from PIL import Image

from unfade.cli.degrade import command
from unfade.degrade import degrade
from unfade.degrade.kinds import DAMAGES
from unfade.errors import OutputError, RecipeError, UnreadableInput, UsageError


def run(*words: object) -> str:
    result = CliRunner().invoke(command, [str(w) for w in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    path = tmp_path / "print.tif"
    codes = np.rint(scene(90, 120) * 65535).astype(np.uint16)
    tifffile.imwrite(path, codes, photometric="rgb", resolution=(300, 300), metadata=None)
    return path


def test_it_writes_the_picture_its_masks_and_its_parameters(deep: Path) -> None:
    run(deep, "--seed", 5)
    out = deep.with_name("print-degraded.tif")
    stored = tifffile.imread(out)
    assert stored.dtype == np.uint16
    wanted = degrade(np.rint(scene(90, 120) * 65535).astype(np.uint16), "old-photo", 5)
    assert np.array_equal(stored, np.rint(wanted.pixels * 65535).astype(np.uint16))
    mask = np.asarray(Image.open(out.with_name("print-degraded.mask.png")))
    classes = np.asarray(Image.open(out.with_name("print-degraded.classes.png")))
    assert np.array_equal(mask > 0, wanted.mask)
    assert np.array_equal(classes, wanted.classes)
    facts = json.loads(out.with_name("print-degraded.degrade.json").read_text())
    assert facts["recipe"] == "old-photo"
    assert facts["seed"] == 5
    assert facts["stages"] == wanted.parameters["stages"]
    assert len(facts["items"]) == len(wanted.items)
    assert facts["damaged_share"] == pytest.approx(wanted.mask.mean())
    with tifffile.TiffFile(out) as file:
        assert b"degraded" in file.pages[0].tags["XMP"].value
        assert file.pages[0].tags["XResolution"].value[0] == 300


def test_json_names_all_files_and_masks_go_where_they_are_told(deep: Path, tmp_path: Path) -> None:
    folder = tmp_path / "truth"
    facts = json.loads(
        run(deep, "-o", tmp_path / "x.png", "--masks", folder, "--recipe", "painting", "--json")
    )
    assert Path(facts["output"]).exists()
    for key in ("mask", "classes", "parameters_file"):
        assert Path(facts[key]).parent == folder
        assert Path(facts[key]).exists()
    assert sorted(p.name for p in folder.iterdir()) == [
        "x.classes.png", "x.degrade.json", "x.mask.png"
    ]  # fmt: skip


def test_recipes_are_listed_and_shown_and_a_shown_one_can_be_used(
    deep: Path, tmp_path: Path
) -> None:
    assert "old-photo: " in run("--list")
    kinds = run("--kinds")
    assert all(f"{damage.name}: {damage.title}" in kinds for damage in DAMAGES)
    own = tmp_path / "own.toml"
    own.write_text(run("--show", "gaussian-25"))
    run(deep, "--recipe", own, "-o", tmp_path / "noisy.tif")
    noise = tifffile.imread(tmp_path / "noisy.tif") / 65535 - scene(90, 120)
    assert noise.std() == pytest.approx(25 / 255, rel=0.1)


def test_a_jpeg_stays_a_jpeg_and_a_grey_picture_grey(tmp_path: Path) -> None:
    path = tmp_path / "grey.jpg"
    Image.fromarray((scene(50, 60, 1)[:, :, 0] * 255).astype(np.uint8)).save(path)
    run(path, "--seed", 3)
    with Image.open(tmp_path / "grey-degraded.jpg") as image:
        assert image.format == "JPEG"
        assert image.mode == "L"


def test_nothing_is_overwritten_or_left_half(deep: Path, tmp_path: Path) -> None:
    run(deep)
    with pytest.raises(OutputError):
        run(deep)
    run(deep, "--overwrite")
    with pytest.raises(OutputError):
        run(deep, "-o", tmp_path / "missing" / "x.tif")
    blocked = tmp_path / "y.classes.png"
    blocked.write_bytes(b"mine")
    with pytest.raises(OutputError):
        run(deep, "-o", tmp_path / "y.tif")
    assert not (tmp_path / "y.tif").exists()
    assert blocked.read_bytes() == b"mine"


def test_errors_name_what_is_wrong(deep: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No picture"):
        run()
    with pytest.raises(RecipeError, match="Did you mean `old-photo`"):
        run(deep, "--recipe", "old-phot")
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n....")
    with pytest.raises(UnreadableInput):
        run(broken)
    with pytest.raises(UsageError, match="holds none of the folders"):
        run(deep, "--overlays", tmp_path)
