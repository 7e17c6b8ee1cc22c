"""Huffman coding of quantised JPEG coefficients, vectorised.

The libraries at hand that can write coefficients drop the fourth component, turn progressive
files into sequential ones and use tables that are not fitted. This writes any number of
components, sequential or progressive (by spectral selection), with tables fitted to the data.

Source:
    ITU-T T.81, sections F.1.2 (sequential), G.1.2 (progressive), K.2 (fitted tables), K.3.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from unfade.files.formats.jpeg.huffman import codes_of, fitted_table
from unfade.files.formats.jpeg.markers import DHT, SOS, Frame, Segment

ZIGZAG = np.array(
    [0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
     13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
     52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63]
)  # fmt: skip
_STRIP_BLOCKS = 60_000  # blocks coded at a time: about 100 MB of working arrays
# (first, last) coefficient of each scan of a progressive file; the DC scan holds all components
_PROGRESSIVE_BANDS = ((1, 5), (6, 63))


@dataclass(frozen=True, slots=True)
class Items:
    """Symbols to code, in order: table class and number packed, symbol, and the bits after it."""

    table: np.ndarray  # 2 * number + class (0 DC, 1 AC)
    symbol: np.ndarray
    extra: np.ndarray
    extra_bits: np.ndarray
    block: np.ndarray  # index of the block in the scan


@dataclass(frozen=True, slots=True)
class _Plan:
    """One scan: which components, which coefficients."""

    components: tuple[int, ...]
    first: int
    last: int


def code(
    coefficients: Sequence[np.ndarray], frame: Frame, tables: Sequence[int]
) -> Iterator[bytes]:
    """The scans of a picture, each with its tables, ready to follow the frame header.

    Args:
        coefficients: for each component (block rows, block cols, 64) int16 in zigzag order,
            without the blocks that only fill the last minimum coded unit
        frame: kind of coding and sampling
        tables: for each component the number (0 or 1) of its Huffman tables
    """
    everything = tuple(range(len(coefficients)))
    if frame.progressive:
        plans = [_Plan(everything, 0, 0)]
        plans += [_Plan((c,), a, b) for a, b in _PROGRESSIVE_BANDS for c in everything]
    else:
        plans = [_Plan(everything, 0, 63)]
    for plan in plans:
        yield from _code_scan(coefficients, frame, tables, plan)


def scan_bits(
    coefficients: Sequence[np.ndarray],
    frame: Frame,
    tables: Sequence[tuple[int, int]],
    lengths: dict[tuple[int, int], list[int]],
    restart: int = 0,
) -> np.ndarray:
    """How many bits each minimum coded unit takes in one interleaved sequential scan.

    With the file's own ``lengths`` of codes this tells how long the entropy-coded data of these
    coefficients must be; a file that holds less was cut.

    Args:
        tables: for each component its (DC, AC) table number
        lengths: code lengths by (class, number), 256 each
        restart: after how many units DC values are counted from zero again; 0: never
    """
    plan = _Plan(tuple(range(len(coefficients))), 0, 63)
    per_unit = _blocks_per_unit(frame, plan)
    bits = np.zeros((16, 2, 256), np.int64)
    for (kind, number), values in lengths.items():
        bits[number & 15, kind & 1] = values
    totals = []
    for items, units in _strips(coefficients, frame, plan, tables, restart):
        size = bits[items.table >> 1, items.table & 1, items.symbol] + items.extra_bits
        totals.append(np.bincount(items.block // per_unit, weights=size, minlength=units))
    return np.concatenate(totals).astype(np.int64)


def _code_scan(
    coefficients: Sequence[np.ndarray], frame: Frame, tables: Sequence[int], plan: _Plan
) -> Iterator[bytes]:
    both = [(number, number) for number in tables]
    counts = np.zeros((4, 256), np.int64)
    for items, _ in _strips(coefficients, frame, plan, both):
        flat = items.table.astype(np.int64) * 256 + items.symbol
        counts += np.bincount(flat, minlength=1024).reshape(4, 256)
    codes = np.zeros((4, 256), np.uint64)
    sizes = np.zeros((4, 256), np.int64)
    for table in range(4):
        if counts[table].any():
            by_length, symbols = fitted_table(counts[table])
            codes[table], sizes[table] = codes_of(by_length, symbols)
            head = bytes([(table & 1) << 4 | table >> 1])
            yield Segment(DHT, head + bytes(by_length) + bytes(symbols)).whole
    chosen = b"".join(
        struct.pack(
            "BB",
            frame.components[c].id,
            (tables[c] << 4 if plan.first == 0 else 0) | (tables[c] if plan.last > 0 else 0),
        )
        for c in plan.components
    )
    yield Segment(
        SOS,
        bytes([len(plan.components)]) + chosen + bytes([plan.first, plan.last, 0]),
    ).whole
    packer = _Packer()
    for items, _ in _strips(coefficients, frame, plan, both):
        size = sizes[items.table, items.symbol]
        value = codes[items.table, items.symbol] << items.extra_bits.astype(np.uint64)
        yield packer.add(value | items.extra.astype(np.uint64), size + items.extra_bits)
    yield packer.end()


def _blocks_per_unit(frame: Frame, plan: _Plan) -> int:
    if len(plan.components) == 1:
        return 1
    return sum(frame.components[c].h * frame.components[c].v for c in plan.components)


def _strips(
    coefficients: Sequence[np.ndarray],
    frame: Frame,
    plan: _Plan,
    tables: Sequence[tuple[int, int]],
    restart: int = 0,
) -> Iterator[tuple[Items, int]]:
    """Items of a scan, some rows of minimum coded units at a time, with the number of units."""
    shapes = [
        (1, 1) if len(plan.components) == 1 else (frame.components[c].v, frame.components[c].h)
        for c in plan.components
    ]
    blocks = [coefficients[c] for c in plan.components]
    unit_rows = max(-(-b.shape[0] // v) for b, (v, _) in zip(blocks, shapes))
    unit_cols = max(-(-b.shape[1] // h) for b, (_, h) in zip(blocks, shapes))
    per_unit = sum(v * h for v, h in shapes)
    step = max(1, _STRIP_BLOCKS // (unit_cols * per_unit))
    before = np.zeros(len(blocks), np.int32)
    owner = np.repeat(np.arange(len(blocks)), [v * h for v, h in shapes])
    for top in range(0, unit_rows, step):
        stop = min(unit_rows, top + step)
        parts = [_units(b, top, stop, unit_cols, v, h) for b, (v, h) in zip(blocks, shapes)]
        steps = []
        for number, part in enumerate(parts):
            dc = part[:, :, 0].ravel().astype(np.int32)
            difference = np.diff(dc, prepend=before[number]).reshape(part.shape[:2])
            if restart:
                again = (top * unit_cols + np.arange(part.shape[0])) % restart == 0
                difference[again, 0] = part[again, 0, 0]
            steps.append(difference)
            before[number] = dc[-1]
        units = np.concatenate(parts, axis=1)
        differences = np.concatenate(steps, axis=1).ravel()
        of_block = np.tile(owner, units.shape[0])
        dc_table = np.array([tables[c][0] for c in plan.components])[of_block]
        ac_table = np.array([tables[c][1] for c in plan.components])[of_block]
        items = _items(units.reshape(-1, 64), differences, dc_table, ac_table, plan)
        yield items, units.shape[0]


def _units(blocks: np.ndarray, top: int, stop: int, unit_cols: int, v: int, h: int) -> np.ndarray:
    """Blocks in the order of minimum coded units: (units, v * h, 64), filled up at the edges.

    A block that only fills up repeats the DC value of the block before it and has no other
    coefficient, which costs fewest bits; no decoder shows it.
    """
    strip = blocks[top * v : stop * v]
    rows, cols = strip.shape[:2]
    strip = np.pad(strip, ((0, (stop - top) * v - rows), (0, unit_cols * h - cols), (0, 0)))
    shaped = strip.reshape(stop - top, v, unit_cols, h, 64).swapaxes(1, 2)
    units = np.ascontiguousarray(shaped).reshape(stop - top, unit_cols, v * h, 64)
    for place in range(1, v * h):
        if (stop - top - 1) * v + place // h >= rows:
            units[-1, :, place, 0] = units[-1, :, place - 1, 0]
        if (unit_cols - 1) * h + place % h >= cols:
            units[:, -1, place, 0] = units[:, -1, place - 1, 0]
    return units.reshape(-1, v * h, 64)


def _items(
    blocks: np.ndarray,
    difference: np.ndarray,
    dc_table: np.ndarray,
    ac_table: np.ndarray,
    plan: _Plan,
) -> Items:
    """Symbols of blocks (n, 64) in zigzag order: DC step, runs and values, end of block."""
    keys, kinds, symbols, values, bits, of = [], [], [], [], [], []

    def put(block: np.ndarray, place: np.ndarray | int, kind: int, symbol: np.ndarray | int,
            value: np.ndarray | int = 0, size: np.ndarray | int = 0) -> None:  # fmt: skip
        n = block.size
        keys.append(block.astype(np.int64) * 256 + place)
        of.append(block)
        kinds.append(((ac_table if kind else dc_table)[block] << 1 | kind).astype(np.int16))
        symbols.append(np.broadcast_to(np.asarray(symbol, np.int16), n))
        values.append(np.broadcast_to(np.asarray(value, np.int32), n))
        bits.append(np.broadcast_to(np.asarray(size, np.int16), n))

    every = np.arange(blocks.shape[0], dtype=np.int64)
    if plan.first == 0:
        size = _bit_length(difference)
        put(every, 0, 0, size, _signed(difference, size), size)
    if plan.last > 0:
        first = max(1, plan.first)
        band = blocks[:, first : plan.last + 1]
        block, place = np.nonzero(band)
        value = band[block, place].astype(np.int32)
        same = np.zeros(block.size, bool)
        same[1:] = block[1:] == block[:-1]
        before = np.where(same, np.roll(place, 1), -1)
        run = place - before - 1
        long = run >> 4
        for number in range(int(long.max(initial=0))):
            at = long > number
            put(block[at], (place[at] + first) * 4 + number, 1, 0xF0)
        size = _bit_length(value)
        put(block, (place + first) * 4 + 3, 1, (run & 15) << 4 | size, _signed(value, size), size)
        open_end = np.ones(blocks.shape[0], bool)
        open_end[block[place == band.shape[1] - 1]] = False
        put(np.flatnonzero(open_end), 255, 1, 0)
    order = np.argsort(np.concatenate(keys), kind="stable")
    return Items(
        np.concatenate(kinds)[order],
        np.concatenate(symbols)[order],
        np.concatenate(values)[order],
        np.concatenate(bits)[order],
        np.concatenate(of)[order],
    )


def _bit_length(values: np.ndarray) -> np.ndarray:
    _, exponents = np.frexp(np.abs(values).astype(np.float32))
    return np.asarray(exponents, np.int32)


def _signed(values: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Value bits: the number itself when positive, its ones' complement when negative."""
    values = values.astype(np.int32)
    return np.where(values < 0, values + (1 << size) - 1, values)


