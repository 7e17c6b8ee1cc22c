"""Remove stains: what is taken off, that the texture below stays, and what must be left alone."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from skimage import data

import seven
import unfade
from unfade.degrade import degrade, parse_degradation
from unfade.engines.contract import PlainBench
from unfade.errors import SettingsError
from unfade.findings import Findings, Mark, MarkKind, Marks, Region, Stains
from unfade.picture import Picture, Window
from unfade.pixels.colour import linear_to_srgb, srgb_to_linear
from unfade.pixels.membrane import hang_membrane
from unfade.recipe import Recipe
from unfade.record import Evidence
from unfade.steps.contract import Kind
from unfade.steps.remove_stains import STEP, Settings, chosen_stains, measure
from unfade.treatment import treat

STAIN = parse_degradation(
    'format=1\nname="stain"\n[[damage]]\nuse="stains"\ncount=4\n'
    "radius_share=[0.1,0.15]\nblue_density=[0.3,0.5]\n"
)


def grey_photo(channels: int = 3) -> np.ndarray:
    """The cat without colour, (rows, cols, channels) float32."""
    grey = data.chelsea().astype(np.float32).mean(axis=2)[:, :, None] / 255
    return np.ascontiguousarray(np.repeat(grey, channels, axis=2))


def sepia_photo() -> np.ndarray:
    grey = grey_photo()
    return (grey ** np.array([0.8, 1.0, 1.3], np.float32)).astype(np.float32)


def colour_photo() -> np.ndarray:
    return data.chelsea().astype(np.float32) / 255


def stained(sound: np.ndarray, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """The picture with stains, and a mask as a user would paint it: a little generous."""
    out = degrade(sound, STAIN, seed=seed)
    mask = cv2.dilate(out.mask.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    return np.clip(out.pixels, 0, 1), mask


def detail(pixels: np.ndarray) -> np.ndarray:
    plane = np.ascontiguousarray(pixels.mean(axis=2))
    return np.asarray(plane - cv2.GaussianBlur(plane, (0, 0), 2))


def taken_off(pixels: np.ndarray, mask: np.ndarray, dtype: Any, **settings: Any) -> np.ndarray:
    picture = seven.stored(pixels, dtype)
    recipe = Recipe(steps=(Settings(**settings),))  # looks at no more than the step needs
    result = unfade.restore(picture, mask=mask, recipe=recipe, only=("remove_stains",))
    assert np.array_equal(result.picture.samples[~mask], picture.samples[~mask])
    assert result.picture.samples.dtype == dtype
    return result.picture.pixels


@pytest.mark.parametrize("dtype", seven.DTYPES)
@pytest.mark.parametrize(
    ("name", "by_db", "least_alike"),
    [("grey", 10, 0.98), ("sepia", 8, 0.98), ("colour", 2, 0.965), ("one channel", 2, 0.965)],
)
def test_a_painted_stain_goes_and_the_texture_below_stays(
    name: str, by_db: float, least_alike: float, dtype: Any
) -> None:
    sound = {
        "grey": grey_photo, "sepia": sepia_photo, "colour": colour_photo,
        "one channel": lambda: grey_photo(1),
    }[name]()  # fmt: skip
    hurt, mask = stained(sound)
    done = taken_off(hurt, mask, dtype)
    gain = seven.psnr(done[mask], sound[mask]) - seven.psnr(hurt[mask], sound[mask])
    assert gain > by_db
    alike = np.corrcoef(detail(done)[mask], detail(sound)[mask])[0, 1]
    assert alike > least_alike


def test_a_hard_tide_line_goes_along_its_profile() -> None:
    sound = grey_photo(1)
    rows, cols = np.mgrid[: sound.shape[0], : sound.shape[1]]
    depth = 80 - np.hypot(rows - 150, (cols - 220) * 0.8)
    line = 0.35 * np.exp(-0.5 * ((depth - 6) / 2.5) ** 2) + 0.06 * (depth > 0)
    hurt = linear_to_srgb(srgb_to_linear(sound) * 10 ** -line[:, :, None]).astype(np.float32)
    mask = depth > -3
    done = taken_off(hurt, mask, np.float32)
    ring = (depth > 2) & (depth < 10)
    before = np.abs(hurt - sound)[ring].mean()
    after = np.abs(done - sound)[ring].mean()
    assert after < before / 4


def test_a_sound_place_under_the_mask_hardly_changes() -> None:
    for sound in (grey_photo(), colour_photo(), grey_photo(1)):
        mask = np.zeros(sound.shape[:2], bool)
        mask[80:180, 120:300] = True
        done = taken_off(sound, mask, np.uint8)
        assert np.abs(done - sound)[mask].mean() < 1.5 / 255


def test_a_small_opaque_spot_is_filled() -> None:
    hurt = grey_photo()
    mask = np.zeros(hurt.shape[:2], bool)
    cv2_disc = np.hypot(*(np.mgrid[:300, :451] - np.array([250, 60])[:, None, None])) < 5
    hurt[cv2_disc] = [0.03, 0.02, 0.005]
    mask |= cv2.dilate(cv2_disc.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    done = taken_off(hurt, mask, np.float32)
    sound = grey_photo()
    assert np.abs(done - sound)[mask].mean() < np.abs(hurt - sound)[mask].mean() / 5
    veiled = taken_off(hurt, mask, np.float32, method="veil")
    assert not np.array_equal(veiled, done)


def test_a_mask_over_everything_or_nothing_changes_nothing() -> None:
    hurt, _ = stained(grey_photo())
    everything = np.ones(hurt.shape[:2], bool)
    assert np.array_equal(taken_off(hurt, everything, np.float32), hurt)
    assert np.array_equal(taken_off(hurt, ~everything, np.float32), hurt)


def test_strength_is_a_share_of_the_density() -> None:
    hurt, mask = stained(grey_photo())
    full = taken_off(hurt, mask, np.float32)
    half = taken_off(hurt, mask, np.float32, strength=0.5)
    between = (np.abs(half - hurt)[mask] <= np.abs(full - hurt)[mask] + 1e-6).mean()
    assert between == 1
    assert Settings(strength=0).neutral


def test_the_same_bits_in_any_window() -> None:
    hurt, mask = stained(grey_photo())
    picture = Picture(hurt)
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    core = Window(int(rows[0]), int(cols[0]), int(rows[-1]) + 1, int(cols[-1]) + 1)
    mark = Mark(kind=MarkKind.USER, region=Region.of(mask[core.slices], core))
    found = Findings(marks=Marks(says="", confidence=1.0, items=(mark,)))
    veils = measure(picture, Settings(), found, PlainBench())
    (patch,) = veils.patches.values()
    whole = patch.density(picture.window)
    part = Window(70, 90, 151, 233)
    assert np.array_equal(patch.density(part), whole[part.slices])
    told = veils.to_dict()["stains"]
    assert isinstance(told, dict)
    assert told[mark.key]["told_by"] == "colour"
    assert told[mark.key]["density"][2] > 0.1


def test_a_stain_larger_than_its_points_is_laid_back_at_full_size() -> None:
    sound = cv2.resize(grey_photo(), None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    hurt, mask = stained(np.clip(sound, 0, 1), seed=5)
    done = taken_off(hurt, mask, np.uint16)
    gain = seven.psnr(done[mask], sound[mask]) - seven.psnr(hurt[mask], sound[mask])
    assert gain > 8


def test_which_stains_are_chosen() -> None:
    region = Region.of(np.ones((3, 3), bool), Window(5, 5, 8, 8))
    sure = Mark(kind=MarkKind.STAIN, region=region, confidence=0.95)
    unsure = Mark(kind=MarkKind.FOXING, region=region, confidence=0.7)
    own = Mark(kind=MarkKind.USER, region=region)
    found = Findings(
        stains=Stains(says="", confidence=0.95, items=(sure, unsure)),
        marks=Marks(says="", confidence=1.0, items=(own, Mark(kind=MarkKind.DUST, region=region))),
    )
    assert chosen_stains(found, Settings()) == (sure, own)
    assert chosen_stains(found, Settings(min_confidence=0.6)) == (sure, unsure, own)
    assert chosen_stains(Findings(), Settings()) == ()


def test_what_the_step_says_of_itself() -> None:
    assert STEP.kind is Kind.LOCAL
    assert STEP.evidence is Evidence.ESTIMATED
    with pytest.raises(SettingsError, match="method"):
        Settings(method="wash")


def test_a_membrane_hangs_between_what_is_around() -> None:
    rows, cols = np.mgrid[:60, :80].astype(np.float32)
    plane = (0.2 + 0.005 * rows + 0.003 * cols)[:, :, None].astype(np.float32)
    hole = (np.hypot(rows - 30, cols - 40) < 20).astype(bool)
    hurt = np.where(hole[:, :, None], np.float32(9), plane)
    filled = hang_membrane(hurt, hole)
    assert np.array_equal(filled[~hole], plane[~hole])
    assert np.abs(filled - plane).max() < 0.01
    with pytest.raises(ValueError, match="nothing is left"):
        hang_membrane(plane, np.ones_like(hole))


@pytest.mark.parametrize("render", ["neutral", "tratteggio"])
def test_a_lifted_stain_is_not_shown_as_a_fill(render: str) -> None:
    """What lies below is the picture's own: lines or one tone would hide it."""
    pixels, mask = stained(colour_photo()[:200, :240])
    plain = taken_off(pixels, mask, np.uint8, method="veil")
    shown = taken_off(pixels, mask, np.uint8, method="veil", render=render)
    assert np.array_equal(plain, shown)
    filled = {"method": "fill", "fill_width_px": 256.0}
    plain = taken_off(pixels, mask, np.uint8, **filled)
    shown = taken_off(pixels, mask, np.uint8, **filled, render=render)
    assert not np.array_equal(plain, shown)


