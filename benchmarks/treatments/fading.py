"""Fading by dyes as spectra, casts, negatives, flat light: tonal steps on their own damage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from treatments.row import Row, cost, sound_pictures
from unfade import Picture, restore
from unfade.advice import advise
from unfade.condition import look_at
from unfade.degrade.whole.spectra import fade_spectra
from unfade.engines.contract import PlainBench
from unfade.picture import pixels_to_codes
from unfade.pixels.colour import ciede2000, linear_to_lab, linear_to_srgb, srgb_to_linear

LOSSES = (
    ("paper", (0.40, 0.65, 0.55), (0.06, 0.10, 0.18)),
    ("slide", (0.70, 0.45, 0.60), (0.05, 0.05, 0.10)),
    ("print-film", (0.35, 0.75, 0.50), (0.05, 0.08, 0.15)),
)
SIDE = 144  # fading by spectra costs some 30 s a megapixel
BLACK = 2.1  # density of a print's deepest black
CARD, WHITE, DARK = 0.75, 0.06, 1.8  # densities of three patches
MASK, GAMMAS = (0.18, 0.52, 0.78), (0.55, 0.60, 0.66)
STRIP = 14
LAMPS = ((1.0, 0.82, 0.58), (0.75, 0.9, 1.0), (0.9, 1.0, 0.8))
TONAL = {"correct_fading", "correct_cast", "invert_negative", "adjust_tone", "equalise", "dehaze"}
EYES = {"tone", "fade", "cast", "clipping", "negative"}


def rows(data: Path, number: int) -> Iterator[Row]:
    yield from fading(data, number)
    yield from casts(data, number)
    yield negatives(data, number)
    yield hidden_contrast(data, number)
    yield haze(data, number)
    yield from controls(data, number)


def fading(data: Path, number: int) -> Iterator[Row]:
    """The same faded pictures, with more and more known about them."""
    names = ("cyan", "magenta", "yellow")
    lines: dict[str, list[tuple[float, float, float]]] = {}
    for k, linear in enumerate(_prints(data, number)):
        linear = np.ascontiguousarray(
            cv2.resize(linear, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        )
        for left, density in ((2, CARD), (14, WHITE), (26, DARK)):
            linear[2:12, left : left + 10] = 10**-density
        dyes, keep, stain = LOSSES[k % len(LOSSES)]
        hurt = _stored(fade_spectra(linear, dyes, keep, stain))
        card, ends = "3,3,8,8", f"3,15,8,8={WHITE} 3,27,8,8={DARK}"
        given = {f"{n}_left": v for n, v in zip(names, keep)}
        given |= {f"{n}_stain": v for n, v in zip(names, stain)}
        ways: dict[str, dict[str, object]] = {
            "nothing known": {},
            "a grey card": {"reference": card, "dyes": dyes},
            "two patches of known density": {"reference": ends, "dyes": dyes},
            "six numbers": given | {"dyes": dyes},
        }
        for way, settings in ways.items():
            result = restore(hurt, only=("correct_fading",), settings={"correct_fading": settings})
            found = result.record.steps[0].measured["gains"]
            wrong = float(np.mean(np.abs(np.array(found) / np.array(keep) - 1)))
            lines.setdefault(way, []).append(
                (_far(hurt, linear), _far(result.picture, linear), wrong)
            )
    spent = cost("correct_fading", dyes="paper")
    for way, line in lines.items():
        before, after, wrong = np.median(np.array(line), axis=0)
        yield Row(
            damage=f"fading by spectra, {way}", step="correct_fading", measure="CIEDE2000",
            before=before, after=after, pictures=len(line), cost=spent,
            note=f"dye left wrong by {wrong:.1%}",
        )  # fmt: skip


def casts(data: Path, number: int) -> Iterator[Row]:
    lines: dict[str, list[tuple[float, float]]] = {}
    for k, linear in enumerate(_prints(data, number)):
        linear = linear * np.float32(0.8)
        linear[4:24, 4:24] = 10**-CARD
        hurt = _stored(linear * np.array(LAMPS[k % 3], np.float32))
        truth = linear * np.float32(np.array(LAMPS[k % 3]) @ [0.2126, 0.7152, 0.0722])
        for way, settings in (
            ("a grey card", {"reference": "5,5,18,18"}),
            ("several guesses", {"by": "several"}),
            ("grey world", {"by": "grey-world"}),
        ):
            after = restore(hurt, only=("correct_cast",), settings={"correct_cast": settings})
            lines.setdefault(way, []).append((_far(hurt, truth), _far(after.picture, truth)))
    spent = cost("correct_cast")
    for way, line in lines.items():
        before, after = np.median(np.array(line), axis=0)
        yield Row(
            damage=f"cast of a lamp, {way}", step="correct_cast", measure="CIEDE2000",
            before=before, after=after, pictures=len(line), cost=spent,
        )  # fmt: skip


def negatives(data: Path, number: int) -> Row:
    before, after, found = [], [], 0
    for linear in _prints(data, number):
        linear = linear / np.quantile(linear, 0.998)  # a scene with something white in it
        light = np.clip(linear, 10**-BLACK, 1)
        film = 10 ** -(np.array(MASK) + np.array(GAMMAS) * (np.log10(light) + BLACK))
        held = np.tile(10 ** -np.array(MASK), (*(n + 2 * STRIP for n in film.shape[:2]), 1))
        held[STRIP:-STRIP, STRIP:-STRIP] = film
        held *= np.random.default_rng(0).normal(1, 0.01, held.shape[:2])[:, :, None]
        scan = _stored(held)
        seen = look_at(scan, PlainBench(), only=EYES)
        found += "invert_negative" in advise(seen).recipe.step_names
        result = restore(scan, only=("invert_negative",)).picture
        inner = slice(STRIP, -STRIP)
        before.append(_far(Picture(scan.samples[inner, inner]), light))
        after.append(_far(Picture(result.samples[inner, inner]), light))
    return Row(
        damage="colour negative", step="invert_negative", measure="CIEDE2000",
        before=float(np.median(before)), after=float(np.median(after)), pictures=len(before),
        recall=found / max(len(before), 1), cost=cost("invert_negative"),
    )  # fmt: skip


def hidden_contrast(data: Path, number: int) -> Row:
    """Contrast squeezed to a fifth on a slope of light: mean deviation in fields of 32 px."""
    before, after, true = [], [], []
    for sound in sound_pictures(data, number):
        pixels = sound.astype(np.float32) / 255
        slope = np.linspace(0.15, 0.65, sound.shape[1], dtype=np.float32)[None, :, None]
        hurt = Picture(pixels_to_codes(slope + 0.2 * pixels, np.dtype(np.uint8), 255.0))
        result = restore(hurt, only=("equalise",), settings={"equalise": {"clip_limit": 4.0}})
        before.append(_contrast(hurt.pixels))
        after.append(_contrast(result.picture.pixels))
        true.append(_contrast(pixels))
    return Row(
        damage="contrast squeezed to 20 %", step="equalise", measure="contrast in 32 px, codes",
        before=float(np.median(before)), after=float(np.median(after)), pictures=len(before),
        cost=cost("equalise"), note=f"sound: {np.median(true):.2f}",
    )  # fmt: skip


def haze(data: Path, number: int) -> Row:
    before, after = [], []
    air = np.array([0.72, 0.76, 0.8], np.float32)
    for linear in _prints(data, number):
        through = np.linspace(0.35, 0.8, len(linear), dtype=np.float32)[:, None, None]
        hurt = _stored(linear * through + air * (1 - through))
        result = restore(hurt, only=("dehaze",), settings={"dehaze": {"strength": 0.9}})
        before.append(_far(hurt, linear))
        after.append(_far(result.picture, linear))
    return Row(
        damage="haze", step="dehaze", measure="CIEDE2000", before=float(np.median(before)),
        after=float(np.median(after)), pictures=len(before), cost=cost("dehaze"),
    )  # fmt: skip


def controls(data: Path, number: int) -> Iterator[Row]:
    """Sound pictures, fog over them, and the same as if at night: no tonal step may be advised."""
    for name in ("sound", "in fog", "at night"):
        left = total = 0
        for linear in _prints(data, 3 * number):
            if name == "in fog":
                depth = np.linspace(0.25, 0.75, len(linear), dtype=np.float32)[:, None, None]
                linear = linear * depth + np.float32(0.6) * (1 - depth)
            elif name == "at night":
                linear = linear**2 * np.float32(0.25)
            seen = look_at(_stored(linear), PlainBench(), only=EYES)
            left += not TONAL & set(advise(seen).recipe.step_names)
            total += 1
        yield Row(
            damage=f"control: {name}", step="all tonal steps", controls_left=(left / total, total)
        )


def _prints(data: Path, number: int) -> Iterator[np.ndarray]:
    """Sound pictures in linear light as prints: white 1, black of density ``BLACK``."""
    flare = np.float32(10**-BLACK)
    for sound in sound_pictures(data, number):
        yield (srgb_to_linear(sound.astype(np.float32) / 255) + flare) / (1 + flare)


def _stored(linear: np.ndarray) -> Picture:
    encoded = linear_to_srgb(linear.astype(np.float32))
    return Picture(pixels_to_codes(encoded, np.dtype(np.uint8), 255.0))


def _far(picture: Picture, truth: np.ndarray) -> float:
    """Mean CIEDE2000 of a picture from linear light."""
    mine = linear_to_lab(srgb_to_linear(picture.pixels))
    return float(ciede2000(mine, linear_to_lab(np.clip(truth, 0, 1))).mean())


def _contrast(pixels: np.ndarray) -> float:
    luma = pixels @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    rows, cols = (n // 32 * 32 for n in luma.shape)
    fields = luma[:rows, :cols].reshape(rows // 32, 32, cols // 32, 32)
    return float(fields.std(axis=(1, 3)).mean() * 255)
