"""Blur: what the eye finds, what both methods give back, and several scans of one thing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from skimage import restoration

from treatments.row import Row, cost, psnr, sound_pictures
from unfade import fuse, restore
from unfade.condition import look_at
from unfade.degrade.contract import Drawn
from unfade.degrade.whole import blur as damage
from unfade.engines.contract import PlainBench
from unfade.picture import Picture
from unfade.pixels.colour import linear_to_srgb, srgb_to_linear
from unfade.pixels.spread import disc, line

BLURS = (
    ("defocus, radius 2", {"shape": "defocus", "width_px": 2.0, "angle_deg": 0.0}),
    ("defocus, radius 4", {"shape": "defocus", "width_px": 4.0, "angle_deg": 0.0}),
    ("motion, 9 px", {"shape": "motion", "width_px": 9.0, "angle_deg": 30.0}),
    ("motion, 16 px", {"shape": "motion", "width_px": 16.0, "angle_deg": 100.0}),
)
SIGMA = 1.0  # of the noise, 8-bit codes


def blurred(sound: np.ndarray, parameters: dict[str, object], seed: int) -> np.ndarray:
    """The blur of ``unfade.degrade`` in linear light, then noise and 8 bits."""
    light = srgb_to_linear(sound.astype(np.float32) / 255).transpose(2, 0, 1)[None]
    soft = np.asarray(damage.act(light, [Drawn(parameters=parameters)]))[0].transpose(1, 2, 0)
    noise = np.random.default_rng(seed).normal(0, SIGMA, soft.shape)
    return np.clip(np.rint(linear_to_srgb(np.clip(soft, 0, 1)) * 255 + noise), 0, 255).astype(
        np.uint8
    )


def settings_of(parameters: dict[str, object]) -> dict[str, object]:
    if parameters["shape"] == "motion":
        return {
            "kernel": "motion",
            "length_px": parameters["width_px"],
            "angle_degrees": parameters["angle_deg"],
        }
    return {"kernel": "defocus", "radius_px": parameters["width_px"]}


def rows(data: Path, number: int) -> Iterator[Row]:
    """Deblurring with the kernel known, by the kernel found, and fusion."""
    for name, parameters in BLURS:
        yield from _known(data, number, name, parameters)
    yield from _found(data, number)
    yield from _scans(data, number)


def _known(data: Path, number: int, name: str, parameters: dict[str, object]) -> Iterator[Row]:
    pairs = [
        (sound, blurred(sound, parameters, k))
        for k, sound in enumerate(sound_pictures(data, number))
    ]
    before = float(np.mean([psnr(a, b) for a, b in pairs]))
    known = settings_of(parameters) | {"noise": SIGMA / 255}
    for method in ("richardson-lucy", "wiener"):
        done = [
            restore(hurt, only=("deblur",), settings={"deblur": known | {"method": method}})
            for _, hurt in pairs
        ]
        after = [psnr(sound, one.picture.samples) for (sound, _), one in zip(pairs, done)]
        yield Row(
            damage=name, step=f"deblur {method}", measure="PSNR, dB", pictures=len(pairs),
            before=before, after=float(np.mean(after)),
            cost=cost("deblur", 1024, **known, method=method),
            note=f"worst change {min(a - psnr(*p) for a, p in zip(after, pairs)):+.1f} dB",
        )  # fmt: skip
    kernel = (
        disc(float(parameters["width_px"]))  # type: ignore[arg-type]
        if parameters["shape"] == "defocus"
        else line(float(parameters["width_px"]), float(parameters["angle_deg"]))  # type: ignore[arg-type]
    )
    for label, theirs in (
        ("richardson_lucy, 20", lambda x: restoration.richardson_lucy(x, kernel, num_iter=20)),
        ("wiener, 0.01", lambda x: restoration.wiener(x, kernel, 0.01)),
    ):
        after = []
        for sound, hurt in pairs:
            light = srgb_to_linear(hurt.astype(np.float32) / 255).astype(np.float64)
            out = np.stack([theirs(light[:, :, c]) for c in range(3)], axis=2)
            stored = linear_to_srgb(np.clip(out, 0, 1).astype(np.float32))
            after.append(psnr(sound, np.rint(stored * 255).astype(np.uint8)))
        yield Row(
            damage=name, step=f"scikit-image {label}", measure="PSNR, dB", pictures=len(pairs),
            before=before, after=float(np.mean(after)),
        )  # fmt: skip


def _found(data: Path, number: int) -> Iterator[Row]:
    """The eye, on sound pictures and on blurred ones; then what advice makes of both."""
    right = wrong = missed = 0
    before, after = [], []
    left = 0
    pictures = list(sound_pictures(data, number))
    with_eye = {"blur", "noise"}
    for k, sound in enumerate(pictures):
        seen = look_at(Picture(sound), PlainBench(), only=with_eye).blur
        left += seen is not None and seen.kind is None
        for _, parameters in BLURS:
            hurt = blurred(sound, parameters, k)
            found = look_at(Picture(hurt), PlainBench(), only=with_eye)
            seen, kind, width = found.blur, parameters["shape"], float(parameters["width_px"])  # type: ignore[arg-type]
            if seen is None or seen.kind is None:
                missed += 1
                continue
            size = seen.radius_px if seen.kind == "defocus" else seen.length_px
            near = abs((size or 0) - width) <= (1 if kind == "motion" else max(0.15, 0.04 * width))
            right += seen.kind == kind and near
            wrong += not (seen.kind == kind and near)
            if found.noise is not None and found.noise.sigma is not None:
                mended = restore(hurt, only=("deblur",)).picture.samples
                before.append(psnr(sound, hurt))
                after.append(psnr(sound, mended))
    yield Row(
        damage="the blurs above, unknown", step="deblur as found", measure="PSNR, dB",
        before=float(np.mean(before)), after=float(np.mean(after)), pictures=len(before),
        precision=right / max(1, right + wrong), recall=right / max(1, right + wrong + missed),
        controls_left=(left / len(pictures), len(pictures)),
        note=f"worst change {min(a - b for a, b in zip(after, before)):+.1f} dB",
    )  # fmt: skip


def _scans(data: Path, number: int) -> Iterator[Row]:
    """Two scans under relief shading, turned by 180 degrees; and the mean of four."""
    relief: tuple[list[float], list[float]] = ([], [])
    noise: tuple[list[float], list[float]] = ([], [])
    for k, sound in enumerate(sound_pictures(data, min(number, 8))):
        light = srgb_to_linear(sound.astype(np.float32) / 255)
        chance = np.random.default_rng(k)
        heights = cv2.GaussianBlur(chance.normal(0, 1, light.shape[:2]), (0, 0), 1.5)
        slope = np.gradient(heights, axis=0)
        shading = (0.1 * slope / slope.std())[:, :, None].astype(np.float32)
        first = _scan(light * (1 + shading), chance)
        other = np.ascontiguousarray(np.rot90(_scan(light * (1 - shading), chance), 2))
        relief[0].append(psnr(sound, first))
        relief[1].append(psnr(sound, fuse([first, other]).picture.samples))
        scans = [_scan(light, chance, 4.0) for _ in range(4)]
        noise[0].append(psnr(sound, scans[0]))
        noise[1].append(psnr(sound, fuse(scans).picture.samples))
    for damage_name, (before, after) in (
        ("paper relief, scans at 0 and 180 degrees", relief),
        ("noise, sigma 4, four scans", noise),
    ):
        yield Row(
            damage=damage_name, step="fuse", measure="PSNR, dB", pictures=len(before),
            before=float(np.mean(before)), after=float(np.mean(after)),
        )  # fmt: skip


def _scan(light: np.ndarray, chance: np.random.Generator, sigma: float = SIGMA) -> np.ndarray:
    stored = linear_to_srgb(np.clip(light, 0, 1)) * 255 + chance.normal(0, sigma, light.shape)
    return np.clip(np.rint(stored), 0, 255).astype(np.uint8)
