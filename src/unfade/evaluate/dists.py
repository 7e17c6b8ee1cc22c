"""DISTS: a learned distance that lets texture be made again, as grain is.

Its trunk comes in no package: the two files are looked for in the zoo's folder of weights.

Paper: Ding, Ma, Wang, Simoncelli 2020, doi:10.1109/TPAMI.2020.3045810, arXiv:2004.07728.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from unfade.evaluate.deep import torch_for
from unfade.evaluate.weights import DISTS_WEIGHTS, VGG16, locate
from unfade.picture import Pixels

SMALLEST_PX = 32
_PURPOSE = "measure DISTS"
_SHORT_SIDE_PX = 256  # larger pictures are scaled down to this, as published
_STAGES = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))
_CHANNELS = (3, 64, 128, 256, 512, 512)
_MEAN, _SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def dists_distance(a: Pixels, b: Pixels) -> float:
    """DISTS of two pictures, 0 for equal ones, at most 1.

    Args:
        a, b: (rows, cols, channels) float32 of one size, sRGB, each side 32 px or more
    Raises:
        ValueError: the sizes differ, or a side is too short
        ModelMissing: trunk or weights are not on this machine; the message says where to lay them
    """
    if a.shape != b.shape:
        raise ValueError(f"pictures differ in size: {a.shape} and {b.shape}")
    if min(a.shape[:2]) < SMALLEST_PX:
        raise ValueError(f"pictures of {a.shape[:2]} are too small, expected {SMALLEST_PX} px")
    trunk, weights = _states()
    torch = torch_for(_PURPOSE)
    alpha = torch.split(weights["alpha"], _CHANNELS, dim=1)
    beta = torch.split(weights["beta"], _CHANNELS, dim=1)
    whole = weights["alpha"].sum() + weights["beta"].sum()
    similarity = 0.0
    with torch.inference_mode():
        first, second = (_features(trunk, _batch(torch, p)) for p in (a, b))
        for x, y, texture, structure in zip(first, second, alpha, beta, strict=True):
            like, together = _similar(x, y)
            similarity += float(((texture * like + structure * together) / whole).sum())
    return 1.0 - similarity


@cache
def _states() -> tuple[dict[str, Any], dict[str, Any]]:
    paths = locate(VGG16), locate(DISTS_WEIGHTS)
    load = torch_for(_PURPOSE).load
    trunk, weights = (load(path, map_location="cpu", weights_only=True) for path in paths)
    return trunk, weights


def _batch(torch: Any, pixels: Pixels) -> Any:
    rgb = np.broadcast_to(pixels, (*pixels.shape[:2], 3))
    batch_nchw = torch.from_numpy(np.ascontiguousarray(rgb.transpose(2, 0, 1)))[None]
    short = min(pixels.shape[:2])
    if short > _SHORT_SIDE_PX:
        batch_nchw = torch.nn.functional.interpolate(
            batch_nchw,
            scale_factor=_SHORT_SIDE_PX / short,
            recompute_scale_factor=False,
            mode="bilinear",
        )
    return batch_nchw


def _features(trunk: dict[str, Any], batch_nchw: Any) -> list[Any]:
    """The picture itself and five features; pools are root mean squares under a window."""
    torch = torch_for(_PURPOSE)
    f = torch.nn.functional
    shape = (1, 3, 1, 1)
    x = (batch_nchw - torch.tensor(_MEAN).view(shape)) / torch.tensor(_SPREAD).view(shape)
    features = [batch_nchw]
    for stage, layers in enumerate(_STAGES):
        x = _pooled(torch, x) if stage else x
        for layer in layers:
            weight, bias = trunk[f"features.{layer}.weight"], trunk[f"features.{layer}.bias"]
            x = f.relu(f.conv2d(x, weight, bias, padding=1))
        features.append(x)
    return features


def _pooled(torch: Any, x: Any) -> Any:
    row = torch.hann_window(5, periodic=False)[1:-1]
    kernel = row[:, None] * row[None, :]
    kernel = (kernel / kernel.sum()).expand(x.shape[1], 1, 3, 3)
    square = torch.nn.functional.conv2d(x**2, kernel, stride=2, padding=1, groups=x.shape[1])
    return (square + 1e-12).sqrt()


def _similar(x: Any, y: Any) -> tuple[Any, Any]:
    """Likeness of the channels' means (texture) and their correlation (structure)."""
    plane, small = (2, 3), 1e-6
    mean_x, mean_y = (v.mean(plane, keepdim=True) for v in (x, y))
    var_x = ((x - mean_x) ** 2).mean(plane, keepdim=True)
    var_y = ((y - mean_y) ** 2).mean(plane, keepdim=True)
    both = (x * y).mean(plane, keepdim=True) - mean_x * mean_y
    like = (2 * mean_x * mean_y + small) / (mean_x**2 + mean_y**2 + small)
    return like, (2 * both + small) / (var_x + var_y + small)
