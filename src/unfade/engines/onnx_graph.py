"""Writes a network that was read from ncnn's files as an ONNX model.

The model takes any number of rows and columns. Each kind of layer is one or two ONNX operators
of the same definition, so that the runtimes agree to rounding.

Source: ONNX operator set 17.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from unfade.engines.stages import Stage, layers_of
from unfade.errors import ModelRejected
from unfade.needs import need
from unfade.zoo.ncnn_weights import Graph, Layer

OPERATORS = 17
FORMAT = 8  # the file's version: the oldest that has these operators


def write_onnx(graph: Graph, stage: Stage) -> bytes:
    """Turn one stage (or the whole, as a single stage) of a network into an ONNX file's bytes.

    Returns:
        the model; inputs and outputs are (1, channels, rows, cols) float32 under the stage's names
    Raises:
        MissingPackage: `onnx` is not installed
        ModelRejected: a layer has no counterpart here
    """
    helper = need("onnx.helper", extra="onnx", to="run this network with ONNX Runtime")
    numpy_helper = need("onnx.numpy_helper", extra="onnx", to="run this network")
    writer = _Writer(helper, graph.sources)
    for layer in layers_of(graph, stage):
        writer.add(layer)
    float32 = 1  # TensorProto.FLOAT

    def values(names: tuple[str, ...]) -> list[Any]:
        shape = [1, None, "rows", "cols"]
        return [helper.make_tensor_value_info(name, float32, shape) for name in names]

    model = helper.make_model(
        helper.make_graph(
            writer.nodes,
            "unfade",
            values(stage.inputs),
            [
                helper.make_tensor_value_info(o, float32, [1, None, None, None])
                for o in stage.outputs
            ],
            [numpy_helper.from_array(array, name) for name, array in writer.constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", OPERATORS)],
        ir_version=FORMAT,
    )
    return bytes(model.SerializeToString())


class _Writer:
    """Nodes and constants of a model in the making."""

    def __init__(self, helper: Any, sources: dict[str, str]) -> None:
        self.helper = helper
        self.sources = sources
        self.nodes: list[Any] = []
        self.constants: dict[str, np.ndarray] = {}

    def add(self, layer: Layer) -> None:
        inputs = [self.sources[name] for name in layer.inputs]
        activation = int(layer.number(9)) if layer.kind == "Convolution" else 0
        raw = f"{layer.outputs[0]}/raw" if activation else layer.outputs[0]
        for operator, names, attributes in self._operators(layer, inputs):
            self.nodes.append(self.helper.make_node(operator, names, [raw], **attributes))
        if activation == 1:
            self.nodes.append(self.helper.make_node("Relu", [raw], [layer.outputs[0]]))
        elif activation == 2:
            slope = float(layer.numbers(10)[0])
            self.nodes.append(
                self.helper.make_node("LeakyRelu", [raw], [layer.outputs[0]], alpha=slope)
            )
        elif activation:
            raise ModelRejected(f"`{layer.name}` has the activation {activation}, not known here.")

    def _operators(
        self, layer: Layer, inputs: list[str]
    ) -> Iterator[tuple[str, list[str], dict[str, Any]]]:
        if layer.kind == "Convolution":
            parts = [self._constant(layer, part, array) for part, array in layer.weights.items()]
            pad = int(layer.number(4))
            stride = int(layer.number(3, 1))
            yield "Conv", inputs + parts, {"pads": [pad] * 4, "strides": [stride] * 2}
        elif layer.kind == "PReLU":
            slope = layer.weights["weight"].reshape(-1, 1, 1)
            yield "PRelu", [*inputs, self._constant(layer, "slope", slope)], {}
        elif layer.kind == "Concat":
            yield "Concat", inputs, {"axis": 1}
        elif layer.kind == "BinaryOp" and layer.number(0) == 0 and len(inputs) == 2:
            yield "Add", inputs, {}
        elif layer.kind == "Eltwise" and layer.number(0) == 1:
            yield "Sum", self._weighted(layer, inputs), {}
        elif layer.kind == "PixelShuffle" and layer.number(1) == 0:
            yield "DepthToSpace", inputs, {"blocksize": int(layer.number(0)), "mode": "CRD"}
        elif layer.kind == "Interp":
            factors = np.array([1, 1, layer.number(1), layer.number(2)], np.float32)
            mode = {1: "nearest", 2: "linear", 3: "cubic"}[int(layer.number(0))]
            attributes: dict[str, Any] = {"mode": mode, "cubic_coeff_a": -0.75}
            if mode == "nearest":
                attributes = {
                    "mode": mode,
                    "coordinate_transformation_mode": "asymmetric",
                    "nearest_mode": "floor",
                }
            yield "Resize", [inputs[0], "", self._constant(layer, "factors", factors)], attributes
        else:
            raise ModelRejected(f"Layer `{layer.name}` ({layer.kind}) has no ONNX form here.")

    def _weighted(self, layer: Layer, inputs: list[str]) -> list[str]:
        """Each input times its coefficient; those of 1 as they are."""
        coefficients = layer.numbers(1) or (1.0,) * len(inputs)
        names = []
        for i, (name, coefficient) in enumerate(zip(inputs, coefficients, strict=True)):
            if coefficient != 1:
                factor = self._constant(layer, f"factor{i}", np.array(coefficient, np.float32))
                product = f"{layer.outputs[0]}/{i}"
                self.nodes.append(self.helper.make_node("Mul", [name, factor], [product]))
                name = product
            names.append(name)
        return names

    def _constant(self, layer: Layer, part: str, array: np.ndarray) -> str:
        name = f"{layer.name}.{part}"
        self.constants[name] = np.ascontiguousarray(array, np.float32)
        return name
