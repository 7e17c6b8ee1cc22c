"""Repairs, curves and shifts against the truth of made damage; and what must be left alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_films import Damage, Truth, damaged, decoded_planes, scene, write_film

from unfade.engines.bench import Bench
from unfade.errors import UsageError
from unfade.film.delivery import read_hashes
from unfade.film.journey import FilmOptions, open_job, restore_film
from unfade.film.light import with_curve, with_shift
from unfade.film.rebuild import rebuild_film
from unfade.film.repairs import read_list
from unfade.steps.film import denoise_frames, remove_dirt, stabilise
from unfade.steps.film.deflicker import Curve

KEEP = FilmOptions(keep_cadence=True, segment_s=0.3)
REPAIRS = ["mend_frames", "remove_dirt", "remove_lines"]


def found_and_missed(repairs: list[Any], truth: Truth) -> tuple[float, float]:
    """F1 over spots of at least 6 pixels, and share of the clean pixels that were replaced."""
    rows, cols = truth.dirt[0].shape
    hit = missed = wrong = harm = 0
    # the first and the last frame of a shot have a neighbour on one side only, and are left
    for n, spots in list(enumerate(truth.spots))[1:-1]:
        mine = np.zeros((rows, cols), bool)
        for repair in repairs:
            if repair.frame != n:
                continue
            mine[repair.window.slices] |= repair.mask
            if not (truth.dirt[n][repair.window.slices] & repair.mask).any():
                wrong += 1
                harm += repair.area_px
        for label in np.unique(spots)[1:]:
            spot = spots == label
            if np.count_nonzero(spot) >= 6:
                covered = np.count_nonzero(spot & mine) >= 0.5 * np.count_nonzero(spot)
                hit, missed = hit + covered, missed + (not covered)
    return 2 * hit / max(1, 2 * hit + missed + wrong), harm / (len(truth.spots) * rows * cols)


def test_dirt_is_found_and_borrowed_and_nothing_else_changes(
    dirty: tuple[Path, Truth], tmp_path: Path, bench: Bench
) -> None:
    source, truth = dirty
    target = tmp_path / "out.mkv"
    result = restore_film(source, output=target, only=REPAIRS, options=KEEP, bench=bench)
    saved = result.save(target)
    repairs = list(result.repairs)
    f1, harm = found_and_missed(repairs, truth)
    assert f1 > 0.85
    assert harm < 0.0005
    before, after = decoded_planes(source), decoded_planes(target)
    worse = better = 0.0
    for n, (old, new) in enumerate(zip(before, after)):
        listed = np.zeros(old[0].shape, bool)
        for repair in (r for r in repairs if r.frame == n):
            listed[repair.window.slices] |= repair.mask
            assert repair.evidence == 3
            assert repair.sources and all(0 < abs(s - n) <= 3 for s in repair.sources)
        assert np.array_equal(old[0][~listed], new[0][~listed])
        level = 16 + (truth.clean[n].astype(float) - 16) * truth.gains[n]
        spots = truth.dirt[n] & listed
        worse += float(np.abs(old[0] - level)[spots].sum())
        better += float(np.abs(new[0] - level)[spots].sum())
    assert better < 0.2 * worse
    assert [json.loads(x)["number"] for x in saved.readable_file.read_text().splitlines()] == list(
        range(1, len(repairs) + 1)
    )


@pytest.mark.parametrize("control", ["rain", "confetti", "sparks", "poles", "windows", "flash"])
def test_what_moves_is_no_dirt(control: str, tmp_path: Path, bench: Bench) -> None:
    source = tmp_path / "film.mkv"
    write_film(source, damaged(scene(control, 8, 240, 320), Damage(grain=3)))
    result = restore_film(source, only=REPAIRS, options=KEEP, bench=bench)
    harmed = sum(r.area_px for r in result.repairs)
    # so small a film shows too little of each piece of paper, see docs/film.md
    most = 0.0015 if control == "confetti" else 0.0005
    assert harmed < most * 8 * 240 * 320
    result.discard()


def test_a_row_that_is_struck_out_leaves_no_trace(
    dirty: tuple[Path, Truth], tmp_path: Path, bench: Bench
) -> None:
    source, _ = dirty
    target = tmp_path / "out.mkv"
    result = restore_film(source, output=target, options=KEEP, bench=bench)
    saved = result.save(target)
    struck = next(r for r in result.repairs if r.frame == 7)
    result.discard()

    same = rebuild_film(target, bench=bench, target=tmp_path / "same.mkv")
    again = same.save(tmp_path / "same.mkv")
    assert read_hashes(again.hashes_file) == read_hashes(saved.hashes_file)

    less = rebuild_film(target, strike=[struck.number], bench=bench)
    without = less.save(tmp_path / "less.mkv")
    differ = [
        n for n, (a, b) in enumerate(
            zip(read_hashes(saved.hashes_file), read_hashes(without.hashes_file), strict=True)
        ) if a != b
    ]  # fmt: skip
    assert differ == [7]
    numbers = [r.number for r in read_list(without.repairs_file)]
    assert struck.number not in numbers
    with pytest.raises(UsageError, match="no repair 99999"):
        rebuild_film(target, strike=[99999], bench=bench)


def test_flicker_goes_and_fades_stay(tmp_path: Path, bench: Bench) -> None:
    for kind in ("pan", "fade"):
        truth = Truth()
        source = tmp_path / f"{kind}.mkv"
        damage = Damage(flicker=0.07, grain=3)
        write_film(source, damaged(scene(kind, 40, 120, 160), damage, 1, truth))
        job = open_job(source, output=None, only=["deflicker"], options=KEEP, bench=bench)
        gains = np.array([c.gain for c in job.plan.curves or ()])
        before = fast(np.log(truth.gains))
        after = fast(np.log(np.array(truth.gains) * gains))
        assert (after**2).sum() < 0.1 * (before**2).sum(), kind
    still = tmp_path / "still.mkv"
    write_film(still, damaged(scene("fade", 40, 120, 160), Damage(grain=3)))
    job = open_job(still, output=None, only=["deflicker"], options=KEEP, bench=bench)
    assert max(abs(c.gain - 1) for c in job.plan.curves or ()) < 0.02


def fast(values: np.ndarray) -> np.ndarray:
    """What changes from frame to frame: the values less their mean over half a second."""
    weights = np.hanning(15) / np.hanning(15).sum()
    mean = np.convolve(np.pad(values, 7, mode="reflect"), weights, "valid")
    return (values - mean)[4:-4]


@pytest.mark.parametrize("kind", ["still", "pan", "walkers", "fade"])
def test_weave_is_found_within_a_tenth_of_a_pixel(kind: str, tmp_path: Path, bench: Bench) -> None:
    truth = Truth()
    source = tmp_path / "film.mkv"
    write_film(source, damaged(scene(kind, 30, 240, 320), Damage(weave_px=0.9, grain=3), 2, truth))
    job = open_job(source, output=None, only=["stabilise"], options=KEEP, bench=bench)
    off = job.plan.shifts - np.array(truth.weave)
    # what is even or evenly curved over the shot cannot be told from the camera's own movement
    n = np.linspace(-1, 1, 30)
    off = np.array([c - np.polyval(np.polyfit(n, c, 2 if kind == "pan" else 0), n) for c in off.T])
    assert np.sqrt((off**2).mean()) < 0.1


def test_a_pan_is_kept_and_a_still_camera_not_shaken(tmp_path: Path, bench: Bench) -> None:
    for kind in ("pan", "still", "walkers"):
        source = tmp_path / f"{kind}.mkv"
        write_film(source, damaged(scene(kind, 20, 240, 320), Damage(grain=3)))
        job = open_job(source, output=None, only=["stabilise"], options=KEEP, bench=bench)
        assert np.abs(job.plan.shifts).max() < 0.15, kind


def test_line_scratches_are_found_filled_and_listed(tmp_path: Path, bench: Bench) -> None:
    source, target = tmp_path / "film.mkv", tmp_path / "out.mkv"
    truth = Truth()
    lines = [(40, 1, 0, 14, -30.0), (120, 3, 2, 14, 34.0), (220, 7, 0, 12, -30.0)]
    damage = Damage(lines=lines, grain=3, weave_px=0.4)
    write_film(source, damaged(scene("pan", 14, 240, 320), damage, 4, truth))
    result = restore_film(source, output=target, only=["remove_lines"], options=KEEP, bench=bench)
    result.save(target)
    hit = wrong = missed = 0
    columns = [np.zeros(320, bool) for _ in range(14)]
    for repair in result.repairs:
        assert (repair.kind, repair.evidence) == ("line", 2)
        columns[repair.frame][repair.window.left : repair.window.right] = True
    for mine, line in zip(columns, truth.lines):
        true = line[0]
        near = np.convolve(true, np.ones(5), "same") > 0
        hit += np.count_nonzero(true & mine)
        missed += np.count_nonzero(true & ~mine)
        wrong += np.count_nonzero(mine & ~near)
    assert 2 * hit / (2 * hit + missed + wrong) > 0.8
    old, new = decoded_planes(source)[6][0], decoded_planes(target)[6][0]
    clean, where = truth.clean[6].astype(float), truth.lines[6]
    assert np.abs(new - clean)[where].mean() < 0.4 * np.abs(old - clean)[where].mean()


def test_poles_and_window_frames_are_no_scratches(tmp_path: Path, bench: Bench) -> None:
    for kind in ("poles", "windows"):
        source = tmp_path / f"{kind}.mkv"
        write_film(source, damaged(scene(kind, 12, 240, 320), Damage(grain=3, weave_px=0.5)))
        job = open_job(source, output=None, only=["remove_lines"], options=KEEP, bench=bench)
        assert not job.plan.lines, kind


def test_denoising_keeps_as_much_grain_as_was_said(tmp_path: Path, bench: Bench) -> None:
    source, target = tmp_path / "film.mkv", tmp_path / "out.mkv"
    truth = Truth()
    write_film(source, damaged(scene("still", 8, 160, 240), Damage(grain=5), 0, truth))
    result = restore_film(
        source, output=target, only=["denoise_frames"], options=KEEP, bench=bench,
        settings={"denoise_frames": {"strength": 1.0, "most_loss": 0.25}},
    )  # fmt: skip
    result.save(target)
    before, after = (
        [denoise_frames.grain_level(p[0].astype(np.float32)) for p in decoded_planes(f)]
        for f in (source, target)
    )
    kept = np.array(after) / np.array(before)
    assert (kept > 0.72).all()
    assert (kept[1:-1] < 0.9).all()


# -- the array functions --------------------------------------------------------------------------


def test_neutral_curves_and_shifts_give_the_very_planes_back() -> None:
    from unfade.film.layout import Colour, layout_named

    layout = layout_named("yuv420p10le")
    planes = tuple(np.full(layout.shape(k, 16, 20), 300, np.uint16) for k in range(3))
    assert with_curve(planes, Curve(), layout, Colour()) is planes
    assert with_shift(planes, 0, 0, layout) is planes


def test_a_curve_can_be_taken_back_within_a_code() -> None:
    from unfade.film.layout import Colour, layout_named

    layout = layout_named("gray16le")
    plane = np.arange(4000, 50000, 7, dtype=np.uint16)[None, :]
    curve = Curve(0.93, 0.012)
    there = with_curve((plane,), curve, layout, Colour())
    back = with_curve(there, curve.inverse, layout, Colour())
    assert np.abs(back[0].astype(int) - plane).max() <= 1


def test_a_shift_can_be_taken_back() -> None:
    plane = scene("still", 1, 80, 100).__next__()
    there = stabilise.shifted(plane, 0.4, -0.7)
    back = stabilise.shifted(there, -0.4, 0.7)
    assert np.abs(back - plane)[8:-8, 8:-8].mean() < 1.0


def test_errors_of_single_steps_do_not_add_up() -> None:
    chance = np.random.default_rng(0)
    true = np.cumsum(chance.normal(0, 1, (400, 2)), axis=0)

    def said(apart: int) -> np.ndarray:
        shifts = np.zeros((400, 3))
        shifts[apart:, :2] = true[apart:] - true[:-apart] + chance.normal(0, 0.05, (400 - apart, 2))
        shifts[apart:, 2] = 0.9
        return shifts

    one, two = said(1), said(2)
    none = np.zeros((400, 3))
    off = [stabilise.path_of(one, far) - (true - true[0]) for far in (none, two)]
    assert off[1].std() < 0.75 * off[0].std()
    slip = two.copy()
    slip[100:120, :2] += 40  # a texture that repeats itself
    assert np.abs(stabilise.path_of(one, slip) - (true - true[0])).max() < 2 * np.abs(off[0]).max()
    assert np.abs(stabilise.path_of(none, none)).max() == 0  # nothing to tell: it stands


def test_the_camera_path_is_kept_whole() -> None:
    t = np.arange(100.0)
    for path in (np.zeros(100), 0.8 * t, 0.02 * t**2, 30 * np.sin(t / 30)):
        assert np.abs(stabilise.camera_path(path, 5.0) - path).max() < 0.6


def test_spots_that_come_in_trains_are_told() -> None:
    from unfade.picture import Window

    def spot(top: int, left: int) -> remove_dirt.Spot:
        mask = np.ones((5, 5), bool)
        return remove_dirt.Spot(Window(top, left, top + 5, left + 5), mask, 60, 220, 0.9, -1, 0)

    here, before, after = [spot(50, 100), spot(200, 300)], [spot(30, 96)], [spot(70, 104)]
    assert remove_dirt.in_trains(here, before, after, 400) == [True, False]
    assert remove_dirt.in_trains(here, [], after, 400) == [False, False]
    assert remove_dirt.in_trains(here, None, after, 400) == [True, False]


def test_a_spot_too_unsure_to_be_removed_still_tells_of_movement() -> None:
    rows, cols = 240, 320
    still, _ = list(damaged(scene("still", 2, rows, cols), Damage(grain=3)))
    frame = still.astype(np.float32)
    frame[100:108, 100:108] = 250  # beyond doubt
    frame[60:66, 200:206] += 18  # faint, where motion is not well followed
    none = np.zeros((rows, cols, 2), np.float32)
    plain = still.astype(np.float32)
    plain[50:80, 190:220] += np.random.default_rng(0).normal(0, 6, (30, 30))
    found = remove_dirt.find_spots(frame, plain, plain, none, none, remove_dirt.Settings())
    least = remove_dirt.Settings().min_confidence
    assert {s.confidence >= least for s in found.spots} == {True, False}
