"""Where pieces of a film meet that were made apart.

A piece that was begun by seeking reads some frames of the piece before it first. Their hashes are
in its line of the ledger, and those of every piece's last frames are in the line of that piece.
Where a container's index leads elsewhere, the two differ, and the piece is made again, decoding
from the beginning. The first piece is exact and each agrees with the one before it, so all of
them are what one unbroken run makes, in whatever order and wherever they were made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from unfade.film.layout import Frame

Lines = Sequence[Mapping[str, Any]]


def source_hash(frame: Frame) -> list[Any]:
    """Place and hash of a frame as it was read; how it was read is part of it.

    A frame that the decoder patched up holds what its memory held before and differs from run to
    run: of such a frame only that it is one can be compared.
    """
    if frame.trouble == "concealed":
        return [frame.index, frame.trouble]
    digest = hashlib.sha256(frame.trouble.encode())
    for plane in frame.planes:
        digest.update(np.ascontiguousarray(plane).data)
    return [frame.index, digest.hexdigest()[:32]]


def agree(before: Sequence[Sequence[Any]], lines: Lines) -> bool:
    """Whether frames that were read before a piece are those that the pieces there have."""
    tails = _tails(lines)
    return all(tails.get(index, digest) == digest for index, digest in before)


def astray(lines: Lines) -> list[int]:
    """Numbers of the pieces that were begun elsewhere than they should have been.

    Args:
        lines: of all pieces in order; ``source_tails`` are hashes of a piece's last frames,
            ``source_before`` those of the frames that were read before it, ``stream`` names the
            run of decoding that it comes from
    """
    tails = _tails(lines)
    wrong = [
        line["stream"]
        for line in lines
        if any(tails.get(index, digest) != digest for index, digest in line["source_before"])
    ]
    return [n for n, line in enumerate(lines) if line["stream"] in wrong]


def stream_of(first: int, *, sought: bool) -> list[Any]:
    """The name of a run of decoding: where it began, and whether it was sought for there."""
    return [first, sought]


def was_sought(line: Mapping[str, Any]) -> bool:
    """Whether a piece comes from a run of decoding that began by seeking."""
    return bool(line["stream"][1])


def _tails(lines: Lines) -> dict[int, str]:
    return {index: digest for line in lines for index, digest in line["source_tails"]}
