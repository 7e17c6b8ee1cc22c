"""Random fields: chance as a function of place and seed, the same in both libraries.

A counter-based hash of 32 bits gives two samples of 16 bits; a table turns them into a normal
or a uniform number. So a field needs no state, has the same bits on the host and on any device,
and costs about 4 ns a sample on one core.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from unfade.degrade.arrays import Array, is_tensor, like, namespace, take

_A, _B, _C = 0x7FEB352D, 0x846CA68B - (1 << 32), 0x9E3779B9 - (1 << 32)
_LEVELS = 1 << 16
_LOT = 1 << 17  # counters hashed at a time on the host


def normal(
    x: Array, seeds: Sequence[int], shape: tuple[int, int, int], rows: slice | None = None
) -> Array:
    """Standard normal fields, one for each seed.

    Args:
        x: any array of the library and device wanted
        seeds: 64-bit numbers
        shape: (channels, rows, cols) of one field
        rows: only these rows of it; None: all
    Returns:
        (len(seeds), channels, rows, cols) float32, mean 0, variance 1, no value beyond 4.4
    """
    return _field(x, seeds, shape, rows or slice(0, shape[1]), _normal_table())


def uniform(
    x: Array, seeds: Sequence[int], shape: tuple[int, int, int], rows: slice | None = None
) -> Array:
    """Uniform fields over 0 to 1 in 65,536 steps, one for each seed; else as ``normal``."""
    return _field(x, seeds, shape, rows or slice(0, shape[1]), _uniform_table())


def _field(
    x: Array, seeds: Sequence[int], shape: tuple[int, int, int], rows: slice, table: np.ndarray
) -> Array:
    channels, high, wide = shape
    keys = np.array([_keys(seed) for seed in seeds], np.int32)
    if is_tensor(x):
        xp = namespace(x)
        half = (channels * high * wide + 1) // 2
        counter = xp.arange(half, dtype=xp.int32, device=x.device)[None]
        key = like(keys, x, dtype="int32")
        bits = _hashed(counter, key[:, 0:1], key[:, 1:2])
        pair = xp.stack([bits & 0xFFFF, (bits >> 16) & 0xFFFF], -1).reshape(len(seeds), -1)
        full = take(like(table, x), pair)[:, : channels * high * wide]
        return full.reshape(len(seeds), *shape)[:, :, rows]
    count = (rows.stop - rows.start) * wide
    out = np.empty((len(seeds), channels, count), np.float32)
    for n, c in np.ndindex(out.shape[:2]):
        first = (c * high + rows.start) * wide
        for start in range(0, count, _LOT):
            stop = min(count, start + _LOT)
            # two samples come of each counter; a stretch may begin with the second
            low, top = (first + start) >> 1, (first + stop + 1) >> 1
            bits = _hashed(np.arange(low, top, dtype=np.int32), keys[n, 0:1], keys[n, 1:2])
            low_first = bits.astype("<i4", copy=False).view("<u2")
            skipped = (first + start) & 1
            drawn = low_first[skipped : skipped + stop - start]
            np.take(table, drawn, out=out[n, c, start:stop], mode="clip")
    return out.reshape(len(seeds), channels, -1, wide)


def _hashed(counter: Array, first: Array, second: Array) -> Array:
    """Keyed rounds of multiply and xor-shift (lowbias32, C. Wellons 2018), in place.

    int32 wraps alike in both libraries; the masks make its shifts those of unsigned numbers.
    """
    bits = counter * _C
    bits ^= (bits >> 16) & 0xFFFF
    bits = bits ^ first
    bits *= _A
    bits ^= (bits >> 15) & 0x1FFFF
    bits = bits ^ second
    bits *= _B
    bits ^= (bits >> 16) & 0xFFFF
    bits *= _A
    bits ^= (bits >> 15) & 0x1FFFF
    return bits


def _keys(seed: int) -> tuple[int, int]:
    """Two signed 32-bit keys of a 64-bit seed, by the finaliser of splitmix64."""
    bits = (seed + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
    bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    bits ^= bits >> 31
    low, high = bits & 0xFFFFFFFF, bits >> 32
    return _signed(low), _signed(high)


def _signed(bits: int) -> int:
    return bits - (1 << 32) if bits >> 31 else bits


@cache
def _normal_table() -> np.ndarray:
    """The inverse of the normal distribution at the middles of 65,536 equal shares."""
    from statistics import NormalDist

    inverse = NormalDist().inv_cdf
    upper = np.array([inverse(0.5 + (i + 0.5) / _LEVELS) for i in range(_LEVELS // 2)])
    table = np.concatenate([-upper[::-1], upper])
    return (table / np.sqrt(np.mean(table**2))).astype(np.float32)


@cache
def _uniform_table() -> np.ndarray:
    return ((np.arange(_LEVELS) + 0.5) / _LEVELS).astype(np.float32)
