"""Harm, found damage, identity drift, and the table of measures."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from measured_pictures import blurred, noisy, photograph, scratched

from unfade.errors import UsageError
from unfade.evaluate.found import score_mask
from unfade.evaluate.harm import THRESHOLD, harm_map, harm_rate
from unfade.evaluate.metrics import METRICS, Case, column, find_metrics, measure


def test_harm_by_hand() -> None:
    """Ten sound pixels: two got worse, by 10 and 20 codes; one by 3 codes, below the threshold."""
    reference = np.full((1, 12, 1), 0.5, np.float32)
    damaged, restored = reference.copy(), reference.copy()
    damaged[0, :2] = 0.9  # the damage: mended in one place, made worse in the other
    restored[0, 1] = 1.0
    for col, codes in ((2, 10), (3, -20), (4, 3)):
        restored[0, col] += codes / 255
    found = harm_rate(reference, damaged, restored)
    assert found.rate == pytest.approx(2 / 10)
    assert found.mean_loss == pytest.approx(15 / 255, abs=1e-6)
    assert found.sound_share == pytest.approx(10 / 12)


def test_identity_harms_nothing_and_a_blur_does() -> None:
    a = photograph()
    damaged, mask = scratched(a)
    assert harm_rate(a, damaged, damaged, mask=mask).rate == 0
    assert harm_rate(a, damaged, a, mask=mask).rate == 0
    assert harm_rate(a, damaged, blurred(damaged), mask=mask).rate > 0.2


def test_harm_is_hidden_from_psnr() -> None:
    """Mended perfectly, and the rest smeared: PSNR gains, harm tells."""
    a = photograph()
    damaged, mask = scratched(a)
    smeared = blurred(a)
    figures = measure(Case(reference=a, damaged=damaged, restored=smeared, mask=mask))
    assert figures["gain_db"] > 3
    assert figures["harm"] > 0.2


def test_regions_forgive_a_denoiser_its_luck_and_not_a_smear() -> None:
    a = photograph()
    damaged = noisy(a, 15 / 255)
    better = (a + (damaged - a)[::-1, ::-1] * np.float32(0.5)).astype(np.float32)  # half the noise
    nobody = np.zeros(a.shape[:2], bool)
    single = harm_rate(a, damaged, better, mask=nobody)
    region = harm_rate(a, damaged, better, mask=nobody, region_px=7)
    assert single.rate > 0.05
    assert region.rate < 0.005
    import cv2

    smear = harm_rate(a, damaged, cv2.GaussianBlur(damaged, (0, 0), 4), mask=nobody, region_px=7)
    assert smear.rate > 0.2


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), worse=st.floats(0, 0.4))
def test_harm_grows_with_the_loss_and_stays_a_share(seed: int, worse: float) -> None:
    rng = np.random.default_rng(seed)
    a = rng.uniform(0.3, 0.6, (16, 16, 3)).astype(np.float32)
    noise = rng.normal(0, 1, a.shape).astype(np.float32)
    little, much = a + noise * np.float32(worse / 2), a + noise * np.float32(worse)
    first, second = harm_rate(a, a, little), harm_rate(a, a, much)
    assert 0 <= first.rate <= second.rate <= 1
    assert (harm_map(a, a, much) >= 0).all()
    assert second.rate == 0 or second.mean_loss > THRESHOLD


def test_nothing_sound_is_not_a_number() -> None:
    a = photograph(32)
    assert math.isnan(harm_rate(a, a, a, mask=np.ones(a.shape[:2], bool)).rate)


def test_harm_refuses_what_does_not_fit() -> None:
    a = photograph(32)
    with pytest.raises(ValueError, match=r"restored picture is \(31, 32, 3\)"):
        harm_rate(a, a, a[:31])
    with pytest.raises(ValueError, match="odd"):
        harm_rate(a, a, a, region_px=4)
    with pytest.raises(ValueError, match=r"mask is \(3, 3\)"):
        harm_rate(a, a, a, mask=np.zeros((3, 3), bool))


def test_found_mask_by_hand() -> None:
    """A line of 1 x 20 found by half, a square of 10 x 10 found whole, 10 px marked for nothing."""
    truth, found = np.zeros((64, 64), bool), np.zeros((64, 64), bool)
    truth[2, 5:25] = True
    truth[20:30, 20:30] = True
    found[2, 5:15] = True
    found[20:30, 20:30] = True
    found[50, 5:15] = True
    score = score_mask(found, truth)
    assert score.precision == pytest.approx(110 / 120)
    assert score.recall == pytest.approx(110 / 120)
    assert score.f1 == pytest.approx(110 / 120)
    assert score.iou == pytest.approx(110 / 130)
    assert score.recall_by_width == {"0-2 px": 0.5, "8-16 px": 1.0}


def test_found_mask_agrees_with_torchmetrics() -> None:
    from independent import libraries

    torch, _, _ = libraries()
    from torchmetrics.functional.classification import (
        binary_f1_score,
        binary_jaccard_index,
        binary_precision,
        binary_recall,
    )

    rng = np.random.default_rng(0)
    truth, found = rng.random((2, 40, 50)) < 0.3
    pair = torch.from_numpy(found), torch.from_numpy(truth)
    score = score_mask(found, truth)
    assert score.precision == pytest.approx(float(binary_precision(*pair)), abs=1e-6)
    assert score.recall == pytest.approx(float(binary_recall(*pair)), abs=1e-6)
    assert score.f1 == pytest.approx(float(binary_f1_score(*pair)), abs=1e-6)
    assert score.iou == pytest.approx(float(binary_jaccard_index(*pair)), abs=1e-6)


def test_empty_masks_are_perfect() -> None:
    nothing = np.zeros((8, 8), bool)
    score = score_mask(nothing, nothing)
    assert (score.precision, score.recall, score.f1, score.iou) == (1, 1, 1, 1)
    assert score.recall_by_width == {}


def test_every_quick_measure_gives_its_columns() -> None:
    a = photograph()
    damaged, mask = scratched(a)
    figures = measure(Case(reference=a, damaged=damaged, restored=damaged, mask=mask))
    expected = [c.name for metric in METRICS.values() if metric.quick for c in metric.columns]
    assert list(figures) == expected
    assert figures["gain_db"] == 0
    assert figures["harm"] == 0
    assert all(math.isfinite(v) for v in figures.values())
    assert column("harm").better == "lower"


def test_a_small_picture_costs_only_the_measures_that_it_is_too_small_for() -> None:
    a = photograph(64)
    figures = measure(Case(reference=a, damaged=a, restored=blurred(a)))
    assert math.isnan(figures["ms_ssim"])
    assert math.isnan(figures["niqe"])
    assert math.isfinite(figures["ssim"])


def test_an_unknown_measure_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"`psrn`.*Did you mean `psnr`"):
        find_metrics(["psrn"])


def test_importing_the_package_is_cheap() -> None:
    code = (
        "import sys, unfade.evaluate, unfade.evaluate.metrics, unfade.study;"
        "bad = {'torch', 'pandas', 'matplotlib', 'cv2', 'scipy'} & set(sys.modules);"
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
