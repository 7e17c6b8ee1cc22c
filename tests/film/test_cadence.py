"""Fields, telecine, repeats and cuts: named with evidence, and refused until one decides."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from made_films import Damage, damaged, decoded_planes, frame_times, scene, write_film

from unfade.engines.bench import Bench
from unfade.errors import UnsupportedInput
from unfade.film.journey import FilmOptions, open_job, restore_film


def moving(frames: int) -> list[np.ndarray]:
    return list(damaged(scene("pan", frames, 144, 176), Damage(grain=1)))


def woven(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    frame = top.copy()
    frame[1::2] = bottom[1::2]
    return frame


def interlaced() -> Iterator[np.ndarray]:
    moments = moving(48)
    return (woven(moments[2 * n], moments[2 * n + 1]) for n in range(24))


def telecined() -> Iterator[np.ndarray]:
    """Four film frames a b c d become five: a, b, b+c, c+d, d."""
    film = moving(32)
    for k in range(0, 32, 4):
        a, b, c, d = film[k : k + 4]
        yield from (a, b, woven(b, c), woven(c, d), d)


def repeated() -> Iterator[np.ndarray]:
    """16 frames a second shown at 24: every second one twice."""
    for n, frame in enumerate(moving(24)):
        yield frame
        if n % 2:
            yield frame


def test_interlaced_frames_are_named_and_refused(tmp_path: Path, bench: Bench) -> None:
    source, target = tmp_path / "film.mkv", tmp_path / "out.mkv"
    write_film(source, interlaced())
    with pytest.raises(UnsupportedInput, match=r"interlaced: .*two moments.*--deinterlace"):
        restore_film(source, bench=bench)
    options = FilmOptions(deinterlace=True)
    restore_film(source, output=target, recipe="none", bench=bench, options=options).save(target)
    assert frame_times(target) == frame_times(source)
    combed = [np.abs(np.diff(f[0].astype(int), axis=0)).mean() for f in decoded_planes(source)]
    single = [np.abs(np.diff(f[0].astype(int), axis=0)).mean() for f in decoded_planes(target)]
    assert np.mean(single) < 0.7 * np.mean(combed)


def test_telecine_is_named_and_undone(tmp_path: Path, bench: Bench) -> None:
    source, target = tmp_path / "film.mkv", tmp_path / "out.mkv"
    write_film(source, telecined(), rate=Fraction(30))
    with pytest.raises(UnsupportedInput, match=r"telecine: .*pattern of five.*--ivtc"):
        restore_film(source, bench=bench)
    options = FilmOptions(ivtc=True)
    result = restore_film(source, output=target, only=["deflicker"], bench=bench, options=options)
    result.save(target)
    assert len(decoded_planes(target)) == 32
    assert float(result.film.rate) == pytest.approx(24, abs=0.2)


def test_repeats_are_named_and_left_out(tmp_path: Path, bench: Bench) -> None:
    source, target = tmp_path / "film.mkv", tmp_path / "out.mkv"
    write_film(source, repeated())
    with pytest.raises(UnsupportedInput, match=r"repeats: 12 of 36 frames repeat.*--ivtc"):
        restore_film(source, bench=bench)
    options = FilmOptions(ivtc=True)
    restore_film(source, output=target, only=["deflicker"], bench=bench, options=options).save(
        target
    )
    times = frame_times(source)
    kept = [t for n, t in enumerate(times) if n % 3 != 2]
    assert frame_times(target) == kept


def test_progressive_films_pass(clean_film: Path, bench: Bench) -> None:
    job = open_job(clean_film, output=None, bench=bench)
    assert job.cadence.kind == "progressive"
    assert job.cadence.combed_share == 0


def test_cuts_are_found_and_nothing_is_compared_across(tmp_path: Path, bench: Bench) -> None:
    source = tmp_path / "film.mkv"
    first = damaged(scene("pan", 14, 144, 176, seed=1), Damage(dirt=2, grain=2))
    second = damaged(scene("still", 14, 144, 176, seed=9), Damage(dirt=2, grain=2), 5)
    write_film(source, (f for part in (first, second) for f in part))
    result = restore_film(source, options=FilmOptions(keep_cadence=True), bench=bench)
    assert result.plan.shots == [(0, 14), (14, 28)]
    for repair in result.repairs:
        assert all((s < 14) == (repair.frame < 14) for s in repair.sources)
    result.discard()
