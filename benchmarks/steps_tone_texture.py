"""Measures denoise, correct_fading and sharpen on sound pictures with artificial damage.

    python benchmarks/steps_tone_texture.py --data DIR [--sets cbsd68 kodak24] [--crop 256]

``DIR`` holds one folder of PNG files for each set. Prints tables: PSNR after denoising with this
package, OpenCV and scikit-image; recovery of known fading; time for a megapixel on one core.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from skimage.restoration import denoise_nl_means, denoise_wavelet

from unfade.pixels.colour import linear_to_srgb, srgb_to_linear
from unfade.steps.correct_fading import (
    Fading,
    invert_restore_density,
    measure_fading,
    restore_density,
)
from unfade.steps.denoise import remove_noise
from unfade.steps.sharpen import sharpen_edges

Denoiser = Callable[[np.ndarray, float], np.ndarray]


def opencv(noisy: np.ndarray, sigma: float) -> np.ndarray:
    codes = np.clip(np.rint(noisy * 255), 0, 255).astype(np.uint8)
    # h = 0.6 noise deviations was the best of 0.3 to 1.0 on training pictures
    h = 0.6 * sigma * 255
    return cv2.fastNlMeansDenoisingColored(codes, None, h, h, 5, 17) / np.float32(255)


def skimage_nlm(noisy: np.ndarray, sigma: float) -> np.ndarray:
    return denoise_nl_means(
        noisy, patch_size=5, patch_distance=7, h=0.6 * sigma, sigma=sigma, channel_axis=-1
    )


def skimage_wavelet(noisy: np.ndarray, sigma: float) -> np.ndarray:
    return denoise_wavelet(noisy, sigma=sigma, wavelet="db2", channel_axis=-1, convert2ycbcr=True)


DENOISERS: dict[str, Denoiser] = {
    "as it is": lambda noisy, sigma: noisy,
    "unfade wavelet": lambda noisy, sigma: remove_noise(noisy, sigma),
    "unfade nlm": lambda noisy, sigma: remove_noise(noisy, sigma, method="nlm"),
    "OpenCV NLM": opencv,
    "scikit-image NLM": skimage_nlm,
    "scikit-image BayesShrink": skimage_wavelet,
}
LOSSES = (
    Fading((0.35, 0.6, 0.5), (0.06, 0.1, 0.2)),
    Fading((0.7, 0.45, 0.6), (0.05, 0.05, 0.1)),
    Fading((0.5, 0.5, 0.4), (0.1, 0.12, 0.25)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", default=["cbsd68", "kodak24"])
    parser.add_argument("--crop", type=int, default=256, help="middle part that is used, px")
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    for name in chosen.sets:
        pictures = list(crops(sorted((chosen.data / name).glob("*.png")), chosen.crop))
        print(f"\n{name}: {len(pictures)} pictures, middle {chosen.crop} px")
        denoising(pictures)
        fading(pictures)
        sharpening(pictures)


def crops(paths: Iterable[Path], side: int) -> Iterator[np.ndarray]:
    for path in paths:
        pixels = np.asarray(Image.open(path).convert("RGB"), np.float32) / np.float32(255)
        top, left = (max(0, (n - side) // 2) for n in pixels.shape[:2])
        yield np.ascontiguousarray(pixels[top : top + side, left : left + side])


def psnr(pixels: np.ndarray, reference: np.ndarray) -> float:
    return float(-10 * np.log10(np.mean((np.clip(pixels, 0, 1) - reference) ** 2)))


def denoising(pictures: list[np.ndarray]) -> None:
    sigmas = (10, 15, 25)
    print(f"{'denoise, PSNR dB':26s}" + "".join(f"  sigma {s}" for s in sigmas) + "   s/Mpx")
    for name, denoise in DENOISERS.items():
        row, seconds, megapixels = [], 0.0, 0.0
        for sigma in sigmas:
            values = []
            for seed, clean in enumerate(pictures):
                noise = np.random.default_rng(seed).normal(0, sigma / 255, clean.shape)
                noisy = (clean + noise).astype(np.float32)
                start = time.process_time()
                values.append(psnr(denoise(noisy, sigma / 255), clean))
                seconds += time.process_time() - start
                megapixels += clean.shape[0] * clean.shape[1] / 1e6
            row.append(float(np.mean(values)))
        print(f"{name:26s}" + "".join(f"{v:10.2f}" for v in row) + f"{seconds / megapixels:8.2f}")


def fading(pictures: list[np.ndarray]) -> None:
    before, after, relative, common = [], [], [], []
    flare = np.float32(10**-2.1)  # a print's deepest black
    for number, pixels in enumerate(pictures):
        loss = LOSSES[number % len(LOSSES)]
        linear = (srgb_to_linear(pixels) + flare) / (1 + flare)
        sound = linear_to_srgb(linear)
        scan = np.rint(linear_to_srgb(invert_restore_density(linear, loss)) * 255)
        scan = (scan / 255).astype(np.float32)
        found = measure_fading(srgb_to_linear(scan))
        ratio = np.array(found.gains) / np.array(loss.gains)
        relative += list(np.abs(np.log(ratio / ratio[1]))[[0, 2]])
        common += list(np.abs(np.log(ratio)))
        before.append(psnr(scan, sound))
        after.append(psnr(linear_to_srgb(restore_density(srgb_to_linear(scan), found)), sound))
    gain = np.array(after) - np.array(before)
    print(
        f"correct_fading: {np.mean(before):.2f} -> {np.mean(after):.2f} dB, better in "
        f"{np.mean(gain > 0):.0%}; gains wrong by (median) {np.median(relative):.1%} relative to "
        f"green, {np.median(common):.1%} in all"
    )
    still = [measure_fading(srgb_to_linear(pixels)).nothing for pixels in pictures]
    print(f"correct_fading on the sound pictures: {np.mean(still):.0%} left alone")


def sharpening(pictures: list[np.ndarray]) -> None:
    before, after = [], []
    for clean in pictures:
        soft = cv2.GaussianBlur(clean, (0, 0), 1.0)
        sharp = sharpen_edges(soft, radius_px=1.0, amount=0.8, threshold=0.004, overshoot=0.03)
        before.append(psnr(soft, clean))
        after.append(psnr(sharp, clean))
    print(f"sharpen after a blur of 1 px: {np.mean(before):.2f} -> {np.mean(after):.2f} dB")


if __name__ == "__main__":
    main()
