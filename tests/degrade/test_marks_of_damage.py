"""Local damage: widths, colours, places and classes are what the items say."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from degrade_scenes import one, scene
from PIL import Image

from unfade.degrade import DamageClass, DegradationRecipe, degrade
from unfade.degrade.kinds import DAMAGES, find_damage
from unfade.degrade.marks.canvas import Canvas, covered, specks, trace
from unfade.degrade.recipe import Stage
from unfade.errors import UsageError

MARKS = [d.name for d in DAMAGES if d.act is None and d.name != "overlays"]
MANY = {
    "scratches": {"count": 6}, "dust": {"count": 40}, "hairs": {"count": 4}, "dirt": {"count": 9},
    "creases": {"count": 3}, "stains": {"count": 3}, "losses": {"count": 3}, "lines": {"count": 6},
    "tears": {"count": 2, "corner_chance": 1.0}, "foxing": {"count": 60}, "water": {"count": 2},
    "brush": {"count": 3}, "wrinkles": {"count": 40}, "mould": {"count": 6},
}  # fmt: skip


def grey(code: float, rows: int = 200, cols: int = 300) -> np.ndarray:
    return np.full((rows, cols, 3), code, np.float32)


@pytest.mark.parametrize("kind", MARKS)
def test_marks_change_their_mask_and_not_a_bit_outside(kind: str) -> None:
    pixels = scene(200, 300)
    # a seed with something in view
    outs = [degrade(pixels, one(kind, **MANY.get(kind, {})), seed) for seed in range(3)]
    assert any(out.mask.any() for out in outs)
    for out in outs:
        changed = (out.pixels != pixels).any(axis=2)
        assert not changed[~out.mask].any()
        assert np.array_equal(out.mask, out.opacity > 1.5 / 255)
        assert {int(i.damage_class) for i in out.items} >= set(np.unique(out.classes)) - {0}
        inside = np.zeros_like(out.mask)
        for item in out.items:
            assert item.kind == kind
            inside[item.box.slices] = True
        assert inside[out.opacity > 0.35].all()


@pytest.mark.parametrize("kind", MARKS)
def test_what_marks_cover_can_be_seen(kind: str) -> None:
    """A mask that covers what did not change would teach a network to invent."""
    pixels = grey(0.45)
    outs = [degrade(pixels, one(kind, **MANY.get(kind, {})), seed) for seed in range(3)]
    strong = [np.abs(o.pixels - pixels).max(axis=2)[o.opacity > 0.3] for o in outs]
    assert (np.concatenate(strong) > 0.01).mean() > 0.95


@pytest.mark.parametrize("width", [1.0, 3.0, 9.0, 40.0])
@pytest.mark.parametrize("angle", [0.0, 0.4, 1.2])
def test_a_stroke_is_as_wide_as_it_is_asked_to_be(width: float, angle: float) -> None:
    middle, along = np.array([150.3, 149.6]), np.array([np.sin(angle), np.cos(angle)])
    path = middle + np.linspace(-60, 60, 9)[:, None] * along
    found = trace(path, width / 2 + 1, 300, 300)
    canvas = Canvas(300, 300)
    canvas.lay(found.index, covered(found.across_px, width / 2), 0)
    # what is covered, over the length, is the width
    assert canvas.amount.sum() / 120 == pytest.approx(width, rel=0.03)
    plane = canvas.amount.reshape(300, 300)
    down, right = np.mgrid[:300, :300] - middle[:, None, None]
    across = down * along[1] - right * along[0]
    assert not plane[np.abs(across) > width / 2 + 0.51].any()
    core = (np.abs(across) < width / 2 - 0.51) & (np.abs(down * along[0] + right * along[1]) < 55)
    assert (plane[core] == 1).all()


def test_specks_have_their_area() -> None:
    canvas = Canvas(400, 400)
    rng = np.random.default_rng(2)
    places = np.stack(np.meshgrid(np.arange(40, 400, 80), np.arange(40, 400, 80)), -1).reshape(
        -1, 2
    )
    specks(canvas, places + 0.3, np.full(25, 9.0), np.ones(25), 0.0, rng)
    assert canvas.amount.sum() / 25 == pytest.approx(np.pi * 81, rel=0.02)


@pytest.mark.parametrize(("film", "order"), [(False, "rgb"), (True, "bgr")])
def test_light_scratches_take_the_layers_from_the_top(film: bool, order: str) -> None:
    """A graze through a print is reddish, through a film bluish; a deep one is light."""
    pixels = grey(0.25, 400, 400)
    graze = degrade(pixels, one("scratches", count=20, light_chance=1.0, depth=0.9, film=film), 2)
    core = graze.opacity > 0.5
    mean = dict(zip("rgb", graze.pixels[core].mean(axis=0), strict=True))
    assert mean[order[0]] > mean[order[1]] > mean[order[2]]
    deep = degrade(pixels, one("scratches", count=20, light_chance=1.0, depth=3.0, width_px=9.0), 2)
    assert np.quantile(deep.pixels[deep.opacity > 0.98].min(axis=1), 0.9) > 0.5
    dark = degrade(pixels, one("scratches", count=20, light_chance=0.0), 2)
    assert (dark.pixels[dark.opacity > 0.6] < 0.25).all()


def test_scratches_of_a_grey_picture_have_one_layer() -> None:
    recipe = DegradationRecipe(
        stages=(
            Stage(settings=find_damage("toning").settings(tone="grey")),
            Stage(settings=find_damage("scratches").settings(count=15, light_chance=1.0)),
        )
    )
    out = degrade(grey(0.3, 300, 300), recipe, 1)
    lost = out.pixels[(out.opacity > 0.2) & (out.opacity < 0.8)]
    assert lost.size
    assert np.ptp(lost, axis=1).max() < 0.1  # the cream of the paper, no more


def test_a_crease_has_a_light_and_a_dark_flank() -> None:
    out = degrade(grey(0.5, 300, 300), one("creases", count=4, broken_share=0.0, flakes=0.0), 5)
    shift = out.pixels[:, :, 1] - 0.5
    assert shift.max() > 0.01
    assert shift.min() < -0.01


def test_a_spill_has_a_rim_darker_than_its_inside() -> None:
    out = degrade(grey(0.7, 400, 400), one("water", count=12, rim=5.0, washed=0.0), 4)
    dark = 0.7 - out.pixels[:, :, 2]
    assert np.quantile(dark[out.mask], 0.98) > 3 * np.quantile(dark[out.mask], 0.4)


def test_overlays_from_a_folder_are_laid_with_their_classes(tmp_path: Path) -> None:
    shapes, scans = tmp_path / "film_shapes", tmp_path / "film_scans"
    cracks, paper = tmp_path / "craquelure", tmp_path / "paper"
    for folder in (shapes, scans, cracks, paper):
        folder.mkdir()
    bar = np.zeros((12, 60), np.uint8)
    bar[4:8] = 255
    Image.fromarray(bar).save(shapes / "hair_001.png")
    frame = np.zeros((300, 400), np.uint8)
    frame[100:104], frame[:, 200:203] = 51, 255
    Image.fromarray(frame).save(scans / "scan_01.png")
    Image.fromarray(frame).save(cracks / "net.png")
    folds = np.random.default_rng(1).integers(60, 200, (50, 60)).astype(np.uint8)
    Image.fromarray(np.kron(folds, np.ones((6, 6), np.uint8))).save(paper / "crumpled.png")
    wanted = {
        "film_shapes": {DamageClass.HAIR},
        "film_scans": {DamageClass.DUST, DamageClass.SCRATCH},
        "craquelure": {DamageClass.CRACK},
        "paper": {DamageClass.CREASE},
    }
    for sort, classes in wanted.items():
        recipe = one("overlays", sort=sort, count=6)
        out = degrade(scene(300, 400), recipe, 3, overlays=str(tmp_path))
        assert set(np.unique(out.classes)) - {0} == classes
        assert not (out.pixels != scene(300, 400)).any(axis=2)[~out.mask].any()
        assert not degrade(scene(300, 400), recipe, 3).mask.any()
    shutil.rmtree(shapes)
    assert degrade(scene(20, 20), one("overlays", sort="craquelure"), 1, overlays=str(tmp_path))


def test_a_folder_without_overlays_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds none of the folders"):
        degrade(scene(20, 20), one("overlays"), 1, overlays=str(tmp_path))


def test_lengths_grow_with_the_picture_unless_told_not_to() -> None:
    follow, fixed = {}, {}
    for side in (512, 2048):
        pixels = np.full((side, side, 1), 0.5, np.float32)
        for store, reference in ((follow, 1024), (fixed, 0)):
            stage = Stage(settings=find_damage("hairs").settings(count=60, width_px=3.0))
            recipe = DegradationRecipe(reference_px=reference, stages=(stage,))
            items = degrade(pixels, recipe, 1).items
            store[side] = items[0].parameters["width_px"]
    assert follow[2048] == pytest.approx(4 * follow[512])
    assert fixed[2048] == fixed[512] == 3.0
