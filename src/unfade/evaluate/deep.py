"""What the learned distances share: pixels to tensors, and the distance of unit features."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from unfade.needs import need
from unfade.picture import Pixels

# the scale of ImageNet in the range -1 to 1, as LPIPS and its kin use it
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)


def torch_for(purpose: str) -> ModuleType:
    """PyTorch, or the error that says how to get it."""
    return need("torch", extra="study", to=purpose)


def as_batch(torch: Any, pixels: Pixels, state: dict[str, Any] | None = None) -> Any:
    """One picture as a batch (1, 3, rows, cols), on the scale that the trunks were trained on."""
    rgb = np.broadcast_to(pixels, (*pixels.shape[:2], 3))
    batch_nchw = torch.from_numpy(np.ascontiguousarray(rgb.transpose(2, 0, 1)))[None]
    if state and "scaling_layer.shift" in state:
        shift, scale = state["scaling_layer.shift"], state["scaling_layer.scale"]
    else:
        shift = torch.tensor(SHIFT).view(1, 3, 1, 1)
        scale = torch.tensor(SCALE).view(1, 3, 1, 1)
    return (2 * batch_nchw - 1 - shift) / scale


def distance(a: list[Any], b: list[Any], heads: list[Any]) -> float:
    """Sum over layers of the mean weighted squared distance of features of unit length.

    Args:
        a, b: features (1, channels, rows, cols) of each layer
        heads: weights (1, channels, 1, 1) of each layer
    """
    total = 0.0
    for first, second, head in zip(a, b, heads, strict=True):
        apart = (_unit(first) - _unit(second)) ** 2
        total += float((apart * head).sum(dim=1).mean())
    return total


def _unit(features: Any) -> Any:
    length = (features**2).sum(dim=1, keepdim=True).sqrt()
    return features / (length + 1e-10)
