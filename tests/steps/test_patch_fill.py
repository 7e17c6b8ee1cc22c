"""Patch fill: texture goes on through wide holes, by chance that can be repeated."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from skimage import data

import unfade
from unfade.record import Evidence
from unfade.steps.inpaint import Settings, fill_holes
from unfade.steps.inpaint.barnes2009 import Matches, described, middles, search
from unfade.steps.inpaint.choice import PATCH_FROM_PX, chosen_method
from unfade.steps.inpaint.guleryuz2006 import fill_sparse
from unfade.steps.inpaint.wexler2007 import fill_patches


def cloth(size: int = 150, channels: int = 3) -> np.ndarray:
    """A weave of two colours with grain: the same everywhere, nowhere smooth."""
    rng = np.random.default_rng(3)
    row, col = np.mgrid[:size, :size]
    weave = 0.5 + 0.2 * np.sin(row / 1.9) * np.sin(col / 2.3)
    tint = np.array([1.0, 0.8, 0.6])[:channels]
    return (weave[:, :, None] * tint + rng.normal(0, 0.03, (size, size, 1))).astype(np.float32)


def hole(size: int = 150, side: int = 50) -> np.ndarray:
    mask = np.zeros((size, size), bool)
    start = (size - side) // 2
    mask[start : start + side, start : start + side] = True
    return mask


@pytest.mark.parametrize("channels", [1, 3])
def test_texture_goes_on_where_a_smooth_fill_blurs(channels: int) -> None:
    pixels, mask = cloth(channels=channels), hole()
    damaged = pixels.copy()
    damaged[mask] = 1
    rough = pixels[mask].std(axis=0).mean()
    assert fill_patches(damaged, mask)[mask].std(axis=0).mean() > 0.85 * rough
    assert fill_sparse(damaged, mask)[mask].std(axis=0).mean() < 0.6 * rough


def test_an_edge_goes_on_through_a_wide_hole() -> None:
    row, col = np.mgrid[:160, :160]
    pixels = np.where(col > row * 0.5 + 40, 0.8, 0.2).astype(np.float32)[:, :, None]
    mask = hole(160, 60)
    filled = fill_patches(np.where(mask[:, :, None], np.float32(1), pixels), mask)
    assert (np.abs(filled - pixels)[mask] > 0.3).mean() < 0.03


def test_its_values_stand_elsewhere_in_the_picture() -> None:
    codes = data.astronaut()[:120, 130:250, 1:2].astype(np.uint16) * 257
    pixels, mask = (codes / np.float32(65535)).astype(np.float32), hole(120, 30)
    filled = fill_patches(pixels, mask)
    assert np.isin(filled[mask], pixels[~mask]).all()
    assert np.array_equal(filled[~mask], pixels[~mask])


def test_chance_is_drawn_from_seed_and_key() -> None:
    pixels, mask = data.astronaut()[:110, 150:260].astype(np.float32) / 255, hole(110, 40)
    first = fill_holes(pixels, mask, method="patch", key="user@3:4")
    assert np.array_equal(fill_holes(pixels, mask, method="patch", key="user@3:4"), first)
    assert not np.array_equal(fill_holes(pixels, mask, method="patch", key="user@3:5"), first)
    assert not np.array_equal(fill_holes(pixels, mask, method="patch", seed=1), first)


def test_the_search_finds_what_is_there_twice() -> None:
    """Two equal halves: the match of a patch of one is its twin in the other."""
    rng = np.random.default_rng(0)
    half = rng.random((40, 40), np.float32)
    plane = np.concatenate([half, half], axis=1)[None]
    lost = np.zeros((40, 80), bool)
    lost[14:26, 14:26] = True
    targets, whole = middles(lost)
    places = np.argwhere(whole)
    rows = np.full(whole.shape, -1, np.int32)
    rows[whole] = np.arange(len(places), dtype=np.int32)
    start = places[rng.integers(0, len(places), len(targets))]
    matches = Matches(targets, start, np.zeros(len(targets), np.float32))
    search(
        matches, described(plane, targets), described(plane, places), rows, rounds=6,
        rng=np.random.default_rng(1),
    )  # fmt: skip
    assert (matches.sources == targets + np.array([0, 40])).all(axis=1).mean() > 0.98
    assert matches.apart.min() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("shape", [(1, 2), (6, 6), (7, 30), (30, 7), (9, 9)])
def test_where_no_patch_is_sound_the_smooth_start_remains(shape: tuple[int, int]) -> None:
    ramp = np.linspace(0.2, 0.8, shape[0] * shape[1], dtype=np.float32).reshape(*shape, 1)
    mask = np.zeros(shape, bool)
    mask[shape[0] // 2, : shape[1] - 1] = True
    filled = fill_patches(ramp, mask)
    assert np.array_equal(filled[~mask], ramp[~mask])
    assert filled.min() >= 0.2
    assert filled.max() <= 0.8


def test_what_cannot_be_filled_is_refused() -> None:
    fill = inspect.unwrap(fill_patches)
    with pytest.raises(ValueError, match="nothing is left"):
        fill(cloth(40), np.ones((40, 40), bool))
    with pytest.raises(ValueError, match="sizes differ"):
        fill(cloth(40), np.zeros((40, 41), bool))


def test_flat_and_noise_and_the_corner() -> None:
    mask = np.zeros((90, 90), bool)
    mask[:40, :35] = True
    flat = np.full((90, 90, 1), 0.25, np.float32)
    assert np.allclose(fill_patches(flat, mask), 0.25, atol=1e-5)
    noise = np.random.default_rng(0).random((90, 90, 3), np.float32)
    filled = fill_patches(noise, mask)
    assert np.isfinite(filled).all()
    assert filled[mask].std() > 0.2


def test_the_choice_goes_by_width() -> None:
    thin, wide = hole(side=int(PATCH_FROM_PX)), hole(side=int(PATCH_FROM_PX) + 4)
    assert chosen_method("auto", thin) == "sparse"
    assert chosen_method("auto", wide) == "patch"
    assert chosen_method("telea", wide) == "telea"
    assert Settings().method == "auto"


def test_a_wide_hole_is_estimated_and_a_wider_one_is_named_and_left() -> None:
    picture = np.rint(cloth(260) * 255).astype(np.uint8)
    mask = np.zeros((260, 260), bool)
    mask[20:60, 20:60] = mask[110:210, 110:210] = True
    result = unfade.restore(picture, mask=mask, only=("inpaint",))
    step = result.record.steps[0]
    assert [item["width_px"] for item in step.measured["too_wide"]] == [99.0]
    assert set(np.unique(result.evidence[20:60, 20:60])) <= {0, int(Evidence.ESTIMATED)}
    assert (result.evidence[20:60, 20:60] > 0).mean() > 0.9
    assert not result.evidence[110:210, 110:210].any()
    assert np.array_equal(result.picture.samples[110:210, 110:210], picture[110:210, 110:210])
