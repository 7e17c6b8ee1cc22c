"""Networks in ncnn's form, computed by PyTorch: the same layers, on CUDA, MPS or a processor.

Each kind of layer is one call of PyTorch of the same definition, so that the runtimes agree to
rounding; what a later layer does not read any more is let go of at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unfade.engines.stages import Stage, layers_of, single
from unfade.engines.torch_run import TorchRuntime, check_half
from unfade.errors import ModelRejected
from unfade.zoo.ncnn_weights import Graph, Layer, read_graph


class TorchGraph(TorchRuntime):
    """A network of ncnn's form opened in PyTorch.

    Args:
        files: ``param`` and ``bin``, verified
        device, threads, precision: see ``TorchRuntime``
    Raises:
        MissingPackage: `torch` is not installed
        ModelRejected: a layer has no counterpart here
    """

    def __init__(
        self,
        files: Mapping[str, Path],
        *,
        device: str = "cpu",
        threads: int = 1,
        precision: str = "float32",
    ) -> None:
        super().__init__(device=device, threads=threads, precision=precision)
        self._graph: Graph = read_graph(files["param"], files["bin"])
        self._sources = self._graph.sources
        self._plans: dict[Stage, list[tuple[Layer, tuple[str, ...]]]] = {}
        self._weights = {
            layer.name: {part: self._weight(array) for part, array in layer.weights.items()}
            for layer in self._graph.layers
            if layer.weights
        }
        if self.half:
            exact = TorchGraph(files, device=device, threads=threads)
            check_half(self, exact, single(0)[0], 1)

    def compute(self, stage: Stage, batches: Sequence[Any]) -> Sequence[Any]:
        blobs = dict(zip(stage.inputs, batches, strict=True))
        for layer, unread in self._plan(stage):
            inputs = [blobs[self._sources[name]] for name in layer.inputs]
            blobs[layer.outputs[0]] = self._activated(layer, self._layer(layer, inputs))
            del inputs
            for name in unread:
                del blobs[name]
        return [blobs[self._sources[name]] for name in stage.outputs]

    def close(self) -> None:
        self._weights.clear()
        super().close()

    def _plan(self, stage: Stage) -> list[tuple[Layer, tuple[str, ...]]]:
        """Layers in order, and after each the blobs that nobody reads any more."""
        if stage not in self._plans:
            layers = layers_of(self._graph, stage)
            kept = {self._sources[name] for name in stage.outputs}
            last: dict[str, int] = {}
            for i, layer in enumerate(layers):
                last.update({self._sources[name]: i for name in layer.inputs})
            ends: dict[int, list[str]] = {}
            for name, i in last.items():
                if name not in kept:
                    ends.setdefault(i, []).append(name)
            self._plans[stage] = [(x, tuple(ends.get(i, ()))) for i, x in enumerate(layers)]
        return self._plans[stage]

    def _weight(self, array: Any) -> Any:
        tensor = self._torch.from_numpy(array.copy()).to(self._device, self.dtype)
        if tensor.ndim == 4:
            return tensor.contiguous(memory_format=self._torch.channels_last)
        return tensor

    def _layer(self, layer: Layer, inputs: list[Any]) -> Any:
        functional, weights = self._torch.nn.functional, self._weights.get(layer.name, {})
        if layer.kind == "Convolution":
            return functional.conv2d(
                inputs[0], weights["weight"], weights.get("bias"), padding=int(layer.number(4))
            )
        if layer.kind == "PReLU":
            return functional.prelu(inputs[0], weights["weight"])
        if layer.kind == "Concat":
            return self._torch.cat(inputs, 1)
        if layer.kind == "BinaryOp" and layer.number(0) == 0 and len(inputs) == 2:
            return inputs[0] + inputs[1]
        if layer.kind == "Eltwise" and layer.number(0) == 1:
            factors = [float(f) for f in layer.numbers(1)] or [1.0] * len(inputs)
            total = inputs[0] * factors[0] if factors[0] != 1 else inputs[0].clone()
            for factor, tensor in zip(factors[1:], inputs[1:], strict=True):
                total.add_(tensor, alpha=factor)
            return total
        if layer.kind == "PixelShuffle" and layer.number(1) == 0:
            return functional.pixel_shuffle(inputs[0], int(layer.number(0)))
        if layer.kind == "Interp":
            return self._interpolated(layer, inputs[0])
        raise ModelRejected(f"Layer `{layer.name}` ({layer.kind}) has no PyTorch form here.")

    def _interpolated(self, layer: Layer, tensor: Any) -> Any:
        factors = float(layer.number(1)), float(layer.number(2))
        mode = {1: "nearest", 2: "bilinear", 3: "bicubic"}[int(layer.number(0))]
        corners = {} if mode == "nearest" else {"align_corners": False}
        return self._torch.nn.functional.interpolate(
            tensor, scale_factor=factors, mode=mode, **corners
        )

    def _activated(self, layer: Layer, tensor: Any) -> Any:
        kind = int(layer.number(9)) if layer.kind == "Convolution" else 0
        if kind == 0:
            return tensor
        functional = self._torch.nn.functional
        if kind == 1:
            return functional.relu(tensor, inplace=True)
        if kind == 2:
            return functional.leaky_relu(tensor, float(layer.numbers(10)[0]), inplace=True)
        raise ModelRejected(f"`{layer.name}` has the activation {kind}, not known here.")
