"""LPIPS with the AlexNet trunk: the learned distance that papers report.

Its trunk (233 MB) comes in no package: the two files are looked for in the zoo's folder of
weights. Without them use ``stlpips``, which needs no download.

Paper: Zhang, Isola, Efros, Shechtman, Wang 2018, CVPR, arXiv:1801.03924.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from unfade.evaluate.deep import as_batch, distance, torch_for
from unfade.evaluate.weights import ALEXNET, LPIPS_ALEX, locate
from unfade.picture import Pixels

SMALLEST_PX = 31
_PURPOSE = "measure LPIPS"
# layer in the trunk's file, stride, padding, and whether a 3 x 3 pool of stride 2 comes before
_LAYERS = ((0, 4, 2, False), (3, 1, 2, True), (6, 1, 1, True), (8, 1, 1, False), (10, 1, 1, False))


def lpips_distance(a: Pixels, b: Pixels) -> float:
    """LPIPS v0.1 (AlexNet) of two pictures; 0 for equal ones.

    Args:
        a, b: (rows, cols, channels) float32 of one size, sRGB, each side 31 px or more
    Raises:
        ValueError: the sizes differ, or a side is too short
        ModelMissing: trunk or heads are not on this machine; the message says where to lay them
    """
    if a.shape != b.shape:
        raise ValueError(f"pictures differ in size: {a.shape} and {b.shape}")
    if min(a.shape[:2]) < SMALLEST_PX:
        raise ValueError(f"pictures of {a.shape[:2]} are too small, expected {SMALLEST_PX} px")
    trunk, heads = _states()
    torch = torch_for(_PURPOSE)
    with torch.inference_mode():
        features = [_features(trunk, as_batch(torch, p)) for p in (a, b)]
        return distance(
            features[0], features[1], [heads[f"lin{i}.model.1.weight"] for i in range(5)]
        )


@cache
def _states() -> tuple[dict[str, Any], dict[str, Any]]:
    paths = locate(ALEXNET), locate(LPIPS_ALEX)
    load = torch_for(_PURPOSE).load
    trunk, heads = (load(path, map_location="cpu", weights_only=True) for path in paths)
    return trunk, heads


def _features(trunk: dict[str, Any], x: Any) -> list[Any]:
    f = torch_for(_PURPOSE).nn.functional
    features = []
    for layer, stride, padding, pooled in _LAYERS:
        x = f.max_pool2d(x, 3, 2) if pooled else x
        weight, bias = trunk[f"features.{layer}.weight"], trunk[f"features.{layer}.bias"]
        x = f.relu(f.conv2d(x, weight, bias, stride=stride, padding=padding))
        features.append(x)
    return features
