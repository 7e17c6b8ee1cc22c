"""What is measured once for the whole film, before anything is changed.

Each number belongs to one frame or to a frame and one of the two before it, so the walk can be
cut anywhere and gone on with later. What is decided from them (shots, curves, shifts, cadence) is
decided over the whole film, so it cannot depend on how the work was cut into segments.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unfade.film.facts import Film
from unfade.film.layout import Frame
from unfade.film.light import black_of, luma_of
from unfade.steps.film.deflicker import Curves, block_levels, curve_between
from unfade.steps.film.flow import small
from unfade.steps.film.remove_lines import column_peaks
from unfade.steps.film.stabilise import shift_between

THUMB = (24, 32)
BEFORE = 2  # frames that a frame is compared with
_TRACK_PX = 640  # weave is measured at about this width
# columns of ``Look.numbers``
GAIN, OFFSET, AGREE, ACROSS, DOWN, TRACKED, CHANGE, COMB, LEVEL = range(9)
ACROSS_2, DOWN_2, TRACKED_2 = range(9, 12)  # from two frames before
_WIDTH = 12


@dataclass(slots=True, eq=False)
class Look:
    """Measurements of frames ``first`` to ``first + len``.

    Attributes:
        numbers: (frames, 12) float64, see the names above
        thumbs: (frames, 24, 32) uint8
        peaks: (frames, n, 4) float32 of ``column_peaks``; n is 0 when not asked for
    """

    first: int
    numbers: np.ndarray
    thumbs: np.ndarray
    peaks: np.ndarray

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def pairs(self) -> Curves:
        return Curves(self.numbers[:, GAIN], self.numbers[:, OFFSET])

    def save(self, path: Path) -> None:
        with path.open("wb") as file:
            np.savez(file, first=self.first, numbers=self.numbers, thumbs=self.thumbs,
                     peaks=self.peaks)  # fmt: skip

    @staticmethod
    def load(path: Path) -> Look:
        with np.load(path, allow_pickle=False) as data:
            return Look(int(data["first"]), data["numbers"], data["thumbs"], data["peaks"])

    @staticmethod
    def joined(looks: Iterable[Look], count: int) -> Look:
        """Parts in order as one; each is let go as soon as it was copied.

        Args:
            count: frames of all parts
        """
        whole: Look | None = None
        filled = 0
        for look in looks:
            if whole is None:
                whole = Look(look.first, *(_room(a, count) for a in look._arrays))
            for all_, part in zip(whole._arrays, look._arrays, strict=True):
                all_[filled : filled + len(look)] = part
            filled += len(look)
        assert whole is not None and filled == count
        return whole

    @property
    def _arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.numbers, self.thumbs, self.peaks


def _room(part: np.ndarray, count: int) -> np.ndarray:
    return np.empty((count, *part.shape[1:]), part.dtype)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the recipe needs to know; measuring costs time."""

    flicker: bool = False
    weave: bool = False
    lines: bool = False


def look_at_frames(film: Film, frames: Iterator[Frame], wanted: Wanted, first: int) -> Look:
    """Measure frames in order; the first ones may be early, to compare with.

    Args:
        frames: from frame ``first - BEFORE`` on, or from 0
    """
    numbers: list[np.ndarray] = []
    thumbs: list[np.ndarray] = []
    peaks: list[np.ndarray] = []
    before = deque[_Small](maxlen=BEFORE)
    for frame in frames:
        now = _Small(film, frame, wanted)
        if frame.index >= first:
            numbers.append(_numbers(before, now, wanted))
            thumbs.append(now.thumb)
            peaks.append(now.peaks)
        before.append(now)
    return Look(
        first,
        np.array(numbers).reshape(-1, _WIDTH),
        np.array(thumbs, np.uint8).reshape(-1, *THUMB),
        np.array(peaks, np.float32).reshape(len(numbers), -1, 4),
    )


