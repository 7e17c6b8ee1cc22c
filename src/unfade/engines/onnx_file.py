"""Published ONNX files, run by ONNX Runtime: a fill network and mattes.

What each file wants stands here once: value types, order, scaling, and what its mask means.

Sources: Sargsyan et al. 2023, MI-GAN (ICCV), `migan_pipeline_v2.onnx` and its readme;
Qin et al. 2020, U2-Net, doi:10.1016/j.patcog.2020.107404, and its `u2net_test.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from unfade.engines.contract import ModelFacts
from unfade.errors import ModelRejected, UsageError
from unfade.needs import need
from unfade.picture import Pixels, Weight

MEAN = np.array([0.485, 0.456, 0.406], np.float32)  # of ImageNet, which U2-Net is normalised by
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


def open_session(path: Path, *, device: str, threads: int) -> Any:
    """An ONNX file in ONNX Runtime.

    Raises:
        UsageError: another device than the processor
        ModelRejected: the file cannot be read, or names data outside itself
        MissingPackage: `onnxruntime` is not installed
    """
    if device not in ("auto", "cpu"):
        raise UsageError(
            f"The device `{device}` is not one that ONNX files are run on here.",
            "Use `--device cpu` for this network.",
        )
    runtime = need("onnxruntime", extra="onnx", to="run this network")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        # from memory: a file that names other files beside it is refused
        return runtime.InferenceSession(
            path.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        raise ModelRejected(
            f"ONNX Runtime cannot read `{path.name}`: {str(error).splitlines()[0][:200]}",
            "Run `unfade models verify`.",
        ) from error


class MiganRuntime:
    """MI-GAN's whole pipeline as one file: it crops, fills and blends inside.

    It takes and gives 8 bits, so a fill of a deeper picture has 8 bits of depth before grain is
    laid over it. Its mask is 0 where it fills and 255 where it keeps.
    """

    name = "onnx"

    def __init__(self, path: Path, *, device: str = "cpu", threads: int = 1) -> None:
        self._session = open_session(path, device=device, threads=threads)
        self.device = "cpu"
        names = {i.name for i in self._session.get_inputs()}
        if names != {"image", "mask"}:
            raise ModelRejected(
                f"`{path.name}` takes {', '.join(sorted(names))}; `image` and `mask` are expected.",
                "This is not MI-GAN's pipeline file.",
            )

    def fill(self, image_chw: np.ndarray, mask_chw: np.ndarray) -> np.ndarray:
        image = np.rint(np.clip(image_chw, 0, 1) * 255).astype(np.uint8)
        keep = np.where(mask_chw > 0.5, 0, 255).astype(np.uint8)
        (result,) = self._session.run(None, {"image": image[None], "mask": keep[None]})
        return np.asarray(result[0], np.float32) / np.float32(255)

    def tuned(self, **dials: Any) -> MiganRuntime:
        return self

    def close(self) -> None:
        del self._session


class MatteFinder:
    """U2-Net: which pixels belong to the subject of a picture, as an engine of the shape *find*.

    Args:
        facts: of the network
        path: verified ONNX file
    """

    SIDE_PX = 320

    def __init__(
        self, facts: ModelFacts, path: Path, *, device: str = "cpu", threads: int = 1
    ) -> None:
        self.facts = facts
        self.runtime = "onnx on cpu"
        self.notes: list[str] = []
        self._session = open_session(path, device=device, threads=threads)

    def find(self, pixels: Pixels) -> Weight:
        """The subject.

        Args:
            pixels: (rows, cols, 1 or 3) float32, sRGB
        Returns:
            (rows, cols) float32 0-1, stretched to its full range as the authors do
        Cost:
            one call of 320 x 320, whatever the size
        """
        import cv2

        rows, cols = pixels.shape[:2]
        rgb = pixels if pixels.shape[2] == 3 else np.repeat(pixels, 3, axis=2)
        small = cv2.resize(rgb, (self.SIDE_PX, self.SIDE_PX), interpolation=cv2.INTER_AREA)
        small = small / max(float(small.max()), 1e-6)
        batch_nchw = np.moveaxis((small - MEAN) / DEVIATION, 2, 0)[None].astype(np.float32)
        (name,) = (i.name for i in self._session.get_inputs())
        matte = np.asarray(self._session.run(None, {name: batch_nchw})[0], np.float32)[0, 0]
        low, high = float(matte.min()), float(matte.max())
        matte = (matte - low) / max(high - low, 1e-6)
        large = cv2.resize(matte, (cols, rows), interpolation=cv2.INTER_LINEAR)
        return np.asarray(np.clip(large, 0, 1), np.float32)

    def close(self) -> None:
        del self._session
