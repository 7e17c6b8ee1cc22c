"""Eyes for dust, hairs and scratches: sound pictures stay alone, known damage is found whole."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import cv2
import numpy as np
import pytest
from eye_scenes import BENCH, ThreadedBench
from skimage import data, measure

from unfade.condition.marks import FINDER, find_marks, look
from unfade.condition.marks.candidates import label_sparse
from unfade.condition.marks.nets import Net, unpack
from unfade.condition.marks.outline import kind_of
from unfade.condition.marks.section import DIRECTIONS, FOLDED, cross_section
from unfade.findings import Mark, MarkKind, paint
from unfade.picture import Picture, Window

SOUND = (
    "astronaut",
    "camera",
    "coffee",
    "chelsea",
    "rocket",
    "brick",
    "grass",
    "gravel",
    "page",
    "text",
    "coins",
)


@dataclass(frozen=True)
class Hurt:
    """A picture with known damage."""

    picture: Picture
    truth: np.ndarray  # 0 sound, else 1 dust, 2 hair, 3 scratch


@cache
def sound(name: str) -> np.ndarray:
    samples = getattr(data, name)()
    return np.ascontiguousarray(samples if samples.ndim == 3 else samples[:, :, None])


def hurt(samples: np.ndarray, *, light: bool = True, seed: int = 0) -> Hurt:
    """Four scratches, two hairs and thirty specks of dust, all of one ink."""
    rng = np.random.default_rng(seed)
    rows, cols = samples.shape[:2]
    truth = np.zeros((rows, cols), np.uint8)
    opacity = np.zeros((rows, cols), np.float32)

    def lay(path: np.ndarray, width: int, kind: int, strength: float) -> None:
        layer = np.zeros((rows, cols), np.uint8)
        points = np.round(path[:, ::-1] * 16).astype(np.int32)
        cv2.polylines(layer, [points], False, 255, width, cv2.LINE_AA, 4)
        soft = cv2.GaussianBlur(layer.astype(np.float32) / 255, (0, 0), 0.5) * strength
        np.maximum(opacity, soft, out=opacity)
        truth[soft > 0.1] = kind

    for _ in range(4):
        start = np.array([0, rng.uniform(0.1, 0.9) * cols])
        end = np.array([rows, start[1] + rng.normal(0, 0.1) * cols])
        lay(start + np.linspace(0.05, 0.9, 9)[:, None] * (end - start), 2, 3, 0.9)
    for _ in range(2):
        turn = np.cumsum(rng.normal(0, 0.35, 25)) + rng.uniform(0, 6)
        steps = 3.5 * np.stack([np.sin(turn), np.cos(turn)], axis=1)
        lay(rng.uniform(0.25, 0.75, 2) * (rows, cols) + np.cumsum(steps, axis=0), 1, 2, 0.9)
    for _ in range(30):
        centre = rng.uniform(0.03, 0.97, 2) * (rows, cols)
        size = rng.uniform(1, 3.5)
        angles = np.linspace(0, 2 * np.pi, 9)
        ring = np.stack([np.sin(angles), np.cos(angles)], axis=1) * rng.uniform(0.6, 1, (9, 1))
        lay(centre + ring * size / 2, max(2, int(size)), 1, 0.95)
    ink = 245.0 if light else 12.0
    mixed = samples + opacity[:, :, None] * (ink - samples)
    return Hurt(Picture(np.round(mixed).astype(np.uint8)), truth)


def told(items: tuple[Mark, ...]) -> list[tuple[str, int, float]]:
    return [(mark.key, mark.region.area_px, round(mark.confidence, 6)) for mark in items]


@pytest.mark.parametrize("name", SOUND)
def test_sound_pictures_have_no_marks(name: str) -> None:
    assert look(Picture(sound(name)), BENCH).items == ()


SURE = 0.85  # marks less sure than this are not mended


@pytest.mark.parametrize(
    ("name", "light"), [("astronaut", True), ("camera", True), ("coffee", False), ("camera", False)]
)
def test_damage_is_found_and_the_rest_left_alone(name: str, light: bool) -> None:
    scene = hurt(sound(name), light=light)
    found = look(scene.picture, BENCH)
    sure = [mark for mark in found.items if mark.confidence >= SURE]
    mask = paint(sure, scene.picture.window)
    near = cv2.dilate((scene.truth > 0).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert mask[scene.truth > 0].mean() > 0.3
    assert (mask & ~near).mean() < 0.004
    assert np.mean([mark.light == light for mark in sure]) > 0.8
    area_px = sum(mark.region.area_px for mark in found.items)
    assert found.area_share == pytest.approx(area_px / mask.size)


def test_found_marks_hold_the_soft_edge_of_the_damage() -> None:
    scene = hurt(sound("astronaut"))
    covered = paint(look(scene.picture, BENCH).items, scene.picture.window)
    sure = cv2.erode((scene.truth > 0).astype(np.uint8), np.ones((2, 2), np.uint8)) > 0
    hit = cv2.dilate((covered & sure).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    rim = hit & (scene.truth > 0)
    assert covered[rim].mean() > 0.97


def test_kinds_are_told_apart_in_most_marks() -> None:
    scene = hurt(sound("astronaut"), seed=3)
    names = {1: MarkKind.DUST, 2: MarkKind.HAIR, 3: MarkKind.SCRATCH}
    right = wrong = 0
    for mark in look(scene.picture, BENCH).items:
        inside = scene.truth[mark.region.window.slices][mark.region.mask]
        inside = inside[inside > 0]
        if len(inside):
            good = names[int(np.bincount(inside).argmax())] == mark.kind
            right, wrong = right + good, wrong + (not good)
    assert right > 20
    assert right > 5 * wrong


@pytest.mark.parametrize(
    ("path", "width", "kind"),
    [
        ([(20, 20), (22, 23)], 5, MarkKind.DUST),
        ([(5, 5), (150, 60)], 3, MarkKind.SCRATCH),
        ([(40, 5), (42, 80), (41, 150)], 1, MarkKind.SCRATCH),
        ([(20, 20), (60, 25), (70, 60), (40, 90), (20, 70)], 1, MarkKind.HAIR),
    ],
)
def test_kind_follows_shape(path: list[tuple[int, int]], width: int, kind: MarkKind) -> None:
    canvas = np.zeros((160, 160), np.uint8)
    cv2.polylines(canvas, [np.array(path)[:, ::-1]], False, 1, width)
    grown = cv2.dilate(canvas, np.ones((3, 3), np.uint8)) > 0
    found, width_px, length_px = kind_of(grown, 160)
    assert found == kind
    if kind != MarkKind.DUST:
        steps = np.diff(np.array(path), axis=0)
        assert length_px == pytest.approx(np.hypot(*steps.T).sum(), rel=0.25)
        assert abs(width_px - width) < 3  # regions reach over the soft border on both sides


def test_depth_and_grey_do_not_matter() -> None:
    scene = hurt(sound("camera")[:300, :300])
    codes = scene.picture.samples
    eight = look(scene.picture, BENCH).items
    assert len(eight) > 5
    sixteen = Picture(codes.astype(np.uint16) * 257)
    floating = Picture(codes.astype(np.float32) / np.float32(255))
    three = Picture(np.ascontiguousarray(np.repeat(codes, 3, axis=2)))
    for other in (sixteen, floating, three):
        assert told(look(other, BENCH).items) == told(eight)
    assert told(find_marks(floating.samples)) == told(eight)


def test_same_items_with_threads_and_with_a_crop_larger_than_a_tile() -> None:
    wide = np.tile(sound("camera"), (2, 3, 1))[:900, :1400]
    scene = hurt(wide)
    whole = look(scene.picture, BENCH).items
    assert told(look(scene.picture, ThreadedBench()).items) == told(whole)
    # a crop sees other neighbours at its rim only; inside, nearly every pixel is judged alike
    moved = Picture(np.ascontiguousarray(scene.picture.samples[64:, 128:]))
    inner = Window(160, 160, 700, 1100)
    first = paint(whole, scene.picture.window)[64:, 128:][inner.slices]
    second = paint(look(moved, BENCH).items, moved.window)[inner.slices]
    assert first.sum() > 500
    assert (first & second).sum() > 0.9 * (first | second).sum()


def test_a_scratch_over_tiles_is_one_mark() -> None:
    rows, cols = 1300, 700
    ramp = np.linspace(60, 150, cols)[None, :] + np.zeros((rows, 1))
    noise = np.random.default_rng(4).normal(0, 2, (rows, cols))
    samples = np.round(ramp + noise)[:, :, None].astype(np.uint8)
    scene = hurt(samples)
    tall = [m for m in look(scene.picture, BENCH).items if m.region.window.rows > 1024]
    assert len(tall) >= 2
    assert all(m.kind == MarkKind.SCRATCH and m.length_px > 1000 for m in tall)


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros((1, 1, 1), np.uint8),
        np.full((1, 50000, 3), 90, np.uint8),
        np.zeros((200, 300, 3), np.uint8),
        np.full((200, 300, 1), 65535, np.uint16),
        np.full((200, 300, 1), np.nan, np.float32),
        np.random.default_rng(1).integers(0, 256, (300, 300, 3)).astype(np.uint8),
        np.random.default_rng(2).normal(0.5, 0.05, (300, 300, 1)).astype(np.float32),
        (np.random.default_rng(3).random((300, 300, 1)) > 0.9).astype(np.uint8) * 255,
    ],
    ids=["1x1", "1x50000", "black", "white", "nan", "noise", "grain", "1-bit"],
)
def test_pictures_without_anything_to_see_have_no_marks(samples: np.ndarray) -> None:
    assert look(Picture(samples), BENCH).items == ()


def test_drawings_have_no_marks() -> None:
    page = np.full((300, 300, 1), 250, np.uint8)
    for row in range(20, 300, 14):
        cv2.putText(page, "the quick brown fox", (5, row), 0, 0.5, 20, 1, cv2.LINE_AA)
    assert look(Picture(page), BENCH).items == ()


def test_sizes_follow_the_resolution_and_the_input_is_left_alone() -> None:
    scene = hurt(sound("astronaut"))
    before = scene.picture.samples.copy()
    found = look(replace(scene.picture, dpi=(600.0, 600.0)), BENCH)
    assert np.array_equal(before, scene.picture.samples)
    assert len(found.size_mm) == len(found.items) > 0
    for size, mark in zip(found.size_mm, found.items, strict=True):
        assert size == pytest.approx(mark.length_px / 600 * 25.4, abs=1e-3)
    assert look(scene.picture, BENCH).size_mm == ()
    assert FINDER.name == "marks"


@pytest.mark.parametrize("density", [0.05, 0.35, 0.6])
def test_sparse_labels_agree_with_scikit_image(density: float) -> None:
    mask = np.random.default_rng(8).random((70, 90)) < density
    rows, cols = np.nonzero(mask)
    labels, count = label_sparse(rows, cols)
    expected, number = measure.label(mask, connectivity=2, return_num=True)
    assert count == number
    assert np.array_equal(labels + 1, expected[rows, cols])


def test_cross_section_of_a_line_is_the_same_in_all_directions() -> None:
    middle = []
    for step in range(0, DIRECTIONS, 2):
        angle = np.pi * step / DIRECTIONS
        reach = 40 * np.array([np.cos(angle), np.sin(angle)])
        plane = np.full((101, 101), 50, np.uint8)
        ends = [tuple(int(v) for v in np.round((50 + way * reach) * 16)) for way in (-1, 1)]
        cv2.line(plane, ends[0], ends[1], 250, 3, cv2.LINE_AA, 4)
        here = np.array([50])
        section = cross_section(plane, here, here, np.array([step]), np.array([200.0]))
        middle.append(section[0])
    spread = np.ptp(np.array(middle), axis=0)
    far = np.array([k for k in range(FOLDED // 2) if (k + 1) // 4 >= 4])
    assert np.abs(np.array(middle)[:, far] - 1).max() < 0.05  # 4 pixels aside: the background
    assert np.abs(np.array(middle)[:, :3]).max() < 0.05  # along the line: as the centre
    assert spread[far].max() < 0.05


def test_a_net_survives_its_packing() -> None:
    rng = np.random.default_rng(0)
    net = Net(*(rng.normal(1, 0.1, s) for s in (5, 5, (5, 3), 3, 3)), 0.25)
    again = unpack(5, net.packed())
    measured = rng.normal(0, 1, (7, 5))
    assert np.allclose(net.odds(measured), again.odds(measured), atol=1e-5)
    with pytest.raises(ValueError, match="do not make a net"):
        unpack(4, net.packed())
