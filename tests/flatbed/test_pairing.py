"""Fronts and backs are paired by size and place, whichever way they were turned over."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from platens import Print, codes, platen

from unfade.cli import app
from unfade.flatbed import Photograph, pair_backs

SIZE = (1400, 1000)
FRONTS = (
    Photograph(row_px=300, col_px=250, rows_px=400, cols_px=300, angle_degrees=2),
    Photograph(row_px=320, col_px=700, rows_px=300, cols_px=420),
    Photograph(row_px=1000, col_px=500, rows_px=400, cols_px=301),
)


def turned_over(fronts, way: str, order: list[int]) -> tuple[Photograph, ...]:
    made = []
    for p in (fronts[k] for k in order):
        row = SIZE[0] - p.row_px if way == "mirrored top to bottom" else p.row_px
        col = SIZE[1] - p.col_px if way == "mirrored left to right" else p.col_px
        made.append(
            Photograph(
                row_px=row + 6, col_px=col - 4, rows_px=p.rows_px + 1, cols_px=p.cols_px - 1,
                angle_degrees=-p.angle_degrees,
            )
        )  # fmt: skip
    return tuple(made)


@pytest.mark.parametrize("way", ["in place", "mirrored left to right", "mirrored top to bottom"])
def test_each_way_of_turning_over(way: str) -> None:
    order = [2, 0, 1]
    pairing = pair_backs(FRONTS, turned_over(FRONTS, way, order), SIZE, SIZE)
    assert pairing.way == way
    assert pairing.pairs == tuple((i, order.index(i)) for i in range(3))
    assert pairing.notes == ()


def test_a_back_of_another_size_has_no_partner() -> None:
    backs = turned_over(FRONTS, "in place", [0, 1])
    odd = Photograph(row_px=1000, col_px=500, rows_px=380, cols_px=301)
    pairing = pair_backs(FRONTS, (*backs, odd), SIZE, SIZE)
    assert pairing.pairs == ((0, 0), (1, 1))
    assert (pairing.lone_fronts, pairing.lone_backs) == ((2,), (2,))


def test_two_that_fit_alike_are_said_to_be_uncertain() -> None:
    one = Photograph(row_px=300, col_px=500, rows_px=400, cols_px=300)  # strips hardly apart
    two = Photograph(row_px=300, col_px=520, rows_px=400, cols_px=300)
    pairing = pair_backs((one,), (one, two), SIZE, SIZE)
    assert len(pairing.pairs) == 1 and "nearly as well" in pairing.notes[0]


def test_nothing_to_pair() -> None:
    assert pair_backs((), (), SIZE, SIZE).pairs == ()
    assert pair_backs(FRONTS, (), SIZE, SIZE).lone_fronts == (0, 1, 2)


def test_pairs_are_written_under_one_number(tmp_path: Path) -> None:
    fronts = (
        Print(row=150, col=140, rows=200, cols=160, seed=1),
        Print(row=170, col=400, rows=180, cols=220, angle=2.0, seed=2),
    )
    backs = (
        Print(row=150, col=420, rows=200, cols=160, back=True),
        Print(row=170, col=160, rows=180, cols=220, angle=-2.0, back=True),
    )
    for name, prints in (("f.png", fronts), ("b.png", backs)):
        Image.fromarray(codes(platen(prints, 340, 560, dust=5))).save(tmp_path / name)
    out = CliRunner().invoke(
        app,
        ["split", str(tmp_path / "f.png"), "--backs", str(tmp_path / "b.png"),
         "-o", str(tmp_path / "out"), "--json"],
    )  # fmt: skip
    assert out.exit_code == 0, out.output
    names = sorted(p.name for p in (tmp_path / "out").glob("*.png"))
    assert names == ["f-1-back.png", "f-1-front.png", "f-2-back.png", "f-2-front.png"]
    paired = [e for e in map(json.loads, out.stdout.splitlines()) if e["event"] == "paired"]
    assert {(e["front"], e["back"]) for e in paired} == {(1, 2), (2, 1)}
    assert {e["way"] for e in paired} == {"mirrored left to right"}
    front = np.asarray(Image.open(tmp_path / "out" / "f-1-front.png"))
    back = np.asarray(Image.open(tmp_path / "out" / "f-1-back.png"))
    assert np.abs(np.subtract(front.shape, (200, 160, 3))).max() <= 1
    assert np.abs(np.subtract(back.shape, (200, 160, 3))).max() <= 1
