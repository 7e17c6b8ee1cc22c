"""Networks about faces that OpenCV runs: where they are (YuNet), and whose they are (SFace).

OpenCV is given arrays and a file whose hash has been compared, never bytes of a picture's file.

Sources: Wu et al. 2023, YuNet, doi:10.1007/s11633-023-1423-y; Zhong et al. 2021, SFace,
doi:10.1109/TIP.2020.3048632.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np

from unfade.engines.contract import ModelFacts
from unfade.errors import ModelRejected, UsageError
from unfade.picture import Pixels

SCORE = 0.6  # what is less sure is not given out; the eyes for faces count from 0.7 on
OVERLAP = 0.3
CROP_PX = 112  # of SFace


class FaceDetector:
    """YuNet as an engine of the shape *find*: boxes and five points of every face."""

    def __init__(self, facts: ModelFacts, path: Path, *, device: str = "cpu") -> None:
        _only_cpu(device)
        self.facts = facts
        self.runtime = "opencv on cpu"
        self.notes: list[str] = []
        self._net = _opened("FaceDetectorYN", path, (320, 320), SCORE, OVERLAP, 5000)
        self._lock = threading.Lock()

    def find(self, pixels: Pixels) -> np.ndarray:
        """Faces in RGB pixels (srgb).

        Returns:
            (faces, 15) float32: x, y, width, height; x, y of right eye, left eye, nose, right
            and left corner of the mouth; score 0-1. Sure ones first
        Cost:
            0.1 s for a megapixel on one core
        """
        bgr = _as_bgr(pixels)
        with self._lock:
            self._net.setInputSize((bgr.shape[1], bgr.shape[0]))
            _, faces = self._net.detect(bgr)
        return np.empty((0, 15), np.float32) if faces is None else np.asarray(faces, np.float32)

    def close(self) -> None:
        del self._net


class FaceRecogniser:
    """SFace as an engine of the shape *find*: numbers that are alike for one person's faces."""

    def __init__(self, facts: ModelFacts, path: Path, *, device: str = "cpu") -> None:
        _only_cpu(device)
        self.facts = facts
        self.runtime = "opencv on cpu"
        self.notes: list[str] = []
        self._net = _opened("FaceRecognizerSF", path)
        self._lock = threading.Lock()

    def find(self, pixels: Pixels) -> np.ndarray:
        """What tells a face from others.

        Args:
            pixels: (112, 112, 1 or 3) float32, sRGB, a face aligned to SFace's template
        Returns:
            (128,) float32 of length 1: the product of two is their likeness, -1 to 1
        """
        if pixels.shape[:2] != (CROP_PX, CROP_PX):
            raise ValueError(f"the crop is {pixels.shape}, expected {CROP_PX} x {CROP_PX}")
        with self._lock:
            numbers = np.asarray(self._net.feature(_as_bgr(pixels)), np.float32).ravel()
        return np.asarray(numbers / max(float(np.linalg.norm(numbers)), 1e-9), np.float32)

    def close(self) -> None:
        del self._net


def _opened(kind: str, path: Path, *settings: Any) -> Any:
    import cv2

    try:
        return getattr(cv2, kind).create(str(path), "", *settings)
    except cv2.error as error:
        raise ModelRejected(
            f"OpenCV cannot read `{path.name}`: {str(error).splitlines()[0][:200]}",
            "Run `unfade models verify`.",
        ) from error


def _only_cpu(device: str) -> None:
    if device not in ("auto", "cpu"):
        raise UsageError(
            f"The device `{device}` is not one that networks about faces are run on here.",
            "Use `--device cpu`, or leave it out.",
        )


def _as_bgr(pixels: Pixels) -> np.ndarray:
    rgb = pixels if pixels.shape[2] == 3 else np.repeat(pixels, 3, axis=2)
    return np.ascontiguousarray(np.rint(np.clip(rgb, 0, 1) * 255).astype(np.uint8)[:, :, ::-1])
