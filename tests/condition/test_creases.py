"""Creases: folds, tears and lost corners are found where they are, and nothing else is taken."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
import sheet_scenes as scenes
from eye_scenes import ODD_PICTURES, ThreadedBench, stored

from unfade import Bench
from unfade.condition.creases import find_creases, look, strip
from unfade.condition.creases.lines import find_lines, log_light
from unfade.condition.creases.seen import NETWORK
from unfade.engines.contract import PlainBench
from unfade.findings import Creases, MarkKind, paint
from unfade.picture import Picture, Window
from unfade.pixels.masks import dilate

CONTROLS = scenes.controls()
WHOLE = Window(0, 0, 512, 512)


def straight_fold(relief: float = 0.08, crack: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """The astronaut with one fold through row 150, light above and dark below; where it runs."""
    pixels = scenes.photo()
    truth = 150 + 8 * np.sin(np.arange(512) / 160)
    aside = np.arange(512)[:, None] - truth[None, :]
    flank = -np.sign(aside) * np.exp(-0.5 * (aside / 5) ** 2) * relief
    pixels = (pixels + 0.055) * np.exp(flank)[:, :, None] - 0.055
    if crack:
        open_here = np.sin(np.arange(512) / 7) + 0.5 * np.sin(np.arange(512) / 2.6) > -0.4
        pixels[(np.abs(aside) < 1.3) & open_here[None, :]] = (0.93, 0.91, 0.85)
    return np.clip(pixels, 0, 1).astype(np.float32), truth


def test_a_fold_is_found_and_followed() -> None:
    pixels, truth = straight_fold()
    found = find_creases(pixels)
    assert [mark.kind for mark in found.items] == [MarkKind.CREASE]
    assert found.confidence is not None
    assert found.confidence > 0.93
    assert "1 crease" in found.says
    points = np.array(found.folds[0].points)
    assert found.folds[0].key == found.items[0].key
    assert np.ptp(points[:, 1]) > 450
    off = points[:, 0] - np.interp(points[:, 1], np.arange(512), truth)
    assert np.median(np.abs(off)) < 1.5
    mask = paint(found.items, WHOLE)
    near = np.abs(np.arange(512)[:, None] - truth) < 2
    assert mask[near].mean() > 0.9


class Opinion(PlainBench):
    """A bench whose network sees what it is told to: (rows, cols, 3) log odds."""

    def __init__(self, logits: np.ndarray) -> None:
        self.logits, self.asked = logits.astype(np.float32), 0

    def engine(self, name: str) -> Opinion:
        assert name == NETWORK
        return self

    def find(self, pixels: np.ndarray) -> np.ndarray:
        self.asked += 1
        rows, cols = pixels.shape[:2]
        return np.asarray(cv2.resize(self.logits, (cols, rows), interpolation=cv2.INTER_AREA))


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Bench(threads=1) as opened:
        yield opened


def test_a_line_is_told_by_what_the_network_sees_along_it() -> None:
    pixels, truth = straight_fold()
    aside = np.abs(np.arange(512)[:, None] - truth)
    seen = np.where(aside < 3, 4.0, -7.0)[:, :, None] * (1, 1, 0) - (0, 0, 7)
    agreeing, blind = Opinion(seen), Opinion(np.full((512, 512, 3), -7.0))
    found = look(Picture.of(pixels), agreeing)
    assert [mark.kind for mark in found.items] == [MarkKind.CREASE]
    points = np.array(found.folds[0].points)
    off = points[:, 0] - np.interp(points[:, 1], np.arange(512), truth)
    assert np.median(np.abs(off)) < 1.5
    assert look(Picture.of(pixels), blind).items == ()
    assert agreeing.asked == blind.asked == 2  # a small overview for folds, a larger one for tears


def test_what_grows_away_from_a_fold_is_no_flank() -> None:
    """Strips of 45 x 160 in logarithms: a flank that fades, and a scene that differs beyond it."""
    aside = np.abs(np.arange(-22.0, 23.0))
    side = np.sign(np.arange(-22.0, 23.0))
    flank = 0.1 * side * np.exp(-aside / 4)
    scene = 0.05 * side * np.clip((aside - 6) / 6, 0, 1) * np.clip((19 - aside) / 4, 0, 1)
    rough = np.random.default_rng(0).normal(0, 0.004, (45, 160))
    alone, beside = (
        strip.reach_px((profile[:, None] + rough)[:, :, None]) for profile in (flank, flank + scene)
    )
    assert beside <= alone + 1
    assert 4 <= alone <= 9


def test_what_it_sees_where_nothing_is_is_no_fold() -> None:
    """A fold has lit and shaded flanks; of a line in one plain colour the network is not enough."""
    seen = np.full((300, 300, 3), -7.0)
    seen[150:152, 60:200, :2] = 1.0
    assert look(Picture.of(np.full((300, 300, 3), 0.5, np.float32)), Opinion(seen)).items == ()


def test_in_linear_light_the_network_is_not_asked() -> None:
    blind = Opinion(np.full((512, 512, 3), -7.0))
    pixels, _ = straight_fold()
    look(Picture(pixels, encoding="linear"), blind)
    assert blind.asked == 0


def test_what_the_network_finds_is_damage_and_more_than_is_seen_without(bench: Bench) -> None:
    with_network = without = 0
    for seed in range(8):
        for made in (scenes.folded(seed), scenes.torn(seed)):
            picture = Picture.of(np.clip(made.pixels, 0, 1).astype(np.float32))
            found, alone = look(picture, bench), look(picture, PlainBench())
            with_network, without = with_network + len(found.items), without + len(alone.items)
            mask, near = paint(found.items, WHOLE), dilate(made.opacity > 0.005, 4)
            assert (mask & near).sum() >= 0.9 * mask.sum()
    assert with_network > without > 0


@pytest.mark.parametrize("name", list(CONTROLS))
def test_the_network_too_leaves_what_belongs_to_the_picture(name: str, bench: Bench) -> None:
    assert look(Picture.of(CONTROLS[name]), bench).items == ()


@pytest.mark.parametrize("name", list(ODD_PICTURES))
def test_the_network_too_finds_nothing_in_odd_pictures(name: str, bench: Bench) -> None:
    assert look(ODD_PICTURES[name], bench).items == ()


def test_at_full_size_the_fold_is_followed_to_the_pixel() -> None:
    """Three times as large, the overview is coarser than the picture."""
    pixels, truth = straight_fold()
    large = pixels.repeat(3, axis=0).repeat(3, axis=1)
    found = find_creases(large)
    assert [mark.kind for mark in found.items] == [MarkKind.CREASE]
    points = np.array(found.folds[0].points)
    off = points[:, 0] - (3 * np.interp(points[:, 1] / 3, np.arange(512), truth) + 1)
    assert np.median(np.abs(off)) < 4


def test_items_lie_on_damage() -> None:
    """On made folds and tears: most of the area of all items is damaged."""
    area = hit = items = 0
    for made in [scenes.folded(s) for s in (2, 10)] + [scenes.torn(s) for s in (0, 1, 9)]:
        truth = dilate(made.opacity > 0.005, 2)
        for mark in find_creases(made.pixels).items:
            region = mark.region
            area += region.area_px
            hit += int(np.count_nonzero(truth[region.window.slices] & region.mask))
            items += 1
    assert items >= 9
    assert hit / area > 0.85


def test_lost_corners_are_found_and_named() -> None:
    found = find_creases(scenes.torn(0).pixels)
    assert len(found.of_kind(MarkKind.CORNER)) == 4
    assert {mark.kind for mark in found.items} == {MarkKind.CORNER}


@pytest.mark.parametrize("name", list(CONTROLS))
def test_what_belongs_to_the_picture_is_left(name: str) -> None:
    assert find_creases(CONTROLS[name]).items == ()


@pytest.mark.parametrize("name", list(ODD_PICTURES))
def test_odd_pictures_have_no_items(name: str) -> None:
    found = look(ODD_PICTURES[name], PlainBench())
    assert found.items == ()
    assert found.says


def test_it_abstains_where_nothing_can_be_told() -> None:
    for pixels in (np.full((20, 600, 3), 0.5, np.float32), CONTROLS["page"]):
        found = find_creases(pixels)
        assert found.confidence is None
        assert found.items == found.unsure == ()


def test_noise_and_one_bit_have_no_items() -> None:
    rng = np.random.default_rng(0)
    noise = rng.random((300, 400, 1), np.float32)
    coarse = np.kron(rng.random((30, 40)), np.ones((10, 10)))[:, :, None].astype(np.float32)
    for pixels in (noise, coarse, (noise > 0.5).astype(np.float32)):
        assert find_creases(pixels).items == ()


def _told(found: Creases) -> tuple[object, ...]:
    return tuple((m.key, m.confidence, m.region.bits.tobytes()) for m in found.items), found.folds


def test_the_same_on_any_number_of_threads_and_at_any_depth() -> None:
    pixels, _ = straight_fold()
    eight = look(stored(pixels), PlainBench())
    assert eight.items
    assert _told(look(stored(pixels), ThreadedBench())) == _told(eight)
    for other in (stored(pixels, 16), Picture(pixels), stored(pixels.mean(axis=2))):
        assert [m.kind for m in look(other, PlainBench()).items] == [MarkKind.CREASE]


def test_lines_cover_a_fold_though_the_picture_is_rough() -> None:
    pixels, truth = straight_fold(crack=False)
    best = find_lines(log_light(pixels))
    off = [
        np.median(np.abs(line.points[:, 0] - np.interp(line.points[:, 1], np.arange(512), truth)))
        for line in best
        if np.ptp(line.points[:, 1]) > 200
    ]
    assert min(off) < 2
