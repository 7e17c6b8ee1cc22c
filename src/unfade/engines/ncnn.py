"""Runs networks with ncnn: from array to array, on the processor or on a GPU through Vulkan.

The default runtime on a processor. Numbers are float32 throughout (``fast`` stores feature maps
as bfloat16: about a tenth faster, 54-57 dB from the float32 result). The bits of a result do not
depend on the number of threads: ncnn shares a layer's work out by output channels and tiles and
adds each sum up in one thread.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from unfade.engines.stages import Stage
from unfade.errors import ModelRejected, OutOfResources, UsageError
from unfade.needs import need

# GCC's OpenMP, which ncnn's wheels bring, lets a thread that waits for the others spin for long:
# beside another busy program two threads took 4.1 s for what takes 1.2 s alone and 2.6 s with
# this limit. Must be set before the library is loaded; what the user has set stays.
SPIN = ("GOMP_SPINCOUNT", "10000")


class NcnnRuntime:
    """A network opened in ncnn.

    Args:
        files: ``param`` and ``bin``, verified
        device: ``cpu``, or ``vulkan:N`` for the N-th GPU
        threads: how many processor threads one call may use
        calls: how many calls may run beside each other on the processor; others wait
        beside: into how many calls one picture's tiles may be shared out, see ``shared``
        fast: store feature maps as bfloat16
    Raises:
        UsageError: the device is not to be had; another one is never taken instead
        ModelRejected: ncnn cannot read the files
    """

    name = "ncnn"

    def __init__(
        self, files: Mapping[str, Path], *, device: str = "cpu", threads: int = 1,
        calls: int = 1, beside: int = 1, fast: bool = False,
    ) -> None:  # fmt: skip
        os.environ.setdefault(*SPIN)
        self._ncnn: Any = need("ncnn", extra="models", to="run this network")
        self._turn = threading.Semaphore(calls if device == "cpu" else 1)
        self.device = device
        self.beside = beside if device == "cpu" else 1
        self._files, self._share = files, (max(1, threads // beside), calls * beside, fast)
        self._shared: NcnnRuntime | None = None
        self._opening = threading.Lock()
        net = self._ncnn.Net()
        options = net.opt
        options.num_threads = threads
        options.lightmode = True  # a feature map is freed after its last use
        options.use_winograd_convolution = True
        options.use_fp16_packed = options.use_fp16_storage = options.use_fp16_arithmetic = False
        options.use_bf16_storage = fast
        options.use_vulkan_compute = device != "cpu"
        if device != "cpu":
            net.set_vulkan_device(self._vulkan(device))
        for load, key in ((net.load_param, "param"), (net.load_model, "bin")):
            if load(os.fspath(files[key])) != 0:
                raise ModelRejected(
                    f"ncnn cannot read `{files[key]}`.", "Run `unfade models verify`."
                )
        self._net = net

    def run(self, stage: Stage, maps: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Compute one stage of the network.

        Args:
            maps: one (channels, rows, cols) float32 array for each of the stage's inputs
        Returns:
            one such array for each of the stage's outputs, fresh
        """
        # ncnn.Mat neither owns its buffer nor knows strides: the contiguous arrays must live
        # until the last `extract` has returned.
        held = [np.ascontiguousarray(m, np.float32) for m in maps]
        results = []
        with self._turn:
            extractor = self._net.create_extractor()
            for blob, array in zip(stage.inputs, held, strict=True):
                extractor.input(blob, self._ncnn.Mat(array))
            for blob in stage.outputs:
                code, mat = extractor.extract(blob)
                if code != 0:
                    raise OutOfResources(
                        f"ncnn gave up (code {code}) on {held[0].shape[1]} x {held[0].shape[2]} "
                        "pixels of a tile: most often there is not enough memory.",
                        "Close other programs, or use a smaller network.",
                    )
                results.append(np.array(mat, np.float32))
            del extractor
        del held
        return results

    def shared(self) -> NcnnRuntime:
        """The same network for ``beside`` calls at once, each with its share of the threads.

        Threads in one call wait for each other at the end of each layer: tiles beside each other
        are done a fifth sooner. ncnn lays weights out for the number of threads as it reads them,
        so they are read a second time.
        """
        with self._opening:
            if self._shared is None:
                threads, calls, fast = self._share
                self._shared = NcnnRuntime(self._files, threads=threads, calls=calls, fast=fast)
            return self._shared

    def close(self) -> None:
        self._net.clear()
        if self._shared is not None:
            self._shared.close()

    def _vulkan(self, device: str) -> int:
        kind, _, number = device.partition(":")
        if kind != "vulkan" or not (number or "0").isdigit():
            raise UsageError(
                f"The device `{device}` is not one that ncnn knows.",
                "Known: `cpu`, `vulkan:0`, `vulkan:1` and so on.",
            )
        index, count = int(number or 0), int(self._ncnn.get_gpu_count())
        if index >= count:
            raise UsageError(
                f"The device `{device}` is not here: Vulkan finds {count} GPUs.",
                "Install the GPU's Vulkan driver, or use `--device cpu`.",
            )
        return index
