"""``unfade restore``, from the file to the file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from unfade.errors import OutputError

Run = Callable[..., Any]


def samples(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_a_damaged_photograph_is_mended_and_the_rest_untouched(unfade: Run, damaged: Path) -> None:
    before = damaged.read_bytes()
    ran = unfade("restore", damaged, "--json")
    assert ran.code == 0
    told = json.loads(ran.out)
    output, evidence = Path(told["output"]), samples(Path(told["evidence"]))
    assert output == damaged.with_name("scan-restored.png")
    assert damaged.read_bytes() == before, "the original is only read"
    original, restored = samples(damaged), samples(output)
    assert np.array_equal(original[evidence == 0], restored[evidence == 0])
    assert 0.001 < (evidence > 0).mean() < 0.2
    record = json.loads(Path(told["record"]).read_text())
    assert record["output"]["verified"] is True
    assert record["changed_share"] == pytest.approx(float((evidence > 0).mean()))


def test_a_sound_photograph_comes_back_as_the_same_bytes(unfade: Run, sound: Path) -> None:
    ran = unfade("restore", sound, "--json")
    told = json.loads(ran.out)
    assert told["same_bytes"] is True
    assert told["evidence"] is None
    assert Path(told["output"]).read_bytes() == sound.read_bytes()


def test_the_same_bits_for_any_memory_threads_and_process(damaged: Path, tmp_path: Path) -> None:
    results = set()
    for memory, threads in (("200MB", 1), ("1GB", 3), ("4GB", 2)):
        target = tmp_path / f"{memory}-{threads}.png"
        subprocess.run(
            [
                *(sys.executable, "-m", "unfade", "restore", str(damaged), "-o", str(target)),
                *("--memory", memory, "--threads", str(threads), "--quiet"),
            ],
            check=True,
        )
        results.add(target.read_bytes())
    assert len(results) == 1


def test_a_mask_of_ones_own_is_mended_and_nothing_else(
    unfade: Run, sound: Path, tmp_path: Path
) -> None:
    mask = np.zeros((512, 512), np.uint8)
    mask[100:110, 200:300] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    ran = unfade("restore", sound, "--mask", tmp_path / "mask.png", "--json")
    told = json.loads(ran.out)
    assert told["steps"] == ["inpaint"]
    changed = (samples(sound) != samples(Path(told["output"]))).any(axis=2)
    assert changed[100:110, 200:300].mean() > 0.9
    changed[100:110, 200:300] = False
    assert not changed.any()


def test_protect_keeps_its_area(unfade: Run, damaged: Path, tmp_path: Path) -> None:
    shield = np.zeros((512, 512), np.uint8)
    shield[:256] = 255
    Image.fromarray(shield).save(tmp_path / "shield.png")
    told = json.loads(
        unfade("restore", damaged, "--protect", tmp_path / "shield.png", "--json").out
    )
    original, restored = samples(damaged), samples(Path(told["output"]))
    assert np.array_equal(original[:256], restored[:256])
    assert not np.array_equal(original[256:], restored[256:])


def test_dry_run_writes_nothing(unfade: Run, damaged: Path) -> None:
    names = set(os.listdir(damaged.parent))
    ran = unfade("restore", damaged, "--dry-run")
    assert "would be done" in ran.out
    assert set(os.listdir(damaged.parent)) == names


def test_in_place_keeps_a_backup_and_can_be_reverted(unfade: Run, damaged: Path) -> None:
    before = damaged.read_bytes()
    assert unfade("restore", damaged, "--in-place").code == 0
    assert damaged.read_bytes() != before
    backups = [p for p in damaged.parent.iterdir() if p.read_bytes() == before]
    assert len(backups) == 1
    assert unfade("revert", damaged).code == 0
    assert damaged.read_bytes() == before


def test_in_place_that_fails_leaves_everything_as_it_was(
    unfade: Run, damaged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, names = damaged.read_bytes(), set(os.listdir(damaged.parent))

    def fail(*_: Any, **__: Any) -> None:
        raise OutputError("The record cannot be written.", "Make room.")

    monkeypatch.setattr("unfade.result.write_record", fail)
    ran = unfade("restore", damaged, "--in-place")
    assert ran.code == 7
    assert damaged.read_bytes() == before
    assert set(os.listdir(damaged.parent)) - names <= {damaged.name + ".evidence.png"}


def test_an_output_that_exists_is_not_replaced_unasked(unfade: Run, damaged: Path) -> None:
    target = damaged.with_name("scan-restored.png")
    target.write_bytes(b"dear")
    ran = unfade("restore", damaged)
    assert ran.code == 7
    assert "--overwrite" in ran.err
    assert target.read_bytes() == b"dear"
    assert unfade("restore", damaged, "--overwrite").code == 0


def test_two_inputs_for_one_output_stop_before_work(
    unfade: Run, damaged: Path, tmp_path: Path
) -> None:
    other = tmp_path / "box"
    other.mkdir()
    (other / "scan.png").write_bytes(damaged.read_bytes())
    ran = unfade("restore", damaged, other / "scan.png", "-o", tmp_path / "out/")
    assert ran.code == 2
    assert "would both be written" in ran.err
    assert not (tmp_path / "out").exists()


def test_one_bad_file_costs_only_itself(unfade: Run, sound: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"\x89PNG\r\n\x1a\n")
    ran = unfade("restore", bad, sound, "--json")
    assert ran.code == 4
    events = [json.loads(line) for line in ran.out.splitlines()]
    assert [e["event"] for e in events] == ["failed", "restored"]
    assert events[0]["error"]["exit_code"] == 3


def test_a_pipe_in_and_out(damaged: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "unfade", "restore", "-", "-o", "-", "--only", "sharpen"],
        input=damaged.read_bytes(),
        capture_output=True,
        check=True,
    )
    assert done.stdout.startswith(b"\x89PNG")


def test_another_format_on_request(unfade: Run, damaged: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.tif"
    assert unfade("restore", damaged, "-o", target).code == 0
    import tifffile

    assert tifffile.imread(target).shape == (512, 512, 3)


def test_upscale_gives_the_input_back(unfade: Run, sound: Path, tmp_path: Path) -> None:
    target = tmp_path / "big.png"
    assert unfade("restore", sound, "--only", "upscale", "--upscale", "2", "-o", target).code == 0
    big = samples(target).astype(float)
    small = big.reshape(512, 2, 512, 2, 3).mean(axis=(1, 3))
    assert np.abs(small - samples(sound)).max() <= 1.0


def test_the_independent_checker_agrees(unfade: Run, damaged: Path) -> None:
    assert unfade("restore", damaged).code == 0
    root = Path(__file__).parents[2]
    checker = [sys.executable, str(root / "examples" / "independent_check.py")]
    output = str(damaged.with_name("scan-restored.png"))
    ran = subprocess.run([*checker, str(damaged), output], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    tampered = samples(Path(output)).copy()
    untouched = np.argwhere(samples(Path(output + ".evidence.png")) == 0)[7]
    tampered[tuple(untouched)] ^= 1
    Image.fromarray(tampered).save(output)
    assert subprocess.run([*checker, str(damaged), output], capture_output=True).returncode == 1


@pytest.mark.parametrize("item", [1, 5])
def test_taking_an_item_back_equals_a_run_without_it(
    unfade: Run, damaged: Path, tmp_path: Path, item: int
) -> None:
    assert unfade("restore", damaged).code == 0
    output = damaged.with_name("scan-restored.png")
    listed = [json.loads(x) for x in unfade("revert", output, "--list", "--json").out.splitlines()]
    key = listed[item - 1]["key"]
    assert unfade("revert", output, "--item", str(item), "-o", tmp_path / "less.png").code == 0
    assert unfade("restore", damaged, "-o", tmp_path / "never.png", "--reject", key).code == 0
    assert np.array_equal(samples(tmp_path / "less.png"), samples(tmp_path / "never.png"))
    assert not np.array_equal(samples(output), samples(tmp_path / "less.png"))
    assert (samples(tmp_path / "less.png.evidence.png") > 0).sum() < (
        samples(Path(str(output) + ".evidence.png")) > 0
    ).sum()


def test_taking_back_sees_with_the_same_eyes_as_the_run_did(unfade: Run, tmp_path: Path) -> None:
    """A network has a say in what is dust; without it other spots are mended."""
    rng = np.random.default_rng(1)
    picture = data.camera().copy()
    for _ in range(14):
        row, col = (int(v) for v in rng.integers(20, 490, 2))
        axes = int(rng.integers(2, 5)), int(rng.integers(2, 4))
        angle = float(rng.integers(0, 180))
        cv2.ellipse(picture, (col, row), axes, angle, 0, 360, 250, -1, cv2.LINE_AA)
    cv2.line(picture, (300, 20), (306, 480), 245, 2, cv2.LINE_AA)
    source, output = tmp_path / "scan.png", tmp_path / "scan-restored.png"
    Image.fromarray(picture).save(source)
    assert unfade("restore", source, "--only-classical").code == 0
    record = json.loads(Path(f"{output}.unfade.json").read_text())
    assert record["only_classical"] is True
    items = [item for step in record["steps"] for item in step["items"]]
    seen = json.loads(unfade("restore", source, "-o", tmp_path / "n.png", "--json").out)
    other = json.loads(Path(seen["record"]).read_text())
    assert {i["key"] for i in items} != {i["key"] for s in other["steps"] for i in s["items"]}
    assert unfade("revert", output, "--item", 1, "-o", tmp_path / "less.png").code == 0
    words = ["restore", source, "-o", tmp_path / "never.png", "--only-classical"]
    assert unfade(*words, "--reject", items[0]["key"]).code == 0
    assert np.array_equal(samples(tmp_path / "less.png"), samples(tmp_path / "never.png"))


def test_reverting_all_gives_the_very_bytes(unfade: Run, damaged: Path, tmp_path: Path) -> None:
    assert unfade("restore", damaged).code == 0
    output = damaged.with_name("scan-restored.png")
    assert unfade("revert", output, "-o", tmp_path / "back.png").code == 0
    assert (tmp_path / "back.png").read_bytes() == damaged.read_bytes()


def test_revert_says_what_is_missing(unfade: Run, damaged: Path, tmp_path: Path) -> None:
    assert unfade("restore", damaged).code == 0
    output = damaged.with_name("scan-restored.png")
    ran = unfade("revert", output, "--item", "9999")
    assert (ran.code, "lists items 1 to" in ran.err) == (2, True)
    moved = tmp_path / "elsewhere.png"
    damaged.rename(moved)
    ran = unfade("revert", output)
    assert (ran.code, "--original" in ran.err) == (3, True)
    assert unfade("revert", output, "--original", moved, "-o", tmp_path / "b.png").code == 0
    moved.write_bytes(moved.read_bytes() + b"x")
    ran = unfade("revert", output, "--original", moved, "--overwrite")
    assert (ran.code, "SHA-256" in ran.err) == (3, True)
    ran = unfade("revert", tmp_path / "b.png")
    assert (ran.code, "no record" in ran.err) == (3, True)
