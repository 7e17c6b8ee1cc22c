"""Real damage from a folder: its shapes are turned, scaled, mirrored and laid over the picture.

The folder may hold, each or all:

``film_shapes/*.png``  opacity maps, white is damage, cut to their box; the name before the first
                       ``_`` says what it is (hair, scratch, dirt, dots, stain ...)
``film_scans/*.png``   class maps of whole frames, 51 x class (1 dust, 2 dirt, 3 short hair,
                       4 long hair, 5 scratch); random windows are taken
``craquelure/*.png``   crack maps, white is crack
``paper/*``            crumpled paper, for folds: its slopes become light and shade
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from unfade.degrade import contract
from unfade.degrade.contract import (
    Damage,
    DamageClass,
    Drawn,
    Item,
    Marks,
    Scene,
    Span,
    draw_count,
    draw_from,
    setting,
)
from unfade.degrade.marks.canvas import Canvas, box_of
from unfade.errors import UsageError
from unfade.picture import Plane, Window

SORTS = ("film_shapes", "film_scans", "craquelure", "paper")
_EXACT = (".png", ".tif", ".tiff")  # maps have exact values; a JPEG beside them is a photograph
_ANY = (*_EXACT, ".jpg", ".jpeg", ".webp")
_SCAN_STEP = 51
_SCAN_CLASSES = {
    1: DamageClass.DUST,
    2: DamageClass.DIRT,
    3: DamageClass.HAIR,
    4: DamageClass.HAIR,
    5: DamageClass.SCRATCH,
}
_SHAPE_CLASSES = {
    "hair": DamageClass.HAIR,
    "lint": DamageClass.HAIR,
    "scratch": DamageClass.SCRATCH,
    "scratches": DamageClass.SCRATCH,
    "dirt": DamageClass.DIRT,
    "stain": DamageClass.STAIN,
    "stains": DamageClass.STAIN,
}


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """What is taken from the folder; without a folder nothing happens."""

    sort: str = setting("film_shapes", "subfolder", choices=SORTS)
    count: Span = setting((2.0, 25.0), "mean number of shapes in a picture", low=0, high=5000)
    size_px: Span = setting((8.0, 160.0), "longer side of a shape, px", low=1, high=5000)
    opacity: Span = setting((0.4, 1.0), "how much it hides", low=0.02, high=1)
    light_chance: float = setting(0.5, "how often one is light", low=0, high=1)


def draw(settings: Settings, scene: Scene, rng: np.random.Generator) -> Drawn | None:
    if scene.overlays is None:
        return None
    files = shapes_in(scene.overlays, settings.sort)
    if not files:
        return None
    if settings.sort == "film_scans":
        return _scan(settings, scene, files, rng)
    if settings.sort == "craquelure":
        return _cracks(settings, scene, files, rng)
    if settings.sort == "paper":
        return _paper(settings, scene, files, rng)
    return _shapes(settings, scene, files, rng)


@lru_cache(maxsize=16)
def shapes_in(folder: str, sort: str) -> tuple[str, ...]:
    """Paths of a subfolder's pictures, by name.

    Raises:
        UsageError: the folder is not there, or holds none of the known subfolders
    """
    place = Path(folder)
    if not any((place / each).is_dir() for each in SORTS):
        raise UsageError(
            f"`{folder}` holds none of the folders {', '.join(f'`{s}`' for s in SORTS)}.",
            "Name the folder above them with `--overlays`.",
        )
    inside = place / sort
    if not inside.is_dir():
        return ()
    suffixes = _ANY if sort == "paper" else _EXACT
    return tuple(str(p) for p in sorted(inside.iterdir()) if p.suffix.lower() in suffixes)


@lru_cache(maxsize=512)
def _codes(path: str) -> np.ndarray:
    """(rows, cols) uint8 of an overlay's first channel, read through the door for files."""
    from unfade import files

    picture = files.open_picture(path).picture
    plane = picture.samples[:, :, 0]
    if plane.dtype != np.uint8:
        plane = np.rint(plane.astype(np.float32) * (255 / picture.full_scale)).astype(np.uint8)
    return np.ascontiguousarray(plane)


