"""ST-LPIPS: a learned perceptual distance that forgives a shift of a pixel. No download needed.

The trunk (AlexNet or VGG-16 with blurred, dense sampling) and its heads come in the wheel
``stlpips-pytorch`` (BSD-2-Clause); only its state dicts are read, with ``weights_only=True``, and
run by the code below.

Paper: Ghildyal, Liu 2022, "Shift-tolerant Perceptual Similarity Metric", ECCV, arXiv:2207.13686.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from unfade.errors import nearest
from unfade.evaluate.deep import as_batch, distance, torch_for
from unfade.evaluate.weights import STLPIPS_ALEX, STLPIPS_VGG, locate
from unfade.picture import Pixels

TRUNKS = ("alex", "vgg")
SMALLEST_PX = 32
_PURPOSE = "measure the perceptual distance ST-LPIPS"
# layers of VGG-16 as numbers in its file: convolutions, "pool", or where a feature is taken
_VGG = (
    ("slice1", (0, 2)), ("slice2", (6, 8)), ("slice3", (12, 14, 16)),
    ("slice4", (20, 22, 24)), ("slice5", (28, 30, 32)),
)  # fmt: skip


def perceptual_distance(a: Pixels, b: Pixels, *, trunk: str = "alex") -> float:
    """ST-LPIPS of two pictures: 0 for equal ones; 0.1 is seen, 0.4 is another picture.

    Args:
        a, b: (rows, cols, channels) float32 of one size, sRGB, each side 32 px or more
        trunk: ``alex`` (quick) or ``vgg``
    Raises:
        ValueError: the sizes differ, a side is too short, or an unknown trunk
        MissingPackage: PyTorch is not installed
        ModelMissing: the wheel that brings the weights is not installed
    Cost:
        ``alex`` about 6 s, ``vgg`` about 15 s a megapixel on two cores; 1.5 GB a megapixel
    """
    if trunk not in TRUNKS:
        raise ValueError(f"There is no trunk `{trunk}`. {nearest(trunk, TRUNKS)}")
    if a.shape != b.shape:
        raise ValueError(f"pictures differ in size: {a.shape} and {b.shape}")
    if min(a.shape[:2]) < SMALLEST_PX:
        raise ValueError(f"pictures of {a.shape[:2]} are too small, expected {SMALLEST_PX} px")
    torch = torch_for(_PURPOSE)
    state = _state(trunk)
    with torch.inference_mode():
        features = [_features(state, trunk, as_batch(torch, p, state)) for p in (a, b)]
        heads = [state[f"lin{i}.model.1.weight"] for i in range(5)]
        return distance(features[0], features[1], heads)


@cache
def _state(trunk: str) -> dict[str, Any]:
    weights = STLPIPS_ALEX if trunk == "alex" else STLPIPS_VGG
    torch = torch_for(_PURPOSE)
    state: dict[str, Any] = torch.load(locate(weights), map_location="cpu", weights_only=True)
    return state


def _features(state: dict[str, Any], trunk: str, batch_nchw: Any) -> list[Any]:
    return (_alex if trunk == "alex" else _vgg)(state, batch_nchw)


def _alex(state: dict[str, Any], x: Any) -> list[Any]:
    """Five features; sampling is blurred, and every convolution runs at every pixel."""
    f = torch_for(_PURPOSE).nn.functional

    def conv(x: Any, name: str, padding: int) -> Any:
        return f.conv2d(x, state[f"net.{name}.weight"], state[f"net.{name}.bias"], padding=padding)

    first = f.relu(_sample(conv(x, "slice1.0", 2)))
    x = _sample(f.max_pool2d(first, 3, 1))
    second = f.relu(conv(x, "slice2.5", 2))
    x = _sample(f.max_pool2d(second, 3, 1))
    third = f.relu(conv(x, "slice3.9", 1))
    fourth = f.relu(conv(third, "slice4.11", 1))
    return [first, second, third, fourth, f.relu(conv(fourth, "slice5.13", 1))]


def _vgg(state: dict[str, Any], x: Any) -> list[Any]:
    f = torch_for(_PURPOSE).nn.functional
    features: list[Any] = []
    for slice_name, layers in _VGG:
        if features:
            x = _sample(f.max_pool2d(x, 2, 1))
        for layer in layers:
            name = f"net.{slice_name}.{layer}"
            x = f.relu(f.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], padding=1))
        features.append(x)
    return features


def _sample(x: Any) -> Any:
    """Every second pixel of the binomially blurred planes, two pixels mirrored around them."""
    torch = torch_for(_PURPOSE)
    f = torch.nn.functional
    row = torch.tensor([0.25, 0.5, 0.25])
    kernel = (row[:, None] * row[None, :]).expand(x.shape[1], 1, 3, 3)
    return f.conv2d(f.pad(x, (2, 2, 2, 2), mode="reflect"), kernel, stride=2, groups=x.shape[1])
