"""Mend creases: the seven questions, and that the print below a fold survives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from skimage import data

import unfade
from seven import neutral_changes_nothing, stored
from unfade.advice import advise
from unfade.condition import look_at
from unfade.engines.contract import PlainBench
from unfade.findings import Creases, Findings, Fold, Mark, MarkKind, Region
from unfade.picture import Picture, Window
from unfade.record import Evidence
from unfade.steps.contract import Kind
from unfade.steps.mend_creases import STEP, Settings, chosen_creases, too_wide
from unfade.steps.mend_creases.relief import measure_relief, take_away
from unfade.treatment import treat

ROWS, COLS, HALF = 200, 300, 14
BENCH = PlainBench()


def sound(channels: int = 3) -> np.ndarray:
    pixels = data.astronaut()[:ROWS, 130 : 130 + COLS].astype(np.float32) / 255
    return pixels if channels == 3 else pixels[:, :, 1:2]


def course() -> np.ndarray:
    """Row of the fold at each column: a slant with a bend."""
    return 70 + 0.15 * np.arange(COLS) + 4 * np.sin(np.arange(COLS) / 90)


def aside() -> np.ndarray:
    return np.arange(ROWS)[:, None] - course()[None, :]


def folded(channels: int = 3, crack: bool = False) -> np.ndarray:
    pixels = sound(channels)
    flank = -np.sign(aside()) * np.exp(-0.5 * (aside() / 5) ** 2) * 0.09
    pixels = (pixels + 0.055) * np.exp(flank)[:, :, None] - 0.055
    if crack:
        pixels[crack_mask()] = 0.95
    return np.clip(pixels, 0, 1).astype(np.float32)


def crack_mask() -> np.ndarray:
    open_here = np.sin(np.arange(COLS) / 9.0) > -0.3
    return (np.abs(aside()) < 1.2) & open_here[None, :]


def fold_finding(confidence: float = 0.97) -> Findings:
    points = tuple((float(course()[c]), float(c)) for c in range(0, COLS, 8))
    region = Region.of(np.abs(aside()) <= HALF, Window(0, 0, ROWS, COLS))
    mark = Mark(kind=MarkKind.CREASE, region=region, width_px=29, confidence=confidence)
    fold = Fold(key=mark.key, points=points, half_px=HALF)
    return Findings(creases=Creases(says="", confidence=0.97, items=(mark,), folds=(fold,)))


def loss_finding(*marks: Mark) -> Findings:
    return Findings(creases=Creases(says="", confidence=0.97, items=marks))


def corner_mark(side: int = 60, kind: MarkKind = MarkKind.CORNER) -> Mark:
    row, col = np.mgrid[:side, :side]
    return Mark(
        kind=kind, region=Region.of(row + col < side, Window(0, 0, side, side)), confidence=0.95
    )


def mended(picture: Picture, found: Findings, settings: Settings | None = None) -> unfade.Result:
    return treat(picture, (settings or Settings(),), findings=found, bench=BENCH)


def rms(a: np.ndarray, b: np.ndarray, where: np.ndarray) -> float:
    return float(np.sqrt(np.square(a - b)[where].mean()))


def test_neutral_settings_change_nothing() -> None:
    settings = Settings(relief=0, max_width_px=0)
    neutral_changes_nothing(STEP, settings, fold_finding())
    picture = stored(folded(), np.uint8)
    assert mended(picture, fold_finding(), settings).picture is picture


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_light_and_shade_go_and_texture_stays(dtype: type, channels: int) -> None:
    """Where the layer is whole nothing is filled: the print below survives."""
    truth, picture = sound(channels), stored(folded(channels), dtype)
    done = mended(picture, fold_finding(), Settings(max_width_px=0))
    flanks = (np.abs(aside()) > 2) & (np.abs(aside()) < 9)
    before = rms(picture.pixels, truth, flanks)
    after = rms(done.picture.pixels, truth, flanks)
    assert after < 0.5 * before
    fine = [p - np.roll(p, 1, axis=1) for p in (done.picture.pixels, truth)]
    assert np.corrcoef(fine[0][flanks].ravel(), fine[1][flanks].ravel())[0, 1] > 0.98
    far = np.abs(aside()) > HALF + 1
    assert np.array_equal(done.picture.samples[far], picture.samples[far])
    assert done.picture.samples.dtype == dtype


def test_bare_paper_in_the_fold_is_filled() -> None:
    truth, picture = sound(), stored(folded(crack=True), np.uint8)
    done = mended(picture, fold_finding())
    assert rms(done.picture.pixels, truth, crack_mask()) < 0.4 * rms(
        picture.pixels, truth, crack_mask()
    )
    assert set(np.unique(done.evidence)) == {0, int(Evidence.ESTIMATED)}
    assert done.steps[0].measured["folds"][0]["broken_px"] > crack_mask().sum()


def test_only_what_was_filled_is_shown_as_a_fill() -> None:
    """In one neutral tone: the crack, and not the print whose light and shade went."""
    picture = stored(folded(crack=True), np.uint8)
    plain = mended(picture, fold_finding()).picture.samples
    shown = mended(picture, fold_finding(), Settings(render="neutral")).picture.samples
    drawn = (plain != shown).any(axis=2)
    assert drawn[crack_mask()].mean() > 0.8
    lightened = (plain != picture.samples).any(axis=2) & ~drawn
    assert lightened.sum() > drawn.sum()
    assert not drawn[np.abs(aside()) > 9].any()


def test_a_sound_line_is_hardly_changed() -> None:
    """A finder's mistake does little harm: without relief and paper there is little to take."""
    picture = stored(sound(), np.uint8)
    done = mended(picture, fold_finding())
    worse = np.abs(done.picture.samples.astype(int) - picture.samples).max(axis=2) > 4
    assert worse.mean() < 0.025


