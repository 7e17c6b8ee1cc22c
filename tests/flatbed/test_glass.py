"""Dust on the glass is told by its place in many scans; shuffled scans have none."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from platens import scene

from unfade.cli import app
from unfade.errors import UsageError
from unfade.flatbed import glass_dust
from unfade.picture import Picture

ROWS, COLS = 420, 560


def scans(number: int, dust: list[tuple[int, int, int]], *, shuffled: bool = False, jitter=0):
    """Different pictures under one dusty glass."""
    chance = np.random.default_rng(7)
    out = []
    for k in range(number):
        view = cv2.resize(scene(ROWS // 2, COLS // 2, 100 + k), (COLS, ROWS))
        for _ in range(25):  # each print has its own dust
            at = tuple(int(v) for v in chance.integers(0, (COLS, ROWS), 2))
            cv2.circle(view, at, int(chance.integers(1, 4)), (0.95,) * 3, -1, cv2.LINE_AA)
        if shuffled:
            roll = chance.integers(0, (ROWS, COLS), 2)
        else:
            roll = chance.integers(-jitter, jitter + 1, 2)
        for row, col, radius in dust:
            row, col = (row + roll[0]) % ROWS, (col + roll[1]) % COLS
            veil = np.zeros((ROWS, COLS), np.float32)
            cv2.circle(veil, (int(col), int(row)), radius, 1.0, -1, cv2.LINE_AA)
            view = view * (1 - 0.8 * veil[..., None]) + 0.8 * 0.85 * veil[..., None]
        view = view + chance.normal(0, 0.008, view.shape)
        out.append(Picture(np.rint(np.clip(view, 0, 1) * 255).astype(np.uint8)))
    return out


def places(number: int) -> list[tuple[int, int, int]]:
    chance = np.random.default_rng(3)
    return [
        (int(chance.integers(20, ROWS - 20)), int(chance.integers(20, COLS - 20)), int(r))
        for r in chance.integers(1, 5, number)
    ]


@pytest.mark.parametrize("jitter", [0, 1])
def test_dust_is_found_where_it_lies(jitter: int) -> None:
    dust = places(25)
    found = glass_dust(scans(12, dust, jitter=jitter))
    hit = sum(found.mask[row, col] for row, col, _ in dust)
    assert hit >= 22
    truth = np.zeros((ROWS, COLS), np.uint8)
    for row, col, radius in dust:
        cv2.circle(truth, (col, row), radius + 8, 1, -1)
    assert found.mask[truth == 0].mean() < 1e-4
    assert found.spots <= len(dust)


def test_shuffled_scans_have_no_dust_in_common() -> None:
    found = glass_dust(scans(12, places(25), shuffled=True))
    assert found.spots == 0 and not found.mask.any()


def test_clean_glass_has_no_dust() -> None:
    assert glass_dust(scans(8, [])).spots == 0


def test_a_frame_common_to_all_scans_is_left_out() -> None:
    pictures = []
    for picture in scans(8, []):
        samples = picture.samples.copy()
        samples[:, 200:202] = 255
        pictures.append(picture.with_samples(samples))
    found = glass_dust(pictures)
    assert found.left_out >= 1 and not found.mask.any()


def test_too_few_scans_and_scans_of_other_sizes_are_refused() -> None:
    with pytest.raises(UsageError, match="3 scans cannot tell"):
        glass_dust(scans(3, places(5)))
    other = Picture(np.zeros((100, 100, 3), np.uint8))
    with pytest.raises(UsageError, match="100 x 100"):
        glass_dust([*scans(4, []), other])


def test_the_command_writes_a_mask_for_restore(tmp_path: Path) -> None:
    dust = places(10)
    names = []
    for k, picture in enumerate(scans(6, dust)):
        names.append(str(tmp_path / f"s{k}.png"))
        Image.fromarray(picture.samples).save(names[-1])
    out = CliRunner().invoke(app, ["platen", *names, "-o", str(tmp_path / "m.png"), "--json"])
    assert out.exit_code == 0, out.output
    assert json.loads(out.stdout)["spots"] >= 7
    mended = CliRunner().invoke(
        app,
        ["restore", names[0], "--mask", str(tmp_path / "m.png"), "-o", str(tmp_path / "r.png")],
    )
    assert mended.exit_code == 0, mended.output
    before = np.asarray(Image.open(names[0])).astype(int)
    after = np.asarray(Image.open(tmp_path / "r.png")).astype(int)
    mask = np.asarray(Image.open(tmp_path / "m.png")) > 0
    assert np.array_equal(before[~mask], after[~mask]) and (before[mask] != after[mask]).any()
