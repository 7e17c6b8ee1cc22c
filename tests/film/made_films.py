"""Films made for tests and the benchmark: scenes that move, and damage whose truth is known.

Everything follows from a seed. Scenes are luminance in codes of 0-255; a film is written as
yuv420p with gently varying colour, lossless unless asked otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

SCENES = ("pan", "walkers", "still", "fade")
CONTROLS = ("rain", "confetti", "sparks", "flash", "poles", "windows")


def texture(rows: int, cols: int, seed: int) -> np.ndarray:
    """Something to look at: shapes with edges over 1/f texture, codes of about 20-235."""
    chance = np.random.default_rng(seed)
    whole = np.zeros((rows, cols), np.float32)
    for octave, strength in ((4, 46.0), (8, 30.0), (16, 20.0), (40, 11.0), (110, 6.0)):
        coarse = chance.normal(size=(octave + 2, octave * cols // rows + 2)).astype(np.float32)
        whole += strength * cv2.resize(coarse, (cols, rows), interpolation=cv2.INTER_CUBIC)
    for _ in range(26):
        corners = chance.integers(3, 7)
        centre = chance.uniform((0, 0), (cols, rows))
        reach = chance.uniform(0.04, 0.22) * rows
        angles = np.sort(chance.uniform(0, 2 * np.pi, corners))
        points = centre + reach * np.stack([np.cos(angles), np.sin(angles)], 1)
        shade = np.zeros_like(whole)
        cv2.fillPoly(shade, [points.astype(np.int32)], 1.0, lineType=cv2.LINE_AA)
        whole += shade * chance.uniform(-60, 60)
    whole = cv2.GaussianBlur(whole, (0, 0), 0.8)
    low, high = np.quantile(whole, (0.01, 0.99))
    return np.clip(35 + (whole - low) / (high - low) * 180, 16, 235).astype(np.float32)


def view(big: np.ndarray, rows: int, cols: int, left: float, top: float) -> np.ndarray:
    """A window of a larger picture at a place between pixels."""
    matrix = np.array([[1, 0, left], [0, 1, top]], np.float64)
    return cv2.warpAffine(
        big, matrix, (cols, rows), flags=cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT,
    )  # fmt: skip


def scene(kind: str, frames: int, rows: int, cols: int, seed: int = 0) -> Iterator[np.ndarray]:
    """Frames of a scene without damage, (rows, cols) float32."""
    chance = np.random.default_rng(seed + 1000)
    big = texture(rows + 120, cols * 2 + 200, seed)
    walkers = [_Walker(chance, rows, cols, seed + k) for k in range(3)]
    drops = chance.uniform(size=(220, 2)) * (cols, rows)
    pieces = np.concatenate([chance.uniform(size=(40, 2)) * (cols, rows),
                             chance.uniform(-4, 4, size=(40, 2)), ], axis=1)  # fmt: skip
    shades = chance.uniform(20, 235, 40)
    for n in range(frames):
        if kind == "pan":
            frame = view(big, rows, cols, 40 + 2.25 * n, 60 + round(192 * np.sin(n / 25)) / 32)
        elif kind == "fade":
            frame = 16 + (view(big, rows, cols, 60, 60) - 16) * (1 - 0.75 * n / max(1, frames - 1))
        elif kind == "poles":
            frame = view(big, rows, cols, 40 + 3.0 * n, 60)
            for k in range(4):
                left = round(k * cols * 0.37 + cols * 0.8 - 7.0 * n) % (cols + 60) - 30
                cv2.rectangle(frame, (left, 0), (left + 7 + 3 * k, rows), 40.0 + 20 * k, -1)
        else:
            frame = view(big, rows, cols, 60, 60)
        if kind == "windows":
            for k in range(5):
                left = cols * (k + 1) // 6
                cv2.line(frame, (left, rows // 10), (left, rows * 9 // 10), 225.0, 3)
            cv2.line(frame, (0, rows // 2), (cols, rows // 2), 225.0, 3)
        if kind in ("walkers", "rain", "windows", "flash"):
            for walker in walkers:
                walker.draw(frame, n)
        if kind == "rain":
            drops += (1.5, rows * 0.11)
            drops[:] = np.mod(drops, (cols, rows))
            for x, y in drops:
                cv2.line(frame, (int(x), int(y)), (int(x + 1), int(y + rows * 0.03)), 205.0, 1,
                         cv2.LINE_AA)  # fmt: skip
        if kind == "confetti":
            pieces[:, 0] += pieces[:, 2] + 2 * np.sin(n / 3 + np.arange(40))
            pieces[:, 1] += 7 + pieces[:, 3]
            pieces[:, :2] = np.mod(pieces[:, :2], (cols, rows))
            for k, (x, y) in enumerate(pieces[:, :2]):
                turned = cv2.boxPoints(
                    ((x, y), (9, 3 + 4 * abs(np.sin(n / 2 + k))), 40 * n + 30 * k)
                )
                cv2.fillPoly(frame, [turned.astype(np.int32)], float(shades[k]), cv2.LINE_AA)
        if kind == "sparks":
            source = np.array([cols * 0.4, rows * 0.5])
            for k in range(30):
                age = (n + 3 * k) % 12
                angle = 2.4 * k + 0.6 * ((n + 3 * k) // 12)
                reach = np.array([np.cos(angle), np.sin(angle)]) * age * rows * 0.022
                place = source + reach + (0, 0.12 * age * age)
                cv2.circle(
                    frame, tuple(int(v) for v in place), 2, 250.0 - 12 * age, -1, cv2.LINE_AA
                )
        if kind == "flash" and n % 17 == 9:
            frame = np.minimum(frame * 1.25 + 70, 235)
        yield np.clip(frame, 16, 235).astype(np.float32)


class _Walker:
    def __init__(self, chance: np.random.Generator, rows: int, cols: int, seed: int) -> None:
        self.size = int(rows * chance.uniform(0.16, 0.3))
        self.skin = texture(self.size, self.size, seed + 77)
        self.start = chance.uniform((0, rows * 0.2), (cols * 0.8, rows * 0.65))
        self.speed = chance.uniform(-3.5, 3.5), chance.uniform(-0.5, 0.5)

    def draw(self, frame: np.ndarray, n: int) -> None:
        rows, cols = frame.shape
        x = (self.start[0] + self.speed[0] * n) % (cols + self.size) - self.size / 2
        y = self.start[1] + self.speed[1] * n + 4 * np.sin(n / 3)
        matrix = np.array([[1, 0, x], [0, 1, y]], np.float64)
        mask = np.zeros((self.size, self.size), np.float32)
        half = self.size // 2
        swing = 20 * np.sin(n / 4)
        cv2.ellipse(mask, (half, half), (half // 2, half - 2), swing, 0, 360, 1.0, -1, cv2.LINE_AA)
        put = cv2.warpAffine(self.skin, matrix, (cols, rows))
        where = cv2.warpAffine(mask, matrix, (cols, rows))
        frame *= 1 - where
        frame += put * where


@dataclass
class Damage:
    """What is done to a scene; neutral by default."""

    dirt: float = 0.0  # spots in a frame, on average
    flicker: float = 0.0  # standard deviation of the gain
    weave_px: float = 0.0
    lines: Sequence[tuple[int, int, int, int, float]] = ()  # column, width, first, end, contrast
    grain: float = 0.0


@dataclass
class Truth:
    """What was done to each frame."""

    clean: list[np.ndarray] = field(default_factory=list)  # with grain and weave
    dirt: list[np.ndarray] = field(default_factory=list)  # bool
    spots: list[np.ndarray] = field(default_factory=list)  # int labels
    gains: list[float] = field(default_factory=list)
    weave: list[tuple[float, float]] = field(default_factory=list)
    lines: list[np.ndarray] = field(default_factory=list)  # bool


def damaged(
    frames: Iterator[np.ndarray], damage: Damage, seed: int = 0, truth: Truth | None = None
) -> Iterator[np.ndarray]:
    """The scene with damage, uint8; ``truth`` gets what was done."""
    chance = np.random.default_rng(seed)
    for n, frame in enumerate(frames):
        rows, cols = frame.shape
        shift = chance.normal(0, damage.weave_px, 2) if damage.weave_px else np.zeros(2)
        shift = np.rint(shift * 32) / 32  # OpenCV warps in such steps
        if damage.weave_px:
            frame = view(frame, rows, cols, -shift[0], -shift[1])
        if damage.grain:
            fine = chance.normal(0, damage.grain * 1.6, frame.shape).astype(np.float32)
            frame = frame + cv2.GaussianBlur(fine, (0, 0), 0.6)
        clean = np.clip(frame, 0, 255)
        spots = np.zeros(frame.shape, np.int32)
        frame = clean.copy()
        for k in range(chance.poisson(damage.dirt)):
            _dirty(frame, spots, chance, k + 1)
        line = np.zeros(frame.shape, bool)
        for column, width, first, end, contrast in damage.lines:
            if first <= n < end:
                left = column + round(float(np.sin(n / 9)))
                line[:, left : left + width] = True
                frame[:, left : left + width] += contrast
        frame = np.clip(frame, 0, 255)
        visible = np.abs(frame - clean) > 6
        gain = float(np.exp(chance.normal(0, damage.flicker))) if damage.flicker else 1.0
        frame = 16 + (frame - 16) * gain
        if truth is not None:
            truth.clean.append(np.clip(np.rint(clean), 0, 255).astype(np.uint8))
            truth.dirt.append((spots > 0) & visible)
            truth.spots.append(np.where(visible, spots, 0))
            truth.gains.append(gain)
            truth.weave.append((float(shift[0]), float(shift[1])))
            truth.lines.append(line)
        yield np.clip(np.rint(frame), 0, 255).astype(np.uint8)


def _dirty(frame: np.ndarray, spots: np.ndarray, chance: np.random.Generator, label: int) -> None:
    """One spot of dirt: a ragged blob, or a short hair, dark or light."""
    rows, cols = frame.shape
    scale = rows / 720
    x, y = chance.uniform((4, 4), (cols - 4, rows - 4))
    shade = np.zeros_like(frame)
    if chance.uniform() < 0.15:
        steps = np.cumsum(chance.normal(0, 6 * scale, (8, 2)) + chance.normal(0, 5 * scale, 2), 0)
        points = (np.array([x, y]) + steps).astype(np.int32)
        cv2.polylines(shade, [points], False, 1.0, max(1, round(2 * scale)), cv2.LINE_AA)
    else:
        reach = float(np.exp(chance.uniform(np.log(1.5), np.log(11)))) * max(scale, 0.6)
        angles = np.linspace(0, 2 * np.pi, 14, endpoint=False)
        far = reach * chance.uniform(0.6, 1.3, 14)
        points = np.array([x, y]) + far[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1)
        fixed = np.rint(points * 16).astype(np.int32)
        cv2.fillPoly(shade, [fixed], 1.0, cv2.LINE_AA, shift=4)
    colour = chance.uniform(18, 45) if chance.uniform() < 0.5 else chance.uniform(205, 240)
    opaque = shade * chance.uniform(0.75, 1.0)
    frame += opaque * (colour - frame)
    spots[opaque > 0.15] = label


def planes_of(luma: np.ndarray, n: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Y, U and V of 4:2:0: colour varies gently over the frame."""
    rows, cols = luma.shape
    across = np.linspace(0, 1, -(-cols // 2))[None, :]
    down = np.linspace(0, 1, -(-rows // 2))[:, None]
    u = np.rint(118 + 14 * across + 6 * down).astype(np.uint8)
    v = np.rint(136 - 10 * across * down).astype(np.uint8) + np.zeros_like(u)
    return luma, u + np.zeros_like(v), v


def write_film(
    path: Path,
    frames: Iterator[np.ndarray],
    *,
    rate: Fraction = Fraction(24),
    codec: str = "ffv1",
    options: dict[str, str] | None = None,
    pixel_format: str = "yuv420p",
    times: Callable[[int], int] | None = None,
    time_base: Fraction | None = None,
    sound: bool = False,
    change: Callable[[Any], None] | None = None,
    container_options: dict[str, str] | None = None,
) -> int:
    """Write luminance frames (or tuples of planes) as a film; the number of frames."""
    import av

    from unfade.film.layout import layout_named, pack

    layout = layout_named(pixel_format)
    base = time_base or 1 / rate
    intra = {"g": "1"} if codec == "ffv1" else {}
    count = 0
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream: Any = None
        tone = container.add_stream("pcm_s16le", rate=8000, layout="mono") if sound else None
        for n, frame in enumerate(frames):
            planes = frame if isinstance(frame, tuple) else planes_of(frame, n)
            packed = pack(planes, layout)
            if stream is None:
                stream = container.add_stream(codec, rate=rate, options=options or intra)
                stream.width, stream.height = packed.width, packed.height
                stream.pix_fmt = pixel_format
                stream.codec_context.time_base = base
                if change is not None:
                    change(stream)
            packed.pts = times(n) if times is not None else round(n / rate / base)
            packed.time_base = base
            for packet in stream.encode(packed):
                container.mux(packet)
            count += 1
        if stream is not None:
            for packet in stream.encode():
                container.mux(packet)
        if tone is not None:
            seconds = max(0.2, count / float(rate))
            wave = (8000 * np.sin(np.arange(int(8000 * seconds)) / 7)).astype(np.int16)
            whole = av.AudioFrame.from_ndarray(wave[None, :], format="s16", layout="mono")
            whole.sample_rate = 8000
            fifo = av.AudioFifo()
            fifo.write(whole)
            while (part := fifo.read(1024, partial=True)) is not None:
                part.sample_rate = 8000
                for packet in tone.encode(part):
                    container.mux(packet)
            for packet in tone.encode():
                container.mux(packet)
    return count


def decoded_planes(path: Path) -> list[tuple[np.ndarray, ...]]:
    """All frames of a film, as planes, read by PyAV alone."""
    import av

    frames = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            frames.append(tuple(_tight(frame, k) for k in range(len(frame.planes))))
    return frames


def _tight(frame: Any, k: int) -> np.ndarray:
    plane = frame.planes[k]
    deep = "16" in frame.format.name or "10le" in frame.format.name or "12le" in frame.format.name
    dtype = np.dtype("<u2" if deep else "u1")
    stride = plane.line_size // dtype.itemsize
    return np.frombuffer(plane, dtype).reshape(-1, stride)[: plane.height, : plane.width].copy()


def frame_times(path: Path) -> list[Fraction]:
    """Times of all frames in seconds, read by PyAV alone."""
    import av

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return sorted(Fraction(p.pts) * p.time_base for p in container.demux(stream) if p.size)
