"""Stains: found in pictures of few colours, and nothing found where nothing can be told."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from ageing_scenes import YELLOW, absorbed, letter, print_with_margin
from eye_scenes import BENCH, ODD_PICTURES, cyanotype, photo, sepia, stored
from skimage import data

from unfade import Bench
from unfade.advice import advise
from unfade.condition.stains import _seen_mark, look
from unfade.condition.stains import seen as stains_seen
from unfade.degrade import degrade, parse_degradation
from unfade.engines.contract import PlainBench
from unfade.findings import Findings, MarkKind, Stains, paint

SURE = 0.9
OLD = parse_degradation(
    'format=1\nname="old"\n'
    '[[damage]]\nuse="stains"\ncount=3\nradius_share=[0.05,0.12]\nblue_density=[0.2,0.4]\n'
    '[[damage]]\nuse="foxing"\ncount=40\nradius_px=[4,10]\nblue_density=[0.2,0.4]\n'
)


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Bench(threads=1) as opened:
        yield opened


def grey() -> np.ndarray:
    """A grey photograph that was scanned in colour, with a little noise in each channel."""
    plane = data.camera().astype(np.float32)[:, :, None] / 255
    noise = np.random.default_rng(0).normal(0, 0.006, (*plane.shape[:2], 3))
    return np.clip(plane + noise, 0, 1).astype(np.float32)


def brown_toned() -> np.ndarray:
    return sepia(grey().mean(axis=2, keepdims=True).repeat(3, axis=2)).astype(np.float32)


@pytest.mark.parametrize("bits", [8, 16, 32])
@pytest.mark.parametrize(("sound", "least"), [(grey, SURE), (brown_toned, 0.5)])
def test_stains_on_pictures_of_few_colours_are_found(sound, least: float, bits: int) -> None:  # type: ignore[no-untyped-def]
    out = degrade(sound(), OLD, seed=2)
    found = look(stored(np.clip(out.pixels, 0, 1), bits), BENCH)
    sure = [mark for mark in found.items if mark.confidence >= least]
    mask = paint(sure, stored(out.pixels).window)
    near = cv2.dilate(out.mask.astype(np.uint8), np.ones((21, 21), np.uint8)) > 0
    strong = out.opacity > 0.25
    assert mask[strong].mean() > 0.5
    assert (mask & ~near).sum() == 0
    assert found.area_share > 0
    assert {mark.kind for mark in sure} >= {MarkKind.STAIN, MarkKind.FOXING}
    if least == SURE:
        assert advise(Findings(stains=found)).recipe.step_names == ("remove_stains",)
    else:  # brown on brown: seen, and left to the user
        assert any("brown" in line for line in advise(Findings(stains=found)).left_alone)


def test_the_network_finds_stains_in_colour_pictures(bench: Bench) -> None:
    """Some of the strong ones; and what it is sure of is stained."""
    drops = parse_degradation(
        'format=1\nname="drops"\n[[damage]]\nuse="stains"\ncount=1.5\n'
        "radius_share=[0.1,0.2]\nblue_density=[0.35,0.5]\n"
    )
    found = there = 0
    for name in ("astronaut", "coffee", "chelsea"):
        sound = getattr(data, name)().astype(np.float32) / 255
        for seed in range(4):
            out = degrade(sound, drops, seed=seed)
            if not (out.opacity > 0.2).any():
                continue
            picture = stored(np.clip(out.pixels, 0, 1))
            stains = look(picture, bench)
            sure = [mark for mark in stains.items if mark.confidence >= SURE]
            there, found = there + 1, found + bool(sure)
            if sure:
                mask = paint(sure, picture.window)
                near = cv2.dilate((out.opacity > 0.02).astype(np.uint8), np.ones((15, 15))) > 0
                assert (mask & near).sum() / mask.sum() > 0.9
                assert advise(Findings(stains=stains)).recipe.step_names == ("remove_stains",)
            assert look(picture, BENCH).items == ()  # without it nothing is told
    assert there >= 8
    assert found >= 2  # few: in colour it is seldom sure


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea", "rocket", "retina"])
def test_the_network_too_finds_none_in_sound_pictures(name: str, bench: Bench) -> None:
    pixels = getattr(data, name)()[:, :, :3] / 255
    for shown in (pixels, pixels.mean(axis=2, keepdims=True), sepia(pixels)):
        found = look(stored(shown), bench)
        assert [mark for mark in found.items if mark.confidence >= SURE] == []
        assert advise(Findings(stains=found)).recipe.steps == ()


@pytest.mark.parametrize("name", ODD_PICTURES)
def test_the_network_too_finds_none_in_odd_pictures(name: str, bench: Bench) -> None:
    assert look(ODD_PICTURES[name], bench).items == ()


def test_the_networks_stains_lie_within_a_large_picture(bench: Bench) -> None:
    out = degrade(grey(), OLD, seed=2)
    large = cv2.resize(np.clip(out.pixels, 0, 1), (2303, 2111), interpolation=cv2.INTER_LINEAR)
    found = look(stored(large), bench)
    assert any(mark.kind is MarkKind.STAIN for mark in found.items)
    for mark in found.items:
        window = mark.region.window
        assert 0 <= window.top < window.bottom <= large.shape[0]
        assert 0 <= window.left < window.right <= large.shape[1]
        assert mark.region.mask.any(axis=0).all()


def test_a_thin_line_that_the_network_hardly_sees_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its outline is drawn between cells; of a line one cell wide none may be left out."""
    logits = np.full((180, 240, 3), -6.0, np.float32)
    logits[60, 40:200] = 0.1

    class Seeing(PlainBench):
        def engine(self, name: str) -> Seeing:
            return self

    monkeypatch.setattr(stains_seen, "_logits", lambda small, network: logits)
    rng = np.random.default_rng(1)
    picture = stored(rng.random((1440, 1920, 3)) * 0.2 + 0.4)
    seen = stains_seen.seen_stains(np.full((180, 240, 3), 0.5, np.float32), logits)
    assert [stain.region.area_px for stain in seen] == [160]
    mark = _seen_mark(seen[0], logits, 8, picture)
    assert mark.region.mask[:, 100:-100].any(axis=0).all()
    # nothing differs from its surround there, so it is not enough
    assert all(m.confidence < SURE for m in look(picture, Seeing()).items)


