"""BRISQUE: a learned opinion on the statistics of a picture, with no reference.

It was trained on people's opinions of five kinds of damage (JPEG 2000, JPEG, noise, blur, fading)
and is known to follow people badly on real photographs (rank correlation 0.23 on KonIQ-10k). It is
here because older studies report it.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from unfade.evaluate.natural import halved, normalized, scene_features
from unfade.evaluate.psnr import luma
from unfade.evaluate.weights import BRISQUE_SVM, locate
from unfade.picture import Pixels

_GAMMA = 0.05
# lowest and highest value of each feature over the authors' training set, as they published them
_RANGES = np.array(
    [
        (0.338, 10), (0.017204, 0.806612), (0.236, 1.642), (-0.123884, 0.20293),
        (0.000155, 0.712298), (0.001122, 0.470257), (0.244, 1.641), (-0.123586, 0.179083),
        (0.000152, 0.710456), (0.000975, 0.470984), (0.249, 1.555), (-0.135687, 0.100858),
        (0.000174, 0.684173), (0.000913, 0.534174), (0.258, 1.561), (-0.143408, 0.100486),
        (0.000179, 0.685696), (0.000888, 0.536508), (0.471, 3.264), (0.012809, 0.703171),
        (0.218, 1.046), (-0.094876, 0.187459), (1.5e-5, 0.442057), (0.001272, 0.40803),
        (0.222, 1.042), (-0.115772, 0.162604), (1.6e-5, 0.444362), (0.001374, 0.40243),
        (0.227, 0.996), (-0.117188, 0.098323), (3e-5, 0.531903), (0.001122, 0.369589),
        (0.228, 0.99), (-0.12243, 0.098658), (2.8e-5, 0.530092), (0.001118, 0.370399),
    ]
)  # fmt: skip


def brisque_score(pixels: Pixels) -> float:
    """BRISQUE of a picture: about 0 for the best, 100 for the worst.

    Args:
        pixels: (rows, cols, channels) float32, sRGB, each side 32 px or more
    Raises:
        ModelMissing: the support vectors are not here; the message says how to get them
        ValueError: a side is shorter than 32 px
    Source:
        Mittal, Moorthy, Bovik 2012, doi:10.1109/TIP.2012.2214050
    """
    if min(pixels.shape[:2]) < 32:
        raise ValueError(f"a picture of {pixels.shape[:2]} is too small, expected 32 px a side")
    weights, vectors, rho = read_support_vectors(str(locate(BRISQUE_SVM)))
    low, high = _RANGES[:, 0], _RANGES[:, 1]
    scaled = 2 * (brisque_features(pixels) - low) / (high - low) - 1
    apart = np.sum((vectors - scaled) ** 2, axis=1)
    return float(weights @ np.exp(-_GAMMA * apart) - rho)


def brisque_features(pixels: Pixels) -> np.ndarray:
    """The 36 numbers of a picture: 18 of the plane and 18 at half size, float64."""
    plane = luma(pixels)[:, :, 0].astype(np.float64) * 255
    fine = scene_features(normalized(plane)[0])
    return np.concatenate([fine, scene_features(normalized(halved(plane))[0])])


@cache
def read_support_vectors(path: str) -> tuple[np.ndarray, np.ndarray, float]:
    """Weights, vectors (n, 36) and offset of a libsvm model file; features not named are 0.

    Raises:
        ValueError: a line cannot be read; its number is named
    """
    rho, weights, vectors = 0.0, [], []
    with open(path, encoding="ascii") as file:
        lines = iter(enumerate(file, 1))
        for _, line in lines:
            key, _, value = line.strip().partition(" ")
            if key == "rho":
                rho = float(value)
            if key == "SV":
                break
        for number, line in lines:
            weight, *entries = line.split()
            vector = np.zeros(len(_RANGES))
            for entry in entries:
                index, colon, value = entry.partition(":")
                if not colon or not 1 <= int(index) <= len(_RANGES):
                    raise ValueError(f"`{path}`, line {number}: `{entry}` is no feature of 36")
                vector[int(index) - 1] = float(value)
            weights.append(float(weight))
            vectors.append(vector)
    return np.array(weights), np.array(vectors), rho
