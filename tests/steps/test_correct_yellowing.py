"""Correct yellowing: the seven questions, and what the paper's own white gives back."""

from __future__ import annotations

import numpy as np
import pytest
from ageing_scenes import YELLOW, absorbed, letter, print_with_margin, sepia_print_with_margin

import seven
import unfade
from unfade.advice import advise
from unfade.condition import look_at
from unfade.engines.contract import PlainBench
from unfade.errors import SettingsError
from unfade.findings import Findings, Paper
from unfade.pixels.colour import ciede2000, linear_to_lab, srgb_to_linear
from unfade.record import Evidence
from unfade.steps.contract import Kind
from unfade.steps.correct_yellowing import STEP, Settings, clear_paper, densities_of

OLD = Findings(paper=Paper(says="", confidence=0.9, where="margin", density=(0.1, 0.16, 0.38)))
GREY = Findings(paper=Paper(says="", confidence=0.9, where="margin", density=(0.2,)))


def test_neutral() -> None:
    seven.neutral_changes_nothing(STEP, Settings(strength=0))
    unseen = seven.measured(STEP, Settings(), seven.photo(), Findings())
    assert unseen.nothing


def test_halo_range_shape_and_tiling() -> None:
    given = Settings(white="0.1,0.16,0.38")
    assert STEP.halo_px(given) == 0
    seven.looks_no_further_than_its_halo(STEP, given)
    seven.stays_finite(STEP, given, low=0)
    seven.same_bits_for_any_tiling(STEP, given, picture=seven.photo(107, 131))
    for channels, findings in ((1, GREY), (3, OLD)):
        for dtype in seven.DTYPES:
            picture = seven.photo(33, 17, channels=channels, dtype=dtype)
            assert seven.drive(STEP, Settings(), picture, findings).shape == picture.samples.shape


def test_agrees_with_the_filter_that_is_taken_off() -> None:
    light = srgb_to_linear(seven.photo().pixels)
    seen = (light * 10 ** -np.array(YELLOW)).astype(np.float32)
    assert np.allclose(clear_paper(seen, YELLOW), light, atol=1e-6)
    back = clear_paper(clear_paper(seen, YELLOW), [-v for v in YELLOW])
    assert np.allclose(back, seen, atol=1e-6)


@pytest.mark.parametrize("scene", [letter, print_with_margin, sepia_print_with_margin])
@pytest.mark.parametrize("dtype", seven.DTYPES)
def test_yellowed_paper_comes_back(scene, dtype: type) -> None:  # type: ignore[no-untyped-def]
    sound = scene()
    hurt = seven.stored(absorbed(sound, YELLOW), dtype)
    result = unfade.restore(hurt, only=("correct_yellowing",))
    done = result.picture.pixels
    lab = [linear_to_lab(srgb_to_linear(np.clip(p, 0, 1))) for p in (sound, hurt.pixels, done)]
    before, after = ciede2000(lab[1], lab[0]).mean(), ciede2000(lab[2], lab[0]).mean()
    assert after < before / 4
    assert after < 2.5
    (step,) = result.record.steps
    assert step.evidence == Evidence.ADJUSTED
    densities = step.measured["densities"]
    assert np.allclose(np.diff(densities), np.diff(YELLOW), atol=0.015)
    # what stands in the record is enough to put it back
    put_back = clear_paper(srgb_to_linear(done), [-v for v in densities])
    sure = (done > 0.02) & (done < 0.99)
    error = np.abs(put_back - srgb_to_linear(hurt.pixels))[sure]
    assert error.max() < (0.012 if dtype is np.uint8 else 1e-3)


def test_lightness_can_stay() -> None:
    found = seven.measured(STEP, Settings(lighten=False), seven.photo(), OLD)
    assert found.densities == pytest.approx((0.0, 0.06, 0.28))
    full = seven.measured(STEP, Settings(target=0.04), seven.photo(), OLD)
    assert full.densities == pytest.approx((0.06, 0.12, 0.34))
    half = seven.measured(STEP, Settings(strength=0.5), seven.photo(), OLD)
    assert half.densities == pytest.approx((0.03, 0.06, 0.17))


def test_a_white_that_is_none_is_refused() -> None:
    for text in ("red", "0.1,0.2", "0.1,0.2,7"):
        with pytest.raises(SettingsError, match="three densities"):
            Settings(white=text)
    with pytest.raises(SettingsError, match="1 channels"):
        seven.measured(STEP, Settings(white="0.1,0.2,0.3"), seven.photo(channels=1), Findings())
    assert densities_of("0.1") == (0.1,)


def test_advice_leaves_old_paper_alone_and_says_how_to_ask() -> None:
    picture = seven.stored(absorbed(print_with_margin(), YELLOW), np.uint8)
    found = look_at(picture, PlainBench(), only={"paper"})
    advice = advise(found)
    assert advice.recipe.steps == ()
    assert any("--only correct_yellowing" in line for line in advice.left_alone)


def test_what_the_step_says_of_itself() -> None:
    assert STEP.kind is Kind.TONAL
    assert STEP.evidence is Evidence.ADJUSTED