class _Small:
    """One frame made small, in the ways that are compared."""

    def __init__(self, film: Film, frame: Frame, wanted: Wanted) -> None:
        import cv2

        luma = luma_of(frame.planes, film.layout)
        black = black_of(film.layout, film.colour)
        self.luma_small = small(luma)
        self.thumb = cv2.resize(luma, THUMB[::-1], interpolation=cv2.INTER_AREA).clip(0, 255)
        self.thumb = np.rint(self.thumb).astype(np.uint8)
        self.blocks = block_levels(luma, black) if wanted.flicker else np.zeros(0, np.float32)
        self.comb = comb_level(luma)
        self.level = float(luma.mean())
        self.peaks = column_peaks(luma) if wanted.lines else np.zeros((0, 4), np.float32)
        self.track: np.ndarray | None = None
        self.scale = 1.0
        if wanted.weave:
            rows, cols = luma.shape
            self.scale = max(1.0, cols / _TRACK_PX)
            size = (round(cols / self.scale), round(rows / self.scale))
            less = luma if self.scale == 1 else cv2.resize(
                luma, size, interpolation=cv2.INTER_AREA
            )  # fmt: skip
            # tracking must care neither about flicker nor about fades: what stands out of its
            # surround, over how much things stand out there
            out = less - cv2.blur(less, (41, 41))
            usual = np.sqrt(cv2.blur(out * out, (73, 73)))
            self.track = np.clip(128 + 40 * out / (usual + 3), 0, 255).astype(np.uint8)


def _numbers(earlier: Sequence[_Small], now: _Small, wanted: Wanted) -> np.ndarray:
    """Measurements of a frame; ``earlier`` are the frames before it, the nearest last."""
    values = np.zeros(_WIDTH)
    before = earlier[-1] if earlier else None
    values[GAIN] = 1.0
    values[COMB], values[LEVEL] = now.comb, now.level
    if before is None:
        values[CHANGE] = 255.0
        return values
    difference = np.abs(before.luma_small.astype(np.int16) - now.luma_small)
    values[CHANGE] = float(difference.mean())
    if wanted.flicker:
        curve, agree = curve_between(before.blocks, now.blocks)
        if agree >= 0.3:
            values[GAIN], values[OFFSET] = curve.gain, curve.offset
        values[AGREE] = agree
    if wanted.weave:
        places = ((ACROSS, DOWN, TRACKED), (ACROSS_2, DOWN_2, TRACKED_2))
        for then, place in zip(reversed(earlier), places, strict=False):
            if then.track is not None and now.track is not None:
                across, down, tracked = shift_between(then.track, now.track)
                values[list(place)] = across * now.scale, down * now.scale, tracked
    return values


def comb_level(luma: np.ndarray) -> float:
    """How much neighbouring rows differ beyond what rows two apart do: combing of two fields.

    Returns:
        share of the frame that is combed, 0-1; progressive pictures stay below about 0.002
    """
    rows = luma[: luma.shape[0] // 2 * 2]
    if rows.shape[0] < 8:
        return 0.0
    step = max(1, rows.shape[1] // 320)
    rows = rows[:, ::step]
    up, middle, down, further = rows[:-3], rows[1:-2], rows[2:-1], rows[3:]
    near = np.minimum((middle - up) * (middle - down), (down - middle) * (down - further))
    apart = np.abs(up - down) + np.abs(middle - further)
    combed = (near > 100) & (apart < 0.6 * np.sqrt(np.maximum(near, 0)))
    return float(combed.mean())


def shots_of(look: Look, rate: float) -> list[tuple[int, int]]:
    """First frame and end of each shot, by PySceneDetect's adaptive detector on thumbnails."""
    from unfade.needs import need

    need("scenedetect", extra="film", to="find the shots of a film")
    from scenedetect import FrameTimecode
    from scenedetect.detectors import AdaptiveDetector

    count = len(look)
    if count < 3:
        return [(0, count)]
    detector = AdaptiveDetector(
        adaptive_threshold=3.0, min_scene_len=3, window_width=2, min_content_val=15.0
    )
    cuts: set[int] = set()
    fps = max(1.0, rate)
    for n in range(count):
        picture = np.repeat(look.thumbs[n][:, :, None], 3, axis=2)
        cuts.update(_frames_of(detector.process_frame(FrameTimecode(n, fps), picture)))
    cuts.update(_frames_of(detector.post_process(FrameTimecode(count - 1, fps))))
    edges = [0, *sorted(c for c in cuts if 0 < c < count), count]
    return list(itertools.pairwise(edges))


def _frames_of(cuts: Any) -> list[int]:
    return [int(cut.frame_num) if hasattr(cut, "frame_num") else int(cut) for cut in cuts or ()]
