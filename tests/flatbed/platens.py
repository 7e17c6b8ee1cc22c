"""Made platens: prints laid at known places on an uneven, noisy, dusty lid, with their shadows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True, kw_only=True)
class Print:
    """A print to lay: its place, its turn clockwise, its white border and what it shows."""

    row: float
    col: float
    rows: float
    cols: float
    angle: float = 0.0
    border: int = 0
    paper: float = 0.93
    seed: int = 0
    flat: float | None = None  # an even picture of this value instead of a scene
    back: bool = False


def scene(rows: int, cols: int, seed: int) -> np.ndarray:
    """(rows, cols, 3) a smooth scene with edges, 0.05 to 0.9."""
    chance = np.random.default_rng(seed)
    coarse = chance.random((7, 9, 3)).astype(np.float32)
    view = cv2.resize(coarse, (cols, rows), interpolation=cv2.INTER_CUBIC)
    for _ in range(6):
        a = chance.integers(0, (cols, rows), 2)
        b = chance.integers(0, (cols, rows), 2)
        colour = tuple(float(v) for v in chance.random(3))
        cv2.rectangle(view, tuple(map(int, a)), tuple(map(int, b)), colour, -1)
    view += chance.normal(0, 0.02, view.shape).astype(np.float32)
    return np.clip(0.05 + 0.8 * view, 0.03, 0.9)


def platen(
    prints: tuple[Print, ...],
    rows: int = 1400,
    cols: int = 1000,
    *,
    lid: float | tuple[float, float, float] = 0.96,
    noise: float = 0.006,
    uneven: float = 0.02,
    shadow: float = 0.25,
    shadow_px: float = 5.0,
    dust: int = 60,
    seed: int = 0,
    pictures: list[np.ndarray] | None = None,
) -> np.ndarray:
    """(rows, cols, 3) float32 scan of prints on a lid; ``pictures`` instead of made scenes."""
    chance = np.random.default_rng(1000 + seed)
    y, x = np.mgrid[0:rows, 0:cols].astype(np.float32)
    light = 1 + uneven * ((x / cols - 0.5) - 0.7 * (y / rows - 0.5) ** 2)
    view = np.ones((rows, cols, 3), np.float32) * np.asarray(lid, np.float32) * light[..., None]
    for each in prints:  # shadows first: they fall on the lid, and on each other
        fallen = _cover(each, y - 2.0, x - 1.5)
        fallen = cv2.GaussianBlur(fallen, (0, 0), shadow_px)
        view *= (1 - shadow * fallen)[..., None]
    for n, each in enumerate(prints):
        _lay(view, each, y, x, pictures[n] if pictures else None)
    for _ in range(dust):
        at = tuple(int(v) for v in chance.integers(0, (cols, rows), 2))
        tone = float(chance.choice([0.25, 0.98]))
        if chance.random() < 0.3:
            end = tuple(int(v + chance.integers(-25, 25)) for v in at)
            cv2.line(view, at, end, (tone,) * 3, 1, cv2.LINE_AA)
        else:
            cv2.circle(view, at, int(chance.integers(1, 4)), (tone,) * 3, -1, cv2.LINE_AA)
    view += chance.normal(0, noise, view.shape).astype(np.float32)
    return np.clip(view, 0, 1)


def _place(each: Print, y: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of the platen's pixel centres in the print, from its centre."""
    turn = math.radians(each.angle)
    dy, dx = y + 0.5 - each.row, x + 0.5 - each.col
    return dy * math.cos(turn) - dx * math.sin(turn), dy * math.sin(turn) + dx * math.cos(turn)


def _cover(each: Print, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    v, u = _place(each, y, x)
    inside = np.minimum(each.rows / 2 - np.abs(v), each.cols / 2 - np.abs(u))
    return np.clip(inside + 0.5, 0, 1).astype(np.float32)


def _lay(
    view: np.ndarray, each: Print, y: np.ndarray, x: np.ndarray, picture: np.ndarray | None
) -> None:
    cover = _cover(each, y, x)
    v, u = _place(each, y, x)
    rows, cols = round(each.rows) - 2 * each.border, round(each.cols) - 2 * each.border
    if picture is not None:
        shown = picture
    elif each.flat is not None:
        shown = np.full((rows, cols, 3), each.flat, np.float32)
    else:
        shown = scene(rows, cols, each.seed)
    if each.back:
        shown = np.full((rows, cols, 3), 0.88, np.float32)
        shown *= np.array([1.0, 0.98, 0.92], np.float32)
    paper = cv2.copyMakeBorder(
        shown, *(each.border,) * 4, cv2.BORDER_CONSTANT, value=(each.paper,) * 3
    )
    map_x = (u + paper.shape[1] / 2 - 0.5).astype(np.float32)
    map_y = (v + paper.shape[0] / 2 - 0.5).astype(np.float32)
    laid = cv2.remap(paper, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    view[:] = view * (1 - cover[..., None]) + laid * cover[..., None]


def codes(view: np.ndarray, depth: int = 8) -> np.ndarray:
    """As a scanner stores it."""
    full = 2**depth - 1
    return np.rint(view * full).astype(np.uint8 if depth == 8 else np.uint16)
