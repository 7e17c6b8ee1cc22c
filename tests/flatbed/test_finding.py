"""Photographs are found on made platens: where, how turned, and what cannot be told."""

from __future__ import annotations

import numpy as np
import pytest
from platens import Print, codes, platen

from unfade.flatbed import Photograph, find_photographs
from unfade.picture import Picture

THREE = (
    Print(row=330, col=260, rows=420, cols=300, angle=2.3, seed=1),
    Print(row=360, col=690, rows=300, cols=420, angle=-1.1, border=16, seed=2),
    Print(row=1000, col=480, rows=500, cols=700, angle=0.4, seed=3),
)


def check(found: tuple[Photograph, ...], truth: tuple[Print, ...]) -> None:
    """Each print found once: corners within 2 pixels, angle within 0.1 degrees."""
    assert len(found) == len(truth)
    for each in truth:
        wanted = true_outline(each)
        best = min(found, key=lambda p: float(np.abs(p.corners - wanted.corners).max()))
        assert np.abs(best.corners - wanted.corners).max() <= 2.0
        assert abs(best.angle_degrees - each.angle) <= 0.1


def true_outline(each: Print) -> Photograph:
    return Photograph(
        row_px=each.row,
        col_px=each.col,
        rows_px=each.rows,
        cols_px=each.cols,
        angle_degrees=each.angle,
    )


@pytest.mark.parametrize(
    "lid, kind",
    [
        (0.96, {}),
        (0.96, {"noise": 0.015, "uneven": 0.05}),
        (0.05, {"shadow": 0.0, "dust": 100}),
        (0.5, {}),
        ((0.9, 0.88, 0.8), {}),
    ],
    ids=["white", "white-noisy", "black", "grey", "cream"],
)
def test_photographs_on_each_kind_of_lid(lid, kind) -> None:
    picture = Picture(codes(platen(THREE, lid=lid, **kind)))
    check(find_photographs(picture).photographs, THREE)


@pytest.mark.parametrize("seed", range(6))
def test_photographs_at_random(seed: int) -> None:
    chance = np.random.default_rng(seed + 40)
    prints = tuple(
        Print(
            row=float(row + chance.uniform(-15, 15)),
            col=float(col + chance.uniform(-12, 12)),
            rows=float(chance.integers(300, 500)),
            cols=float(chance.integers(250, 390)),
            angle=float(chance.uniform(-6, 6)),
            border=int(chance.choice([0, 14, 24])),
            seed=int(chance.integers(99)),
        )
        for row, col in ((330, 260), (330, 740), (1000, 260), (1000, 740))
    )
    view = platen(prints, lid=float(chance.choice([0.96, 0.5, 0.05])), seed=seed)
    check(find_photographs(Picture(codes(view))).photographs, prints)


def test_large_angles() -> None:
    prints = (
        Print(row=400, col=500, rows=420, cols=300, angle=31, seed=4),
        Print(row=1000, col=480, rows=400, cols=500, angle=-43, seed=5),
    )
    check(find_photographs(Picture(codes(platen(prints)))).photographs, prints)


def test_shadows_that_run_into_each_other_do_not_join_prints() -> None:
    prints = (
        Print(row=300, col=270, rows=420, cols=400, seed=1, border=14),
        Print(row=300, col=684, rows=420, cols=400, seed=2, border=14),
        Print(row=900, col=480, rows=600, cols=600, angle=1, seed=3),
    )
    check(find_photographs(Picture(codes(platen(prints, shadow=0.4)))).photographs, prints)


def test_prints_that_touch_are_said_so() -> None:
    prints = (
        Print(row=400, col=300, rows=420, cols=400, seed=1),
        Print(row=480, col=690, rows=420, cols=400, seed=2),
    )
    layout = find_photographs(Picture(codes(platen(prints))))
    assert any("touch or overlap" in note for p in layout.photographs for note in p.notes)


def test_a_print_cut_off_by_the_scan_is_said_so() -> None:
    prints = (Print(row=190, col=300, rows=400, cols=300, seed=1),)
    (found,) = find_photographs(Picture(codes(platen(prints)))).photographs
    assert found.cut == ("top",)
    assert found.corners[:, 0].min() == pytest.approx(0, abs=0.5)
    assert found.corners[:, 0].max() == pytest.approx(390, abs=2)


def test_an_empty_platen_holds_nothing() -> None:
    layout = find_photographs(Picture(codes(platen(()))))
    assert layout.photographs == ()
    assert "empty" in layout.says


@pytest.mark.parametrize("kind", ["noise", "flat", "tiny"])
def test_what_is_no_platen_is_not_taken_apart(kind: str) -> None:
    chance = np.random.default_rng(0)
    samples = {
        "noise": chance.integers(0, 256, (300, 400, 3), np.uint8),
        "flat": np.full((300, 400, 1), 90, np.uint8),
        "tiny": np.zeros((1, 1, 1), np.uint8),
    }[kind]
    assert find_photographs(Picture(samples)).photographs == ()


def test_sixteen_bit_grey_is_found_as_eight_bit_colour_is() -> None:
    grey = platen(THREE).mean(axis=2, keepdims=True)
    check(find_photographs(Picture(codes(grey, 16))).photographs, THREE)


def test_dust_does_not_move_an_outline() -> None:
    clean = find_photographs(Picture(codes(platen(THREE, dust=0)))).photographs
    dusty = find_photographs(Picture(codes(platen(THREE, dust=300)))).photographs
    for one, two in zip(clean, dusty, strict=True):
        assert np.abs(one.corners - two.corners).max() < 0.5
