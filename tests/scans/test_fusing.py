"""Fusing scans: noise, relief, sheen, the record and the refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner
from scan_scenes import moved, other_scene, placed, relief, scene, sheen, stored

import unfade
from unfade.cli.fuse import command
from unfade.errors import PolicyError, UsageError
from unfade.files.sidecar import read_record
from unfade.picture import Picture
from unfade.pixels.colour import srgb_to_linear
from unfade.record import Evidence
from unfade.scans.combining import combined

INNER = (slice(30, -30), slice(30, -30))


def error_of(picture: Picture, light: np.ndarray) -> float:
    """Root of the mean square error over light, away from the edges: as paper texture is seen."""
    ours = srgb_to_linear(picture.pixels)[INNER]
    right = light[INNER]
    bright = right > 0.1
    return float(np.sqrt(np.mean(((ours - right)[bright] / right[bright]) ** 2)))


def test_the_noise_of_a_mean_falls_with_the_root_of_the_number() -> None:
    light = np.clip(scene(300, 320, 1), 0.05, 0.8)
    sigma = 4 / 255
    scans = [stored(light, seed=k, sigma=sigma, bits=16) for k in range(4)]
    before = scans[0].pixels - stored(light, sigma=0, bits=16).pixels
    for n in (2, 4):
        result = unfade.fuse(scans[:n])
        after = result.picture.pixels - stored(light, sigma=0, bits=16).pixels
        assert result.picture.samples.dtype == np.uint16
        # interpolation smooths a little besides
        assert after[INNER].std() <= 1.05 * before[INNER].std() / n**0.5
        assert after[INNER].std() >= 0.75 * before[INNER].std() / n**0.5


def test_relief_vanishes_between_0_and_180_degrees() -> None:
    light = scene()
    shading = relief(*light.shape[:2])
    truth = placed((2.3, -1.7), degrees=0.6)
    calm = 0.5 / 255
    first = stored(light * (1 + shading), seed=1, sigma=calm)
    other = stored(np.rot90(moved(light * (1 - shading), truth), 2), seed=2, sigma=calm)
    result = unfade.fuse([first, other])
    assert result.record.steps[0].settings["method"] == "relief"
    assert error_of(first, light) > 0.11
    assert error_of(result.picture, light) < 0.25 * error_of(first, light)


def test_sheen_vanishes_and_four_directions_do_best() -> None:
    light = np.clip(scene(400, 400), 0.02, 0.6)
    rows, cols = light.shape[:2]
    down, right = relief(rows, cols), relief(cols, rows, seed=5).transpose(1, 0, 2)
    slopes = (down, right, -down, -right)
    shown = [light * (1 + slope) + sheen(rows, cols, seed=20 + k) for k, slope in enumerate(slopes)]
    scans = [stored(np.ascontiguousarray(np.rot90(one, -k)), seed=k) for k, one in enumerate(shown)]
    alone = error_of(scans[0], light)
    two = unfade.fuse([scans[0], scans[2]])
    four = unfade.fuse(scans)
    mean = unfade.fuse(scans, method="mean")
    assert [s.get("turned_degrees") for s in four.record.steps[0].measured["scans"]] == [
        None, 90, 180, 270,
    ]  # fmt: skip
    assert error_of(two.picture, light) < 0.45 * alone
    assert error_of(four.picture, light) < 0.8 * error_of(two.picture, light)
    assert error_of(four.picture, light) < 0.5 * error_of(mean.picture, light)


def test_what_only_the_first_scan_shows_is_untouched() -> None:
    light = scene()
    first = stored(light, seed=1)
    result = unfade.fuse([first, stored(light[:, :-60], seed=2)])
    assert (result.evidence[:, -58:] == Evidence.UNTOUCHED).all()
    assert np.array_equal(result.picture.samples[:, -58:], first.samples[:, -58:])
    inside = result.evidence[:, :-64]
    assert set(np.unique(inside)) <= {Evidence.UNTOUCHED, Evidence.BORROWED}
    assert (inside == Evidence.BORROWED).mean() > 0.5


def test_another_brightness_is_matched() -> None:
    light = np.clip(scene(), 0.03, 0.7)
    first, darker = stored(light, seed=1), stored(light * 0.8, seed=2)
    result = unfade.fuse([first, darker])
    assert result.record.steps[0].measured["scans"][1]["gains"] == pytest.approx(
        [1.25] * 3, rel=0.02
    )
    assert error_of(result.picture, light) < error_of(first, light)


def test_the_bits_do_not_depend_on_threads() -> None:
    light = scene()
    scans = [stored(light, seed=1), stored(moved(light, placed((1.5, 0.5))), seed=2)]
    alone = unfade.fuse(scans)
    with unfade.Bench(threads=3) as bench:
        together = unfade.fuse(scans, bench=bench)
    assert np.array_equal(alone.picture.samples, together.picture.samples)


@pytest.mark.parametrize("method", ["mean", "median", "minimum", "relief"])
def test_equal_scans_stay_as_they_are(method: str) -> None:
    light = scene(60, 70)
    stack = np.stack([light, light, light])
    covers = np.ones(stack.shape[:3], bool)
    assert np.allclose(combined(stack, covers, method, 0.01), light, atol=1e-6)
    covers[1:, :20] = False
    stack[1:, :20] = 9
    assert np.allclose(combined(stack, covers, method, 0.01), light, atol=1e-6)


def test_minimum_and_median_are_what_they_say() -> None:
    stack = np.array([0.3, 0.1, 0.8], np.float32)[:, None, None, None] * np.ones(
        (3, 2, 2, 3), np.float32
    )
    covers = np.ones((3, 2, 2), bool)
    assert np.allclose(combined(stack, covers, "minimum"), 0.1)
    assert np.allclose(combined(stack, covers, "median"), 0.3)
    assert np.allclose(combined(stack, covers, "mean"), 0.4)


def test_wrong_requests_are_refused() -> None:
    first = stored(scene(), seed=1)
    with pytest.raises(UsageError, match="1 scan was given"):
        unfade.fuse([first])
    with pytest.raises(UsageError, match="very same samples as `scan 1`"):
        unfade.fuse([first, first])
    turned = Picture(np.ascontiguousarray(np.rot90(first.samples, 2)))
    with pytest.raises(UsageError, match="turned by 180 degrees"):
        unfade.fuse([first, turned])
    with pytest.raises(UsageError, match="is grey, `scan 1` is in colour"):
        unfade.fuse([first, stored(scene(channels=1))])
    with pytest.raises(UsageError, match="does not show"):
        unfade.fuse([first, stored(other_scene())])
    with pytest.raises(UsageError, match="Did you mean `median`"):
        unfade.fuse([first, stored(scene(), seed=2)], method="medain")
    with pytest.raises(PolicyError, match="class 3"):
        unfade.fuse([first, stored(scene(), seed=2)], policy="archive")


def test_the_command_writes_result_record_and_evidence(tmp_path: Path) -> None:
    light = scene()
    truth = placed((2.3, -1.7), degrees=0.6)
    first = stored(light, seed=1, bits=16)
    other = stored(np.rot90(moved(light, truth), 2), seed=2, bits=16)
    paths = [tmp_path / "a.tif", tmp_path / "b.tif"]
    for path, picture in zip(paths, (first, other)):
        tifffile.imwrite(path, picture.samples, photometric="rgb")
    out = tmp_path / "both.tif"
    done = CliRunner().invoke(command, [*map(str, paths), "-o", str(out), "--json", "--report"])
    assert done.exit_code == 0, done.output
    written = tifffile.imread(out)
    assert written.dtype == np.uint16
    assert written.shape == first.samples.shape
    record = read_record(out)
    scans = record.steps[0].measured["scans"]
    assert [scan["name"] for scan in scans] == ["a.tif", "b.tif"]
    assert len({scan["sha256"] for scan in scans}) == 2
    assert scans[1]["turned_degrees"] == 180
    assert record.evidence_shares["borrowed"] > 0.8
    assert (tmp_path / "both.tif.evidence.png").is_file()
    assert (tmp_path / "both.tif.report.html").is_file()
    back = unfade.revert(out)
    assert isinstance(back, Path) and back.samefile(paths[0])
