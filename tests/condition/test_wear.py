"""Wear: what the network for damage sees becomes items, and where it cannot know it abstains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest
from eye_scenes import photo, stored
from skimage import data

from unfade.advice import advise
from unfade.advice.wear import is_all_over
from unfade.condition import look_at, wear
from unfade.degrade import degrade, parse_degradation
from unfade.engines.bench import Bench
from unfade.findings import Craquelure, Findings, Mark, MarkKind, Marks, Region, Wear, paint
from unfade.picture import Picture, Window

CRUMPLED = parse_degradation(
    'format=1\nname="crumpled"\n[[damage]]\nuse="wrinkles"\ncount=14\n'
    "width_px=[2,4]\nlength_share=[0.2,0.5]\nbroken_share=[0.8,1.0]\n"
)


WALLET = parse_degradation(
    'format=1\nname="wallet"\n[[damage]]\nuse="wrinkles"\ncount=90\n'
    "width_px=[2,4]\nlength_share=[0.05,0.2]\nbroken_share=[0.8,1.0]\n"
)


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Bench() as opened:
        yield opened


@pytest.fixture(scope="module")
def crumpled() -> tuple[np.ndarray, np.ndarray]:
    """A grey photograph full of cracks, and where bare paper shows."""
    sound = np.repeat(data.camera().astype(np.float32)[:, :, None] / 255, 3, axis=2)
    out = degrade(sound, CRUMPLED, seed=4)
    return np.clip(out.pixels, 0, 1).astype(np.float32), out.opacity > 0.5


def test_cracks_are_found(crumpled: tuple[np.ndarray, np.ndarray], bench: Bench) -> None:
    pixels, bare = crumpled
    found = wear.look(stored(pixels), bench)
    assert found.confidence is not None
    assert found.confidence > 0.6
    assert {mark.kind for mark in found.items} == {MarkKind.WEAR}
    mask = paint(found.items, stored(pixels).window)
    assert mask[bare].mean() > 0.3
    assert mask.mean() < 0.15
    advice = advise(Findings(wear=found))
    assert advice.recipe.steps == ()
    assert any("worn-print" in line for line in advice.left_alone)


def test_what_is_wide_nearly_everywhere_is_hardly_wear() -> None:
    bow = np.zeros((30, 50), np.uint8)
    cv2.circle(bow, (15, 15), 8, 1, -1)
    crack = np.zeros((60, 200), np.uint8)
    cv2.line(crack, (2, 30), (197, 30), 1, 3)
    cv2.circle(crack, (100, 30), 6, 1, -1)
    cut = np.ones((20, 40), bool)  # by its own box
    assert wear.is_wide(bow > 0)
    assert not wear.is_wide(crack > 0)
    assert wear.is_wide(cut)
    assert not wear.is_wide(crack[:, 110:] > 0)


def test_a_blot_that_the_network_sees_is_listed_and_not_mended(bench: Bench) -> None:
    sound = np.full((256, 256, 3), 0.25, np.float32)
    sound += np.random.default_rng(3).normal(0, 0.01, sound.shape).astype(np.float32)
    seen = []
    for width in (3, 9):
        pixels = sound.copy()
        cv2.line(pixels, (60, 120), (120, 140), (0.97, 0.97, 0.95), width)
        seen.append(wear.look(stored(pixels), bench).items)
    thin, wide = (max(items, key=lambda mark: mark.region.area_px) for items in seen)
    assert thin.confidence > 0.7
    assert wide.confidence == wear.WIDE_SURE


def folded(under: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A fold across it, three pixels wide on the left and eight on the right, and where it is."""
    fold = np.zeros(under.shape[:2], np.float32)
    cv2.line(fold, (10, 170), (256, 190), 1, 3)
    cv2.line(fold, (256, 190), (502, 210), 1, 8)
    white = cv2.GaussianBlur(fold, (0, 0), 1.5)[:, :, None]
    return np.clip(under, 0, 1) * (1 - white) + 0.92 * white, fold > 0


