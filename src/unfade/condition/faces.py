"""Faces: where they are and how far apart the eyes, so that nothing is done to them unasked.

Two kinds of eyes, and the finding names which looked:

* ``yunet``: a small network, when its weights are in the zoo;
* ``haar cascades``: the two frontal cascades and the two eye cascades that OpenCV ships, when
  they are not. One cascade alone takes carpets and tree bark for faces. A face counts when the
  stricter one (alt2) sees it and the other one, or a pair of eyes in the right place, bears it
  out. Faces in profile, tilted by more than about 15 degrees, or smaller than the least size are
  not found; that none was found does not mean that there is none.

Works on an overview of at most 2 megapixels (each pixel the mean of a block of k x k), stretched
between its 0.5 % and 99.5 % points; the smallest face is 40 pixels of that, 40 k of the picture.

Source:
    Viola, Jones 2001, doi:10.1109/CVPR.2001.990517; Lienhart, Maydt 2002 (alt2);
    Wu et al. 2023, doi:10.1007/s11633-023-1423-y (YuNet)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from unfade.condition.contract import Finder
from unfade.condition.survey import block_px, luma, overview
from unfade.engines.contract import BenchView
from unfade.errors import ModelMissing, ModelRejected
from unfade.findings import Face, Faces
from unfade.picture import Picture, Pixels, Window
from unfade.pixels.colour import linear_to_srgb
from unfade.pixels.profile import to_linear

AT_MOST_PX = 2_000_000
LEAST_FACE_PX = 40
NETWORK, DETECTOR = "yunet-2023mar", "yunet"
_STRICT, _OTHER = "haarcascade_frontalface_alt2.xml", "haarcascade_frontalface_default.xml"
_EYES = ("haarcascade_eye.xml", "haarcascade_eye_tree_eyeglasses.xml")
# the cascades' own scores; on train photographs these keep the faces and drop bark and cloth
_STRICT_WITH_EYES = 56.0
_STRICT_WITH_OTHER = 55.7
_OTHER_LEAST = 3.0
_SURE_LEAST = 0.7  # YuNet's score below which a face is not counted


class FaceFinder(Protocol):
    """An engine of the shape *find* for faces."""

    def find(self, pixels: Pixels) -> np.ndarray:
        """Faces in RGB pixels (srgb).

        Returns:
            (faces, 15) float32 as YuNet gives them: x, y, width, height; x, y of right eye,
            left eye, nose, right and left corner of the mouth; score 0-1
        """
        ...


@dataclass(frozen=True, slots=True)
class Seen:
    """One face in pixels of the plane that was searched."""

    x: float
    y: float
    width: float
    height: float
    confidence: float
    points: tuple[tuple[float, float], ...] = ()  # eyes left and right, nose, mouth left and right

    @property
    def eye_distance(self) -> float | None:
        if len(self.points) < 2:
            return None
        (x0, y0), (x1, y1) = self.points[:2]
        return float(np.hypot(x1 - x0, y1 - y0))


def find_faces(grey: np.ndarray, least_px: int = LEAST_FACE_PX) -> list[Seen]:
    """Find upright frontal faces with OpenCV's cascades.

    Args:
        grey: (rows, cols) uint8, sRGB-encoded brightness
        least_px: smallest face, pixels of ``grey``
    Returns:
        faces from left to right, then from top to bottom
    Cost:
        about 0.6 s for a megapixel on one core
    """
    if min(grey.shape) < least_px:
        return []
    strict = _cascade(grey, _STRICT, least_px)
    if not strict:
        return []
    other = _cascade(grey, _OTHER, least_px)
    faces = []
    for box, score in strict:
        borne_out = any(s >= _OTHER_LEAST and _overlap(box, b) > 0.3 for b, s in other)
        eyes = _eyes(grey, box)
        if eyes is not None and borne_out:
            confidence = 0.95
        elif eyes is not None and score >= _STRICT_WITH_EYES:
            confidence = 0.85
        elif borne_out and score >= _STRICT_WITH_OTHER:
            confidence = 0.75
        else:
            continue
        x, y, width, height = (float(v) for v in box)
        faces.append(Seen(x, y, width, height, confidence, eyes or ()))
    return sorted(faces, key=lambda face: (face.x, face.y))


def look(picture: Picture, bench: BenchView) -> Faces:
    """Find faces with the network where its weights are, else with the cascades."""
    k = block_px(picture, AT_MOST_PX)
    least = LEAST_FACE_PX * k
    if min(picture.rows, picture.cols) < LEAST_FACE_PX:
        return Faces(says=f"Faces: not looked for, the picture is under {LEAST_FACE_PX} pixels.")
    small = _stretched(picture, overview(picture, bench, k=k))
    try:
        engine: FaceFinder = bench.engine(NETWORK)
    except ModelRejected:
        raise  # it is here and not what it should be: nothing takes its place in silence
    except ModelMissing:
        grey = np.rint(luma(small) * np.float32(255)).astype(np.uint8)
        found, detector = find_faces(grey), "haar cascades"
    else:
        rgb = small if small.shape[2] == 3 else np.repeat(small, 3, axis=2)
        found, detector = _of_network(engine.find(rgb)), DETECTOR
    faces = tuple(_scaled(face, k, picture) for face in found)
    if not faces:
        return Faces(
            says=f"Faces: none found by {detector}; those under {least} pixels are not seen.",
            confidence=0.6,
            detector=detector,
        )
    number = "1 face" if len(faces) == 1 else f"{len(faces)} faces"
    distances = [f.eye_distance_px for f in faces if f.eye_distance_px is not None]
    eyes = ""
    if distances:
        low, high = f"{min(distances):.0f}", f"{max(distances):.0f}"
        eyes = f", {low if low == high else f'{low} to {high}'} pixels between the eyes"
    return Faces(
        says=f"Faces: {number} found by {detector}{eyes}.",
        confidence=min(face.confidence for face in faces),
        faces=faces,
        detector=detector,
    )


def _stretched(picture: Picture, small: Pixels) -> Pixels:
    """sRGB-encoded overview, from its 0.5 % to its 99.5 % point."""
    encoded = linear_to_srgb(np.clip(to_linear(small, picture), 0, None))
    low, high = np.quantile(encoded, [0.005, 0.995])
    stretched = (encoded - low) / max(float(high - low), 1e-3)
    return np.asarray(np.clip(stretched, 0, 1), dtype=np.float32)


def _cascade(grey: np.ndarray, name: str, least_px: int) -> list[tuple[np.ndarray, float]]:
    boxes, _, scores = _classifier(name).detectMultiScale3(
        grey,
        scaleFactor=1.1,
        minNeighbors=3,
        minSize=(least_px, least_px),
        outputRejectLevels=True,
    )
    pairs = [(np.asarray(b), float(np.ravel(s)[0])) for b, s in zip(boxes, scores)]
    # OpenCV gives them in the order in which its threads came back
    return sorted(pairs, key=lambda pair: tuple(int(v) for v in pair[0]))


def _classifier(name: str) -> Any:
    import cv2

    folder = cv2.data.haarcascades  # type: ignore[attr-defined]  # missing from its type hints
    return cv2.CascadeClassifier(folder + name)


def _overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Common area over joint area."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    common = float(max(0, width) * max(0, height))
    return common / float(one[2] * one[3] + other[2] * other[3] - common)


def _eyes(grey: np.ndarray, box: np.ndarray) -> tuple[tuple[float, float], ...] | None:
    """Centres of the likeliest pair of eyes in a face's upper half, or None."""
    import cv2

    x, y, width, height = (int(v) for v in box)
    part = grey[y + int(0.18 * height) : y + int(0.60 * height), x : x + width]
    grown = max(1.0, 200 / width)  # the eye cascades want eyes of 20 pixels and more
    part = cv2.resize(part, None, fx=grown, fy=grown, interpolation=cv2.INTER_LINEAR)
    side = width * grown
    least, most = int(0.14 * side), int(0.45 * side)
    pairs = []
    for name in _EYES:
        boxes = _classifier(name).detectMultiScale(
            part, scaleFactor=1.08, minNeighbors=3, minSize=(least, least), maxSize=(most, most)
        )
        eyes = sorted(((a + w / 2) / side, (b + h / 2) / side, w / side) for a, b, w, h in boxes)
        pairs += [
            (abs(left[2] - right[2]), left[:2], right[:2])
            for i, left in enumerate(eyes)
            for right in eyes[i + 1 :]
            if _are_a_pair(left, right)
        ]
    if not pairs:
        return None
    top = y + int(0.18 * height)
    _, left, right = min(pairs)
    return tuple((x + u * width, top + v * width) for u, v in (left, right))


