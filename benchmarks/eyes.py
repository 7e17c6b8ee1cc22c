"""How well the eyes see: noise, tone, fading, cast, sharpness and faces, on pictures with truth.

    python benchmarks/eyes.py --data ../shared/data --split train --pictures 60

Lays known noise, toning, fading, casts and blur over sound photographs and prints what the
finders make of them. Photographs are taken evenly from the folder ``photos`` (train) or
``kodak24`` (eval), faces from ``faces``; everything is seeded. Limits may be tuned on ``train``;
``eval`` is for looking only.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from unfade.condition import cast, faces, fade, noise, sharpness, tone
from unfade.condition.survey import luma
from unfade.engines.contract import PlainBench
from unfade.picture import Picture, pixels_to_codes
from unfade.pixels.colour import (
    lab_to_linear,
    lightness,
    linear_to_lab,
    linear_to_srgb,
    luminance,
    srgb_to_linear,
)

BENCH = PlainBench()
FOLDERS = {"train": ("train/photos", "train/faces"), "eval": ("eval/kodak24", "eval/faces")}
Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with train/ and eval/")
    parser.add_argument("--split", choices=sorted(FOLDERS), default="train")
    parser.add_argument("--pictures", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    photos, portraits = (
        evenly(given.data / folder, given.pictures) for folder in FOLDERS[given.split]
    )
    rng = np.random.default_rng(given.seed)
    noise_table(photos, rng)
    tone_table(photos, rng)
    fade_table(photos, rng)
    cast_table(photos, rng)
    sharpness_table(photos)
    faces_table(photos, portraits)


def noise_table(photos: list[Path], rng: np.random.Generator) -> None:
    heading("Noise: estimated over true sigma of white Gaussian noise (grey)")
    print(f"{'true':>6} {'5 %':>6} {'50 %':>6} {'95 %':>6} {'within 10 %':>12} {'abstained':>10}")
    for sigma in (3, 5, 10, 20, 35, 50):
        found = []
        for pixels in read(photos):
            grey = luma(pixels)[:, :, None]
            noisy = grey + rng.normal(0, sigma / 255, grey.shape)
            found.append(noise.look(stored(noisy), BENCH).sigma)
        ratios = np.array([255 * s / sigma for s in found if s is not None])
        low, middle, high = np.percentile(ratios, [5, 50, 95])
        near = np.mean(np.abs(ratios - 1) < 0.1)
        print(
            f"{sigma:6d} {low:6.2f} {middle:6.2f} {high:6.2f} {near:12.0%}"
            f" {found.count(None):7d}/{len(found)}"
        )
    clean = [noise.look(stored(pixels), BENCH) for pixels in read(photos)]
    sigmas = [255 * f.sigma for f in clean if f.sigma is not None]
    loud = [f for f in clean if f.confidence and f.confidence >= 0.7 and f.sigma and not f.grain]
    harmful = sum(f.sigma >= 6 / 255 for f in loud if f.sigma)
    print(
        f"as they are: sigma {np.median(sigmas):.2f} of 255 (median), "
        f"{sum(s < 1.5 for s in sigmas)} below 1.5, {len(clean) - len(sigmas)} abstained, "
        f"{harmful} called noisy for sure (6 and more)"
    )


def tone_table(photos: list[Path], rng: np.random.Generator) -> None:
    heading("Tone: what was made (rows) and what was seen (sure of it in brackets)")
    kinds = ("grey", "toned", "colour", "unknown")
    print(f"{'':>22}" + "".join(f"{kind:>14}" for kind in kinds))
    for name, change in TONES.items():
        for quality in (None, 75):
            seen: Counter[str] = Counter()
            sure: Counter[str] = Counter()
            for pixels in read(photos):
                found = tone.look(stored(change(pixels, rng), quality), BENCH)
                seen[found.kind] += 1
                sure[found.kind] += found.confidence is not None and found.confidence >= 0.7
            label = name + (f", JPEG {quality}" if quality else "")
            print(f"{label:>22}" + "".join(f"{seen[k]:>8} ({sure[k]:>3})" for k in kinds))


def fade_table(photos: list[Path], rng: np.random.Generator) -> None:
    heading("Fading: what was made and whether it was called faded")
    print(f"{'':>22} {'faded':>8} {'(sure)':>8} {'not':>6} {'open':>6}")
    for name, change in FADES.items():
        found = [fade.look(stored(change(pixels, rng)), BENCH) for pixels in read(photos)]
        verdicts = Counter(f.faded for f in found)
        sure = sum(bool(f.faded) and (f.confidence or 0) >= 0.7 for f in found)
        print(f"{name:>22} {verdicts[True]:8d} {sure:8d} {verdicts[False]:6d} {verdicts[None]:6d}")


def cast_table(photos: list[Path], rng: np.random.Generator) -> None:
    heading("Cast: error of a known cast (CIELAB a*, b*), by confidence")
    errors: dict[str, list[float]] = {"0.7 and more": [], "0.5 to 0.7": [], "below": []}
    shifts, abstained = [], 0
    for pixels in read(photos):
        gain = np.exp(rng.normal(0, 0.18, 3))
        linear = srgb_to_linear(pixels) * (gain / gain.max()).astype(np.float32)
        true = linear_to_lab(gain / (gain @ luminance_weights()) * 0.5)[1:]
        found = cast.look(stored(linear_to_srgb(linear)), BENCH)
        before = cast.look(stored(pixels), BENCH)
        if found.a is None or found.b is None or found.confidence is None:
            abstained += 1
            continue
        sure = found.confidence
        band = "0.7 and more" if sure >= 0.7 else "0.5 to 0.7" if sure >= 0.5 else "below"
        errors[band].append(float(np.hypot(found.a - true[0], found.b - true[1])))
        if before.a is not None and before.b is not None:
            shift = np.array([found.a - before.a, found.b - before.b]) - true
            shifts.append(float(np.hypot(*shift)))
    for band, values in errors.items():
        if values:
            middle, high = np.percentile(values, [50, 90])
            print(f"confidence {band:>12}: {len(values):3d}, error {middle:5.1f}, 90 % {high:5.1f}")
    print(f"abstained: {abstained}")
    if shifts:
        print(f"error of the change against the same picture without: {np.median(shifts):.1f}")


def sharpness_table(photos: list[Path]) -> None:
    heading("Sharpness: edge width (pixels) after Gaussian blur")
    print(f"{'sigma':>6} {'ideal':>6} {'25 %':>6} {'50 %':>6} {'75 %':>6} {'blurred':>8}")
    per_photo: list[list[float]] = [[] for _ in photos]
    for sigma in (0.0, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0):
        widths, blurred = [], 0
        for index, pixels in enumerate(read(photos)):
            soft = cv2.GaussianBlur(pixels, (0, 0), sigma) if sigma else pixels
            found = sharpness.look(stored(soft), BENCH)
            blurred += bool(found.blurred)
            if found.edge_width_px is not None:
                widths.append(found.edge_width_px)
                per_photo[index].append(found.edge_width_px)
        low, middle, high = np.percentile(widths, [25, 50, 75])
        ideal = 2.563 * np.sqrt(sigma**2 + 1 / 12)
        print(f"{sigma:6.1f} {ideal:6.1f} {low:6.1f} {middle:6.1f} {high:6.1f} {blurred:8d}")
    rising = sum(all(np.diff(widths) >= 0) for widths in per_photo)
    print(f"rises with every step of blur: {rising} of {len(per_photo)} photographs")


def faces_table(photos: list[Path], portraits: list[Path]) -> None:
    heading("Faces")
    found = [faces.look(picture_of(path), BENCH) for path in portraits]
    one = sum(len(f.faces) == 1 for f in found)
    more = sum(len(f.faces) > 1 for f in found)
    print(f"portraits with exactly one face found: {one} of {len(found)}, with more: {more}")
    for path in photos:
        seen = faces.look(picture_of(path), BENCH)
        for face in seen.faces:
            w = face.window
            print(f"  {path.name}: {w.rows}x{w.cols} at {w.top},{w.left} ({face.confidence:.2f})")
    print(f"the list above is all that was found in {len(photos)} photographs: judge it by eye")


def sepia(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    light = lightness(luminance(srgb_to_linear(pixels))) * 0.9 + 5
    strength = rng.uniform(8, 30) * 4 * (light / 100) * (1 - light / 100)
    hue = np.radians(rng.uniform(50, 100))
    lab = np.stack([light, strength * np.cos(hue), strength * np.sin(hue)], axis=-1)
    return np.asarray(linear_to_srgb(np.clip(lab_to_linear(lab), 0, 1)))


def cyanotype(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    y = luma(pixels)[:, :, None]
    curves = [0.95 * y**1.9, 0.15 + 0.8 * y**1.15, 0.3 + 0.65 * y**0.8]
    return np.asarray(np.concatenate(curves, axis=2))


def grey(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.repeat(luma(pixels)[:, :, None], 3, axis=2)


def dye_loss(pixels: np.ndarray, rng: np.random.Generator, strength: float = 1.0) -> np.ndarray:
    floor = np.array([0.45, 0.12, 0.2]) * strength * rng.uniform(0.7, 1.2, 3)
    gamma = rng.uniform(0.7, 1.1, 3)
    return np.asarray(floor + (0.93 - floor) * np.clip(pixels, 0, 1) ** gamma)


def pale(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    neutral = luma(pixels)[:, :, None]
    return np.asarray(neutral + 0.5 * (pixels - neutral))


def fog(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    thickness = np.linspace(0.8, 0.25, len(pixels))[:, None, None]
    return pixels * (1 - thickness) + 0.8 * thickness


TONES: dict[str, Change] = {
    "grey": grey,
    "sepia": sepia,
    "cyanotype": cyanotype,
    "colour": lambda pixels, rng: pixels,
    "colour, half as strong": pale,
    "faded colour": dye_loss,
}
FADES: dict[str, Change] = {
    "dye loss": dye_loss,
    "dye loss, slight": lambda pixels, rng: dye_loss(pixels, rng, 0.6),
    "silver, both ends": lambda pixels, rng: grey(pixels, rng) * 0.5 + 0.27,
    "as they are": lambda pixels, rng: pixels,
    "fog": fog,
    "high key": lambda pixels, rng: 0.35 + 0.65 * pixels**0.7,
    "low key": lambda pixels, rng: 0.45 * pixels**1.5,
    "night": lambda pixels, rng: 0.8 * pixels**2.8,
    "sepia": sepia,
    "cyanotype": cyanotype,
}


def heading(text: str) -> None:
    print(f"\n{text}")


def evenly(folder: Path, most: int) -> list[Path]:
    """At most so many pictures of a folder, evenly over the sorted names."""
    names = sorted(p for p in folder.iterdir() if p.suffix in (".png", ".jpg", ".webp"))
    return [names[int(i * len(names) / most)] for i in range(most)] if len(names) > most else names


def picture_of(path: Path) -> Picture:
    decoded = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if decoded is None:
        raise SystemExit(f"`{path}` cannot be decoded. Take it out of the folder.")
    return Picture(np.ascontiguousarray(decoded[:, :, ::-1]))


def read(paths: list[Path]) -> Iterator[np.ndarray]:
    return (picture_of(path).pixels for path in paths)


def stored(pixels: np.ndarray, quality: int | None = None) -> Picture:
    """As 8-bit codes, through JPEG where a quality is given."""
    codes = pixels_to_codes(pixels.astype(np.float32), np.dtype(np.uint8), 255)
    if quality is not None:
        bgr = np.ascontiguousarray(codes[:, :, ::-1])
        _, coded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
        decoded = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR))
        codes = np.ascontiguousarray(decoded[:, :, ::-1])
    return Picture(codes)


def luminance_weights() -> np.ndarray:
    return luminance(np.eye(3))


if __name__ == "__main__":
    main()
