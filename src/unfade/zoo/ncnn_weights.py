"""Reads networks in ncnn's own form: a text file of layers, a file of numbers.

A `.param` file lists layers in the order of computation; its `.bin` file holds their numbers one
after the other, so that a file can only be read if every layer's kind is known. Known here are
the kinds that convolutional restoration networks use; anything else is refused, never skipped.
From the graph come the network's weights under the names of its authors (``state_dict``) and, in
``unfade.engines``, the same network for other runtimes.

Source: ncnn, `docs/developer-guide/param-and-model-file-structure.md`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path

import numpy as np

from unfade.errors import ModelRejected

MAGIC = 7767517
HALF = 0x01306B47  # tag before weights that are stored as float16
PLAIN = ("Input", "Split", "Concat", "BinaryOp", "Eltwise", "Interp", "PixelShuffle", "Noop")

Number = int | float
Params = Mapping[int, Number | tuple[Number, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One layer: its kind, the blobs that it reads and writes, parameters by ncnn's numbers."""

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    params: Params
    weights: Mapping[str, np.ndarray] = field(default_factory=dict)

    def number(self, key: int, default: Number = 0) -> Number:
        value = self.params.get(key, default)
        if isinstance(value, tuple):
            raise ModelRejected(f"Layer `{self.name}` has a list as parameter {key}.")
        return value

    def numbers(self, key: int) -> tuple[Number, ...]:
        """A list parameter, which ncnn writes under the key ``-23300 - key``."""
        value = self.params.get(-23300 - key, ())
        return value if isinstance(value, tuple) else (value,)


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """A network: layers in the order of computation."""

    layers: tuple[Layer, ...]

    @property
    def sources(self) -> dict[str, str]:
        """Each blob's true origin: what passes through `Split` keeps the name it had before."""
        origin: dict[str, str] = {}
        for layer in self.layers:
            for blob in layer.outputs:
                same = layer.kind in ("Split", "Noop")
                origin[blob] = origin[layer.inputs[0]] if same else blob
        return origin


def read_graph(param: Path, numbers: Path | None = None) -> Graph:
    """Read a network from its `.param` and `.bin` files; without the latter, its layers alone.

    Raises:
        ModelRejected: not ncnn's text form, an unknown kind of layer, or numbers that are too
            few or too many for the layers
    """
    layers = _read_layers(param)
    if numbers is None:
        return Graph(tuple(layers))
    reader = _Numbers(numbers)
    filled = tuple(_with_weights(layer, reader) for layer in layers)
    reader.finish()
    return Graph(filled)