@pytest.fixture(scope="module")
def moon() -> np.ndarray:
    return np.repeat(data.moon()[:, :, None].astype(np.float32) / 255, 3, axis=2)


def test_a_fold_that_widens_is_followed_at_half_the_scale(moon: np.ndarray, bench: Bench) -> None:
    """Where nothing else is worn, as much is seen in sound pictures, and nothing is followed."""
    pixels, fold = folded(degrade(moon, CRUMPLED, seed=5).pixels)
    alone, worn = wear.look(stored(folded(moon)[0]), bench), wear.look(stored(pixels), bench)
    chances = {wear.RUNS_ON_SURE, wear.DENIED_SURE}
    assert alone.confidence is None
    assert not chances & {mark.confidence for mark in alone.items}
    followed = [mark for mark in worn.items if mark.confidence in chances]
    right = [fold[m.region.window.slices][m.region.mask].mean() for m in followed]
    assert max(mark.length_px for mark in followed) > 200
    assert np.mean(right) > 0.6
    others = [mark for mark in worn.items if mark not in followed]
    window = stored(pixels).window
    assert not (paint(followed, window) & paint(others, window)).any()


def test_a_scan_that_is_looked_at_in_small_is_followed_in_smaller(
    moon: np.ndarray, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = stored(folded(degrade(moon, CRUMPLED, seed=5).pixels)[0])
    large = stored(small.pixels.repeat(2, axis=0).repeat(2, axis=1))
    own = wear.look(small, bench).items
    monkeypatch.setattr(wear, "AT_MOST_PX", small.rows * small.cols)
    twice = wear.look(large, bench).items
    assert any(mark.confidence == wear.DENIED_SURE for mark in own)
    assert [mark.confidence for mark in twice] == pytest.approx([m.confidence for m in own])
    for mark, at_half in zip(twice, own, strict=True):
        rows, cols = at_half.region.mask.shape
        assert mark.region.mask.shape == pytest.approx((2 * rows, 2 * cols), abs=2)
        # what is known is widened by a disc, which is rounder at twice the size
        assert mark.region.area_px == pytest.approx(4 * at_half.region.area_px, rel=0.02)


@pytest.mark.parametrize("name", ["camera", "astronaut"])
def test_a_print_that_is_worn_all_over_is_mended_unasked(name: str, bench: Bench) -> None:
    sound = getattr(data, name)().astype(np.float32) / 255
    sound = np.repeat(sound[:, :, None], 3, axis=2) if sound.ndim == 2 else sound
    worn = stored(np.clip(degrade(sound, WALLET, seed=1).pixels, 0, 1))
    findings = Findings(wear=wear.look(worn, bench))
    advice = advise(findings)
    assert advice.recipe.step_names == ("mend_wear",)
    assert "each can be taken back" in advice.reasons["mend_wear"]
    assert advise(findings, skip=["mend_wear"]).recipe.steps == ()
    kept = advise(replace(findings, craquelure=Craquelure(says="", confidence=1, cracked=True)))
    assert kept.recipe.steps == ()
    assert any(line.startswith("mend_wear: ") for line in kept.left_alone)
    assert not is_all_over(Findings(wear=wear.look(stored(sound.astype(np.float64)), bench)))


def lines(angles: Iterable[float], length: int = 40, share: float = 0.05) -> Findings:
    """A line a place, in rows of ten, holding this share of the picture."""
    items = []
    for n, angle in enumerate(angles):
        mask = np.zeros((length, length), np.uint8)
        across, down = length / 2 * np.cos(angle), length / 2 * np.sin(angle)
        ends = [(int(length / 2 + s * across), int(length / 2 + s * down)) for s in (-1, 1)]
        cv2.line(mask, *ends, 1, 2)
        window = Window(n // 10 * 50, n % 10 * 50, n // 10 * 50 + length, n % 10 * 50 + length)
        region = Region.of(mask > 0, window)
        items.append(Mark(kind=MarkKind.WEAR, region=region, width_px=2, length_px=float(length),
                          confidence=0.9))  # fmt: skip
    return Findings(wear=Wear(says="", confidence=0.9, items=tuple(items), area_share=share))


def test_only_many_thin_places_that_run_all_ways_are_wear_all_over() -> None:
    all_ways = np.linspace(0, np.pi, 50, endpoint=False)
    assert is_all_over(lines(all_ways))
    assert not is_all_over(lines(all_ways[:32])), "the largest three do not count"
    assert not is_all_over(lines(all_ways, share=0.01))
    assert not is_all_over(lines(all_ways, length=7)), "dots"
    assert not is_all_over(lines(np.full(50, 0.3)))
    assert not is_all_over(lines(np.arange(50) % 2 * np.pi / 2)), "a facade"
    worn = lines(all_ways)
    assert worn.wear is not None
    known = Marks(says="", confidence=1, items=worn.wear.items[:30])
    assert not is_all_over(replace(worn, marks=known)), "others have found and mend them"
    assert not is_all_over(Findings())


@pytest.mark.parametrize("bits", [16, 32])
def test_depth_hardly_matters(
    crumpled: tuple[np.ndarray, np.ndarray], bench: Bench, bits: int
) -> None:
    pixels, _ = crumpled
    eight, other = wear.look(stored(pixels), bench), wear.look(stored(pixels, bits), bench)
    assert other.area_share == pytest.approx(eight.area_share, rel=0.02)


def test_one_channel_is_seen_as_three(
    crumpled: tuple[np.ndarray, np.ndarray], bench: Bench
) -> None:
    grey = np.ascontiguousarray(crumpled[0][:, :, :1])
    one = wear.look(stored(grey), bench)
    three = wear.look(stored(np.repeat(grey, 3, axis=2)), bench)
    assert [m.key for m in one.items] == [m.key for m in three.items]


def test_threads_do_not_matter(crumpled: tuple[np.ndarray, np.ndarray]) -> None:
    keys = []
    for threads in (1, 2):
        with Bench(threads=threads) as bench:
            keys.append([mark.key for mark in wear.look(stored(crumpled[0]), bench).items])
    assert keys[0] == keys[1]
    assert keys[0]


def test_large_pictures_are_looked_at_in_small(
    crumpled: tuple[np.ndarray, np.ndarray], bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels, bare = crumpled
    large = pixels.repeat(3, axis=0).repeat(3, axis=1)[:-1, :-2]
    monkeypatch.setattr(wear, "AT_MOST_PX", pixels.shape[0] * pixels.shape[1])
    picture = stored(large)
    found = wear.look(picture, bench)
    mask = paint(found.items, picture.window)
    assert mask[bare.repeat(3, axis=0).repeat(3, axis=1)[:-1, :-2]].mean() > 0.25


def test_where_it_cannot_know_it_abstains(bench: Bench) -> None:
    pixels = photo().astype(np.float32)
    tiny = wear.look(stored(pixels[:40, :40]), bench)
    linear = wear.look(replace(stored(pixels, 32), encoding="linear"), bench)
    page = np.full((200, 300, 1), 245, np.uint8)
    page[20:180:12, 20:280] = 20
    for found in (tiny, linear, wear.look(Picture(page), bench)):
        assert found.confidence is None
        assert found.items == ()
        assert "not looked for" in found.says


def test_a_few_places_are_no_wear(bench: Bench) -> None:
    """As many as in a sound picture: they are kept as items, and nothing is said of them."""
    found = wear.look(stored(photo().astype(np.float32)), bench)
    if found.area_share < wear.LEAST_SHARE and found.items:
        assert found.confidence is None
    assert advise(Findings(wear=replace(found, confidence=None))).left_alone == (
        "paper texture, stamps, signatures and writing: part of the object.",
    )


def test_without_networks_nobody_looks(bench: Bench) -> None:
    picture = stored(photo().astype(np.float32)[:128, :128])
    assert look_at(picture, bench, networks=False).wear is None
    assert look_at(picture, bench, only={"wear"}).wear is not None
