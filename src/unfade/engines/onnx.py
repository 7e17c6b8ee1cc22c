"""Runs networks with ONNX Runtime: the portable second choice on processors.

The model is built from the same weights that ncnn reads, stage by stage, when it is opened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from unfade.engines.onnx_graph import write_onnx
from unfade.engines.stages import Stage
from unfade.errors import UsageError
from unfade.needs import need
from unfade.zoo.ncnn_weights import Graph, read_graph


class OnnxRuntime:
    """A network opened in ONNX Runtime.

    Args:
        files: ``param`` and ``bin`` of the network, verified
        device: ``cpu``
        threads: how many processor threads one call may use
    Raises:
        MissingPackage: `onnxruntime` or `onnx` is not installed
        UsageError: another device than the processor
    """

    name = "onnx"

    def __init__(self, files: Mapping[str, Path], *, device: str = "cpu", threads: int = 1) -> None:
        if device != "cpu":
            raise UsageError(
                f"The device `{device}` is not one that ONNX Runtime is used on here.",
                "Use `cpu`, or the runtime `ncnn` for Vulkan.",
            )
        self._ort: Any = need("onnxruntime", extra="onnx", to="run this network")
        self._graph: Graph = read_graph(files["param"], files["bin"])
        self._options = self._ort.SessionOptions()
        self._options.intra_op_num_threads = threads
        self._options.inter_op_num_threads = 1
        self._options.log_severity_level = 3  # errors; its warnings are about its own optimizer
        self._sessions: dict[Stage, Any] = {}
        self.device = device

    def run(self, stage: Stage, maps: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Compute one stage; see ``NcnnRuntime.run``."""
        if stage not in self._sessions:
            self._sessions[stage] = self._ort.InferenceSession(
                write_onnx(self._graph, stage), self._options, providers=["CPUExecutionProvider"]
            )
        feed = {
            name: np.ascontiguousarray(array, np.float32)[None]
            for name, array in zip(stage.inputs, maps, strict=True)
        }
        results = self._sessions[stage].run(list(stage.outputs), feed)
        return [result[0] for result in results]

    def close(self) -> None:
        self._sessions.clear()
