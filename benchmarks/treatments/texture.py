"""Noise and JPEG blocks: texture steps on the damage that they are for."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from treatments.row import Row, cost, psnr, sound_pictures
from unfade import restore


def rows(data: Path, number: int) -> Iterator[Row]:
    """Denoising at sigma 15 and deblocking at quality 20, with the steps asked for by name."""
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
    before, after = [], []
    for sound in sound_pictures(data, number):
        file = io.BytesIO()
        Image.fromarray(sound).save(file, "JPEG", quality=20)
        hurt = np.asarray(Image.open(file))
        mended = restore(hurt, only=("deblock",)).picture.samples
        before.append(psnr(sound, hurt))
        after.append(psnr(sound, mended))
    yield Row(
        damage="JPEG, quality 20", step="deblock", measure="PSNR, dB", pictures=len(before),
        before=float(np.mean(before)), after=float(np.mean(after)), cost=cost("deblock"),
    )  # fmt: skip
