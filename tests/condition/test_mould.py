"""Mould: colonies are found in any kind of picture, and nothing else full of dots is one."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from eye_scenes import BENCH, ODD_PICTURES, ThreadedBench, noisy, smooth_photo, stored
from skimage import data

import unfade
from unfade.advice import advise
from unfade.condition import look_at
from unfade.condition.marks import look as look_at_marks
from unfade.condition.mould import find_mould, whereabouts
from unfade.condition.mould.joining import without_mould
from unfade.condition.stains import look
from unfade.degrade import Degraded, degrade, parse_degradation
from unfade.findings import Findings, Mark, MarkKind, Marks, Region, Stains, paint
from unfade.picture import Picture, Window
from unfade.recipe import parse_recipe

MOULD = parse_degradation(
    'format=1\nname="damp"\nreference_px=0\n[[damage]]\nuse="mould"\ncount=3\n'
    "radius_share=[0.06,0.12]\ndots=[80,200]\ndot_px=[1,2.6]\n"
)


def colour() -> np.ndarray:
    return data.rocket().astype(np.float32) / 255


def grey() -> np.ndarray:
    return data.moon().astype(np.float32)[:, :, None] / 255


def mouldy(sound: np.ndarray, seed: int = 1) -> Degraded:
    out = degrade(sound, MOULD, seed=seed)
    return replace(out, pixels=np.clip(out.pixels, 0, 1))


def near(mask: np.ndarray, px: int = 2) -> np.ndarray:
    return cv2.dilate(mask.astype(np.uint8), np.ones((2 * px + 1,) * 2, np.uint8)) > 0


@pytest.mark.parametrize("bits", [8, 16, 32])
@pytest.mark.parametrize("sound", [colour, grey])
def test_colonies_are_found_in_colour_and_in_one_channel(sound, bits: int) -> None:  # type: ignore[no-untyped-def]
    out = mouldy(sound())
    found = find_mould(stored(out.pixels, bits), BENCH)
    assert found
    for mark in found:
        assert mark.kind is MarkKind.MOULD
        assert mark.confidence >= 0.9
        assert near(out.mask)[mark.region.window.slices][mark.region.mask].mean() > 0.8
    seen = [item for item in out.items if paint(found, item.box).any()]
    assert 2 * len(seen) >= len(out.items)


def test_the_region_is_the_dots_and_not_what_lies_between() -> None:
    out = mouldy(colour())
    dots = out.opacity > 0.4  # haze hides no more than 0.3
    found = find_mould(stored(out.pixels), BENCH)
    mask = paint(found, stored(out.pixels).window)
    where = np.zeros_like(mask)
    for mark in found:
        where[mark.region.window.slices] = True
    assert mask[dots & where].mean() > 0.6
    assert near(dots)[mask].mean() > 0.6
    assert mask[where].mean() < 0.5


@pytest.mark.parametrize(
    "name",
    [
        "astronaut", "brick", "camera", "cell", "chelsea", "clock", "coffee", "coins", "colorwheel",
        "grass", "gravel", "hubble_deep_field", "immunohistochemistry", "moon", "page", "retina",
        "rocket", "text",
    ],
)  # fmt: skip
def test_sound_pictures_have_none(name: str) -> None:
    """Stars, gravel, grass, bricks, cells, text: full of dots, and no mould."""
    samples = getattr(data, name)()
    samples = samples[:, :, None] if samples.ndim == 2 else samples[:, :, :3]
    assert find_mould(Picture(np.ascontiguousarray(samples)), BENCH) == []


def strewn(colour_of: tuple[float, ...], soft_px: float) -> np.ndarray:
    """A face with a swarm of soft spots that absorb, as freckles do."""
    face = data.astronaut()[:220, 130:330].astype(np.float32) / 255
    rng, spots = np.random.default_rng(5), np.zeros(face.shape[:2], np.float32)
    for _ in range(90):
        at = tuple(int(v) for v in rng.normal(100, 25, 2))
        cv2.circle(spots, at, int(rng.integers(1, 4)), float(rng.uniform(0.4, 1)), -1)
    spots = cv2.GaussianBlur(spots, (0, 0), soft_px)[:, :, None]
    return np.asarray(face * 10 ** (-spots * np.array(colour_of, np.float32)), np.float32)


def snow() -> np.ndarray:
    scene = np.repeat(smooth_photo()[:, :, None], 3, axis=2).astype(np.float32) * 0.7
    rng = np.random.default_rng(3)
    for _ in range(700):
        at = (int(rng.integers(512 * 8)), int(rng.integers(512 * 8)))
        cv2.circle(scene, at, int(rng.uniform(4, 28)), (0.95, 0.96, 1.0), -1, cv2.LINE_AA, 3)
    return scene


def lace() -> np.ndarray:
    rows, cols = np.mgrid[:400, :400]
    holes = (np.cos(rows * 0.7) * np.cos(cols * 0.7) > 0.3) & (
        np.hypot(rows - 200, cols - 210) < 90
    )
    return np.where(holes, 0.25, 0.8).astype(np.float32)


CONTROLS = {
    "freckles": lambda: strewn((0.05, 0.1, 0.16), 1.0),
    "grey freckles": lambda: strewn((0.05, 0.1, 0.16), 1.0).mean(axis=2),
    "snow": snow,
    "lace": lace,
    "grain": lambda: noisy(smooth_photo(), 12),
    "screen": lambda: 0.5 + 0.4 * np.cos(np.mgrid[:300, :300][0]) * np.cos(np.mgrid[:300, :300][1]),
}


@pytest.mark.parametrize("name", CONTROLS)
def test_what_else_is_full_of_dots_is_no_mould(name: str) -> None:
    assert find_mould(stored(np.clip(CONTROLS[name](), 0, 1)), BENCH) == []


def test_dust_all_over_is_no_colony() -> None:
    dust = parse_degradation(
        'format=1\nname="dust"\nreference_px=0\n[[damage]]\nuse="dust"\ncount=300\n'
        "radius_px=[0.8,2.6]\n"
    )
    for seed in range(3):
        out = degrade(grey(), dust, seed=seed)
        assert find_mould(stored(np.clip(out.pixels, 0, 1)), BENCH) == []


@pytest.mark.parametrize("name", ODD_PICTURES)
def test_odd_pictures(name: str) -> None:
    assert find_mould(ODD_PICTURES[name], BENCH) == []


def test_the_same_with_threads_and_light_told_from_stored_values() -> None:
    picture = stored(mouldy(grey()).pixels)
    one, two = (look(picture, bench).to_dict() for bench in (BENCH, ThreadedBench()))
    assert one == two
    assert find_mould(replace(stored(mouldy(grey()).pixels ** 2, 32), encoding="linear"), BENCH)


def test_a_large_picture_is_seen_in_small_and_marked_at_full_size() -> None:
    out = mouldy(grey())
    large = cv2.resize(out.pixels, None, fx=6, fy=6, interpolation=cv2.INTER_CUBIC)
    truth = cv2.resize(near(out.mask).astype(np.uint8), None, fx=6, fy=6) > 0
    found = find_mould(stored(np.clip(large, 0, 1)), BENCH)
    assert found
    for mark in found:
        assert truth[mark.region.window.slices][mark.region.mask].mean() > 0.8


def test_what_is_said_and_advised() -> None:
    found = look(stored(mouldy(grey()).pixels), BENCH)
    assert found.confidence is not None
    assert found.confidence >= 0.9
    assert found.area_share > 0
    assert "Mould: " in found.says
    advice = advise(Findings(stains=found))
    assert advice.recipe.step_names == ("remove_stains",)
    assert "of mould found." in advice.reasons["remove_stains"]
    picture = stored(np.zeros((90, 90)))
    assert whereabouts(Window(0, 0, 20, 20), picture) == "upper left"
    assert whereabouts(Window(40, 40, 50, 50), picture) == "middle"
    assert whereabouts(Window(40, 70, 50, 90), picture) == "right"
    assert whereabouts(Window(70, 40, 90, 50), picture) == "bottom"


def test_a_dot_is_dust_or_mould_and_never_both() -> None:
    picture = stored(mouldy(colour()).pixels)
    alone = look_at_marks(picture, BENCH)
    both = look_at(picture, BENCH, only={"marks"})  # stains are looked at with them
    assert both.marks is not None
    assert both.stains is not None
    assert len(both.marks.items) < len(alone.items)  # the eye for dust saw them too
    colonies = both.stains.of_kind(MarkKind.MOULD)
    dust, mould = (paint(marks, picture.window) for marks in (both.marks.items, colonies))
    assert not (dust & mould).any()
    gone = paint(alone.items, picture.window) & ~dust & ~mould
    assert not gone.any()  # what was dust is now one of the two


def test_a_hair_across_a_colony_stays_a_hair() -> None:
    def mark(kind: MarkKind, mask: np.ndarray) -> Mark:
        return Mark(kind=kind, region=Region.of(mask, Window(0, 0, 40, 40)), confidence=0.95)

    dots = np.zeros((40, 40), bool)
    dots[5:35:6, 5:35:6] = dots[6:36:6, 5:35:6] = True
    line, spot, far = np.zeros((3, 40, 40), bool)
    line[5, 2:38] = True
    spot[4:7, 10:13] = True
    far[38:40, 38:40] = True
    hair, dust, other = (
        mark(MarkKind.HAIR, line),
        mark(MarkKind.DUST, spot),
        mark(MarkKind.DUST, far),
    )
    colony = mark(MarkKind.MOULD, dots)
    found = Findings(
        marks=Marks(says="", confidence=1.0, items=(hair, dust, other), size_mm=(1.0, 2.0, 3.0)),
        stains=Stains(says="", confidence=0.95, items=(colony,)),
    )
    joined = without_mould(found, stored(np.zeros((40, 40))))
    assert joined.marks is not None
    assert joined.stains is not None
    assert joined.marks.items == (hair, other)
    assert joined.marks.size_mm == (1.0, 3.0)
    (left,) = joined.stains.items
    assert left.key == colony.key
    whole = paint((left,), Window(0, 0, 40, 40))
    assert np.array_equal(whole, (dots | spot) & ~line)
    assert (
        without_mould(Findings(marks=found.marks), stored(np.zeros((40, 40)))).marks is found.marks
    )


def test_a_recipe_finds_the_same_dust_as_the_advice_that_wrote_it() -> None:
    picture = stored(mouldy(colour()).pixels)
    advised = unfade.restore(picture, skip=("remove_stains",))
    assert "remove_dust" in [step.step for step in advised.record.steps]
    again = unfade.restore(picture, recipe=parse_recipe(advised.record.recipe))
    assert again.record.items == advised.record.items
    assert np.array_equal(again.picture.samples, advised.picture.samples)


def test_a_mouldy_print_is_mended_once() -> None:
    out = mouldy(colour())
    picture = stored(out.pixels)
    result = unfade.restore(picture, only=("remove_dust", "remove_stains"))
    assert result.findings.marks is not None
    assert result.findings.stains is not None
    colonies = result.findings.stains.of_kind(MarkKind.MOULD)
    boxes = [i for step in result.record.steps for i in step.items]
    assert len({i.key for i in boxes}) == len(boxes)
    assert {i.kind for i in boxes} >= {"mould"}
    where = paint(colonies, picture.window)
    sound, hurt, mended = colour(), picture.pixels, result.picture.pixels
    dots = where & (out.opacity > 0.4)
    before, after = (np.abs(p - sound)[dots].mean() for p in (hurt, mended))
    assert after < before / 2
    every = where | paint(result.findings.marks.items, picture.window)
    assert np.array_equal(result.picture.samples[~every], picture.samples[~every])
    once = unfade.restore(picture, only=("remove_stains",)).picture.samples
    twice = unfade.restore(picture, only=("remove_stains", "remove_dust")).picture.samples
    assert np.array_equal(once[where], twice[where])  # the other step does not come back to it
