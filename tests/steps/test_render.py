"""Repairs shown as tratteggio or in one tone: seen from near, right from afar, nothing else."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seven import photo
from unfade import restore, revert
from unfade.errors import SettingsError
from unfade.picture import Picture, Window
from unfade.pixels.colour import linear_to_lab, srgb_to_linear
from unfade.pixels.render import LEAST_LINE_PX, hatched, rendering_of
from unfade.steps import STEPS, Kind, RepairSettings
from unfade.steps.inpaint import Settings

HOLES = ((20, 30, 40, 44), (60, 80, 90, 83), (100, 20, 108, 120))  # top, left, bottom, right


def holed(dtype: type = np.uint8, channels: int = 3) -> tuple[Picture, np.ndarray]:
    picture = photo(150, 170, channels=channels, dtype=dtype)
    mask = np.zeros((150, 170), bool)
    for top, left, bottom, right in HOLES:
        mask[top:bottom, left:right] = True
    return picture, mask


def test_every_local_step_can_be_rendered() -> None:
    local = [step for step in STEPS if step.kind is Kind.LOCAL]
    assert len(local) >= 5
    assert all(issubclass(step.settings, RepairSettings) for step in local)


@given(
    value=st.floats(0, 1), contrast=st.floats(0, 0.6), line=st.integers(1, 5),
    top=st.integers(0, 5000), left=st.integers(0, 5000), channels=st.sampled_from([1, 3]),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_lines_merge_to_the_colour_of_the_fill(
    value: float, contrast: float, line: int, top: int, left: int, channels: int
) -> None:
    left -= left % (4 * line)  # whole groups of four lines
    fill = np.full((3, 8 * line, channels), value, np.float32)
    fill[..., 0] *= np.float32(0.9)
    lines = hatched(
        fill, Window(top, left, top + 3, left + 8 * line), line_px=line, contrast=contrast
    )
    assert np.abs(lines.mean(axis=1) - fill[:, 0]).max() < 1e-5
    assert lines.min() >= -1e-6
    assert lines.max() <= 1 + 1e-6


def test_lines_are_seen_from_near() -> None:
    """On a mid grey the lines stand about 6 L* and more from one another."""
    grey = np.full((64, 64, 3), 0.18, np.float32)
    lab = linear_to_lab(hatched(grey, Window(0, 0, 64, 64), line_px=2, contrast=0.3))
    assert lab[:, :, 0].std() > 5
    assert np.abs(np.diff(lab[:, ::2, 0], axis=1)).mean() > 6


def test_a_thin_upright_repair_has_the_right_mean_along_its_course() -> None:
    grey = np.full((2000, 2, 3), 0.3, np.float32)
    lines = hatched(grey, Window(0, 300, 2000, 302), line_px=2, contrast=0.3)
    assert np.abs(lines.mean(axis=(0, 1)) - 0.3).max() < 0.02


def test_the_same_bits_for_any_tiling() -> None:
    rng = np.random.default_rng(0)
    fill = rng.random((90, 110, 3), np.float32)
    whole = hatched(fill, Window(500, 700, 590, 810), line_px=3, contrast=0.4)
    for top in range(0, 90, 37):
        for left in range(0, 110, 29):
            part = fill[top : top + 37, left : left + 29]
            window = Window(
                500 + top, 700 + left, 500 + top + part.shape[0], 700 + left + part.shape[1]
            )
            tile = hatched(part, window, line_px=3, contrast=0.4)
            assert np.array_equal(tile, whole[top : top + 37, left : left + 29])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("render", ["neutral", "tratteggio"])
def test_only_the_repairs_change(dtype: type, channels: int, render: str) -> None:
    picture, mask = holed(dtype, channels)
    hurt = picture.samples.copy()
    hurt[mask] = hurt.max()
    hurt_picture = picture.with_samples(hurt)
    plain = restore(hurt_picture, mask=mask)
    shown = restore(hurt_picture, mask=mask, render=render)
    assert np.array_equal(shown.picture.samples[~mask], hurt[~mask])
    assert (shown.picture.samples[mask] != plain.picture.samples[mask]).mean() > 0.5
    assert shown.record.steps[0].measured["render"]["kind"] == render
    again = restore(hurt_picture, mask=mask, render=render)
    assert np.array_equal(again.picture.samples, shown.picture.samples)


def test_from_afar_a_hatched_repair_is_the_fill() -> None:
    picture, mask = holed()
    hurt = picture.samples.copy()
    hurt[mask] = 255
    plain = restore(hurt, mask=mask).picture.pixels
    shown = restore(hurt, mask=mask, render="tratteggio").picture.pixels
    window = np.s_[20:36, 32:40]  # two groups of lines inside the first hole
    far = [srgb_to_linear(p[window]).mean(axis=(0, 1)) for p in (plain, shown)]
    assert np.abs(far[0] - far[1]).max() < 0.01
    light = [srgb_to_linear(p[window]) for p in (plain, shown)]
    assert np.abs(light[1] - light[0]).mean() > 0.15 * light[0].mean()


def test_neutral_is_one_tone_of_the_surround_for_each_repair() -> None:
    picture, mask = holed()
    samples = np.full_like(picture.samples, 90)
    samples[:, 85:] = (200, 100, 60)
    samples[mask] = 255
    shown = restore(samples, mask=mask, render="neutral").picture.samples
    first = shown[20:40, 30:44].reshape(-1, 3)
    assert (first == first[0]).all()
    assert np.abs(first[0].astype(int) - 90).max() <= 1
    long = shown[100:108, 20:120].reshape(-1, 3)
    assert (long == long[0]).all()  # one tone between both of its surrounds
    assert 90 < long[0][0] < 200


def test_a_later_fill_is_not_made_from_hatching() -> None:
    """A hole beside a hatched repair is filled from paint: on a flat picture it is flat."""
    from unfade.engines.bench import Bench
    from unfade.findings import Findings, Losses, Mark, MarkKind, Marks, Region
    from unfade.steps import find_step
    from unfade.treatment import treat

    samples = np.full((80, 80, 3), 120, np.uint8)
    loss = Mark(
        kind=MarkKind.LOSS, region=Region.of(np.ones((20, 20), bool), Window(20, 20, 40, 40))
    )
    own = Mark(
        kind=MarkKind.USER, region=Region.of(np.ones((20, 10), bool), Window(20, 41, 40, 51))
    )
    found = Findings(
        marks=Marks(says="", items=(own,)), losses=Losses(says="", confidence=1, items=(loss,))
    )
    steps = (
        find_step("fill_losses").settings(grow_px=0.0, render="tratteggio"),
        find_step("inpaint").settings(),
    )
    with Bench() as bench:
        done = treat(Picture(samples), steps, findings=found, bench=bench)
    assert done.picture.samples[20:40, 20:40].std() > 3
    assert np.abs(done.picture.samples[20:40, 41:51].astype(int) - 120).max() <= 1


def test_width_of_lines_follows_the_stated_resolution() -> None:
    picture, _ = holed()
    tratteggio = Settings(render="tratteggio")
    known = [rendering_of(tratteggio, replace(picture, dpi=(d, d))) for d in (600.0, 72.0)]
    unknown, told = rendering_of(tratteggio, picture), replace_line(picture, 7)
    assert [r.line_px for r in known if r is not None] == [6, LEAST_LINE_PX]
    assert unknown is not None
    assert (unknown.line_px, told) == (LEAST_LINE_PX, 7)
    assert rendering_of(Settings(), picture) is None


def replace_line(picture: Picture, line_px: int) -> int:
    told = rendering_of(Settings(render="tratteggio", line_px=line_px), picture)
    assert told is not None
    return told.line_px


def test_one_hatched_repair_is_taken_back(tmp_path) -> None:  # type: ignore[no-untyped-def]
    picture, mask = holed()
    samples = picture.samples.copy()
    samples[mask] = 255
    source, holes = tmp_path / "a.png", tmp_path / "m.png"
    cv2.imwrite(str(source), samples[:, :, ::-1])
    cv2.imwrite(str(holes), mask.astype(np.uint8) * 255)
    done = restore(source, mask=holes, render="tratteggio").save(tmp_path / "b.png")
    back = revert(done.output, item=1)
    top, left, bottom, right = HOLES[0]
    result = back.picture.samples  # type: ignore[union-attr]
    assert np.array_equal(result[top:bottom, left:right], samples[top:bottom, left:right])
    whole = restore(source, mask=holes, render="tratteggio").picture.samples
    assert np.array_equal(result[55:], whole[55:])


def test_a_way_that_there_is_not() -> None:
    picture, mask = holed()
    with pytest.raises(SettingsError, match="Did you mean `tratteggio`"):
        restore(picture, mask=mask, render="trategio")
