"""Small networks of true architectures with random weights, as checkpoint files."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from unfade.engines.torch_door import open_beside_torch, open_torch
from unfade.result import file_sha256
from unfade.zoo.catalogue import Entry, FileEntry

# architecture -> (arguments of a small one, facts)
SMALL: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "Compact": (
        {"num_feat": 8, "num_conv": 3, "upscale": 2},
        {"scale": 2, "halo_px": 5, "reach_px": 5},
    ),
    "ESRGAN": (
        {"num_filters": 8, "num_blocks": 1, "scale": 4},
        {"scale": 4, "halo_px": 24, "reach_px": 24},
    ),
    "DRUNet": (
        {"in_nc": 4, "out_nc": 3, "nc": [4, 8, 8, 8], "nb": 2},
        {"multiple_of": 8, "minimum_px": 16, "halo_px": 64, "dials": ("sigma",)},
    ),
    "FBCNN": (
        {"nc": [4, 8, 8, 512], "nb": 2},
        {"multiple_of": 8, "minimum_px": 16, "halo_px": 32, "tiling": "blend",
         "dials": ("quality",)},
    ),
    "NAFNet": (
        {"width": 4, "middle_blk_num": 1, "enc_blk_nums": [1, 1], "dec_blk_nums": [1, 1]},
        {"multiple_of": 16, "minimum_px": 16, "halo_px": 32, "tiling": "blend"},
    ),
    "SCUNet": (
        {"in_nc": 3, "config": [1] * 7, "dim": 64},
        {"multiple_of": 64, "minimum_px": 64, "halo_px": 64, "tiling": "blend"},
    ),
    "SwinIR": (
        {"embed_dim": 12, "depths": [2], "num_heads": [2], "upscale": 2, "window_size": 8,
         "img_size": 64, "upsampler": "pixelshuffle", "mlp_ratio": 2.0},
        {"scale": 2, "multiple_of": 8, "minimum_px": 16, "halo_px": 32, "tiling": "blend"},
    ),
}  # fmt: skip


def built(architecture: str, arguments: dict[str, Any], seed: int = 3, extra: bool = False) -> Any:
    """The authors' network of this architecture with random weights, ready to be called."""
    torch = open_torch(to="test")
    package = "spandrel_extra_arches" if extra else "spandrel"
    open_beside_torch(package, to="test")
    module = importlib.import_module(f"{package}.architectures.{architecture}")
    torch.manual_seed(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the authors' code is older than this PyTorch
        net = getattr(module, architecture)(**arguments).eval()
    with torch.no_grad():
        for name, parameter in net.named_parameters():  # nets that begin as identities would hide
            if name.rpartition(".")[2] in ("beta", "gamma"):
                parameter.uniform_(-0.2, 0.2)
    return net


def saved(net: Any, path: Path, change: Callable[[dict[str, Any]], Any] = dict) -> Path:
    """The network's tensors as a file of the kind that ``path`` ends in."""
    torch = open_torch(to="test")
    tensors = {name: t.contiguous().clone() for name, t in net.state_dict().items()}
    if path.suffix == ".safetensors":
        open_beside_torch("safetensors.torch", to="test").save_file(tensors, path)
    else:
        torch.save(change(tensors), path)
    return path


def entry(architecture: str, path: Path, **facts: Any) -> Entry:
    """A catalogue entry for a file."""
    file = FileEntry(
        role="weights",
        path=path.name,
        bytes=path.stat().st_size,
        sha256=file_sha256(path),
        own=True,
    )
    plain: dict[str, Any] = {"tile_px": 512, "shape": "mend"} | facts
    halo = plain.get("halo_px", 0)
    unit = plain.get("multiple_of", 1)
    plain["tile_px"] = max(unit, (512 - 2 * halo) // unit * unit) + 2 * halo
    formats = {".safetensors": "safetensors", ".pth": "pth", ".pt": "torchscript"}
    return Entry(
        name="made", about="", task="test", format=formats[path.suffix], licence="CC0-1.0",
        architecture=architecture, files=(file,), **plain,
    )  # fmt: skip
