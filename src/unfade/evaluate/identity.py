"""Face identity drift: by how much a restoration turned a face into somebody else's.

An angle between two fingerprints of a face, before and after. Networks that make faces pretty are
the ones that turn it most, and no other measure here notices.

The fingerprints are those of SFace (Zhong et al. 2021, doi:10.1109/TIP.2020.3048632; Apache-2.0),
whose weights come in no package: they are looked for in the zoo's folder of weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from unfade.evaluate.weights import SFACE, locate
from unfade.needs import need
from unfade.picture import Pixels, Window

SIDE_PX = 112
_GROWN_SHARE = 0.1  # of the box: the network was trained on faces with a little surround


def identity_drift(reference: Pixels, restored: Pixels, faces: Sequence[Window]) -> list[float]:
    """Angle between each face's fingerprints, degrees: 0 the same, over 70 another person.

    Both pictures are cut at the same boxes, so what the cut is off by is the same for both.

    Args:
        reference, restored: (rows, cols, channels) float32 of one size, sRGB
        faces: boxes in the reference, as ``Findings.faces`` gives them
    Raises:
        ValueError: the sizes differ (both are named)
        ModelMissing: SFace's weights or ONNX Runtime are not on this machine
    """
    if reference.shape != restored.shape:
        raise ValueError(f"pictures differ in size: {reference.shape} and {restored.shape}")
    angles = []
    for face in faces:
        first, second = (_fingerprint(p, face) for p in (reference, restored))
        cosine = float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))
        angles.append(float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))))
    return angles


def _fingerprint(pixels: np.ndarray, face: Window) -> np.ndarray:
    import cv2

    grown = face.grown(round(face.rows * _GROWN_SHARE), *pixels.shape[:2])
    cut = np.broadcast_to(pixels[grown.slices], (grown.rows, grown.cols, 3))
    shrinks = min(grown.rows, grown.cols) > SIDE_PX
    scaled = cv2.resize(
        np.ascontiguousarray(cut),
        (SIDE_PX, SIDE_PX),
        interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC,
    )
    session = _session(str(locate(SFACE)))
    batch_nchw = (scaled.transpose(2, 0, 1)[None] * 255).astype(np.float32)
    (output,) = session.run(None, {session.get_inputs()[0].name: batch_nchw})
    return np.asarray(output, np.float64).ravel()


@cache
def _session(path: str) -> Any:
    runtime = need("onnxruntime", extra="onnx", to="measure face identity drift")
    return runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
