"""A small clean film and a small damaged one, made once."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_films import Damage, Truth, damaged, scene, write_film

from unfade.engines.bench import Bench

ROWS, COLS = 180, 240


@pytest.fixture(scope="session")
def bench() -> Bench:
    return Bench(threads=2)


@pytest.fixture(scope="session")
def clean_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 frames of a pan in H.264 with sound."""
    path = tmp_path_factory.mktemp("clean") / "pan.mkv"
    frames = (f.astype("uint8") for f in scene("pan", 24, ROWS, COLS))
    write_film(
        path, frames, codec="libx264", options={"crf": "12", "bf": "0", "g": "6"}, sound=True
    )
    return path


@pytest.fixture(scope="session")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth]:
    """16 frames with dirt, flicker, weave and grain, lossless, and the truth about them."""
    path = tmp_path_factory.mktemp("dirty") / "dirty.mkv"
    truth = Truth()
    damage = Damage(dirt=5, flicker=0.05, weave_px=0.7, grain=3)
    write_film(path, damaged(scene("walkers", 16, 270, 360), damage, 3, truth))
    return path, truth
