"""Remove dust: which spots are removed, and that the picture is better for it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage import data

from unfade.errors import SettingsError
from unfade.findings import Findings, Mark, MarkKind, Marks, Region, paint
from unfade.picture import Picture, Window, pixels_to_codes
from unfade.record import Evidence
from unfade.steps.contract import Kind, Look
from unfade.steps.remove_dust import STEP, Settings, chosen_spots


def spot(
    top: int, left: int, size: int = 6, kind: MarkKind = MarkKind.DUST, confidence: float = 0.9
) -> Mark:
    row, col = np.mgrid[:size, :size] - (size - 1) / 2
    window = Window(top, left, top + size, left + size)
    return Mark(
        kind=kind,
        region=Region.of(np.hypot(row, col) <= size / 2, window),
        confidence=confidence,
        length_px=size,
    )


def findings(*marks: Mark) -> Findings:
    return Findings(marks=Marks(says="", confidence=0.9, items=marks))


def mended(picture: Picture, found: Findings, settings: Settings) -> tuple[Picture, np.ndarray]:
    """The picture with the step's proposals in the chosen regions, and where those lie."""
    assert STEP.regions is not None and STEP.propose is not None
    marks = STEP.regions(found, settings)
    damage = paint((*(found.marks.items if found.marks else ()), *marks), picture.window)
    samples, where = picture.samples.copy(), paint(marks, picture.window)
    for mark in marks:
        core = mark.region.window.overlap(picture.window)
        assert core is not None
        window = core.grown(STEP.halo_px(settings), picture.rows, picture.cols)
        look = Look(picture.read(window), window, damage[window.slices], found)
        proposed = STEP.propose(look, settings).pixels[core.within(window)]
        codes = pixels_to_codes(proposed, picture.samples.dtype, picture.full_scale)
        here = paint((mark,), core)
        samples[core.slices][here] = codes[here]
    return picture.with_samples(samples), where


def dusty(dtype: type, channels: int) -> tuple[Picture, Picture, Findings]:
    """A sound photograph, the same with soft white dust, and where the dust lies."""
    codes = data.astronaut()[:120, 150:290]
    codes = codes if channels == 3 else codes[:, :, :1]
    sound = codes.astype(np.float32) / 255
    marks = [spot(int(row), int(col)) for row in range(12, 100, 24) for col in range(10, 130, 24)]
    soft = np.zeros((120, 140), np.float32)
    for mark in marks:
        soft[mark.region.window.slices] = mark.region.mask
    soft = np.maximum(soft, cv2.GaussianBlur(soft, (3, 3), 0.5))[:, :, None]
    damaged = sound * (1 - soft) + 0.95 * soft
    full = 1.0 if dtype is np.float32 else float(np.iinfo(dtype).max)
    stored = [Picture(np.rint(p * full).astype(dtype) if full > 1 else p) for p in (sound, damaged)]
    return stored[0], stored[1], findings(*marks)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_dust_goes_and_all_else_stays(dtype: type, channels: int) -> None:
    sound, damaged, found = dusty(dtype, channels)
    settings = Settings()
    done, where = mended(damaged, found, settings)
    assert np.array_equal(done.samples[~where], damaged.samples[~where])
    assert done.samples.dtype == dtype
    before = np.abs(damaged.pixels - sound.pixels)[where].mean()
    after = np.abs(done.pixels - sound.pixels)[where].mean()
    assert after < before / 4
    again, _ = mended(damaged, found, settings)
    assert np.array_equal(again.samples, done.samples)


def test_which_spots_are_chosen() -> None:
    sure, unsure = spot(5, 5), spot(25, 5, confidence=0.3)
    hair, scratch = spot(5, 25, kind=MarkKind.HAIR), spot(5, 45, kind=MarkKind.SCRATCH)
    large, user = spot(5, 65, size=20), spot(5, 95, kind=MarkKind.USER)
    every = findings(sure, unsure, hair, scratch, large, user)

    def lefts(settings: Settings) -> list[int]:
        return [mark.region.window.left for mark in chosen_spots(every, settings)]

    assert lefts(Settings(grow_px=0)) == [5, 25, 65]
    assert lefts(Settings(grow_px=0, min_confidence=0.2)) == [5, 5, 25, 65]
    assert lefts(Settings(grow_px=0, max_length_px=10)) == [5, 25]
    assert lefts(Settings(grow_px=0, max_width_px=10)) == [5, 25]
    assert lefts(Settings(grow_px=2)) == [3, 23, 63]
    assert chosen_spots(every, Settings(max_width_px=0)) == ()
    assert chosen_spots(Findings(), Settings()) == ()


def test_growth_takes_in_the_soft_border() -> None:
    mark = spot(10, 10)
    (grown,) = chosen_spots(findings(mark), Settings(grow_px=1.0))
    assert grown.region.area_px > mark.region.area_px
    inner = Window(10, 10, 16, 16).within(grown.region.window)
    assert (grown.region.mask[inner] >= mark.region.mask).all()
    assert grown.confidence == mark.confidence


def test_neutral_settings_change_nothing() -> None:
    _, damaged, found = dusty(np.uint8, 3)
    settings = Settings(max_width_px=0)
    assert settings.neutral
    done, _ = mended(damaged, found, settings)
    assert np.array_equal(done.samples, damaged.samples)


def test_dust_in_the_corners_of_the_picture() -> None:
    picture = Picture(np.full((40, 50, 3), 90, np.uint8))
    samples = picture.samples.copy()
    marks = (spot(0, 0), spot(34, 44), spot(0, 44), spot(34, 0))
    for mark in marks:
        samples[mark.region.window.slices][mark.region.mask] = 255
    done, _ = mended(picture.with_samples(samples), findings(*marks), Settings())
    assert np.abs(done.samples.astype(int) - 90).max() <= 1


def test_what_the_step_says_of_itself() -> None:
    assert STEP.kind is Kind.LOCAL
    assert STEP.evidence is Evidence.ESTIMATED
    assert STEP.looks_at == ("marks",)
    with pytest.raises(SettingsError, match="min_confidence"):
        Settings(min_confidence=1.5)
