"""YuNet's and SFace's interfaces through OpenCV, with networks made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unfade.engines.contract import ModelFacts
from unfade.engines.face_nets import FaceDetector, FaceRecogniser
from unfade.errors import ModelRejected, UsageError

FACTS = ModelFacts(name="made", shape="find", sha256="", licence="MIT", paper="")
SIDE = 128


def saved(path: Path, nodes: list[Any], outputs: list[Any], constants: dict[str, Any]) -> Path:
    import onnx

    make = onnx.helper
    shape = [1, 3, SIDE, SIDE] if len(outputs) > 1 else [1, 3, 112, 112]
    graph = make.make_graph(
        nodes,
        "made",
        [make.make_tensor_value_info("input", 1, shape)],
        outputs,
        [onnx.numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()],
    )
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 11)], ir_version=6)
    path.write_bytes(model.SerializeToString())
    return path


def bright_cells(path: Path) -> Path:
    """YuNet's outputs; a face is where a cell of 32 x 32 pixels is bright, in its first corner."""
    import onnx

    make = onnx.helper
    nodes, outputs, constants = [], [], {}
    for stride in (8, 16, 32):
        cells = (SIDE // stride) ** 2
        nodes.append(
            make.make_node(
                "AveragePool", ["input"], [f"mean{stride}"], kernel_shape=[stride] * 2,
                strides=[stride] * 2,
            )
        )  # fmt: skip
        for name, channels in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
            slope, start = (0.1, -15.0) if channels == 1 and stride == 32 else (0.0, -15.0)
            start = start if channels == 1 else 0.0
            key = f"{name}_{stride}"
            constants[f"w{key}"] = np.full((channels, 3, 1, 1), slope / 3, np.float32)
            constants[f"b{key}"] = np.full(channels, start, np.float32)
            constants[f"s{key}"] = np.array([1, cells, channels], np.int64)
            flat = f"f{key}"
            nodes += [
                make.make_node("Conv", [f"mean{stride}", f"w{key}", f"b{key}"], [f"c{key}"]),
                make.make_node("Transpose", [f"c{key}"], [f"t{key}"], perm=[0, 2, 3, 1]),
                make.make_node("Reshape", [f"t{key}", f"s{key}"], [flat if channels == 1 else key]),
            ]
            if channels == 1:
                nodes.append(make.make_node("Sigmoid", [flat], [key]))
            outputs.append(make.make_tensor_value_info(key, 1, [1, cells, channels]))
    return saved(path, nodes, outputs, constants)


def test_faces_come_with_box_points_and_score(tmp_path: Path) -> None:
    engine = FaceDetector(FACTS, bright_cells(tmp_path / "yunet.onnx"))
    pixels = np.zeros((SIDE, SIDE, 3), np.float32)
    pixels[64:96, 32:64] = 1.0
    faces = engine.find(pixels)
    assert faces.shape == (1, 15) and faces.dtype == np.float32
    x, y, width, height = faces[0, :4]
    assert (x + width / 2, y + height / 2) == pytest.approx((32, 64), abs=1)
    assert faces[0, 4:6] == pytest.approx((32, 64), abs=1)
    assert 0.9 < faces[0, 14] <= 1
    assert engine.find(pixels[:, :, :1]).shape == (1, 15), "grey pictures too"
    assert engine.find(np.zeros_like(pixels)).shape == (0, 15)


def test_likeness_is_a_number_of_length_one(tmp_path: Path) -> None:
    import onnx

    nodes = [
        onnx.helper.make_node(
            "AveragePool", ["input"], ["mean"], kernel_shape=[28, 28], strides=[28, 28]
        ),
        onnx.helper.make_node("Flatten", ["mean"], ["fc1"]),
    ]
    output = onnx.helper.make_tensor_value_info("fc1", 1, [1, 48])
    engine = FaceRecogniser(FACTS, saved(tmp_path / "sface.onnx", nodes, [output], {}))
    rng = np.random.default_rng(1)
    one = rng.random((112, 112, 3), np.float32)
    numbers = engine.find(one)
    assert np.linalg.norm(numbers) == pytest.approx(1, abs=1e-5)
    assert float(np.dot(numbers, engine.find(one))) == pytest.approx(1, abs=1e-5)
    other = np.zeros_like(one)
    other[:56, :, 0] = 1
    assert float(np.dot(numbers, engine.find(other))) < 0.9
    with pytest.raises(ValueError, match="expected 112 x 112"):
        engine.find(one[:100])


def test_a_file_that_is_no_network_and_a_device_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "x.onnx"
    path.write_bytes(b"no network")
    with pytest.raises(ModelRejected, match=r"OpenCV cannot read `x\.onnx`"):
        FaceDetector(FACTS, path)
    with pytest.raises(UsageError, match="device `cuda`"):
        FaceRecogniser(FACTS, path, device="cuda")