class _Packer:
    """Joins codes of up to 32 bits to bytes; the bits of an unfinished byte wait for more."""

    def __init__(self) -> None:
        self._waiting = 0
        self._bits = 0

    def add(self, value: np.ndarray, size: np.ndarray) -> bytes:
        if self._bits:
            value = np.concatenate([np.array([self._waiting], np.uint64), value])
            size = np.concatenate([np.array([self._bits], np.int64), size])
        if not size.size:
            return b""
        ends = np.cumsum(size)
        starts = ends - size
        placed = value << (64 - size - (starts & 31)).astype(np.uint64)
        return self._join(placed, starts >> 5, int(ends[-1]))

    def _join(self, placed: np.ndarray, word: np.ndarray, total: int) -> bytes:
        # every word is where some code starts, for no code is longer than 32 bits; bits of
        # different codes never meet, so that adding them joins them
        first = np.flatnonzero(np.diff(word, prepend=-1))
        sums = np.zeros(int(word[-1]) + 2, np.uint64)
        sums[:-1] += np.add.reduceat(placed >> np.uint64(32), first)
        sums[1:] += np.add.reduceat(placed & np.uint64(0xFFFFFFFF), first)
        raw = sums.astype(">u4").tobytes()
        whole, self._bits = total >> 3, total & 7
        self._waiting = raw[whole] >> (8 - self._bits) if self._bits else 0
        return raw[:whole].replace(b"\xff", b"\xff\x00")

    def end(self) -> bytes:
        if not self._bits:
            return b""
        last = self._waiting << (8 - self._bits) | (1 << (8 - self._bits)) - 1
        return bytes([last]).replace(b"\xff", b"\xff\x00")