def _shapes(
    settings: Settings, scene: Scene, files: tuple[str, ...], rng: np.random.Generator
) -> Drawn | None:
    count = draw_count(settings.count, rng, np.sqrt(scene.area))
    canvas, items = Canvas(scene.rows, scene.cols), []
    kinds, inks = np.zeros(count, np.uint8), np.zeros((count, 3), np.float32)
    for n in range(count):
        path = Path(files[rng.integers(len(files))])
        kind = _SHAPE_CLASSES.get(path.stem.partition("_")[0].partition("-")[0], DamageClass.DUST)
        size = draw_from(settings.size_px, rng, by_ratio=True) * scene.unit_px
        if kind in (DamageClass.DUST, DamageClass.DIRT):
            size *= 0.3  # specks are not as long as hairs
        plane, window = _turned(_codes(str(path)), size, scene, rng)
        plane = plane * np.float32(draw_from(settings.opacity, rng))
        box = canvas.lay_plane(plane, window, n)
        light = bool(rng.random() < settings.light_chance)
        inks[n] = rng.uniform(0.6, 1.0) if light else rng.uniform(0.0, 0.06)
        kinds[n] = kind
        if box is not None:
            facts = {"file": path.name, "size_px": float(size), "light": light}
            items.append(Item(kind="overlays", damage_class=kind, box=box, parameters=facts))
    if not items:
        return None
    index = canvas.index
    amount, owner = canvas.amount[index], canvas.owner[index]
    marks = Marks(
        index=index, classes=kinds[owner], strength=amount, opacity=amount, colour=inks[owner]
    )
    return Drawn(parameters={"count": len(items)}, marks=marks, items=tuple(items))


