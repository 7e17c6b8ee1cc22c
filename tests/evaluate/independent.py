"""Independent implementations, and the cure for a torchvision built for another PyTorch."""

from __future__ import annotations

import warnings
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np


@cache
def libraries() -> tuple[ModuleType, ModuleType, ModuleType]:
    """torch, piq and torchmetrics' image functions."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import torchvision  # noqa: F401
        except RuntimeError:  # its own operators are missing; none of them is needed here
            import sys

            for name in [n for n in sys.modules if n.partition(".")[0] == "torchvision"]:
                del sys.modules[name]
            library = torch.library.Library("torchvision", "DEF")
            library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
            library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
            _KEPT.append(library)
        import piq
        import torchmetrics.functional.image as image
    return torch, piq, image


_KEPT: list[Any] = []


def batch(pixels: np.ndarray) -> Any:
    """A picture as (1, channels, rows, cols) float64."""
    torch, _, _ = libraries()
    return torch.from_numpy(
        np.ascontiguousarray(pixels.transpose(2, 0, 1))[None].astype(np.float64)
    )
