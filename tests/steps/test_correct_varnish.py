"""Correct varnish: the seven questions, Beer-Lambert by its numbers, and when nothing is done."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data

import seven
from unfade import restore
from unfade.advice import advise
from unfade.degrade import degrade, parse_degradation
from unfade.engines.contract import PlainBench
from unfade.errors import SettingsError
from unfade.findings import Findings
from unfade.picture import Picture
from unfade.pixels.colour import linear_to_srgb, srgb_to_linear
from unfade.record import Evidence
from unfade.steps.contract import Kind
from unfade.steps.correct_varnish import STEP, Settings, measure, parse_boxes, take_off_varnish

WHITE = (10, 10, 20, 20)
TRUE = (0.02, 0.08, 0.17)  # densities of one pass


def painting() -> np.ndarray:
    """A picture with a patch of white lead in it, linear light."""
    light = srgb_to_linear(data.astronaut()[:200, :240].astype(np.float32) / 255) * 0.9
    top, left, rows, cols = WHITE
    light[top : top + rows, left : left + cols] = 0.85
    return light


def varnished(densities: tuple[float, ...] = TRUE, dtype: type = np.uint16) -> Picture:
    light = painting() * (10.0 ** (-2 * np.array(densities))).astype(np.float32)
    return seven.stored(linear_to_srgb(light), dtype)


REFERENCE = Settings(reference=",".join(map(str, WHITE)), white="#EDEDED")
BY_WHITE = Settings(reference="10,10,20,20;12,12,6,6")


def test_the_seven_questions() -> None:
    seven.neutral_changes_nothing(STEP, Settings(strength=0.0))
    seven.keeps_shape_and_depth(STEP, Settings())
    seven.stays_finite(STEP, Settings())
    seven.looks_no_further_than_its_halo(STEP, Settings(reference="0,0,1,1"))
    seven.same_bits_for_any_tiling(STEP, BY_WHITE, picture=varnished())


@given(st.tuples(st.floats(0, 0.1), st.floats(0.02, 0.3), st.floats(0.05, 0.6)))
@settings(max_examples=20, deadline=None)
def test_densities_are_measured_by_a_known_white(densities: tuple[float, ...]) -> None:
    white = linear_to_srgb(np.float32(0.85))
    code = round(float(white) * 255)
    known = Settings(reference="10,10,20,20", white=f"#{code:02X}{code:02X}{code:02X}")
    found = measure(varnished(densities, np.float32), known, Findings(), PlainBench())
    assert found.densities == pytest.approx(densities, abs=0.003)


def test_the_painting_comes_back() -> None:
    sound = seven.stored(linear_to_srgb(painting()), np.uint16)
    for given_settings, by_db in ((REFERENCE, 12), (BY_WHITE, 8), (Settings(), 6)):
        seven.improves(
            lambda p, s=given_settings: seven.drive(STEP, s, seven.stored(p, np.uint16)),
            varnished().pixels,
            sound.pixels,
            by_db=by_db,
        )


def test_it_undoes_what_the_synthesiser_does() -> None:
    """``yellowing`` adds densities: the same physics, written elsewhere."""
    recipe = parse_degradation(
        'format = 1\nname = "v"\n[[damage]]\nuse = "yellowing"\nblue_density = 0.3\n'
        "green_share = 0.4\nred_share = 0.1\n"
    )
    sound = linear_to_srgb(painting())
    made = degrade(sound, recipe, seed=0)
    known = Settings(reference="10,10,20,20", white="#EDEDED")
    found = measure(Picture(made.pixels), known, Findings(), PlainBench())
    assert 2 * np.array(found.densities) == pytest.approx((0.03, 0.12, 0.3), abs=0.01)


def test_it_can_be_put_on_again() -> None:
    light = painting()
    off = take_off_varnish(light, TRUE, 0.7)
    assert np.abs(take_off_varnish(off, TRUE, -0.7) - light).max() < 1e-6
    assert (off[:, :, 2] > light[:, :, 2]).mean() > 0.9


def test_strength_is_a_share_of_the_density() -> None:
    half = take_off_varnish(take_off_varnish(painting(), TRUE, 0.5), TRUE, 0.5)
    assert np.allclose(half, take_off_varnish(painting(), TRUE, 1.0), rtol=1e-5)


def test_without_a_white_nothing_is_done() -> None:
    rng = np.random.default_rng(0)
    blue = rng.uniform(0, 1, (60, 60, 3)).astype(np.float32) * np.float32((0.3, 0.5, 0.9))
    grey = rng.uniform(0, 1, (60, 60, 1)).astype(np.float32)
    green = rng.uniform(0, 1, (60, 60, 3)).astype(np.float32) * np.float32((0.7, 0.95, 0.5))
    black = np.zeros((60, 60, 3), np.float32)
    for pixels in (blue, grey, green, black):
        found = measure(Picture(pixels), Settings(), Findings(), PlainBench())
        assert found.nothing
        assert found.says


def test_the_record_holds_all_numbers_and_the_class() -> None:
    done = restore(varnished(dtype=np.uint8), only=["correct_varnish"], policy="archive")
    step = done.record.steps[0]
    assert step.evidence == Evidence.ADJUSTED
    assert set(step.measured) == {"densities", "spread", "source", "clipped_share", "says"}
    assert step.measured["densities"][2] > step.measured["densities"][1] > 0
    assert 0 <= step.measured["clipped_share"] < 0.05
    assert STEP.kind is Kind.TONAL


def test_it_is_never_advised() -> None:
    assert "correct_varnish" not in advise(Findings()).recipe.step_names


def test_grey_pictures_are_corrected_by_a_known_white_alone() -> None:
    light = painting().mean(axis=2, keepdims=True) * np.float32(0.6)
    picture = seven.stored(linear_to_srgb(light), np.uint16)
    found = measure(picture, REFERENCE, Findings(), PlainBench())
    assert found.densities == pytest.approx((-np.log10(0.6) / 2,), abs=0.005)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"reference": "1,2,3"}, "ROW,COL,ROWS,COLS"),
        ({"reference": "1,2,0,4"}, "ROW,COL,ROWS,COLS"),
        ({"reference": "a;b"}, "ROW,COL,ROWS,COLS"),
        ({"white": "white"}, "a light colour"),
        ({"white": "#000000"}, "a light colour"),
        ({"strength": 2.0}, "expected 0 to 1"),
    ],
)
def test_settings_that_are_none(values: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Settings(**values)  # type: ignore[arg-type]


def test_a_reference_outside_the_picture() -> None:
    assert len(parse_boxes("1,2,3,4; 5,6,7,8")) == 2
    with pytest.raises(SettingsError, match="reaches outside the picture of 200 x 240"):
        measure(varnished(), Settings(reference="190,10,20,20"), Findings(), PlainBench())