def test_the_dots_of_a_colony_are_filled_and_nothing_between_them() -> None:
    sound = colour_photo()
    rng, dots = np.random.default_rng(2), np.zeros(sound.shape[:2], np.uint8)
    for at in rng.normal((220, 150), 25, (60, 2)):
        cv2.circle(dots, (int(at[0]), int(at[1])), int(rng.integers(1, 3)), 1, -1)
    hurt = np.where(dots[:, :, None] > 0, np.float32(0.12), sound)
    mask = cv2.dilate(dots, np.ones((3, 3), np.uint8)) > 0
    whole = Window(0, 0, *mask.shape)
    mark = Mark(kind=MarkKind.MOULD, region=Region.of(mask, whole), light=False, confidence=0.95)
    found = Findings(stains=Stains(says="", confidence=0.95, items=(mark,)))
    for dtype in seven.DTYPES:
        picture = seven.stored(hurt, dtype)
        done = treat(picture, (Settings(),), findings=found, bench=PlainBench())
        samples = done.picture.samples
        assert np.array_equal(samples[~mask], picture.samples[~mask])
        error = np.abs(done.picture.pixels - sound)[dots > 0].mean()
        assert error < np.abs(hurt - sound)[dots > 0].mean() / 4
        (item,) = done.steps[0].items
        assert (item.kind, item.made) == ("mould", True)
        left = treat(
            picture, (Settings(),), findings=found, bench=PlainBench(), rejected=(mark.key,)
        )
        assert not left.changed  # a colony is taken back as one