def test_the_same_bits_twice_and_whole_pictures_read_in_windows() -> None:
    picture = stored(folded(crack=True), np.uint8)
    first = mended(picture, fold_finding()).picture.samples
    assert np.array_equal(mended(picture, fold_finding()).picture.samples, first)
    relief = measure_relief(picture, fold_finding().creases.folds[0])  # type: ignore[union-attr]
    whole, broken = take_away(picture.pixels, picture.window, [relief], 1.0)
    part = Window(40, 30, 140, 170)
    cut, broken_cut = take_away(picture.read(part), part, [relief], 1.0)
    assert np.abs(whole[part.slices] - cut).max() < 2e-3
    assert (broken[part.slices] != broken_cut).mean() < 2e-3


def test_taking_a_part_of_the_relief() -> None:
    picture = stored(folded(), np.float32)
    flanks = (np.abs(aside()) > 2) & (np.abs(aside()) < 9)
    change = [
        rms(
            mended(picture, fold_finding(), Settings(relief=r, max_width_px=0)).picture.pixels,
            picture.pixels,
            flanks,
        )
        for r in (0.25, 0.5, 1.0)
    ]
    assert change[0] < change[1] < change[2]
    assert change[1] == pytest.approx(change[2] / 2, rel=0.15)


def test_a_lost_corner_is_filled_and_a_wide_one_is_named_and_left() -> None:
    pixels = sound()
    mark = corner_mark()
    pixels[:60, :60][mark.region.mask] = 0.5
    picture = stored(pixels, np.uint8)
    done = mended(picture, loss_finding(mark))
    filled = done.picture.samples[:60, :60][mark.region.mask]
    assert np.abs(filled.astype(int) - 128).max() > 20
    assert done.evidence[:60, :60][mark.region.mask].mean() > 1.5
    assert done.steps[0].items[0].made
    left = mended(picture, loss_finding(mark), Settings(max_width_px=20))
    assert left.picture is picture
    assert left.steps[0].measured["too_wide"][0]["key"] == mark.key
    assert [m.key for m in too_wide(loss_finding(mark), Settings(max_width_px=20))] == [mark.key]


