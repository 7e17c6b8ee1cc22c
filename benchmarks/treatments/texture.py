"""Noise: the texture step on the damage that it is for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from treatments.row import Row, cost, psnr, sound_pictures
from unfade import restore


def rows(data: Path, number: int) -> Iterator[Row]:
    """Denoising at sigma 15, with the step asked for by name."""
    before, after = [], []
    for k, sound in enumerate(sound_pictures(data, number)):
        noise = np.random.default_rng(k).normal(0, 15, sound.shape)
        hurt = np.clip(np.rint(sound + noise), 0, 255).astype(np.uint8)
        mended = restore(hurt, only=("denoise",)).picture.samples
        before.append(psnr(sound, hurt))
        after.append(psnr(sound, mended))
    yield Row(
        damage="noise, sigma 15", step="denoise", measure="PSNR, dB", pictures=len(before),
        before=float(np.mean(before)), after=float(np.mean(after)),
        cost=cost("denoise", sigma=0.06),
    )  # fmt: skip
