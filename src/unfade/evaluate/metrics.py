"""The measures by name: what each needs, what is better, and how to run several at once.

``measure`` is what ``unfade bench`` calls for every result. The quick measures need NumPy and
OpenCV alone; the others say which package or weights they need when they are asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from unfade.errors import UsageError, nearest
from unfade.picture import Mask, Pixels, Window

Better = Literal["higher", "lower", "none"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """One result and what it is measured against.

    Attributes:
        reference: the truth, (rows, cols, channels) float32
        damaged: what the method was given
        restored: what it returned; all of one size
        mask: (rows, cols) bool, where the damage lies; None when nobody says
        faces: boxes of the reference's faces, for face identity drift
    """

    reference: Pixels
    damaged: Pixels
    restored: Pixels
    mask: Mask | None = None
    faces: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One figure that a measure gives."""

    name: str
    title: str
    better: Better


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One measure.

    Attributes:
        columns: the figures that it gives, in order
        quick: part of the default set: a fraction of a second for half a megapixel
        call: case -> figures, as many as columns
    """

    name: str
    columns: tuple[Column, ...]
    call: Callable[[Case], Iterable[float]] = field(repr=False)
    quick: bool = True


def measure(case: Case, names: Iterable[str] | None = None) -> dict[str, float]:
    """Run measures on one case.

    Args:
        names: of ``METRICS``; None: the quick ones
    Returns:
        column -> figure. NaN where a measure does not apply: a picture too small for it, no sound
        pixel, no mask; infinite for the PSNR of equal pictures
    Raises:
        UsageError: an unknown name
        MissingPackage, ModelMissing: what a measure needs is not here
        ValueError: sizes differ
    """
    figures: dict[str, float] = {}
    for metric in find_metrics(names):
        try:
            values = [float(value) for value in metric.call(case)]
        except TooSmall:
            values = [math.nan] * len(metric.columns)
        figures |= {c.name: v for c, v in zip(metric.columns, values, strict=True)}
    return figures


def find_metrics(names: Iterable[str] | None = None) -> tuple[Metric, ...]:
    """The measures of these names in the table's order; None: the quick ones.

    Raises:
        UsageError: an unknown name; the nearest known one is told
    """
    if names is None:
        return tuple(metric for metric in METRICS.values() if metric.quick)
    wanted = list(names)
    for name in wanted:
        if name not in METRICS:
            raise UsageError(f"There is no measure `{name}`.", nearest(name, METRICS))
    return tuple(metric for name, metric in METRICS.items() if name in wanted)


class TooSmall(ValueError):
    """A picture is too small for a measure; the others go on."""


def _large_enough(case: Case, side_px: int) -> None:
    if min(case.reference.shape[:2]) < side_px:
        raise TooSmall(f"{case.reference.shape[:2]} is below {side_px} px a side")


def _psnr(case: Case) -> tuple[float, float, float, float]:
    from unfade.evaluate.psnr import luma, peak_signal_to_noise

    after = peak_signal_to_noise(case.reference, case.restored)
    before = peak_signal_to_noise(case.reference, case.damaged)
    gain = 0.0 if after == before else after - before
    if math.isinf(gain):  # nothing was wrong before, or nothing is afterwards
        gain = math.nan
    inside = math.nan
    if case.mask is not None and case.mask.any():
        inside = peak_signal_to_noise(
            case.reference[case.mask][None], case.restored[case.mask][None]
        )
    of_luma = peak_signal_to_noise(luma(case.reference), luma(case.restored))
    return after, of_luma, gain, inside


def _mse(case: Case) -> tuple[float]:
    from unfade.evaluate.mse import mean_squared_error

    return (mean_squared_error(case.reference, case.restored),)


def _ssim(case: Case) -> tuple[float]:
    from unfade.evaluate.ssim import structural_similarity

    return (structural_similarity(case.reference, case.restored),)


def _ms_ssim(case: Case) -> tuple[float]:
    from unfade.evaluate.msssim import SMALLEST_PX, multi_scale_similarity

    _large_enough(case, SMALLEST_PX)
    return (multi_scale_similarity(case.reference, case.restored),)


def _ciede2000(case: Case) -> tuple[float]:
    from unfade.evaluate.difference import colour_difference

    return (colour_difference(case.reference, case.restored),)


def _agreement(case: Case) -> tuple[float]:
    from unfade.evaluate.agreement import channel_agreement

    return (channel_agreement(case.reference, case.restored),)


def _harm(case: Case) -> tuple[float, float, float, float]:
    from unfade.evaluate.harm import REGION_PX, harm_rate

    trio = (case.reference, case.damaged, case.restored)
    single = harm_rate(*trio, mask=case.mask)
    region = harm_rate(*trio, mask=case.mask, region_px=REGION_PX)
    return single.rate, single.mean_loss, region.rate, single.sound_share


def _sharpness(case: Case) -> tuple[float, float]:
    from unfade.evaluate.laplacian import laplacian_variance
    from unfade.evaluate.spectrum import spectral_sharpness

    _large_enough(case, 32)
    return laplacian_variance(case.restored), spectral_sharpness(case.restored)


def _colourfulness(case: Case) -> tuple[float]:
    from unfade.evaluate.colourfulness import colourfulness_index

    return (colourfulness_index(case.restored),)


def _niqe(case: Case) -> tuple[float]:
    from unfade.evaluate.niqe import SMALLEST_PX, naturalness_distance

    _large_enough(case, SMALLEST_PX)
    return (naturalness_distance(case.restored),)


def _brisque(case: Case) -> tuple[float]:
    from unfade.evaluate.brisque import brisque_score

    _large_enough(case, 32)
    return (brisque_score(case.restored),)


def _stlpips(case: Case) -> tuple[float]:
    from unfade.evaluate.stlpips import SMALLEST_PX, perceptual_distance

    _large_enough(case, SMALLEST_PX)
    return (perceptual_distance(case.reference, case.restored),)


def _lpips(case: Case) -> tuple[float]:
    from unfade.evaluate.lpips import SMALLEST_PX, lpips_distance

    _large_enough(case, SMALLEST_PX)
    return (lpips_distance(case.reference, case.restored),)


def _dists(case: Case) -> tuple[float]:
    from unfade.evaluate.dists import SMALLEST_PX, dists_distance

    _large_enough(case, SMALLEST_PX)
    return (dists_distance(case.reference, case.restored),)


def _flip(case: Case) -> tuple[float]:
    from unfade.evaluate.flip import flip_error

    return (flip_error(case.reference, case.restored),)


def _ssimulacra2(case: Case) -> tuple[float]:
    from unfade.evaluate.ssimulacra2 import ssimulacra2_score

    _large_enough(case, 8)
    return (ssimulacra2_score(case.reference, case.restored),)


def _identity(case: Case) -> tuple[float]:
    from unfade.evaluate.identity import identity_drift

    drifts = identity_drift(case.reference, case.restored, case.faces)
    return (float(np.mean(drifts)) if drifts else math.nan,)


def _metric(
    name: str,
    call: Callable[[Case], Iterable[float]],
    *columns: tuple[str, str, Better],
    quick: bool = True,
) -> Metric:
    return Metric(
        name=name,
        columns=tuple(Column(name=n, title=t, better=b) for n, t, b in columns),
        call=call,
        quick=quick,
    )


_ALL = (
    _metric(
        "psnr", _psnr,
        ("psnr_db", "PSNR, dB", "higher"),
        ("psnr_luma_db", "PSNR of luma, dB", "higher"),
        ("gain_db", "PSNR gained over the damaged picture, dB", "higher"),
        ("psnr_inside_db", "PSNR inside the damage, dB", "higher"),
    ),
    _metric("mse", _mse, ("mse", "MSE", "lower")),
    _metric("ssim", _ssim, ("ssim", "SSIM", "higher")),
    _metric("ms_ssim", _ms_ssim, ("ms_ssim", "MS-SSIM", "higher")),
    _metric("ciede2000", _ciede2000, ("ciede2000", "CIEDE2000", "lower")),
    _metric(
        "harm", _harm,
        ("harm", "Harm rate: sound pixels made worse", "lower"),
        ("harm_loss", "Mean loss of the harmed pixels", "lower"),
        ("harm_region", "Harm rate over 7 x 7 regions", "lower"),
        ("sound_share", "Share of the picture that was sound", "none"),
    ),
    _metric(
        "sharpness", _sharpness,
        ("laplacian", "Variance of the Laplacian", "none"),
        ("spectrum_db", "Spectral sharpness, dB", "none"),
    ),
    _metric("colourfulness", _colourfulness, ("colourfulness", "Colourfulness", "none")),
    _metric("niqe", _niqe, ("niqe", "NIQE (own model)", "lower")),
    _metric(
        "agreement", _agreement,
        ("agreement", 'Channel agreement (the "accuracy" of Keras tutorials)', "higher"),
    ),
    _metric("stlpips", _stlpips, ("stlpips", "ST-LPIPS", "lower"), quick=False),
    _metric("flip", _flip, ("flip", "FLIP", "lower"), quick=False),
    _metric("ssimulacra2", _ssimulacra2, ("ssimulacra2", "SSIMULACRA 2", "higher"), quick=False),
    _metric("brisque", _brisque, ("brisque", "BRISQUE", "lower"), quick=False),
    _metric("lpips", _lpips, ("lpips", "LPIPS (AlexNet)", "lower"), quick=False),
    _metric("dists", _dists, ("dists", "DISTS", "lower"), quick=False),
    _metric(
        "identity", _identity,
        ("identity_deg", "Face identity drift, degrees", "lower"), quick=False,
    ),
)  # fmt: skip

METRICS: Mapping[str, Metric] = {metric.name: metric for metric in _ALL}


def column(name: str) -> Column:
    """The column of this name."""
    return next(c for metric in METRICS.values() for c in metric.columns if c.name == name)
