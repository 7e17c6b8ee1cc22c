"""What the measures cost, and what harm rate says about changes that everyone knows.

python benchmarks/measures.py FOLDER [--limit 12] [--all]

FOLDER holds sound pictures. The first table is seconds for one picture of the folder's usual
size (the median of all); the second is the harm rate of changes to sound pictures: which of them
fall below the threshold of 4 codes and which do not, at that and at other thresholds.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image

from unfade.errors import ModelMissing
from unfade.evaluate.harm import harm_rate
from unfade.evaluate.metrics import METRICS, Case
from unfade.study.gallery import load_pictures


def jpeg(quality: int) -> Callable[[np.ndarray], np.ndarray]:
    def coded(pixels: np.ndarray) -> np.ndarray:
        codes = np.rint(pixels * 255).astype(np.uint8)
        file = io.BytesIO()
        Image.fromarray(codes.squeeze()).save(file, "jpeg", quality=quality, subsampling=0)
        return np.asarray(Image.open(file)).reshape(codes.shape).astype(np.float32) / 255

    return coded


def blur(pixels: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(pixels, (5, 5), 0).reshape(pixels.shape)


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "rounding to 8 bits": lambda p: np.rint(p * 255).astype(np.float32) / 255,
    "noise, sigma 1 code": lambda p: _noise(p, 1),
    "JPEG 98": jpeg(98),
    "JPEG 95": jpeg(95),
    "JPEG 85": jpeg(85),
    "noise, sigma 3 codes": lambda p: _noise(p, 3),
    "gamma 1.02": lambda p: p ** np.float32(1.02),
    "median 3 x 3": lambda p: cv2.medianBlur(p, 3).reshape(p.shape),
    "blur 5 x 5": blur,
    "shift by half a pixel": lambda p: (p + np.roll(p, 1, axis=1)) / np.float32(2),
}


def _noise(pixels: np.ndarray, sigma: float) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, sigma / 255, pixels.shape)
    return np.clip(pixels + noise, 0, 1).astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--limit", type=int, default=12)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--all", action="store_true", help="the slow measures too")
    options = parser.parse_args()
    pictures = list(
        load_pictures(options.folder, limit=options.limit, side_px=options.side).values()
    )
    cv2.setNumThreads(1)

    print(f"| measure | seconds a picture of {options.side} px (median of {len(pictures)}) |")
    print("|---|---|")
    for metric in METRICS.values():
        if not (metric.quick or options.all):
            continue
        times = []
        try:
            for sound in pictures:
                began = time.process_time()
                list(metric.call(Case(reference=sound, damaged=sound, restored=blur(sound))))
                times.append(time.process_time() - began)
            print(f"| {metric.name} | {np.median(times):.3f} |")
        except ModelMissing as error:
            print(f"| {metric.name} | {error.found} |")

    print(
        "\n| change to a sound picture | harm over 2 codes | **4 codes** | 8 codes | regions, 4 |"
    )
    print("|---|---|---|---|---|")
    for name, change in CHANGES.items():
        rates = []
        for sound in pictures:
            made = change(sound)
            row = [harm_rate(sound, sound, made, threshold=t / 255).rate for t in (2, 4, 8)]
            rates.append([*row, harm_rate(sound, sound, made, region_px=7).rate])
        print(f"| {name} | " + " | ".join(f"{r:.1%}" for r in np.mean(rates, axis=0)) + " |")


if __name__ == "__main__":
    main()
