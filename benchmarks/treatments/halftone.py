"""Dots of print and blocks of JPEG: the finders' errors, the steps' gain, controls, cost.

The line of a Gaussian blur is that of the one width that does best over all pictures of the line,
in linear light as the step works: what a person who knows the truth could reach by blurring.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from treatments.row import Row, cost, psnr, sound_pictures
from unfade import Picture
from unfade.advice import advise
from unfade.condition import look_at
from unfade.degrade import degrade, parse_degradation
from unfade.engines.contract import PlainBench
from unfade.findings import Findings, Screen
from unfade.pixels.colour import linear_to_srgb, srgb_to_linear
from unfade.steps import find_step
from unfade.treatment import treat

_WIDTHS = (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7)
_NAMES = {"halftone": "descreen", "jpeg_blocks": "deblock"}


def rows(data: Path, number: int) -> Iterator[Row]:
    """One screen and four at three pitches; JPEG at four qualities; pictures with neither."""
    pictures = list(sound_pictures(data, number))
    controls = {name: _controls_left(pictures, name) for name in _NAMES}
    for inks in ("black", "process"):
        for pitch in (3.3, 5.0, 8.0):
            yield _halftone(pictures, inks, pitch, controls["halftone"])
    yield Row(
        damage="halftone", step="descreen", pictures=1, cost=cost(
            "descreen", pitch_px=5.0, angle_degrees=45.0
        ), note="in colour, pitch 5 px",
    )  # fmt: skip
    for quality in (10, 20, 30, 50):
        yield _jpeg(pictures, quality, controls["jpeg_blocks"])
    yield Row(
        damage="JPEG", step="deblock", pictures=1, cost=cost("deblock", quality=20),
        note="in colour",
    )  # fmt: skip


def _halftone(
    pictures: list[np.ndarray], inks: str, pitch: float, controls: tuple[float, int]
) -> Row:
    before, after, blurred, errors, found = [], [], [], [], 0
    for seed, sound in enumerate(pictures):
        truth = sound if inks == "process" else _grey(sound)
        hurt, screens = _printed(truth, inks, pitch, seed)
        findings = _seen(hurt, "halftone")
        assert findings.halftone is not None
        found += "descreen" in advise(findings).recipe.step_names
        errors += [_error(s, screens, pitch) for s in findings.halftone.screens]
        mended = _mended(hurt, "descreen", findings)
        before.append(psnr(truth, hurt))
        after.append(psnr(truth, mended))
        blurred.append([psnr(truth, _blur(hurt, width * pitch)) for width in _WIDTHS])
    pitches, angles = zip(*errors) if errors else ((np.nan,), (np.nan,))
    best = float(np.mean(blurred, axis=0).max())
    return Row(
        damage=f"halftone, {inks}, {pitch} px", step="descreen", measure="PSNR, dB",
        pictures=len(pictures), before=float(np.mean(before)), after=float(np.mean(after)),
        recall=found / len(pictures), controls_left=controls,
        note=f"Gaussian of the best width {best:.2f}; largest error of {len(errors)} screens: "
        f"pitch {max(pitches):.3%}, angle {max(angles):.3f} degrees",
    )  # fmt: skip


def _jpeg(pictures: list[np.ndarray], quality: int, controls: tuple[float, int]) -> Row:
    before, after, other, off, found = [], [], [], [], 0
    for sound in pictures:
        file = io.BytesIO()
        Image.fromarray(sound).save(file, "JPEG", quality=quality)
        # cropped, so that the grid is to be found
        hurt, truth = np.asarray(Image.open(file))[3:, 5:].copy(), sound[3:, 5:]
        findings = _seen(hurt, "jpeg_blocks")
        assert findings.jpeg_blocks is not None
        found += "deblock" in advise(findings).recipe.step_names
        if findings.jpeg_blocks.quality is not None:
            off.append(abs(findings.jpeg_blocks.quality - quality))
        before.append(psnr(truth, hurt))
        after.append(psnr(truth, _mended(hurt, "deblock", findings)))
        shifted = _mended(hurt, "deblock", findings, method="shifted")
        other.append(psnr(truth, shifted))
    return Row(
        damage=f"JPEG, quality {quality}, cropped", step="deblock", measure="PSNR, dB",
        pictures=len(pictures), before=float(np.mean(before)), after=float(np.mean(after)),
        recall=found / len(pictures), controls_left=controls,
        note=f"`shifted` {np.mean(other):.2f}; quality told of {len(off)}, "
        f"largest error {max(off, default=0)}",
    )  # fmt: skip


def _seen(samples: np.ndarray, name: str) -> Findings:
    return look_at(Picture(samples), PlainBench(), only={name})


def _mended(samples: np.ndarray, step: str, findings: Findings, **settings: object) -> np.ndarray:
    chosen = find_step(step).settings(**settings)
    done = treat(Picture(samples), (chosen,), findings=findings, bench=PlainBench())
    return done.picture.samples


def _controls_left(pictures: list[np.ndarray], name: str) -> tuple[float, int]:
    """Of pictures without this damage: the share that comes out as it went in."""
    left = 0
    for sound in pictures:
        advised = advise(_seen(sound, name)).recipe.step_names
        left += _NAMES[name] not in advised
    return left / len(pictures), len(pictures)


def _printed(
    sound: np.ndarray, inks: str, pitch: float, seed: int
) -> tuple[np.ndarray, dict[str, object]]:
    recipe = f"""
format = 1
name = "print"
about = "one pitch"
reference_px = 0

[[damage]]
use = "halftone"
inks = "{inks}"
pitch_px = [{pitch}, {pitch}]
contrast = [2.2, 2.2]
gain = [0.0, 0.0]
"""
    made = degrade(sound.astype(np.float32) / 255, parse_degradation(recipe, "print"), seed)
    hurt = np.rint(np.clip(made.pixels, 0, 1) * 255).astype(np.uint8)
    return hurt, made.drawn("halftone")[0]


def _error(screen: Screen, truth: dict[str, object], pitch: float) -> tuple[float, float]:
    """Relative error of the pitch, and of the angle to the nearest true one, degrees."""
    angles = np.asarray(truth["angles_deg"], float)
    turned = screen.angle_degrees
    apart = np.abs((angles - turned + 45) % 90 - 45).min()
    return abs(screen.pitch_px / pitch - 1), float(apart)


def _blur(samples: np.ndarray, sigma: float) -> np.ndarray:
    light = srgb_to_linear(samples.astype(np.float32) / 255)
    codes = linear_to_srgb(cv2.GaussianBlur(light, (0, 0), sigma).reshape(samples.shape))
    return np.rint(np.clip(codes, 0, 1) * 255).astype(np.uint8)


def _grey(sound: np.ndarray) -> np.ndarray:
    return np.rint(sound @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)[:, :, None]
