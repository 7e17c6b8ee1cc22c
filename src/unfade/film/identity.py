"""Which film this is: a hash over its bytes, or over the bytes of all pictures of a sequence."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

_PIECE = 1 << 18


def film_sha256(paths: Sequence[Path]) -> str:
    """SHA-256 over the bytes of the files, one after the other."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
    return digest.hexdigest()