def state_dict(graph: Graph) -> dict[str, np.ndarray]:
    """Name the weights of RRDBNet or SRVGGNetCompact as their authors' PyTorch code does.

    Returns:
        name -> float32 array, e.g. ``body.3.rdb1.conv5.weight`` of shape (64, 192, 3, 3)
    Raises:
        ModelRejected: the network is neither of the two
    Source:
        Real-ESRGAN (Wang et al. 2021), `rrdbnet_arch.py` and `srvgg_arch.py`
    """
    layers = [layer for layer in graph.layers if layer.weights]
    convolutions = [layer for layer in layers if layer.kind == "Convolution"]
    shapes = [layer.weights["weight"].shape[:2] for layer in convolutions]
    blocks, rest = divmod(len(convolutions) - 6, 15)
    dense = [(32, 64), (32, 96), (32, 128), (32, 160), (64, 192)]
    if blocks > 0 and rest == 0 and shapes[1:-5] == dense * (3 * blocks):
        names = [
            "conv_first",
            *(f"body.{n}.rdb{m}.conv{k}" for n in range(blocks) for m in (1, 2, 3)
              for k in range(1, 6)),
            "conv_body", "conv_up1", "conv_up2", "conv_hr", "conv_last",
        ]  # fmt: skip
        return _named(zip(names, convolutions))
    kinds = [layer.kind for layer in layers]
    if kinds == ["Convolution", "PReLU"] * (len(kinds) // 2) + ["Convolution"]:
        return _named((f"body.{i}", layer) for i, layer in enumerate(layers))
    raise ModelRejected(
        f"The network has {len(convolutions)} convolutions in an order that is neither RRDBNet's "
        "nor SRVGGNetCompact's.",
        "Only these two are known by their authors' names.",
    )


def _named(pairs: Iterable[tuple[str, Layer]]) -> dict[str, np.ndarray]:
    return {
        f"{name}.{part}": array for name, layer in pairs for part, array in layer.weights.items()
    }


class _Numbers:
    """The `.bin` file, read from front to back."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.data = path.read_bytes()
        self.at = 0

    def take(self, count: int, dtype: str) -> np.ndarray:
        size = count * np.dtype(dtype).itemsize
        if self.at + size > len(self.data):
            raise ModelRejected(
                f"`{self.path.name}` ends at byte {len(self.data)}, expected {self.at + size}.",
                "Fetch the weights again: the file is cut short or belongs to another network.",
            )
        array = np.frombuffer(self.data, dtype, count, self.at)
        self.at += -(-size // 4) * 4  # blocks are padded to four bytes
        return array

    def tagged(self, count: int) -> np.ndarray:
        """Weights with the tag that tells how they are stored."""
        tag = int(self.take(1, "<u4")[0])
        if tag == HALF:
            return self.take(count, "<f2").astype(np.float32)
        if tag == 0:
            return self.take(count, "<f4").astype(np.float32)
        raise ModelRejected(
            f"`{self.path.name}` holds weights stored as 0x{tag:08X}, expected float32 or float16.",
            "Convert the network without quantization.",
        )

    def finish(self) -> None:
        if self.at != len(self.data):
            raise ModelRejected(
                f"`{self.path.name}` has {len(self.data)} bytes, its layers use {self.at}.",
                "The two files do not belong together.",
            )


def _with_weights(layer: Layer, reader: _Numbers) -> Layer:
    weights: dict[str, np.ndarray]
    if layer.kind in PLAIN:
        return layer
    if layer.kind == "Convolution":
        outputs, side = int(layer.number(0)), int(layer.number(1))
        shape = (outputs, int(layer.number(6)) // (outputs * side * side), side, side)
        if layer.number(11, side) != side or layer.number(3, 1) != 1 or layer.number(2, 1) != 1:
            raise ModelRejected(f"`{layer.name}` is a strided, dilated or oblong convolution.")
        weights = {"weight": reader.tagged(prod(shape)).reshape(shape)}
        if layer.number(5):
            weights["bias"] = reader.take(outputs, "<f4").astype(np.float32)
    elif layer.kind == "PReLU":
        weights = {"weight": reader.take(int(layer.number(0)), "<f4").astype(np.float32)}
    else:
        raise ModelRejected(
            f"Layer `{layer.name}` is of the kind `{layer.kind}`, which is not known here.",
            f"Known: Convolution, PReLU, {', '.join(PLAIN)}.",
        )
    return Layer(layer.kind, layer.name, layer.inputs, layer.outputs, layer.params, weights)


def _read_layers(path: Path) -> list[Layer]:
    lines = path.read_text("ascii", errors="replace").split("\n")
    if lines[0].strip() != str(MAGIC):
        raise ModelRejected(
            f"`{path.name}` begins with `{lines[0][:20]}`, expected ncnn's `{MAGIC}`.",
            "Give the text form (.param) of the network.",
        )
    layers = []
    for number, line in enumerate(lines[2:], start=3):
        words = line.split()
        if not words:
            continue
        try:
            reads, writes = int(words[2]), int(words[3])
            blobs = words[4 : 4 + reads + writes]
            params = dict(_param(word) for word in words[4 + reads + writes :])
        except (IndexError, ValueError) as error:
            raise ModelRejected(f"`{path.name}`, line {number}: no layer in `{line}`.") from error
        layers.append(Layer(words[0], words[1], tuple(blobs[:reads]), tuple(blobs[reads:]), params))
    if len(layers) != int(lines[1].split()[0]):
        raise ModelRejected(f"`{path.name}` has {len(layers)} layers, its head says {lines[1]}.")
    return layers


def _param(word: str) -> tuple[int, Number | tuple[Number, ...]]:
    key, _, text = word.partition("=")
    values = tuple(float(v) if "." in v or "e" in v else int(v) for v in text.split(","))
    if int(key) <= -23300:
        return int(key), values[1:]  # the first is how many follow
    return int(key), values[0]
