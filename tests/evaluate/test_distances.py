"""Distances from the truth, each against an independent implementation or its definition."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import skimage.color
import skimage.metrics
from independent import batch, libraries
from measured_pictures import blurred, noisy, photograph

from unfade.evaluate.agreement import channel_agreement
from unfade.evaluate.difference import colour_difference
from unfade.evaluate.flip import flip_error, flip_map
from unfade.evaluate.mse import mean_squared_error
from unfade.evaluate.msssim import multi_scale_similarity
from unfade.evaluate.psnr import luma, peak_signal_to_noise
from unfade.evaluate.ssim import structural_similarity
from unfade.evaluate.ssimulacra2 import ssimulacra2_score

CHANGES = {"blur": blurred, "noise": noisy}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("change", CHANGES)
def test_agree_with_scikit_image(change: str, channels: int) -> None:
    a = photograph(channels=channels)
    b = CHANGES[change](a)
    assert mean_squared_error(a, b) == pytest.approx(
        skimage.metrics.mean_squared_error(a, b), rel=1e-6
    )
    psnr = skimage.metrics.peak_signal_noise_ratio(a, b, data_range=1)
    assert peak_signal_to_noise(a, b) == pytest.approx(psnr, abs=1e-4)
    ssim = skimage.metrics.structural_similarity(
        a, b, data_range=1, channel_axis=2, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False,
    )  # fmt: skip
    assert structural_similarity(a, b) == pytest.approx(ssim, abs=1e-4)


@pytest.mark.parametrize("change", CHANGES)
def test_agree_with_piq_and_torchmetrics(change: str) -> None:
    _, piq, metrics = libraries()
    a = photograph()
    b = CHANGES[change](a)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = float(piq.multi_scale_ssim(batch(a), batch(b)))
        again = float(
            metrics.multiscale_structural_similarity_index_measure(
                batch(a), batch(b), data_range=1.0
            )
        )
    assert multi_scale_similarity(a, b) == pytest.approx(theirs, abs=1e-4)
    assert multi_scale_similarity(a, b) == pytest.approx(again, abs=1e-3)  # it pads by mirroring


def test_luma_psnr_is_the_psnr_of_bt709_luma() -> None:
    a, b = photograph(), noisy(photograph())
    planes = [0.2126 * p[..., 0] + 0.7152 * p[..., 1] + 0.0722 * p[..., 2] for p in (a, b)]
    theirs = skimage.metrics.peak_signal_noise_ratio(*planes, data_range=1)
    assert peak_signal_to_noise(luma(a), luma(b)) == pytest.approx(theirs, abs=1e-4)


def test_colour_difference_agrees_with_scikit_image_and_colour_science() -> None:
    a, b = photograph(64), noisy(photograph(64))
    labs = [skimage.color.rgb2lab(p) for p in (a, b)]
    theirs = float(skimage.color.deltaE_ciede2000(*labs).mean())
    assert colour_difference(a, b) == pytest.approx(theirs, rel=2e-3)  # its white has four digits
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import colour

        own = [
            colour.XYZ_to_Lab(colour.sRGB_to_XYZ(p.astype(np.float64)), (0.3127, 0.329))
            for p in (a, b)
        ]
        again = float(np.mean(colour.delta_E(*own, method="CIE 2000")))
    assert colour_difference(a, b) == pytest.approx(again, rel=5e-4)


def test_colour_difference_of_grey_is_that_of_its_lightness() -> None:
    grey = photograph(64, channels=1)
    rgb = np.repeat(grey, 3, axis=2)
    darker = (grey * np.float32(0.9)).astype(np.float32)
    assert colour_difference(grey, darker) == pytest.approx(
        colour_difference(rgb, np.repeat(darker, 3, axis=2)), rel=1e-6
    )


def test_channel_agreement_is_keras_categorical_accuracy() -> None:
    """By hand: two pixels of four agree; brightness and sharpness do not matter."""
    truth = np.array([[[0.9, 0.1, 0.2], [0.1, 0.9, 0.2]], [[0, 0, 1], [0.5, 0.4, 0.3]]], np.float32)
    result = np.array(
        [[[0.5, 0.1, 0.2], [0.9, 0.1, 0.2]], [[0, 0, 0.1], [0.3, 0.4, 0.5]]], np.float32
    )
    assert channel_agreement(truth, result) == 0.5
    assert channel_agreement(truth, truth * np.float32(0.01)) == 1.0


def test_channel_agreement_praises_a_heavy_blur() -> None:
    """The reason why it must not be used: as "accurate" as the 90 % that tutorials report."""
    import cv2

    a = photograph()
    smeared = cv2.GaussianBlur(a, (0, 0), 4)
    assert channel_agreement(a, smeared) > 0.86
    assert structural_similarity(a, smeared) < 0.8


def test_flip_orders_and_bounds() -> None:
    a = photograph()
    black, white = np.zeros((64, 64, 3), np.float32), np.ones((64, 64, 3), np.float32)
    assert flip_error(a, a) == 0
    assert 0 < flip_error(a, blurred(a)) < flip_error(a, noisy(a, 0.2)) < 1
    # Andersson et al. 2020 scale the error so that black against white is at its very end
    assert flip_error(black, white) == pytest.approx(1.0, abs=0.05)
    assert flip_map(a, blurred(a)).shape == a.shape[:2]


def test_ssimulacra2_has_its_published_ends() -> None:
    a = photograph()
    assert ssimulacra2_score(a, a) == pytest.approx(100)
    assert ssimulacra2_score(a, noisy(a, 2 / 255)) > ssimulacra2_score(a, noisy(a, 20 / 255))
    assert ssimulacra2_score(a, blurred(blurred(a))) < 60


@pytest.mark.parametrize(
    "distance",
    [mean_squared_error, structural_similarity, multi_scale_similarity, colour_difference,
     channel_agreement, flip_error, ssimulacra2_score],
)  # fmt: skip
def test_sizes_must_agree_and_are_named(distance: object) -> None:
    with pytest.raises(ValueError, match=r"\(256, 256, 3\) and \(200, 256, 3\)"):
        distance(photograph(), photograph()[:200])  # type: ignore[operator]


def test_equal_pictures_are_infinitely_close() -> None:
    assert peak_signal_to_noise(photograph(), photograph()) == math.inf
