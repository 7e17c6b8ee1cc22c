"""Tiny ONNX networks with known effect, and the manifest that offers them to the page."""

from __future__ import annotations

import hashlib
import json
import shutil
from importlib import resources
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from unfade.web.networks import shipped_networks

HALO = 8  # two convolutions of 7 look 6 pixels away; a multiple of what the network takes


def smooth_network() -> bytes:
    """Two 7x7 convolutions over three channels with a ReLU between: sees 6 pixels around."""
    rng = np.random.default_rng(5)
    first = rng.normal(0, 0.06, (8, 3, 7, 7)).astype(np.float32)
    second = rng.normal(0, 0.06, (3, 8, 7, 7)).astype(np.float32)
    return _model(
        [
            helper.make_node("Conv", ["image", "w1"], ["a"], pads=[3, 3, 3, 3]),
            helper.make_node("Relu", ["a"], ["b"]),
            helper.make_node("Conv", ["b", "w2"], ["c"], pads=[3, 3, 3, 3]),
            helper.make_node("Add", ["image", "c"], ["out"]),
        ],
        {"w1": first, "w2": second},
        scale=1,
    )


def double_network() -> bytes:
    """Doubles each side by depth to space of a 3x3 convolution."""
    rng = np.random.default_rng(6)
    weights = rng.normal(0.04, 0.05, (12, 3, 3, 3)).astype(np.float32)
    return _model(
        [
            helper.make_node("Conv", ["image", "w"], ["a"], pads=[1, 1, 1, 1]),
            helper.make_node("DepthToSpace", ["a"], ["out"], blocksize=2),
        ],
        {"w": weights},
        scale=2,
    )


def nan_network() -> bytes:
    """Divides nought by nought."""
    return _model(
        [
            helper.make_node("Sub", ["image", "image"], ["a"]),
            helper.make_node("Div", ["a", "a"], ["out"]),
        ],
        {},
        scale=1,
    )


def write_networks(folder: Path) -> Path:
    """The networks and ``on-device.json``; `broken` has a wrong hash on purpose."""
    entries = []
    for name, task, model, scale, halo in (
        ("smooth", "denoise", smooth_network(), 1, HALO),
        ("double", "upscale", double_network(), 2, 4),
        ("nan", "deblock", nan_network(), 1, 0),
        ("broken", "sharpen", smooth_network(), 1, HALO),
    ):
        (folder / f"{name}.onnx").write_bytes(model)
        sha256 = hashlib.sha256(model if name != "broken" else b"other").hexdigest()
        entries.append(
            {
                "name": name,
                "task": task,
                "file": f"{name}.onnx",
                "sha256": sha256,
                "bytes": len(model),
                "scale": scale,
                "halo": halo,
                "multiple_of": 4,
                "tile_px": 96,
                "inputs": [{"name": "image", "channels": 3}],
            }
        )
    for entry in shipped_networks():  # and those that come with unfade
        shutil.copy(str(resources.files("unfade") / "zoo" / "weights" / entry["file"]), folder)
        entries.append(entry)
    (folder / "on-device.json").write_text(json.dumps({"networks": entries}))
    return folder


def _model(nodes: list[onnx.NodeProto], weights: dict[str, np.ndarray], scale: int) -> bytes:
    shape_in, shape_out = [1, 3, "rows", "cols"], [1, 3, "rows_out", "cols_out"]
    graph = helper.make_graph(
        nodes,
        f"times{scale}",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape_in)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, shape_out)],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
