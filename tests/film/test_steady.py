"""Steps for pictures on a film: alike for all frames of a shot, steady from frame to frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
from made_films import Damage, damaged, decoded_planes, scene, write_film

from unfade import steps
from unfade.condition import look_at
from unfade.engines.bench import Bench
from unfade.film import steady
from unfade.film.journey import FilmOptions, open_job, restore_film
from unfade.film.layout import Colour, layout_named
from unfade.film.rgb import to_pixels, to_planes
from unfade.picture import Picture
from unfade.recipe import Recipe
from unfade.record import Evidence
from unfade.steps import denoise
from unfade.steps.contract import Kind, Look, Proposal, Settings, Step
from unfade.treatment import treat

KEEP = FilmOptions(keep_cadence=True, segment_s=0.25)


@dataclass(frozen=True, kw_only=True)
class Flighty(Settings):
    """Settings of a colouriser that decides anew on each frame."""


def flighty(look: Look, settings: Any) -> Proposal:
    """Colour by the content, as networks do: a little noise decides much."""
    grey = look.pixels.mean(axis=2, keepdims=True)
    warm = 0.12 * np.sin(900 * float(grey.mean()))
    tint = np.array([warm, 0, -warm], np.float32)
    return Proposal(np.clip(grey + tint, 0, 1).astype(np.float32))


COLOUR = Step(name="flighty", title="Test", settings=Flighty, kind=Kind.CHROMA,
              evidence=Evidence.ESTIMATED, propose=flighty)  # fmt: skip


@pytest.fixture
def colouriser(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recipe]:
    monkeypatch.setattr(steps, "STEPS", (*steps.STEPS, COLOUR))
    yield Recipe(name="colour", steps=(Flighty(),))


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("steady") / "film.mkv"
    write_film(path, damaged(scene("pan", 14, 96, 128), Damage(grain=2)))
    return path


def test_colour_that_jumps_is_made_steady_and_measured(
    colouriser: Recipe, noisy: Path, tmp_path: Path, bench: Bench
) -> None:
    target = tmp_path / "out.mkv"
    result = restore_film(noisy, output=target, recipe=colouriser, options=KEEP, bench=bench)
    record = result.save(target).record
    warping = record.findings["film"]["warping_error"]
    assert warping["steady"] < 0.6 * warping["frame_by_frame"]
    red = [p[2].mean() for p in decoded_planes(target)]
    assert np.abs(np.diff(red)).max() < 6, "no jump of colour is left"


@pytest.mark.parametrize("scene_kind", ["still", "pan"])
def test_what_takes_grain_away_is_steadier_than_frame_by_frame(
    scene_kind: str, tmp_path: Path, bench: Bench
) -> None:
    path, target = tmp_path / "film.mkv", tmp_path / "out.mkv"
    write_film(path, damaged(scene(scene_kind, 8, 120, 160), Damage(grain=4)))
    for steps_ in ({"upscale": {"scale": 2, "method": "real-esrgan-fast", "lock": False}},
                   {"denoise": {"sigma": 4 / 255}}):  # fmt: skip
        result = restore_film(path, output=target, recipe="none", only=list(steps_),
                              settings=steps_, options=KEEP, bench=bench)  # fmt: skip
        warping = result.warping()
        result.discard()
        assert warping["steady"] < 0.6 * warping["frame_by_frame"], steps_


def test_colour_stays_steady_where_grain_is_taken_away_too(
    colouriser: Recipe, noisy: Path, tmp_path: Path, bench: Bench
) -> None:
    target = tmp_path / "out.mkv"
    both = Recipe(name="both", steps=(*colouriser.steps, denoise.Settings(sigma=0.01)))
    restore_film(noisy, output=target, recipe=both, options=KEEP, bench=bench).save(target)
    red = [p[2].mean() for p in decoded_planes(target)]
    assert np.abs(np.diff(red)).max() < 6, "no jump of colour is left"


def test_the_state_is_handed_from_segment_to_segment(
    colouriser: Recipe, noisy: Path, tmp_path: Path, bench: Bench
) -> None:
    one = tmp_path / "one.mkv"
    restore_film(noisy, output=one, recipe=colouriser, bench=bench,
                 options=FilmOptions(keep_cadence=True)).save(one)  # fmt: skip
    many = tmp_path / "many.mkv"
    job = open_job(noisy, output=many, recipe=colouriser, bench=bench,
                   options=FilmOptions(keep_cadence=True, segment_s=0.2))  # fmt: skip
    assert job.count > 2
    job.run()
    job.result().save(many)
    for a, b in zip(decoded_planes(one), decoded_planes(many), strict=True):
        assert all(map(np.array_equal, a, b))


def test_tones_are_measured_once_for_a_shot(noisy: Path, tmp_path: Path, bench: Bench) -> None:
    target = tmp_path / "out.mkv"
    result = restore_film(noisy, output=target, recipe="none", only=["adjust_tone"],
                          settings={"adjust_tone": {"auto": True, "auto_share": 0.02}},
                          options=KEEP, bench=bench)  # fmt: skip
    result.save(target)
    before, after = decoded_planes(noisy), decoded_planes(target)
    assert any(not np.array_equal(b[0], a[0]) for a, b in zip(before, after))
    # one curve for all frames: a code goes to about the same code everywhere
    for code in (80, 120, 160):
        gone = [float(np.median(b[0][a[0] == code])) for a, b in zip(before, after)]
        assert np.ptp(gone) <= 2


def test_upscaling_gives_larger_frames_with_all_streams(
    clean_film: Path, tmp_path: Path, bench: Bench
) -> None:
    target = tmp_path / "out.mkv"
    options = FilmOptions(keep_cadence=True, frames=(0, 5))
    result = restore_film(clean_film, output=target, recipe="none", upscale=2, options=options,
                          bench=bench)  # fmt: skip
    saved = result.save(target)
    frames = decoded_planes(target)
    assert [p.shape for p in frames[0]] == [(360, 480), (180, 240), (180, 240)]
    small = decoded_planes(clean_film)[2][0].astype(float)
    boxes = frames[2][0].astype(float).reshape(180, 2, 240, 2).mean(axis=(1, 3))
    assert np.abs(boxes - small).mean() < 1.0
    assert saved.record.output["cols"] == 480


@pytest.mark.parametrize("name", ["yuv420p", "yuv422p10le", "yuv444p12le", "bgr0", "gray16le"])
def test_planes_to_pixels_and_back(name: str) -> None:
    layout = layout_named(name)
    chance = np.random.default_rng(3)
    low, high = 0.2 * layout.top, 0.7 * layout.top
    planes = tuple(
        np.full(layout.shape(k, 8, 10), chance.uniform(low, high)).astype(layout.dtype)
        if layout.family != "yuv" or k == 0
        else np.full(layout.shape(k, 8, 10), round(0.5 * layout.top)).astype(layout.dtype)
        for k in range(layout.count)
    )
    back = to_planes(to_pixels(planes, layout, Colour()), layout, Colour())
    for a, b in zip(planes, back, strict=True):
        assert np.abs(a.astype(int) - b).max() <= 1


def test_noise_and_blocks_are_measured_once_for_a_shot(
    tmp_path: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, target = tmp_path / "film.mkv", tmp_path / "out.mkv"
    rows, cols = np.mgrid[:128, :192]
    calm = (90 + rows / 4 + cols / 4).astype(np.float32)
    write_film(path, damaged(iter([calm] * 6), Damage(grain=4)))
    looks: list[tuple[Any, ...]] = []

    def counted(picture: Picture, *given: Any, **only: Any) -> Any:
        looks.append((*only["only"], picture.rows))
        return look_at(picture, *given, **only)

    monkeypatch.setattr(steady, "look_at", counted)
    restore_film(path, output=target, recipe="none", only=["denoise", "deblock"],
                 options=KEEP, bench=bench).save(target)  # fmt: skip
    assert sorted(looks) == [("jpeg_blocks", 128), ("noise", 3 * 128)]
    was, left = (
        np.std(np.diff([p[0].astype(float) for p in decoded_planes(film)], axis=0))
        for film in (path, target)
    )
    assert left < 0.9 * was


def test_frames_are_made_beside_each_other_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "film.mkv"
    write_film(path, damaged(scene("pan", 6, 96, 128), Damage(grain=4)))
    settings = {"denoise": {"sigma": 0.02}, "upscale": {"scale": 2, "method": "lanczos"}}

    def made(threads: int) -> list[Any]:
        target = tmp_path / f"{threads}.mkv"
        with Bench(threads=threads) as several:
            restore_film(path, output=target, recipe="none", settings=settings, options=KEEP,
                         bench=several).save(target)  # fmt: skip
        return decoded_planes(target)

    alone = made(1)
    meeting = Barrier(2, timeout=30)  # broken, and an error, if a second frame never comes

    def together(*given: Any, **named: Any) -> Any:
        meeting.wait()
        return treat(*given, **named)

    monkeypatch.setattr(steady, "treat", together)
    both = made(2)
    assert len(both) == 6
    for one, other in zip(alone, both, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