def test_a_place_is_told_by_colour_or_by_the_network(bench: Bench) -> None:
    picture = stored(np.clip(degrade(grey(), OLD, seed=2).pixels, 0, 1))
    told, more = look(picture, BENCH).items, look(picture, bench).items
    assert [m.key for m in more[: len(told)]] == [m.key for m in told]
    known = paint(told, picture.window)
    assert not any(known[m.region.window.slices][m.region.mask].any() for m in more[len(told) :])


def test_a_tide_line_is_told_from_a_stain() -> None:
    sound = grey()
    rows, cols = np.mgrid[: sound.shape[0], : sound.shape[1]]
    depth = np.abs(np.hypot(rows - 560, cols - 250) - 380)
    line = np.exp(-0.5 * (depth / 4) ** 2)[:, :, None] * np.array([0.1, 0.2, 0.35])
    found = look(stored(absorbed(sound, line)), BENCH)
    longest = max(found.items, key=lambda mark: mark.length_px)
    assert longest.kind is MarkKind.TIDE_LINE
    assert longest.length_px > 200


@pytest.mark.parametrize("networks", [False, True])
def test_a_print_that_turned_brown_at_its_rim_is_left(networks: bool, bench: Bench) -> None:
    """Seen, and never so sure that something is done: the same place further in is a stain."""
    sound = grey()
    rows, cols = np.mgrid[: sound.shape[0], : sound.shape[1]]

    def sureness(row: int, col: int) -> float:
        depth = np.exp(-((np.hypot(rows - row, cols - col) / 70) ** 4))
        brown = depth[:, :, None] * np.array([0.05, 0.11, 0.2])
        found = look(stored(absorbed(sound, brown)), bench if networks else BENCH)
        return max(m.confidence for m in found.items)

    assert sureness(200, 250) > SURE > sureness(0, 0)


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea", "rocket", "retina"])
def test_colour_pictures_have_none(name: str) -> None:
    pixels = getattr(data, name)()[:, :, :3] / 255
    assert look(stored(pixels), BENCH).items == ()


def test_freckles_on_a_face_are_no_foxing() -> None:
    face = photo()[:220, 130:330].astype(np.float32)
    rng, spots = np.random.default_rng(5), np.zeros(face.shape[:2], np.float32)
    for _ in range(60):
        at = (int(rng.integers(60, 140)), int(rng.integers(60, 140)))
        cv2.circle(spots, at, int(rng.integers(1, 4)), 1.0, -1)
    spots = cv2.GaussianBlur(spots, (0, 0), 0.8)[:, :, None]
    freckled = absorbed(face, spots * np.array([0.08, 0.16, 0.25], np.float32))
    assert look(stored(freckled), BENCH).items == ()
    one = freckled.mean(axis=2, keepdims=True)
    assert look(stored(one), BENCH).confidence is None


@pytest.mark.parametrize("made", [grey, brown_toned, lambda: cyanotype(photo()).astype(np.float32)])
def test_sound_pictures_of_few_colours_have_none(made) -> None:  # type: ignore[no-untyped-def]
    found = look(stored(made()), BENCH)
    assert [mark for mark in found.items if mark.confidence >= SURE] == []
    assert advise(Findings(stains=found)).recipe.steps == ()


def test_hand_colouring_is_no_stain() -> None:
    tinted = grey()
    where = np.zeros(tinted.shape[:2], np.float32)
    cv2.circle(where, (230, 120), 40, 1.0, -1)
    where = cv2.GaussianBlur(where, (0, 0), 6)[:, :, None]
    for tint in ((0.0, 0.25, 0.12), (0.25, 0.1, 0.0), (0.2, 0.0, 0.2)):  # pink, blue, green
        found = look(stored(absorbed(tinted, where * np.array(tint, np.float32))), BENCH)
        assert [mark for mark in found.items if mark.confidence >= SURE] == []


def test_evenly_yellowed_paper_is_no_stain() -> None:
    for scene in (letter(), print_with_margin()):
        found = look(stored(absorbed(scene, YELLOW)), BENCH)
        assert [mark for mark in found.items if mark.confidence >= SURE] == []


@pytest.mark.parametrize("name", ODD_PICTURES)
def test_odd_pictures(name: str) -> None:
    found = look(ODD_PICTURES[name], BENCH)
    assert isinstance(found, Stains)
    assert found.items == ()


def test_large_pictures_are_seen_in_small_and_marked_at_full_size() -> None:
    out = degrade(grey(), OLD, seed=2)
    large = cv2.resize(np.clip(out.pixels, 0, 1), None, fx=5, fy=5, interpolation=cv2.INTER_LINEAR)
    found = look(stored(large), BENCH)
    assert found.items
    for mark in found.items:
        window = mark.region.window
        assert 0 <= window.top < window.bottom <= large.shape[0]
        assert 0 <= window.left < window.right <= large.shape[1]
        assert mark.region.mask.any(axis=0).all()
