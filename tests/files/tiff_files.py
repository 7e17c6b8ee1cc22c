"""What the TIFF tests share: files made by tifffile, and reading and writing by unfade."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from unfade.files.formats.contract import Opened, WriteOptions
from unfade.files.formats.tiff import TIFF
from unfade.files.limits import Limits
from unfade.picture import Picture


def make(path: Path, array: np.ndarray, **keywords: Any) -> Path:
    """A TIFF written by tifffile, without metadata of its own."""
    keywords.setdefault("photometric", "rgb" if array.ndim == 3 else "minisblack")
    tifffile.imwrite(path, array, metadata=None, **keywords)
    return path


def open_tiff(path: Path, page: int = 0) -> Opened:
    return TIFF.read(path, TIFF.header(path), Limits(), page)


def write(
    path: Path, opened: Opened, picture: Picture | None = None, xmp: bytes | None = None
) -> Path:
    TIFF.write(path, picture or opened.picture, opened, None, WriteOptions(xmp=xmp))
    return path


def noise(shape: tuple[int, ...], dtype: str, seed: int = 0) -> np.ndarray:
    values = np.random.default_rng(seed).random(shape)
    top = np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 1
    return (values * top).astype(dtype)


def touched(opened: Opened) -> Picture:
    """The picture with a small patch mended, upright rows 5-8, columns 7-19."""
    samples = opened.picture.samples.copy()
    patch = samples[5:9, 7:20]
    patch[:] = patch[::-1] * 0.5
    return opened.picture.with_samples(samples)


def all_tags(path: Path, page: int = 0) -> dict[int, tuple[int, int, Any]]:
    """Type, count and value of every tag of a page, as tifffile reads them."""
    with tifffile.TiffFile(path) as file:
        return {tag.code: (int(tag.dtype), tag.count, tag.value) for tag in file.pages[page].tags}