def _turned(
    codes: np.ndarray, size_px: float, scene: Scene, rng: np.random.Generator
) -> tuple[Plane, Window]:
    """A shape scaled, turned and put somewhere: its plane and the window that it lies in."""
    import cv2

    factor = max(size_px, 1.5) / max(codes.shape)
    if factor < 1:
        wide, high = (max(1, round(n * factor)) for n in codes.shape[::-1])
        codes = cv2.resize(codes, (wide, high), interpolation=cv2.INTER_AREA)
        factor = 1.0
    plane = codes.astype(np.float32) / 255
    plane /= max(float(plane.max()), 0.05)  # thin lines pale when made smaller; hairs do not
    rows, cols = plane.shape
    side = int(np.ceil(np.hypot(rows, cols) * factor)) + 3
    turn = cv2.getRotationMatrix2D((cols / 2, rows / 2), rng.uniform(0, 360), factor)
    turn[:, 2] += (side / 2 - cols / 2, side / 2 - rows / 2)
    if rng.random() < 0.5:
        plane = np.ascontiguousarray(plane[:, ::-1])
    plane = cv2.warpAffine(plane, turn, (side, side), flags=cv2.INTER_LINEAR)
    top, left = (int(v) - side // 2 for v in rng.uniform(0, 1, 2) * (scene.rows, scene.cols))
    return np.clip(plane, 0, 1), Window(top, left, top + side, left + side)


def _window_of(codes: np.ndarray, scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """A random part of a map as large as the picture, mirrored where the map is smaller."""
    if rng.random() < 0.5:
        codes = codes[:, ::-1]
    if rng.random() < 0.5:
        codes = codes[::-1]
    short = [max(0, n - m) for n, m in zip((scene.rows, scene.cols), codes.shape, strict=True)]
    if any(short):
        codes = np.pad(codes, ((0, short[0]), (0, short[1])), mode="symmetric")
    top, left = (
        int(rng.integers(0, m - n + 1))
        for n, m in zip((scene.rows, scene.cols), codes.shape, strict=True)
    )
    return np.ascontiguousarray(codes[top : top + scene.rows, left : left + scene.cols])


def _scan(
    settings: Settings, scene: Scene, files: tuple[str, ...], rng: np.random.Generator
) -> Drawn | None:
    import cv2

    path = files[rng.integers(len(files))]
    codes = _codes(path)
    # the map is of a whole frame: it is made as large as the picture, or up to twice as large
    factor = max(scene.rows / codes.shape[0], scene.cols / codes.shape[1]) * rng.uniform(1, 2)
    wide, high = (max(1, int(np.ceil(n * factor))) for n in codes.shape[::-1])
    codes = cv2.resize(codes, (wide, high), interpolation=cv2.INTER_NEAREST)
    found = _window_of(codes, scene, rng) // _SCAN_STEP
    opacity = draw_from(settings.opacity, rng)
    # class maps are hard-edged; a mark is not
    soft = cv2.GaussianBlur((found > 0).astype(np.float32), (3, 3), 0.6).ravel() * opacity
    index = np.flatnonzero((found.ravel() > 0) & (soft > 0.02))
    if index.size == 0:
        return None
    table = np.zeros(256, np.uint8)
    for code, kind in _SCAN_CLASSES.items():
        table[code] = kind
    light = bool(rng.random() < settings.light_chance)
    ink = rng.uniform(0.7, 1.0) if light else rng.uniform(0.0, 0.05)
    classes = table[found.ravel()[index]]
    known = classes > 0
    index, classes = index[known], classes[known]
    if index.size == 0:
        return None
    strength = soft[index].astype(np.float32)
    marks = Marks(
        index=index,
        classes=classes,
        strength=strength,
        opacity=strength,
        colour=np.full((1, 3), ink, np.float32),
    )
    facts = {"file": Path(path).name, "light": light}
    items = tuple(
        Item(
            kind="overlays",
            damage_class=DamageClass(int(code)),
            box=box_of(index[classes == code], scene.cols),
            parameters=facts,
        )
        for code in np.unique(classes)
    )
    return Drawn(parameters=facts, marks=marks, items=items)


def _cracks(
    settings: Settings, scene: Scene, files: tuple[str, ...], rng: np.random.Generator
) -> Drawn | None:
    path = files[rng.integers(len(files))]
    plane = _window_of(_codes(path), scene, rng).astype(np.float32).ravel() / 255
    strength = plane * np.float32(draw_from(settings.opacity, rng))
    index = np.flatnonzero(strength > 0.02)
    if index.size == 0:
        return None
    marks = Marks(
        index=index,
        classes=np.full(index.size, DamageClass.CRACK, np.uint8),
        strength=strength[index],
        opacity=strength[index],
        colour=np.array([[0.035, 0.028, 0.02]], np.float32),
    )
    facts = {"file": Path(path).name}
    item = Item(kind="overlays", damage_class=DamageClass.CRACK, box=box_of(index, scene.cols),
                parameters=facts)  # fmt: skip
    return Drawn(parameters=facts, marks=marks, items=(item,))


def _paper(
    settings: Settings, scene: Scene, files: tuple[str, ...], rng: np.random.Generator
) -> Drawn | None:
    import cv2

    path = files[rng.integers(len(files))]
    codes = _codes(path)
    factor = max(scene.rows / codes.shape[0], scene.cols / codes.shape[1], 0.05)
    wide, high = (max(n, round(m * factor)) for n, m in zip(
        (scene.cols, scene.rows), codes.shape[::-1], strict=True))  # fmt: skip
    codes = cv2.resize(codes, (wide, high), interpolation=cv2.INTER_AREA if factor < 1 else 1)
    light = _window_of(codes, scene, rng).astype(np.float32) / 255
    # the paper's own brightness is not wanted, only its folds
    folds = light - cv2.GaussianBlur(light, (0, 0), max(scene.rows, scene.cols) / 40)
    folds *= draw_from(settings.opacity, rng) / max(float(np.abs(folds).max()), 1e-3)
    folds = folds.ravel()
    index = np.flatnonzero(np.abs(folds) > 0.02)
    if index.size == 0:
        return None
    shade = np.exp(folds[index])
    marks = Marks(
        index=index,
        classes=np.full(index.size, DamageClass.CREASE, np.uint8),
        strength=np.clip(np.abs(shade - 1), 0, 1).astype(np.float32),
        pass_on=np.repeat(shade[:, None], 3, axis=1).astype(np.float32),
    )
    facts = {"file": Path(path).name}
    item = Item(kind="overlays", damage_class=DamageClass.CREASE, box=box_of(index, scene.cols),
                parameters=facts)  # fmt: skip
    return Drawn(parameters=facts, marks=marks, items=(item,))


DAMAGE = Damage(
    name="overlays",
    title="Real shapes of damage from a folder",
    settings=Settings,
    draw=draw,
    domain="any",
)
