"""Remove scratches: which are removed, and that lines go without a trace in the rest."""

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
from unfade.steps.remove_scratches import STEP, Settings, chosen_scratches


def scratch(
    start: tuple[int, int],
    end: tuple[int, int],
    width_px: int = 2,
    shape: tuple[int, int] = (150, 200),
    confidence: float = 0.9,
) -> Mark:
    """A straight scratch between two places (row, col), its region cut to its box."""
    plane = np.zeros(shape, np.uint8)
    cv2.line(plane, start[::-1], end[::-1], 1, width_px)
    rows, cols = np.nonzero(plane)
    box = Window(int(rows.min()), int(cols.min()), int(rows.max()) + 1, int(cols.max()) + 1)
    return Mark(
        kind=MarkKind.SCRATCH,
        region=Region.of(plane[box.slices] > 0, box),
        width_px=width_px,
        length_px=float(np.hypot(end[0] - start[0], end[1] - start[1])),
        confidence=confidence,
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


MARKS = (
    scratch((5, 20), (140, 60)),
    scratch((20, 180), (130, 90), width_px=3),
    scratch((75, 8), (80, 190), width_px=1),
)


def scratched(dtype: type, channels: int) -> tuple[Picture, Picture]:
    codes = data.astronaut()[:150, 130:330]
    codes = codes if channels == 3 else codes[:, :, :1]
    sound = codes.astype(np.float32) / 255
    damaged = sound.copy()
    for mark in MARKS:
        damaged[mark.region.window.slices][mark.region.mask] = 1.0
    full = 1.0 if dtype is np.float32 else float(np.iinfo(dtype).max)
    stored = [Picture(np.rint(p * full).astype(dtype) if full > 1 else p) for p in (sound, damaged)]
    return stored[0], stored[1]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_scratches_go_and_all_else_stays(dtype: type, channels: int) -> None:
    sound, damaged = scratched(dtype, channels)
    settings = Settings(grow_px=0)
    done, where = mended(damaged, findings(*MARKS), settings)
    assert np.array_equal(done.samples[~where], damaged.samples[~where])
    before = np.square(damaged.pixels - sound.pixels)[where].mean()
    after = np.square(done.pixels - sound.pixels)[where].mean()
    assert after < before / 30
    again, _ = mended(damaged, findings(*MARKS), settings)
    assert np.array_equal(again.samples, done.samples)


def test_crossing_scratches_do_not_feed_on_one_another() -> None:
    """Each is mended from sound pixels only: on a flat picture nothing is left of the cross."""
    cross = (scratch((5, 5), (140, 190), 3), scratch((140, 5), (5, 190), 3))
    samples = np.full((150, 200, 1), 120, np.uint8)
    for mark in cross:
        samples[mark.region.window.slices][mark.region.mask] = 250
    done, _ = mended(Picture(samples), findings(*cross), Settings())
    assert np.abs(done.samples.astype(int) - 120).max() <= 1


def test_a_scratch_from_border_to_border() -> None:
    samples = np.full((60, 80, 3), 70, np.uint8)
    mark = scratch((0, 40), (59, 42), shape=(60, 80))
    samples[mark.region.window.slices][mark.region.mask] = 255
    done, _ = mended(Picture(samples), findings(mark), Settings())
    assert np.abs(done.samples.astype(int) - 70).max() <= 1


def test_which_scratches_are_chosen() -> None:
    sure, unsure = scratch((5, 20), (60, 20)), scratch((5, 40), (60, 40), confidence=0.3)
    short, broad = scratch((5, 60), (15, 60)), scratch((5, 90), (60, 90), width_px=20)
    dust = Mark(kind=MarkKind.DUST, region=sure.region, confidence=0.9, length_px=50)
    every = findings(sure, unsure, short, broad, dust)

    def count(settings: Settings) -> int:
        return len(chosen_scratches(every, settings))

    assert count(Settings()) == 3
    assert count(Settings(min_confidence=0.2)) == 4
    assert count(Settings(min_length_px=30)) == 2
    assert count(Settings(max_width_px=10)) == 2
    assert count(Settings(max_width_px=0)) == 0
    assert Settings(max_width_px=0).neutral
    assert chosen_scratches(Findings(), Settings()) == ()


def test_what_the_step_says_of_itself() -> None:
    assert STEP.kind is Kind.LOCAL
    assert STEP.evidence is Evidence.ESTIMATED
    assert STEP.looks_at == ("marks",)
    with pytest.raises(SettingsError, match="Did you mean `sparse`"):
        Settings(method="spares")
