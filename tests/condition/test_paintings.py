"""Eyes for paintings: craquelure, losses, canvas; what they find, and where they see nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest
from eye_scenes import BENCH, ODD_PICTURES, ThreadedBench
from skimage import data

from unfade.condition import canvas, craquelure, losses
from unfade.condition.craquelure.ridges import lines
from unfade.degrade import DamageClass, Degraded, degrade, parse_degradation
from unfade.engines.bench import Bench
from unfade.findings import Findings, MarkKind, Region, paint
from unfade.picture import Picture, Window
from unfade.pixels.masks import dilate
from unfade.steps import fill_craquelure

SOUND = ("astronaut", "coffee", "chelsea", "rocket", "grass", "gravel", "text", "coins")
HEAD = 'format = 1\nname = "test"\nreference_px = 0\n[[damage]]\n'
CRACKS = 'use = "cracks"\ncover_share = 1.0\nisland_px = 40\nwidth_px = 1.5\nopacity = 0.75\n'
LOSSES = (
    'use = "losses"\ncount = 9\nradius_share = [0.02, 0.05]\nground = ["chalk"]\n'
    "crumbled = 0.5\nshadow_density = 0.1\n"
)


def painted(rows: int = 700, cols: int = 800) -> np.ndarray:
    """Broad soft forms with brush strokes over them, float32 (rows, cols, 3)."""
    rng = np.random.default_rng(7)
    coarse = rng.uniform(0.25, 0.7, (rows // 90, cols // 90, 3)).astype(np.float32)
    forms = cv2.resize(coarse, (cols, rows), interpolation=cv2.INTER_CUBIC)
    strokes = np.zeros((rows, cols), np.float32)
    for _ in range(900):
        at, turn = rng.uniform(0, (cols, rows)), rng.normal(0.4, 0.3)
        end = at + rng.uniform(10, 40) * np.array([np.cos(turn), np.sin(turn)])
        cv2.line(strokes, at.astype(int).tolist(), end.astype(int).tolist(), rng.normal(0, 0.05), 3)
    forms += cv2.GaussianBlur(strokes, (0, 0), 1.0)[:, :, None]
    noise = rng.normal(0, 0.006, forms.shape)
    return np.clip(forms + noise, 0, 1).astype(np.float32)


@cache
def hurt(kind: str, light: bool = False) -> Degraded:
    text = {"cracks": CRACKS + f"light_chance = {float(light)}\n", "losses": LOSSES}[kind]
    return degrade(painted(), parse_degradation(HEAD + text), seed=3)


def stored(pixels: np.ndarray) -> Picture:
    return Picture(np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8))


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Bench(threads=1) as opened:
        yield opened


@cache
def photograph(name: str) -> Picture:
    samples = getattr(data, name)()
    return Picture(np.ascontiguousarray(samples if samples.ndim == 3 else samples[:, :, None]))


@pytest.mark.parametrize("light", [False, True])
def test_a_net_of_cracks_is_mapped(light: bool) -> None:
    scene = hurt("cracks", light)
    seen = craquelure.look(stored(scene.pixels), BENCH)
    assert seen.cracked
    assert seen.light is light
    assert seen.confidence is not None and seen.confidence > 0.9
    mask = paint(seen.items, Picture(scene.pixels).window)
    near = cv2.dilate((scene.opacity > 0.2).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert (mask & near).sum() / mask.sum() > 0.93
    assert mask[scene.opacity > 0.5].mean() > 0.5
    assert seen.area_share == pytest.approx(mask.mean(), rel=1e-6)
    assert all(m.kind is MarkKind.CRACK and m.light is light for m in seen.items)


def test_within_a_cracked_picture_the_network_tells_cracks_from_outlines() -> None:
    sound = cv2.resize(data.astronaut(), None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    scene = degrade(sound.astype(np.float32) / 255, parse_degradation(HEAD + CRACKS), seed=3)
    picture = stored(scene.pixels)
    near = cv2.dilate((scene.opacity > 0.2).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    right, covered = {}, {}
    with Bench(threads=1) as bench:
        for way, given in (("filters", BENCH), ("network", bench)):
            mask = paint(craquelure.look(picture, given).items, picture.window)
            right[way] = (mask & near).sum() / mask.sum()
            covered[way] = mask[scene.opacity > 0.5].mean()
    assert right["network"] > max(0.95, right["filters"])
    assert covered["network"] > covered["filters"]


def test_what_is_filled_unless_more_is_asked_for_are_the_sure_stretches(bench: Bench) -> None:
    scene = hurt("cracks")
    picture = stored(scene.pixels)
    found = craquelure.look(picture, bench)
    surest = max(m.confidence for m in found.items)
    assert min(m.confidence for m in found.items) < fill_craquelure.Settings().min_confidence
    sure = paint([m for m in found.items if m.confidence == surest], picture.window)
    other = paint([m for m in found.items if m.confidence < surest], picture.window)
    assert not (sure & other).any()
    near = dilate(scene.opacity > 0.15, 2)
    assert (sure & near).sum() / sure.sum() > (other & near).sum() / other.sum()
    chosen = fill_craquelure.chosen_cracks(
        Findings(craquelure=found), fill_craquelure.Settings(grow_px=0.0)
    )
    assert np.array_equal(paint(chosen, picture.window), sure)


def test_thin_cracks_are_mapped_and_not_the_broad_veins_of_what_is_painted(bench: Bench) -> None:
    broad, thin = (
        HEAD + CRACKS.replace("40", island).replace("1.5", width) + "light_chance = 0.0\n"
        for island, width in (("160", "14"), ("28", "1.2"))
    )
    veined = degrade(painted(), parse_degradation(broad), seed=1).pixels
    scene = degrade(veined, parse_degradation(thin), seed=2)
    picture = stored(scene.pixels)
    found = craquelure.look(picture, bench)
    mask = paint(found.items, picture.window)
    assert (mask & dilate(scene.opacity > 0.15, 2)).sum() > 0.95 * mask.sum()
    assert found.width_px is not None and found.width_px < 4  # the veins are 14 wide


def test_what_is_told_of_a_net() -> None:
    picture = stored(hurt("cracks").pixels)
    seen = craquelure.look(picture, BENCH)
    assert seen.island_px == pytest.approx(40, rel=0.3)
    assert 1 < (seen.width_px or 0) < 6
    assert 1 < (seen.junctions_per_island or 0) < 5
    assert seen.width_mm is None
    known = craquelure.look(replace(picture, dpi=(300.0, 300.0)), BENCH)
    assert known.width_mm == pytest.approx((seen.width_px or 0) / 300 * 25.4)
    assert known.length_mm_per_mm2 == pytest.approx((seen.length_px_per_px2 or 0) * 300 / 25.4)


def test_wide_cracks_are_seen_at_a_smaller_size() -> None:
    large = cv2.resize(hurt("cracks").pixels, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    seen = craquelure.look(stored(large), BENCH)
    assert seen.cracked
    assert seen.width_px is not None and seen.width_px > 6


def test_cracks_do_not_depend_on_threads_or_depth() -> None:
    scene = hurt("cracks")
    picture = stored(scene.pixels)
    mask = paint(craquelure.look(picture, BENCH).items, picture.window)
    sixteen = Picture(picture.samples.astype(np.uint16) * 257)
    for other, bench in ((picture, ThreadedBench()), (sixteen, BENCH)):
        assert np.array_equal(paint(craquelure.look(other, bench).items, picture.window), mask)


@pytest.mark.parametrize("name", SOUND)
def test_sound_photographs_have_no_cracks_and_no_losses(name: str) -> None:
    assert craquelure.look(photograph(name), BENCH).items == ()
    assert losses.look(photograph(name), BENCH).items == ()


def test_brush_strokes_branches_and_hair_are_no_cracks() -> None:
    rng = np.random.default_rng(1)
    assert craquelure.look(stored(painted()), BENCH).items == ()
    sky = np.full((600, 600), 200, np.uint8)
    for _ in range(60):  # branches: they fork, and end
        at, turn, width = rng.uniform(0, 600, 2), rng.uniform(-2.6, -0.5), 4
        for _ in range(14):
            end = at + 22 * np.array([np.cos(turn), np.sin(turn)])
            cv2.line(sky, at.astype(int).tolist(), end.astype(int).tolist(), 40, max(1, width))
            at, turn, width = end, turn + rng.normal(0, 0.25), width - (rng.random() < 0.3)
    assert craquelure.look(Picture(sky[:, :, None]), BENCH).items == ()
    hair = np.full((600, 600), 120, np.uint8)
    for _ in range(1500):
        x, bend = rng.uniform(-50, 600), rng.normal(0, 20)
        points = [[x + bend * t * t, 600 * t] for t in np.linspace(0, 1, 12)]
        cv2.polylines(hair, [np.int32(points)], False, int(rng.uniform(40, 200)), 2, cv2.LINE_AA)
    assert craquelure.look(Picture(hair[:, :, None]), BENCH).items == ()


@pytest.mark.parametrize("name", ODD_PICTURES)
def test_pictures_without_anything_to_see(name: str) -> None:
    picture = ODD_PICTURES[name]
    assert craquelure.look(picture, BENCH).items == ()
    assert losses.look(picture, BENCH).items == ()
    assert not canvas.look(picture, BENCH).woven


def test_dark_and_light_lines_are_mirror_images() -> None:
    plane = np.full((60, 60), 0.5, np.float32)
    plane[30, 5:55] = 0.3
    dark, light = lines(plane)
    assert dark.strength[30, 10:50].min() > 0.1
    assert light.strength.max() < 0.02
    other_dark, other_light = lines(1 - plane)
    assert np.allclose(dark.strength, other_light.strength, atol=0.01)
    assert np.allclose(light.strength, other_dark.strength, atol=0.01)


def test_a_spot_is_no_line() -> None:
    plane = np.full((60, 60), 0.5, np.float32)
    cv2.circle(plane, (30, 30), 3, 0.2, -1)
    dark, _ = lines(plane)
    assert dark.strength.max() < 0.1 < dark.hat.max()


def test_losses_are_found_with_their_outlines() -> None:
    scene = hurt("losses")
    picture = stored(scene.pixels)
    seen = losses.look(picture, BENCH)
    assert len(seen.items) >= 3
    mask, truth = paint(seen.items, picture.window), scene.opacity > 0.5
    near = cv2.dilate(truth.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert (mask & near).sum() / mask.sum() > 0.98
    assert mask[truth].mean() > 0.6
    assert seen.ground is not None and seen.ground[0] > 70
    assert all(m.kind is MarkKind.LOSS and m.light for m in seen.items)


def test_losses_in_a_large_picture_are_outlined_at_full_size() -> None:
    pixels = cv2.resize(hurt("losses").pixels, None, fx=2.5, fy=2.5, interpolation=cv2.INTER_LINEAR)
    truth = cv2.resize(hurt("losses").opacity, None, fx=2.5, fy=2.5) > 0.5
    picture = stored(pixels)
    mask = paint(losses.look(picture, BENCH).items, picture.window)
    assert mask.sum() > 0
    assert (mask & truth).sum() / mask.sum() > 0.95


def test_a_piece_less_sure_counts_where_it_shows_the_ground_of_a_sure_one() -> None:
    small = np.full((60, 90, 3), 0.2, np.float32)
    boxes = [Window(10, 10, 30, 30), Window(10, 40, 30, 60), Window(35, 10, 55, 30)]
    for window, tone in zip(boxes, (0.8, 0.8, 0.5), strict=True):
        small[window.slices] = tone
    whole = np.ones((20, 20), bool)
    sure, less = losses.PIECE_ODDS + 0.5, losses.ANOTHER_ODDS + 0.5
    pieces = [
        (Region.of(whole, window), odds)
        for window, odds in zip(boxes, (sure, less, less), strict=True)
    ]
    assert [p.region.window for p in losses.sure_of(small, pieces)] == boxes[:2]
    assert losses.sure_of(small, pieces[1:]) == []


@pytest.mark.parametrize("ground", ["chalk", "canvas", "bole"])
@pytest.mark.parametrize("name", ["", "coffee", "astronaut"])
def test_the_network_finds_losses_among_cracks(ground: str, name: str, bench: Bench) -> None:
    sound = getattr(data, name)().astype(np.float32) / 255 if name else painted() + 0.15
    text = LOSSES.replace("chalk", ground) + "[[damage]]\n" + CRACKS
    scene = degrade(sound, parse_degradation(HEAD + text, "test"), seed=4)
    picture = stored(scene.pixels)
    mask = paint(losses.look(picture, bench).items, picture.window)
    assert mask[scene.classes == int(DamageClass.LOSS)].mean() > 0.5
    near = cv2.dilate(scene.mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert (mask & near).sum() / mask.sum() > 0.95
    cracked = degrade(sound, parse_degradation(HEAD + CRACKS, "test"), seed=4)
    assert losses.look(stored(cracked.pixels), bench).items == ()


@pytest.mark.parametrize("name", SOUND)
def test_the_network_finds_no_losses_in_sound_photographs(name: str, bench: Bench) -> None:
    assert losses.look(photograph(name), bench).items == ()


def test_one_patch_of_one_tone_is_no_loss() -> None:
    pixels = painted()
    pixels[200:240, 300:350] = 0.9
    assert losses.look(stored(pixels), BENCH).items == ()


@pytest.mark.parametrize(("pitch", "angle"), [(5.0, 0.0), (4.2, 7.0), (7.3, -12.0)])
def test_a_weave_is_measured(pitch: float, angle: float) -> None:
    rows, cols = np.mgrid[0:800, 0:900].astype(np.float32)
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    u, v = cols * c + rows * s, rows * c - cols * s
    weave = np.cos(2 * np.pi * u / pitch) + np.cos(2 * np.pi * v / (1.15 * pitch))
    picture = stored(painted(800, 900) + 0.008 * weave[:, :, None])
    seen = canvas.look(replace(picture, dpi=(300.0, 300.0)), BENCH)
    assert seen.woven
    assert seen.pitch_px == pytest.approx((pitch, 1.15 * pitch), rel=0.03)
    assert seen.direction_degrees[0] == pytest.approx(90 + angle, abs=2)
    assert seen.contrast == pytest.approx(0.008, rel=0.5)
    assert seen.threads_per_cm[0] == pytest.approx(300 / 2.54 / pitch, rel=0.03)


@pytest.mark.parametrize("name", ["astronaut", "coffee", "camera", "grass", "gravel"])
def test_sound_photographs_have_no_weave(name: str) -> None:
    assert not canvas.look(photograph(name), BENCH).woven


def test_jpeg_blocks_are_no_weave() -> None:
    codes = np.rint(painted() * 255).astype(np.uint8)
    _, file = cv2.imencode(".jpg", codes, [cv2.IMWRITE_JPEG_QUALITY, 15])
    assert not canvas.look(Picture(cv2.imdecode(file, 1)), BENCH).woven
