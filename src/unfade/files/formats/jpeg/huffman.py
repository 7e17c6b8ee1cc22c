"""Huffman tables that fit what is to be coded.

Source:
    ITU-T T.81, section K.2 (the table) and annex C (the codes).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def fitted_table(counts: np.ndarray) -> tuple[list[int], list[int]]:
    """The best Huffman code of at most 16 bits that leaves the all-ones code free.

    Args:
        counts: (256,) how often each symbol occurs
    Returns:
        number of codes of each length 1-16, and the symbols in the order of their codes
    Source:
        T.81 K.2, figures K.1 to K.4; the extra symbol 256 takes the all-ones code.
    """
    weight = [int(n) for n in counts] + [1]
    chains: dict[int, list[int]] = {s: [s] for s, n in enumerate(weight) if n}
    size = [0] * 257
    while len(chains) > 1:
        # the two rarest; among equals the highest symbol, so that 256 gets a longest code
        one, two = sorted(chains, key=lambda s: (weight[s], -s))[:2]
        weight[one] += weight[two]
        chains[one] += chains.pop(two)
        for symbol in chains[one]:
            size[symbol] += 1
    lengths = [0] * (max(max(size), 17) + 1)
    for bits in size:
        lengths[bits] += bits > 0
    for bits in range(len(lengths) - 1, 16, -1):
        while lengths[bits]:
            shorter = bits - 2
            while not lengths[shorter]:
                shorter -= 1
            lengths[bits] -= 2
            lengths[bits - 1] += 1
            lengths[shorter + 1] += 2
            lengths[shorter] -= 1
    longest = max(bits for bits in range(17) if lengths[bits])
    lengths[longest] -= 1
    symbols = sorted((s for s in range(256) if size[s]), key=lambda s: (size[s], s))
    return lengths[1:17], symbols


def codes_of(by_length: Sequence[int], symbols: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Code (uint64) and length (int64) of each of 256 symbols; length 0 for one without a code."""
    codes, sizes = np.zeros(256, np.uint64), np.zeros(256, np.int64)
    value, at = 0, 0
    for bits, count in enumerate(by_length, 1):
        for symbol in symbols[at : at + count]:
            codes[symbol], sizes[symbol] = value, bits
            value += 1
        at += count
        value <<= 1
    return codes, sizes
