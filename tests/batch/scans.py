"""Small scans on disk, and what a run left of them."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
from PIL import Image

SIDE_PX = 72


def picture(seed: int, side_px: int = SIDE_PX) -> np.ndarray:
    """A shaded field with grain, a bright speck and a scratch: something to mend."""
    chance = np.random.default_rng(seed)
    rows, cols = np.mgrid[:side_px, :side_px].astype(np.float64)
    shade = 90 + 50 * np.sin(rows / 17 + seed) + 30 * np.cos(cols / 23)
    pixels = np.stack([shade, shade * 0.9, shade * 0.8], axis=2)
    pixels += chance.normal(0, 2.0, (side_px, side_px, 1))
    top, left = chance.integers(8, side_px - 14, 2)
    pixels[top : top + 4, left : left + 4] = 245
    pixels[:, int(chance.integers(5, side_px - 5))] = 240
    return np.clip(pixels, 0, 255).astype(np.uint8)


def coded(seed: int, kind: str = "png", side_px: int = SIDE_PX) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture(seed, side_px)).save(buffer, kind.upper().replace("JPG", "JPEG"))
    return buffer.getvalue()


def scans(folder: Path, number: int, first: int = 0) -> list[str]:
    """Files in two folders, PNG and JPEG; returns their names."""
    names = []
    for n in range(first, first + number):
        kind = "png" if n % 2 else "jpg"
        name = f"box {n % 2}/scan é {n:03}.{kind}"
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(coded(n, kind))
        names.append(name)
    return sorted(names)


def hashes(folder: Path) -> dict[str, str]:
    """Name -> SHA-256 of every file but the ledger's and the report's."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0] not in (".unfade", "unfade-report")
    }
