"""Pictures for training: a folder, a store, a packed file; split by content; patches by seed.

A patch is known by the recipe's seed and its number alone, so that a resumed training sees the
very patches that an unbroken one would have seen.
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from unfade.errors import UnreadableInput, UsageError
from unfade.files.places.opening import open_place
from unfade.train.recipe import DataSettings
from unfade.zoo import store

Split = Literal["train", "validation", "test"]
ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
CACHED = "training"  # folder beside the weights in the user's cache: objects of stores
KEPT_BYTES = 2 << 30  # decoded pictures kept in memory


@dataclass(frozen=True, slots=True)
class Source:
    """One picture: its name below the place, the hash of its bytes, and its part of the split."""

    name: str
    sha256: str
    split: Split


class Cached:
    """The objects under a store's prefix, each fetched once: a training reads them again and again.

    What changes in the store is fetched anew; the folder may be removed at any time.
    """

    def __init__(self, address: str) -> None:
        self._place = open_place(address)
        digest = hashlib.sha256(self._place.uri.encode()).hexdigest()
        self._folder = store.where().with_name(CACHED) / digest[:16]
        self._versions = {e.name: e.version for e in self._place.entries() if not e.problem}

    @property
    def names(self) -> list[str]:
        return sorted(self._versions)

    def read(self, name: str) -> bytes:
        digest = hashlib.sha256(f"{name}\n{self._versions[name]}".encode()).hexdigest()
        kept = self._folder / digest[:32]
        if not kept.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            part = kept.with_name(f"{kept.name}.{os.getpid()}.part")
            self._place.fetch(name, part)
            os.replace(part, kept)
        return kept.read_bytes()


class Pictures:
    """All pictures of a place, opened once.

    Args:
        place: a folder (searched through), a prefix as ``s3://bucket/scans``, or a ``.zip`` made
            by ``pack``
    Raises:
        UsageError: the place is missing or holds no picture
        UnreadableInput, Unreachable: the store cannot be read
    """

    def __init__(self, place: str | Path, settings: DataSettings) -> None:
        self.place = Path(place)
        self._zip: zipfile.ZipFile | None = None
        self._cached: Cached | None = None
        if "://" in str(place):
            self._cached = Cached(str(place))
            names = self._cached.names
        elif self.place.is_dir():
            names = [p.relative_to(self.place).as_posix() for p in sorted(self.place.rglob("*"))]
        elif zipfile.is_zipfile(self.place):
            self._zip = zipfile.ZipFile(self.place)
            names = sorted(self._zip.namelist())
        else:
            raise UsageError(
                f"`{place}` is neither a folder nor a packed data file.",
                "Give a folder of pictures, an `s3://` prefix, or a file made by "
                "`unfade train pack`.",
            )
        wanted = [n for n in names if n.lower().endswith(ENDINGS) and _fits(n, settings.include)]
        self.sources = tuple(self._source(name, settings.train_share) for name in wanted)
        if not self.sources:
            raise UsageError(
                f"`{place}` holds no picture that the recipe's `include` names.",
                f"It takes {', '.join(ENDINGS)}; patterns here: {list(settings.include) or 'all'}.",
            )
        self._decoded: dict[str, np.ndarray] = {}
        self._kept = 0

    def of(self, split: Split) -> list[Source]:
        """The sources of one part; never empty: a tiny collection uses all of it for each."""
        return [s for s in self.sources if s.split == split] or list(self.sources)

    def pixels(self, source: Source) -> np.ndarray:
        """(rows, cols, 3) uint8 RGB; kept decoded while memory allows.

        Raises:
            UnreadableInput: the file is no picture; it is named
        """
        found = self._decoded.get(source.name)
        if found is None:
            found = _decoded(self._bytes(source.name), source.name)
            if self._kept + found.nbytes <= KEPT_BYTES:
                self._decoded[source.name] = found
                self._kept += found.nbytes
        return found

    def _bytes(self, name: str) -> bytes:
        if self._cached is not None:
            return self._cached.read(name)
        return self._zip.read(name) if self._zip else (self.place / name).read_bytes()

    def _source(self, name: str, train_share: float) -> Source:
        digest = hashlib.sha256(self._bytes(name)).hexdigest()
        at = int(digest[:8], 16) / 2**32
        split: Split = "train"
        if at >= train_share:
            split = "validation" if at < (1 + train_share) / 2 else "test"
        return Source(name, digest, split)


class Patches:
    """Patches of one part of the split, by number.

    Args:
        seed: of the recipe; the patch number and this decide everything
    """

    def __init__(self, pictures: Pictures, split: Split, settings: DataSettings, seed: int) -> None:
        self._pictures, self._settings, self._seed = pictures, settings, seed
        self._sources = pictures.of(split)
        self._tones = settings.tones if split == "train" else 0.0
        self._collage = settings.collage if split == "train" else 0.0

    def patch(self, number: int) -> np.ndarray:
        """(patch_px, patch_px, 3) uint8."""
        rng = np.random.default_rng((self._seed, number))
        patch = self._cut_out(rng)
        if self._collage and rng.random() < self._collage:
            patch = _put_together(patch, self._cut_out(rng), rng)
        if self._tones:
            patch = _toned(patch, self._tones, rng)
        return np.ascontiguousarray(patch)

    def _cut_out(self, rng: np.random.Generator) -> np.ndarray:
        side = self._settings.patch_px
        source = self._sources[int(rng.integers(len(self._sources)))]
        pixels = self._pictures.pixels(source)
        if self._settings.whole:
            patch = _reduced(pixels, side, self._settings.shrink, rng)
        else:
            patch = _cut(pixels, side, self._settings.shrink, self._settings.enlarge, rng)
        if self._settings.turns:
            if not (self._settings.whole and self._settings.upright):
                patch = np.rot90(patch, int(rng.integers(4)))
            if rng.integers(2):
                patch = patch[:, ::-1]
        return patch

    def batch(self, numbers: Sequence[int]) -> Tensor:
        """(n, 3, patch_px, patch_px) uint8."""
        stacked = np.stack([self.patch(n) for n in numbers])
        return torch.from_numpy(stacked).permute(0, 3, 1, 2).contiguous()

    def stream(
        self, first: int, last: int, batch: int, *, stride: int = 1
    ) -> Iterator[tuple[Tensor, list[int]]]:
        """Batches with their patch numbers, for the batch numbers first, first + stride ... < last.

        The next two are cut while one is used.
        """
        with ThreadPoolExecutor(1) as ahead:
            waiting = deque[tuple[Future[Tensor], list[int]]]()
            for number in range(first, last, stride):
                mine = list(range(number * batch, (number + 1) * batch))
                waiting.append((ahead.submit(self.batch, mine), mine))
                if len(waiting) > 2:
                    future, numbers = waiting.popleft()
                    yield future.result(), numbers
            while waiting:
                future, numbers = waiting.popleft()
                yield future.result(), numbers


def pack(pictures: Pictures, target: Path, *, megabytes: float = 45.0, side_px: int = 512) -> int:
    """Write a collection into one file that travels: WebP pictures in a zip, bounded in size.

    Pictures are scaled to ``side_px`` and packed in an order that the hash of their content
    gives, until the next one would not fit. Returns how many went in.
    """
    import cv2
    from PIL import Image

    room, count = megabytes * 1e6, 0
    with zipfile.ZipFile(target, "w") as packed:
        for source in sorted(pictures.sources, key=lambda s: s.sha256):
            pixels = pictures.pixels(source)
            shrink = side_px / max(pixels.shape[:2])
            if shrink < 1:
                pixels = cv2.resize(
                    pixels, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA
                )
            buffer = io.BytesIO()
            Image.fromarray(pixels).save(buffer, "WEBP", quality=90)
            if buffer.tell() + 512 > room:
                break
            room -= buffer.tell() + 512
            packed.writestr(str(Path(source.name).with_suffix(".webp")), buffer.getvalue())
            count += 1
    return count


def _cut(
    pixels: np.ndarray, side: int, shrink: float, enlarge: float, rng: np.random.Generator
) -> np.ndarray:
    """A square out of a picture that was scaled by a random factor of ``shrink`` to ``enlarge``."""
    import cv2

    # never cut more than there is: a small picture is enlarged just enough
    need = max(side / min(pixels.shape[:2]), float(rng.uniform(shrink, enlarge)))
    cut = min(round(side / need), *pixels.shape[:2])
    row = int(rng.integers(pixels.shape[0] - cut + 1))
    col = int(rng.integers(pixels.shape[1] - cut + 1))
    patch = pixels[row : row + cut, col : col + cut]
    if cut == side:
        return patch
    way = cv2.INTER_AREA if cut > side else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(patch, (side, side), interpolation=way))


def _reduced(pixels: np.ndarray, side: int, shrink: float, rng: np.random.Generator) -> np.ndarray:
    """A picture, of each side at least the share ``shrink``, reduced to a square."""
    import cv2

    kept = []
    for length in pixels.shape[:2]:
        size = max(1, round(length * float(rng.uniform(shrink, 1.0))))
        start = int(rng.integers(length - size + 1))
        kept.append(slice(start, start + size))
    return np.asarray(cv2.resize(pixels[tuple(kept)], (side, side), interpolation=cv2.INTER_AREA))


def _put_together(one: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Two patches on both sides of a random line, across which one fades into the other."""
    side = len(one)
    angle = rng.uniform(0, 2 * np.pi)
    rows, cols = np.indices((side, side)) - (side - 1) / 2
    across = rows * np.sin(angle) + cols * np.cos(angle) - side * rng.uniform(-0.3, 0.3)
    fading_px = side * float(np.exp(rng.uniform(np.log(0.003), np.log(0.3))))
    share = (0.5 + 0.5 * np.tanh(across / fading_px))[:, :, None]
    return np.asarray(np.rint(one + share * (other.astype(np.float64) - one)), np.uint8)


def _toned(patch: np.ndarray, tones: float, rng: np.random.Generator) -> np.ndarray:
    """The patch under another light: one gamma for all channels, a smaller one for each."""
    gamma = 2 ** (rng.uniform(-tones, tones) + rng.uniform(-tones / 2, tones / 2, 3))
    codes = np.arange(256)[:, None] / 255
    table = np.round(255 * codes**gamma).astype(np.uint8)  # (256, 3)
    return table[patch, np.arange(3)]


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatch(name, pattern) for pattern in patterns)


def _decoded(data: bytes, name: str) -> np.ndarray:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data)) as picture:
            return np.asarray(picture.convert("RGB"))
    except (UnidentifiedImageError, OSError, ValueError) as error:
        raise UnreadableInput(
            f"`{name}` cannot be read as a picture: {error}.",
            "Take it out of the training folder.",
        ) from error
