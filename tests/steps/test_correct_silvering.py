"""Correct silver mirroring, and the eye for it: what comes back, and what is left alone."""

from __future__ import annotations

import numpy as np
import pytest
from ageing_scenes import absorbed
from eye_scenes import BENCH, ODD_PICTURES, cyanotype, photo, sepia, stored
from skimage import data

import seven
import unfade
from unfade.advice import advise
from unfade.condition.silvering import look
from unfade.degrade import degrade, parse_degradation
from unfade.findings import Findings
from unfade.picture import Picture
from unfade.pixels.colour import srgb_to_linear
from unfade.recipe import Recipe
from unfade.record import Evidence
from unfade.steps.correct_silvering import STEP, Settings, Shine, lift_shine

SHINE = parse_degradation(
    'format=1\nname="shine"\n[[damage]]\nuse="silvering"\nstrength=0.4\nreach_share=0.15\n'
    "patchy=0.3\n"
)


def grey() -> np.ndarray:
    """A grey portrait scanned in colour, dark to its edges."""
    plane = data.astronaut().astype(np.float32).mean(axis=2)[:, :, None] / 255
    noise = np.random.default_rng(0).normal(0, 0.004, (*plane.shape[:2], 3))
    return np.clip(plane * 0.9 + 0.02 + noise, 0, 1).astype(np.float32)


def brown() -> np.ndarray:
    return sepia(grey().mean(axis=2, keepdims=True).repeat(3, axis=2)).astype(np.float32)


def mirrored(sound: np.ndarray) -> np.ndarray:
    return np.asarray(np.clip(degrade(sound, SHINE, seed=1).pixels, 0, 1))


@pytest.mark.parametrize("dtype", seven.DTYPES)
@pytest.mark.parametrize(("sound", "seen", "by_db"), [(grey, True, 6.0), (brown, False, 2.0)])
def test_a_shine_is_seen_and_taken_off(sound, seen: bool, by_db: float, dtype: type) -> None:  # type: ignore[no-untyped-def]
    clean = sound()
    hurt = seven.stored(mirrored(clean), dtype)
    found = look(hurt, BENCH)
    if seen:
        assert found.strength == pytest.approx(0.3, abs=0.12)
        assert advise(Findings(silvering=found)).recipe.step_names == ("correct_silvering",)
    else:  # brown silver with coloured shadows: mended when asked for, not by advice
        assert advise(Findings(silvering=found)).recipe.steps == ()
    result = unfade.restore(hurt, recipe=Recipe(steps=(Settings(),)))
    gain = seven.psnr(result.picture.pixels, clean) - seven.psnr(hurt.pixels, clean)
    assert gain > by_db
    (step,) = result.record.steps
    assert step.evidence == Evidence.ESTIMATED
    field = np.array(step.measured["hidden_share"])
    assert field[0].mean() > 4 * field[10:14, 10:14].mean()


@pytest.mark.parametrize("sound", [grey, brown])
def test_a_sound_print_shows_none(sound) -> None:  # type: ignore[no-untyped-def]
    found = look(stored(sound()), BENCH)
    assert not found.mirrored
    assert advise(Findings(silvering=found)).recipe.steps == ()


def test_other_blue_is_no_shine() -> None:
    rows = np.linspace(0, 1, 512)[:, None, None]
    sky = absorbed(grey(), (1 - rows) ** 4 * np.array([0.2, 0.1, 0.0], np.float32))
    evenly = absorbed(grey(), (0.1, 0.05, 0.0))
    for picture in (photo(), cyanotype(photo()), sky, evenly):
        found = look(stored(picture), BENCH)
        assert advise(Findings(silvering=found)).recipe.steps == ()


@pytest.mark.parametrize("name", ODD_PICTURES)
def test_odd_pictures(name: str) -> None:
    assert not look(ODD_PICTURES[name], BENCH).mirrored


def test_one_channel_is_left_alone_and_it_is_said() -> None:
    picture = seven.photo(120, 120, channels=1)
    found = seven.measured(STEP, Settings(), picture, Findings())
    assert found.field is None
    assert "One channel" in found.to_dict()["says"]
    assert np.array_equal(seven.drive(STEP, Settings(), picture), picture.pixels)


def test_the_seven_questions() -> None:
    seven.neutral_changes_nothing(STEP, Settings(strength=0))
    seven.keeps_shape_and_depth(STEP, Settings())
    seven.stays_finite(STEP, Settings(), low=0)
    assert STEP.halo_px(Settings()) == 0
    picture = Picture(mirrored(grey())[:200, :230].copy())
    seven.same_bits_for_any_tiling(STEP, Settings(), picture=picture)


def test_agrees_with_the_physics_that_hides_it() -> None:
    light = np.clip(srgb_to_linear(seven.photo().pixels), 1e-3, 1).astype(np.float32)
    hidden = np.linspace(0, 0.5, light.shape[1], dtype=np.float32)[None, :].repeat(
        light.shape[0], axis=0
    )
    seen = light ** (1 - hidden[:, :, None] * np.array([0.85, 0.95, 1.1], np.float32))
    assert np.allclose(lift_shine(seen.astype(np.float32), hidden), light, rtol=1e-3)


def test_the_field_is_the_same_in_any_window() -> None:
    field = np.random.default_rng(0).uniform(0, 0.5, (7, 9)).astype(np.float32)
    shine = Shine(field, 300, 411)
    picture = Picture(np.zeros((300, 411, 1), np.uint8))
    whole = shine.over(picture.window)
    assert whole.shape == (300, 411)
    part = type(picture.window)(31, 200, 77, 411)
    assert np.array_equal(shine.over(part), whole[part.slices])
