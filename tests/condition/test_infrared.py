"""The infrared plane is used where it proves to be of use, and refused where it shows a picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from eye_scenes import BENCH

from unfade.condition import look_at
from unfade.condition.infrared import look
from unfade.findings import MarkKind, paint
from unfade.picture import Picture, Window
from unfade.treatment import treat

ROWS, COLS = 480, 640


def film(
    kind: str = "dye",
    *,
    seed: int = 0,
    specks: int = 30,
    shift: tuple[int, int] = (0, 0),
    foreign: bool = False,
    bits: int = 16,
    grey: bool = False,
) -> tuple[Picture, np.ndarray]:
    """A film scan with its infrared plane, and where the dust lies in the picture."""
    chance = np.random.default_rng(seed)
    coarse = chance.random((9, 12, 3)).astype(np.float32)
    view = cv2.resize(coarse, (COLS, ROWS), interpolation=cv2.INTER_CUBIC)
    for _ in range(12):
        a, b = (tuple(int(v) for v in chance.integers(0, (COLS, ROWS))) for _ in range(2))
        cv2.line(view, a, b, tuple(float(v) for v in chance.random(3)), 3, cv2.LINE_AA)
    view = np.clip(0.08 + 0.8 * view, 0.05, 0.9)
    if grey:
        view[:] = view.mean(axis=2, keepdims=True)
    dense = -np.log10(view)
    leak = {
        "dye": 0.02 * dense[..., 0],
        "silver": 0.8 * dense.mean(axis=2),
        "kodachrome": 0.45 * dense[..., 0],
    }[kind]
    dust = _dust(chance, specks)
    seen_in_infrared = _dust(np.random.default_rng(seed + 99), specks) if foreign else dust
    infrared = 0.75 * 10**-leak * (1 - 0.7 * seen_in_infrared)
    infrared = np.roll(infrared, (-shift[0], -shift[1]), (0, 1))
    view = view * (1 - 0.85 * dust[..., None])  # opaque: dark on a positive
    view = view + chance.normal(0, 0.006, view.shape)
    infrared = infrared + chance.normal(0, 0.006, infrared.shape)
    full = 2**bits - 1
    dtype = np.uint8 if bits == 8 else np.uint16
    codes = [np.rint(np.clip(p, 0, 1) * full).astype(dtype) for p in (view, infrared)]
    samples = codes[0].mean(axis=2, keepdims=True).astype(dtype) if grey else codes[0]
    return Picture(samples, infrared=codes[1]), dust > 0.5


def _dust(chance: np.random.Generator, number: int) -> np.ndarray:
    plane = np.zeros((ROWS, COLS), np.float32)
    for _ in range(number):
        at = tuple(int(v) for v in chance.integers(15, (COLS - 15, ROWS - 15)))
        if chance.random() < 0.25:
            end = tuple(int(v + chance.integers(-20, 20)) for v in at)
            cv2.line(plane, at, end, 1.0, 2, cv2.LINE_AA)
        else:
            cv2.circle(plane, at, int(chance.integers(1, 5)), 1.0, -1, cv2.LINE_AA)
    return plane


def painted(marks) -> np.ndarray:
    return paint(marks, Window(0, 0, ROWS, COLS))


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_dust_on_dye_film_is_found(bits: int, seed: int) -> None:
    picture, dust = film(seed=seed, bits=bits)
    found = look(picture, BENCH)
    assert found.usable and found.kind == "dye" and found.shift_px == (0, 0)
    assert found.leak_share < 0.1
    mask = painted(found.items)
    assert (mask & dust).sum() / dust.sum() > 0.97
    near = cv2.dilate(dust.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    assert not (mask & ~near).any()
    assert min(m.confidence for m in found.items) >= 0.9


@pytest.mark.parametrize("kind", ["silver", "kodachrome"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_plane_that_shows_the_picture_is_refused(kind: str, seed: int) -> None:
    found = look(film(kind, seed=seed)[0], BENCH)
    assert found.usable is False and found.kind == kind and found.items == ()
    assert found.leak_share > 0.15 and "not used" in found.says


def test_silver_in_a_grey_scan_is_refused_and_chromogenic_grey_is_not() -> None:
    assert look(film("silver", grey=True)[0], BENCH).kind == "silver"
    assert look(film("dye", grey=True)[0], BENCH).usable


@pytest.mark.parametrize("shift", [(3, -5), (-8, 2), (0, 11)])
def test_a_shift_is_measured_and_taken_back(shift: tuple[int, int]) -> None:
    picture, dust = film(shift=shift)
    found = look(picture, BENCH)
    assert found.shift_px == shift
    inner = np.zeros_like(dust)
    inner[14:-14, 14:-14] = True
    mask = painted(found.items)
    assert (mask & dust & inner).sum() / (dust & inner).sum() > 0.95


def test_the_plane_of_another_frame_is_refused() -> None:
    for seed in range(4):
        found = look(film(seed=seed, foreign=True)[0], BENCH)
        assert found.usable is False and found.kind == "foreign" and found.items == ()


def test_a_plane_of_another_silver_picture_is_refused() -> None:
    one, two = film("dye", seed=1)[0], film("silver", seed=2)[0]
    found = look(Picture(one.samples, infrared=two.infrared), BENCH)
    assert found.usable is False and found.items == ()


def test_an_empty_plane_a_flat_picture_and_a_missing_plane() -> None:
    picture, _ = film()
    empty = Picture(picture.samples, infrared=np.zeros((ROWS, COLS), np.uint16))
    assert look(empty, BENCH).kind == "empty"
    flat = Picture(np.full((ROWS, COLS, 3), 30000, np.uint16), infrared=picture.infrared)
    assert look(flat, BENCH).usable is None and look(flat, BENCH).confidence is None
    assert look_at(Picture(picture.samples), BENCH, only={"marks"}).infrared is None


def test_clean_film_has_no_marks() -> None:
    found = look(film(specks=0)[0], BENCH)
    assert found.usable and found.items == ()


def test_too_dirty_a_film_is_left_to_the_eye() -> None:
    found = look(film(specks=900)[0], BENCH)
    assert found.usable is False and found.items == ()


@pytest.mark.parametrize("rows, cols", [(1, 1), (48, 48), (1, 300)])
def test_odd_sizes(rows: int, cols: int) -> None:
    chance = np.random.default_rng(0)
    samples = chance.integers(0, 256, (rows, cols, 3), np.uint8)
    found = look(Picture(samples, infrared=samples[..., 0].copy()), BENCH)
    assert found.items == ()


def test_marks_are_joined_and_a_spot_of_the_picture_is_left_alone() -> None:
    picture, dust = film(seed=5)
    samples = picture.samples.copy()
    cv2.circle(samples, (320, 240), 3, (64000, 64000, 64000), -1)  # a star: not in infrared
    picture = Picture(samples, infrared=picture.infrared)
    found = look_at(picture, BENCH, only={"marks"})
    assert found.infrared is not None and found.infrared.usable
    mended = [m for m in found.marks.items if m.confidence >= 0.85]
    mask = painted(mended)
    assert (mask & dust).sum() / dust.sum() > 0.97
    assert not mask[238:243, 318:323].any() or dust[230:250, 310:330].any()
    assert "infrared" in found.marks.says


def test_remove_dust_mends_by_infrared_and_stays_estimated() -> None:
    from unfade.steps import find_step

    picture, dust = film(seed=6)
    clean, _ = film(seed=6, specks=0)
    findings = look_at(picture, BENCH, only={"marks"})
    assert findings.marks.of_kind(MarkKind.DUST)
    steps = tuple(find_step(name).settings() for name in ("remove_dust", "remove_scratches"))
    out = treat(picture, steps, findings=findings, bench=BENCH)
    assert set(np.unique(out.evidence)) == {0, 2}
    before = np.abs(picture.pixels - clean.pixels)[dust].mean()
    after = np.abs(out.picture.pixels - clean.pixels)[dust].mean()
    assert after < 0.25 * before
    assert np.array_equal(out.picture.infrared, picture.infrared)
