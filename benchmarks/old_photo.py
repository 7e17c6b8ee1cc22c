"""The whole of the damage `old-photo`, marks and years and scan, against classical chains.

    python benchmarks/old_photo.py --data ../shared/data [--number 12] [--sheet FOLDER]

Sound pictures of kodak24, cbsd68 and mcmaster are damaged and restored. A classical chain is what
`restore(only_classical=True)` mends, then one way for the tones (nothing, `correct_fading` by
the ends, channels stretched, levels), then nothing or wavelets of one strength. Printed: the mean
PSNR and SSIM of each, of the best of them for each picture by the truth, of the recipe
`old-print`, which is told nothing, and of what it made with each channel's tones brought as near to
the truth as a cubic can, which tells how much of the rest is tone. The same for prints that stayed
in colour and those that are toned, whose colours nothing brings back.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from networks import pixels_of, stretched
from PIL import Image

from unfade import Picture, restore
from unfade.degrade import degrade
from unfade.engines.bench import Bench
from unfade.evaluate.psnr import peak_signal_to_noise
from unfade.evaluate.ssim import structural_similarity
from unfade.picture import pixels_to_codes
from unfade.steps.denoise.chang2000 import denoise_wavelet

FOLDERS = ("kodak24", "cbsd68", "mcmaster")
SIGMAS = (4.0, 10.0)


def classical(hurt: Picture, bench: Bench) -> Iterator[tuple[str, np.ndarray]]:
    mended = restore(hurt, only_classical=True, bench=bench).picture
    ends = restore(mended, only=("correct_fading",), bench=bench).picture
    auto = {"adjust_tone": {"auto": True}}
    levels = restore(mended, only=("adjust_tone",), settings=auto, bench=bench).picture
    tones = {
        "marks": mended.pixels,
        "marks, fading by the ends": ends.pixels,
        "marks, channels stretched": stretched(mended.pixels),
        "marks, levels": levels.pixels,
    }
    for name, pixels in tones.items():
        toned = in_colour(pixels)
        yield name, toned
        for sigma in SIGMAS:
            made = denoise_wavelet(toned, (sigma / 255,) * 3)
            yield f"{name}, wavelets {sigma:g}", np.clip(made, 0, 1)


def in_colour(pixels: np.ndarray) -> np.ndarray:
    three = np.broadcast_to(pixels, (*pixels.shape[:2], 3))
    return np.ascontiguousarray(np.clip(three, 0, 1), np.float32)


def with_true_tones(pixels: np.ndarray, sound: np.ndarray) -> np.ndarray:
    made = np.empty_like(sound)
    for channel in range(3):
        own, true = pixels[..., channel].ravel(), sound[..., channel].ravel()
        made[..., channel] = np.polynomial.Polynomial.fit(own, true, 3)(pixels[..., channel])
    return np.clip(made, 0, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the picture sets")
    parser.add_argument("--number", type=int, default=0, help="of pictures of a set; 0: all")
    parser.add_argument("--recipe", default="old-print", help="of the cookbook")
    parser.add_argument("--sheet", type=Path, help="folder for pictures of each, side by side")
    options = parser.parse_args()
    rows: list[dict[str, tuple[float, float]]] = []
    toned: list[bool] = []
    with Bench() as bench:
        pictures = (
            each for f in FOLDERS for each in pixels_of(options.data / "eval" / f, options.number)
        )
        for number, (name, sound) in enumerate(pictures):
            aged = degrade(sound, recipe="old-photo", seed=number)
            damaged = aged.pixels
            toned.append(any(stage["use"] == "toning" for stage in aged.parameters["stages"]))
            hurt = Picture(pixels_to_codes(damaged, np.dtype(np.uint16), 65535.0))
            made = dict(classical(hurt, bench))
            ways = list(made)
            made["as damaged"] = in_colour(damaged)
            result = restore(hurt, recipe=options.recipe, bench=bench)
            made[options.recipe] = in_colour(result.picture.pixels)
            told = f"{options.recipe}, tones by the truth"
            made[told] = with_true_tones(made[options.recipe], sound)
            row = {
                way: (peak_signal_to_noise(m, sound), structural_similarity(m, sound))
                for way, m in made.items()
            }
            row["best classical by the truth"] = max(row[w] for w in ways)
            rows.append(row)
            print(
                f"{name}: {row['as damaged'][0]:.1f}, classical by the truth "
                f"{row['best classical by the truth'][0]:.1f}, {options.recipe} "
                f"{row[options.recipe][0]:.1f} dB",
                flush=True,
            )
            if options.sheet:
                best = max(ways, key=lambda w: row[w])
                shown = (made["as damaged"], made[best], made[options.recipe], sound)
                codes = pixels_to_codes(np.hstack(shown), np.dtype(np.uint8), 255.0)
                options.sheet.mkdir(parents=True, exist_ok=True)
                Image.fromarray(codes).save(options.sheet / f"{Path(name).stem}.png")
    kinds = {"all": rows}
    kinds["in colour"] = [row for row, t in zip(rows, toned, strict=True) if not t]
    kinds["toned"] = [row for row, t in zip(rows, toned, strict=True) if t]
    for kind, of_kind in kinds.items():
        print(f"{len(of_kind)} pictures, `old-photo`, {kind} (PSNR in dB, SSIM):")
        for way in of_kind[0] if of_kind else ():
            decibels, alike = np.mean([row[way] for row in of_kind], axis=0)
            print(f"  {way:<42} {decibels:6.2f} {alike:6.3f}")


if __name__ == "__main__":
    main()