def test_a_mark_over_the_whole_picture_invents_nothing() -> None:
    picture = stored(np.random.default_rng(0).random((40, 50, 3)), np.uint8)
    everything = Region.of(np.ones((40, 50), bool), Window(0, 0, 40, 50))
    mark = Mark(kind=MarkKind.TEAR, region=everything, confidence=0.99)
    done = mended(picture, loss_finding(mark), Settings(max_width_px=1000))
    assert not done.evidence.any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 60), (60, 1), (3, 4)])
def test_folds_in_tiny_pictures(shape: tuple[int, int]) -> None:
    picture = stored(np.full((*shape, 3), 0.4), np.uint8)
    region = Region.of(np.ones(shape, bool), Window(0, 0, *shape))
    mark = Mark(kind=MarkKind.CREASE, region=region, confidence=0.99)
    fold = Fold(key=mark.key, points=((0.0, 0.0), (shape[0] - 1.0, shape[1] - 1.0)), half_px=4)
    found = Findings(creases=Creases(says="", confidence=0.9, items=(mark,), folds=(fold,)))
    assert not mended(picture, found).evidence.any()


def test_which_are_chosen() -> None:
    unsure = fold_finding(confidence=0.6)
    assert chosen_creases(unsure, Settings()) == ()
    assert len(chosen_creases(unsure, Settings(min_confidence=0.5))) == 1
    assert chosen_creases(Findings(), Settings()) == ()
    wide = loss_finding(corner_mark(150), corner_mark(20, MarkKind.TEAR))
    assert [m.kind for m in chosen_creases(wide, Settings(max_width_px=50))] == [MarkKind.TEAR]


def test_what_the_step_says_of_itself() -> None:
    assert STEP.kind is Kind.LOCAL
    assert STEP.evidence is Evidence.ESTIMATED
    assert STEP.looks_at == ("creases",)


def test_advice_acts_on_what_is_sure_and_says_what_it_leaves() -> None:
    advice = advise(fold_finding())
    assert advice.recipe.step_names == ("mend_creases",)
    assert advice.reasons["mend_creases"] == "1 crease found."
    advice = advise(loss_finding(corner_mark(400)))
    assert advice.recipe.step_names == ()
    assert any("wider than 128 px" in reason for reason in advice.left_alone)
    mark = replace(corner_mark(20), confidence=0.6)
    maybe = Creases(says="", confidence=0.9, unsure=(mark,))
    advice = advise(Findings(creases=maybe))
    assert advice.recipe.step_names == ()
    assert any("min_confidence=0.5" in reason for reason in advice.left_alone)
    assert advise(Findings(creases=Creases(says="A page."))).left_alone[0].endswith("A page.")


def test_from_the_eye_to_the_mended_picture_and_back() -> None:
    """A whole journey: the fold is found, mended by advice, and can be taken back."""
    pixels = data.astronaut().astype(np.float32) / 255
    truth = 150 + 8 * np.sin(np.arange(512) / 160)
    away = np.arange(512)[:, None] - truth[None, :]
    flank = -np.sign(away) * np.exp(-0.5 * (away / 5) ** 2) * 0.08
    hurt = (pixels + 0.055) * np.exp(flank)[:, :, None] - 0.055
    opened = np.sin(np.arange(512) / 7) + 0.5 * np.sin(np.arange(512) / 2.6) > -0.4
    hurt[(np.abs(away) < 1.3) & opened[None, :]] = (0.93, 0.91, 0.85)
    picture = stored(np.clip(hurt, 0, 1), np.uint8)
    found = look_at(picture, BENCH, only={"creases"})
    steps = advise(found).recipe.steps
    done = treat(picture, steps, findings=found, bench=BENCH)
    near = np.abs(away) < 10
    assert rms(done.picture.pixels, pixels, near) < 0.5 * rms(picture.pixels, pixels, near)
    keys = [item.key for step in done.steps for item in step.items]
    back = treat(picture, steps, findings=found, bench=BENCH, rejected=keys)
    assert back.picture is picture
