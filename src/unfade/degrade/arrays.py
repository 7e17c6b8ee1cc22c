"""The thin door to the array libraries: NumPy on the host, torch on any device.

All damage is written once, over the operations that both libraries share by name (the array
API) and the few here, which differ. torch is never imported: a tensor brings it along. NumPy
batches go through one picture at a time and in strips, so that the bits depend on neither the
batch nor the memory.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = Any  # (n, c, h, w) float32 of either library
STRIP = 1 << 17  # samples: a strip and its temporaries stay in a core's cache


def is_tensor(x: Array) -> bool:
    """Whether ``x`` is a torch tensor, without importing torch."""
    return type(x).__module__.partition(".")[0] == "torch"


def namespace(x: Array) -> Any:
    """The module whose functions work on ``x``: numpy or torch."""
    return sys.modules["torch"] if is_tensor(x) else np


def like(values: Any, x: Array, *, dtype: str = "float32") -> Array:
    """Host values as an array of the library and on the device of ``x``."""
    host = np.ascontiguousarray(values, dtype=dtype)
    if not is_tensor(x):
        return host
    return namespace(x).from_numpy(host).to(x.device, non_blocking=True)


def column(values: Sequence[float] | np.ndarray, x: Array) -> Array:
    """One number for each picture of the batch, shaped (n, 1, 1, 1)."""
    return like(values, x).reshape(-1, 1, 1, 1)


def by_channel(values: Sequence[Sequence[float]], x: Array) -> Array:
    """One number for each picture and channel, shaped (n, c, 1, 1); one serves all channels."""
    rows = np.asarray(values, np.float32)
    return like(rows, x).reshape(rows.shape[0], rows.shape[1], 1, 1)


def bands(x: Array, multiple: int = 1) -> list[slice]:
    """Rows to take at a time: on a device all, on the host strips that stay in the cache.

    Args:
        multiple: each band but the last has a multiple of this many rows
    """
    rows = x.shape[2]
    if is_tensor(x):
        return [slice(0, rows)]
    step = STRIP // max(1, x.shape[0] * x.shape[1] * x.shape[3])
    step = max(1, step // multiple) * multiple
    return [slice(top, min(rows, top + step)) for top in range(0, rows, step)]


def pointwise(x: Array, change: Callable[[Array, slice], Array]) -> Array:
    """Change each sample by itself, on the host in place: ``change(part, rows) -> part``.

    On the host the batch is taken in strips of rows, whose temporaries stay in the cache: three
    to five times faster. ``rows`` says which rows the strip holds.
    """
    if is_tensor(x):
        return change(x, slice(0, x.shape[2]))
    for part in bands(x):
        x[:, :, part] = change(x[:, :, part], part)
    return x


def take(x: Array, index: Array) -> Array:
    """Values of the flat array ``x`` at ``index``."""
    return x[index] if is_tensor(x) else np.take(x, index)


def mirrored(size: int, before: int, after: int) -> np.ndarray:
    """Indices of an axis with margins mirrored at its ends; right for any size, 1 included."""
    index = np.arange(-before, size + after)
    if size == 1:
        return np.zeros_like(index)
    index = np.abs(index) % (2 * size - 2)
    return np.where(index < size, index, 2 * size - 2 - index)


def correlate(x: Array, down: Sequence[np.ndarray], across: Sequence[np.ndarray]) -> Array:
    """Filter each picture of a batch with its own pair of odd 1-D kernels; edges mirrored.

    Args:
        x: (n, c, h, w) float32
        down, across: n kernels each, along the rows' axis and along the columns' axis
    """
    if not is_tensor(x):
        import cv2

        out = np.empty_like(x)
        for n, c in np.ndindex(x.shape[:2]):
            cv2.sepFilter2D(
                x[n, c], cv2.CV_32F, across[n], down[n], dst=out[n, c], borderType=_border(x)
            )
        return out
    xp = namespace(x)
    conv2d = xp.nn.functional.conv2d
    count = x.shape[0]
    for axis, kernels in ((2, down), (3, across)):
        reach = max(len(k) for k in kernels) // 2
        if reach == 0:
            continue
        table = np.stack([np.pad(k, reach - len(k) // 2) for k in kernels]).astype(np.float32)
        index = like(mirrored(x.shape[axis], reach, reach), x, dtype="int64")
        wide = xp.index_select(x, axis, index).transpose(0, 1)
        weight = like(table, x).reshape(count, 1, *((-1, 1) if axis == 2 else (1, -1)))
        x = conv2d(wide, weight, groups=count).transpose(0, 1)
    return x.contiguous()


def correlate2d(x: Array, kernels: Sequence[np.ndarray]) -> Array:
    """Filter each picture with its own odd square kernel (not turned around); edges mirrored."""
    if not is_tensor(x):
        import cv2

        out = np.empty_like(x)
        for n, c in np.ndindex(x.shape[:2]):
            out[n, c] = cv2.filter2D(x[n, c], cv2.CV_32F, kernels[n], borderType=_border(x))
        return out
    xp = namespace(x)
    reach = max(k.shape[0] for k in kernels) // 2
    table = np.stack([np.pad(k, reach - k.shape[0] // 2) for k in kernels]).astype(np.float32)
    wide = x
    for axis in (2, 3):
        index = like(mirrored(x.shape[axis], reach, reach), x, dtype="int64")
        wide = xp.index_select(wide, axis, index)
    weight = like(table, x)[:, None]
    out = xp.nn.functional.conv2d(wide.transpose(0, 1), weight, groups=x.shape[0])
    return out.transpose(0, 1).contiguous()


def _border(x: np.ndarray) -> int:
    import cv2

    # a mirror without its edge pixel needs a second pixel
    return cv2.BORDER_REFLECT_101 if min(x.shape[2:]) > 1 else cv2.BORDER_REPLICATE


@dataclass(frozen=True, slots=True, eq=False)
class Taps:
    """A resampling of one axis: inputs (outputs, k) int64 and their weights float32."""

    index: np.ndarray
    weight: np.ndarray


def resample(x: Array, taps: Sequence[Taps], axis: int) -> Array:
    """Resample axis 2 or 3 of each picture by its own taps, all to as many outputs."""
    if is_tensor(x):
        xp = namespace(x)
        tables = np.zeros((len(taps), len(taps[0].index), x.shape[axis]), np.float32)
        for table, t in zip(tables, taps, strict=True):
            np.add.at(table, (np.arange(len(t.index))[:, None], t.index), t.weight)
        matrix = like(tables, x)[:, None]
        return xp.matmul(matrix, x) if axis == 2 else xp.matmul(x, matrix.transpose(-1, -2))
    shape = list(x.shape)
    shape[axis] = len(taps[0].index)
    out = np.zeros(shape, np.float32)
    for n, t in enumerate(taps):
        for k in range(t.index.shape[1]):
            weight = t.weight[:, k, None] if axis == 2 else t.weight[:, k]
            out[n] += np.take(x[n], t.index[:, k], axis - 1) * weight
    return out


def grown(classes: Array, mask: Array) -> Array:
    """Class maps (n, 1, h, w) spread from their pixels over the rest of ``mask``, 0 outside."""
    xp = namespace(classes)
    for _ in range(64):
        missing = mask & (classes == 0)
        if not bool(missing.any()):
            break
        wider = _widened(classes)
        classes = xp.where(missing, wider, classes)
    return xp.where(mask, classes, xp.zeros_like(classes))


def _widened(classes: Array) -> Array:
    """The largest class among the 3 x 3 neighbours."""
    if is_tensor(classes):
        pooled = namespace(classes).nn.functional.max_pool2d(classes.float(), 3, 1, 1)
        return pooled.to(classes.dtype)
    import cv2

    return np.stack([cv2.dilate(c[0], np.ones((3, 3), np.uint8))[None] for c in classes])
