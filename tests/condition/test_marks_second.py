"""The network's opinion on candidates for marks: asked where it matters, never required."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import pytest
from skimage import data

from unfade.condition import look_at
from unfade.condition.marks import look, second
from unfade.engines.contract import BenchView, PlainBench
from unfade.errors import ModelMissing, OutOfResources
from unfade.picture import Picture, Window
from unfade.pixels.tiles import Grid


class Says:
    """Stands for the network: the same log odds of damage everywhere."""

    def __init__(self, odds: float, grid: Grid | None = None) -> None:
        self.odds, self.grid = odds, grid or Grid(64, 0)
        self.seen: list[Window] = []

    def find_tiles(
        self, picture: Picture, bench: BenchView, *, wanted: Callable[[Window], bool]
    ) -> Iterator[tuple[Window, np.ndarray]]:
        for tile in self.grid.tiles(picture.rows, picture.cols):
            if wanted(tile.core):
                self.seen.append(tile.core)
                shape = (tile.core.rows, tile.core.cols, 7)
                yield tile.core, np.full(shape, self.odds, np.float32)


class Starves:
    """A network that has no room to run."""

    def find_tiles(self, picture: Picture, bench: BenchView, **_: Any) -> Iterator[Any]:
        raise OutOfResources("no room")


class Bench(PlainBench):
    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def engine(self, name: str) -> Any:
        assert name == "unfade-damage"
        if self._engine is None:
            raise ModelMissing("not here")
        return self._engine


@pytest.fixture(scope="module")
def scratched() -> Picture:
    samples = data.camera()[:300, :300].copy()
    for left in (70, 110, 150):
        cv2.line(samples, (left, 20), (left + 25, 280), 235, 2, cv2.LINE_AA)
    for row, col in np.random.default_rng(1).integers(20, 280, (25, 2)).tolist():
        cv2.circle(samples, (col // 2, row), 2, 235, -1, cv2.LINE_AA)
    return Picture(samples[:, :, None])


def area(picture: Picture, bench: BenchView) -> int:
    return sum(mark.region.area_px for mark in look(picture, bench).items)


def test_a_network_that_agrees_keeps_the_mark_and_one_that_does_not_takes_it_away(
    scratched: Picture,
) -> None:
    alone = area(scratched, Bench(None))
    assert alone > 500
    assert area(scratched, Bench(Says(10.0))) >= alone
    assert area(scratched, Bench(Says(-10.0))) == 0


def test_more_assent_is_more_confidence() -> None:
    own = np.full(5, 2.0)
    joint = second.weighed(own, np.array([-8.0, -3.0, 0.0, 3.0, 8.0]))
    assert (np.diff(joint) > 0).all()
    assert (np.diff(second.weighed(np.linspace(-8, 8, 9), np.zeros(9))) > 0).all()
    assert np.isfinite(second.weighed(np.array([1e9]), np.array([-1e9]))).all()


def test_only_tiles_with_plausible_candidates_are_asked_about(scratched: Picture) -> None:
    network = Says(10.0)
    look(scratched, Bench(network))
    assert 4 <= len(network.seen) < 25
    assert any(w.left <= 90 < w.right for w in network.seen)
    quiet = Says(10.0)
    assert not look(Picture(data.coffee()), Bench(quiet)).items and not quiet.seen


def test_who_had_a_say_is_told_and_lack_of_memory_never_gives_other_marks(
    scratched: Picture,
) -> None:
    assert look(scratched, Bench(None)).seconded_by == ""
    assert look(scratched, Bench(Says(10.0))).seconded_by == "unfade-damage"
    assert look(scratched, Bench(Says(-10.0))).seconded_by == "unfade-damage"
    starved = look(scratched, Bench(Starves()))
    assert starved.hindered == "no room" and not starved.items and starved.confidence is None


def test_tiles_do_not_change_the_opinion(scratched: Picture) -> None:
    keys = [m.key for m in look(scratched, Bench(Says(4.0))).items]
    assert keys == [m.key for m in look(scratched, Bench(Says(4.0, Grid(97, 0)))).items]


def test_who_asks_for_no_networks_gets_the_eye_alone(scratched: Picture) -> None:
    network = Says(-10.0)
    found = look_at(scratched, Bench(network), only={"marks"}, networks=False).marks
    assert found is not None and found.items and not network.seen
    linear = Picture(scratched.samples, encoding="linear")
    look(linear, Bench(network))
    assert not network.seen, "the network knows pictures as they are seen"