def _are_a_pair(left: tuple[float, ...], right: tuple[float, ...]) -> bool:
    """Whether two eyes (x, y, size; shares of the face's width) lie as eyes of one face do."""
    apart = right[0] - left[0]
    level = abs(right[1] - left[1]) < 0.15
    central = abs((left[0] + right[0]) / 2 - 0.5) < 0.14
    return 0.28 < apart < 0.60 and level and central and left[0] < 0.55 and right[0] > 0.45


def _of_network(rows: np.ndarray) -> list[Seen]:
    faces = []
    for row in rows:
        x, y, width, height = (float(v) for v in row[:4])
        if row[14] >= _SURE_LEAST:
            points = tuple((float(row[4 + 2 * i]), float(row[5 + 2 * i])) for i in range(5))
            faces.append(Seen(x, y, width, height, float(row[14]), points))
    return sorted(faces, key=lambda face: (face.x, face.y))


def _scaled(face: Seen, k: int, picture: Picture) -> Face:
    """A face of the overview in pixels of the picture, its box cut at the picture's edge."""
    top, left = max(0, round(face.y * k)), max(0, round(face.x * k))
    window = Window(
        top,
        left,
        min(picture.rows, round((face.y + face.height) * k)),
        min(picture.cols, round((face.x + face.width) * k)),
    )
    eyes = None if face.eye_distance is None else round(face.eye_distance * k, 1)
    # the middle of a block of k pixels lies half a block from its first
    points = tuple(
        (round((px + 0.5) * k - 0.5, 1), round((py + 0.5) * k - 0.5, 1)) for px, py in face.points
    )
    return Face(window=window, confidence=face.confidence, eye_distance_px=eyes, landmarks=points)


FINDER = Finder(name="faces", title="Faces", look=look)
