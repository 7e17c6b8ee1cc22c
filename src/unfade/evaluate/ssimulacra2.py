"""SSIMULACRA 2: multi-scale similarity in a perceptual space, tuned on people's opinions.

Computed by the package ``ssimulacra2`` (BSD-3-Clause), which takes 8-bit codes.

Source: Sneyers 2022, github.com/cloudinary/ssimulacra2.
"""

from __future__ import annotations

import io

import numpy as np

from unfade.needs import need
from unfade.picture import Pixels, pixels_to_codes


def ssimulacra2_score(a: Pixels, b: Pixels) -> float:
    """Score of ``b`` against ``a``: 100 equal, 90 not to be told apart, 50 fair, below 0 poor.

    Args:
        a, b: (rows, cols, channels) float32 of one size, sRGB; each side 8 px or more
    Raises:
        ValueError: the sizes differ, or a side is too short
        MissingPackage: ``ssimulacra2`` is not installed
    Cost:
        about 2.5 s a megapixel on one core
    """
    if a.shape != b.shape:
        raise ValueError(f"pictures differ in size: {a.shape} and {b.shape}")
    if min(a.shape[:2]) < 8:
        raise ValueError(f"pictures of {a.shape[:2]} are too small, expected 8 px or more a side")
    package = need("ssimulacra2", extra="study", to="measure SSIMULACRA 2")
    # the package takes files: lossless ones in memory
    return float(package.compute_ssimulacra2(_as_file(a), _as_file(b)))


def _as_file(pixels: np.ndarray) -> io.BytesIO:
    from PIL import Image

    rgb = np.broadcast_to(pixels, (*pixels.shape[:2], 3))
    file = io.BytesIO()
    codes = pixels_to_codes(rgb, np.dtype(np.uint8), 255.0)
    Image.fromarray(np.ascontiguousarray(codes)).save(file, "PPM")
    file.seek(0)
    return file
