"""A scan becomes files: metadata kept, records that lead back, nothing overwritten."""

from __future__ import annotations

import json
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from click.testing import CliRunner
from PIL import Image, ImageCms
from platens import Print, codes, platen

from unfade import files
from unfade.cli import app
from unfade.errors import OutputError, UnfadeError
from unfade.files.sidecar import read_record
from unfade.flatbed import Photograph, find_photographs, write_pieces
from unfade.flatbed.cutting import sample_hash
from unfade.flatbed.writing import How
from unfade.journey import revert

PRINTS = (
    Print(row=150, col=160, rows=200, cols=160, seed=1),
    Print(row=170, col=400, rows=180, cols=200, angle=2.0, seed=2),
)
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.fixture(scope="module")
def view() -> np.ndarray:
    return platen(PRINTS, 340, 560, dust=10)


def write_tiff(path: Path, view: np.ndarray, infrared: bool = False) -> Path:
    samples = codes(view, 16)
    more = {}
    if infrared:
        samples = np.dstack([samples, samples[:, :, :1] // 2])
        more = {"extrasamples": ["unspecified"]}
    tifffile.imwrite(
        path, samples, photometric="rgb", iccprofile=ICC, resolution=(300, 300),
        resolutionunit="INCH", metadata=None,
        extratags=[(271, 2, 0, "Scanmaker", True), (306, 2, 0, "2026:01:02 03:04:05", True)],
        **more,
    )  # fmt: skip
    return path


def run(*words: object) -> list[dict]:
    out = CliRunner().invoke(app, [str(w) for w in words], standalone_mode=False)
    if out.exception:
        raise out.exception
    return [json.loads(line) for line in out.stdout.splitlines()]


def test_tiff_scan_to_tiff_photographs(tmp_path: Path, view: np.ndarray) -> None:
    scan = write_tiff(tmp_path / "page.tif", view, infrared=True)
    events = run("split", scan, "-o", tmp_path / "out", "--json")
    found, *written = events
    assert [e["event"] for e in events] == ["found", "written", "written"]
    assert [Path(e["output"]).name for e in written] == ["page-1.tif", "page-2.tif"]
    assert [e["copied"] for e in written] == [True, False]
    whole = files.open_picture(scan)
    for event in written:
        opened = files.open_picture(event["output"])
        assert opened.picture.samples.dtype == np.uint16
        assert opened.picture.icc == ICC
        assert opened.picture.dpi == (300.0, 300.0)
        assert opened.picture.infrared is not None
        assert b"Scanmaker" in opened.blocks.exif and b"2026:01:02" in opened.blocks.exif
        assert b"cropped" in opened.blocks.xmp
        assert sample_hash(opened.picture.samples) == event["samples_sha256"]
    record = read_record(Path(written[0]["output"]))
    top, left, rows, cols = record.steps[0].measured["box"]
    region = whole.picture.samples[top : top + rows, left : left + cols]
    assert sample_hash(region) == record.untouched_sha256 == written[0]["samples_sha256"]
    assert record.evidence_shares == {"untouched": 1.0} and record.output["verified"]
    askew = read_record(Path(written[1]["output"]))
    assert askew.evidence_shares == {"estimated": 1.0}
    assert "Keys 1981" in askew.steps[0].measured["interpolation"]
    assert found["photographs"][1]["angle_degrees"] == pytest.approx(2.0, abs=0.1)
    assert b"algorithmicallyEnhanced" in files.open_picture(written[1]["output"]).blocks.xmp
    assert b"algorithmicallyEnhanced" not in files.open_picture(written[0]["output"]).blocks.xmp


def test_the_record_leads_back_to_the_scan(tmp_path: Path, view: np.ndarray) -> None:
    scan = write_tiff(tmp_path / "page.tif", view)
    run("split", scan, "-o", tmp_path / "out", "--json")
    back = revert(tmp_path / "out" / "page-2.tif")
    assert Path(back).read_bytes() == scan.read_bytes()


def test_jpeg_scan_gives_exact_png_with_its_metadata(tmp_path: Path, view: np.ndarray) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Scanmaker"
    Image.fromarray(codes(view)).save(
        tmp_path / "page.jpg", quality=95, icc_profile=ICC, exif=exif, dpi=(240, 240)
    )
    events = run("split", tmp_path / "page.jpg", "-o", tmp_path / "out", "--json")
    opened = files.open_picture(events[1]["output"])
    assert opened.header.format == "png"
    assert opened.picture.icc == ICC and b"Scanmaker" in opened.blocks.exif
    assert opened.picture.dpi == pytest.approx((240, 240), abs=0.1)
    record = read_record(Path(events[1]["output"]))
    top, left, rows, cols = record.steps[0].measured["box"]
    shown = files.open_picture(tmp_path / "page.jpg").picture.samples
    assert sample_hash(shown[top : top + rows, left : left + cols]) == record.untouched_sha256


def test_asking_for_jpeg_is_said_to_be_estimated(tmp_path: Path, view: np.ndarray) -> None:
    Image.fromarray(codes(view)).save(tmp_path / "page.png")
    events = run("split", tmp_path / "page.png", "-o", tmp_path / "o", "--json", "--format", "jpg")
    record = read_record(Path(events[1]["output"]))
    assert record.evidence_shares == {"estimated": 1.0} and not record.output["verified"]


def test_a_png_keeps_its_text_and_a_stored_orientation(tmp_path: Path, view: np.ndarray) -> None:
    from PIL.PngImagePlugin import PngInfo

    text = PngInfo()
    text.add_text("Description", "box 7")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(codes(view)).copy()).save(
        tmp_path / "page.png", pnginfo=text, exif=exif
    )
    events = run("split", tmp_path / "page.png", "-o", tmp_path / "out", "--json")
    assert [e["copied"] for e in events[1:]] == [True, False]
    assert b"box 7" in Path(events[1]["output"]).read_bytes()
    opened = files.open_picture(events[1]["output"])
    assert sample_hash(opened.picture.samples) == events[1]["samples_sha256"]
    assert (opened.picture.rows, opened.picture.cols) == (200, 160)


def test_nothing_is_overwritten_and_nothing_half_written(tmp_path: Path, view: np.ndarray) -> None:
    scan = write_tiff(tmp_path / "page.tif", view)
    taken = tmp_path / "out" / "page-2.tif"
    taken.parent.mkdir()
    taken.write_bytes(b"mine")
    with pytest.raises(OutputError, match="nothing is overwritten"):
        run("split", scan, "-o", tmp_path / "out")
    assert taken.read_bytes() == b"mine"
    assert [p.name for p in taken.parent.iterdir()] == ["page-2.tif"]


def test_a_failure_midway_leaves_no_files(tmp_path: Path, view: np.ndarray, monkeypatch) -> None:
    from unfade.flatbed import writing

    opened = files.open_picture(write_tiff(tmp_path / "page.tif", view))
    found = find_photographs(opened.picture).photographs
    calls = []

    def full_disk(*words, **named):
        calls.append(words)
        if len(calls) == 2:
            raise OutputError("The disk is full.", "Make room.")
        return real(*words, **named)

    real = writing.write_record
    monkeypatch.setattr(writing, "write_record", full_disk)
    with pytest.raises(OutputError):
        write_pieces(opened, found, tmp_path / "out", How())
    assert list((tmp_path / "out").iterdir()) == []


def test_two_scans_of_one_name_are_refused(tmp_path: Path, view: np.ndarray) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, two = (write_tiff(tmp_path / d / "page.tif", view) for d in "ab")
    with pytest.raises(UnfadeError, match="would both be written"):
        run("split", one, two, "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_dry_run_and_preview_write_no_photograph(tmp_path: Path, view: np.ndarray) -> None:
    scan = write_tiff(tmp_path / "page.tif", view)
    events = run("split", scan, "--dry-run", "--json", "--preview", tmp_path / "look.png")
    assert len(events) == 1 and len(events[0]["photographs"]) == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["look.png", "page.tif"]
    drawn = np.asarray(Image.open(tmp_path / "look.png"))
    plain = codes(view)
    assert drawn.shape == plain.shape
    corner = events[0]["photographs"][0]["corners_px"][0]
    row, col = (round(v) for v in corner)
    assert (np.abs(drawn.astype(int) - plain)[row - 2 : row + 2, col + 20 : col + 60] > 30).any()
    assert np.abs(drawn[:40].astype(int) - plain[:40]).max() <= 1  # the lid above is as it was


def test_quarter_turns_and_dust_masks_go_along(tmp_path: Path, view: np.ndarray) -> None:
    scan = write_tiff(tmp_path / "page.tif", view)
    mask = np.zeros(view.shape[:2], np.uint8)
    mask[100:104, 120:126] = 255
    (tmp_path / "dust.png").write_bytes(imagecodecs.png_encode(mask))
    events = run(
        "split", scan, "-o", tmp_path / "out", "--json", "--turn", "1=90",
        "--dust", tmp_path / "dust.png",
    )  # fmt: skip
    opened = files.open_picture(events[1]["output"])
    assert (opened.picture.rows, opened.picture.cols) == (160, 200)
    record = read_record(Path(events[1]["output"]))
    top, left, rows, cols = record.steps[0].measured["box"]
    cut = np.asarray(Image.open(events[1]["mask"])) > 0
    assert np.array_equal(cut, np.rot90(mask[top : top + rows, left : left + cols] > 0, -1))
    assert cut.sum() == 24


def test_a_turn_for_a_photograph_that_is_not_there(tmp_path: Path, view: np.ndarray) -> None:
    scan = write_tiff(tmp_path / "page.tif", view)
    with pytest.raises(UnfadeError, match="there are 2 photographs"):
        run("split", scan, "-o", tmp_path / "out", "--turn", "5=90")


def test_a_photograph_beyond_the_scan_can_still_be_written(tmp_path: Path, view) -> None:
    opened = files.open_picture(write_tiff(tmp_path / "page.tif", view))
    odd = Photograph(row_px=10, col_px=10, rows_px=60, cols_px=60, angle_degrees=4)
    (piece,) = write_pieces(opened, (odd,), tmp_path / "out", How())
    assert piece.record.steps[0].measured["outside_scan_share"] > 0.3
