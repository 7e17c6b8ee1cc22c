"""Which method fills which hole, when the choice is left to the program.

Thin losses are closest to the truth with sparse cosines; in wide ones those end in a blur, and
patches look right. The border was chosen on photographs, see ``benchmarks/inpaint.py``.
"""

from __future__ import annotations

import hashlib

from unfade.picture import Mask
from unfade.pixels.masks import width

AUTO = "auto"
PATCH_FROM_PX = 16.0  # wider holes are filled with patches


def chosen_method(method: str, mask: Mask) -> str:
    """The method itself, or for ``auto`` the one that suits a hole as wide as this.

    Args:
        mask: (rows, cols) bool, the hole alone
    """
    if method != AUTO:
        return method
    return "patch" if width(mask) > PATCH_FROM_PX else "sparse"


def seed_for(seed: int, key: str) -> tuple[int, ...]:
    """Numbers that chance starts from: the user's, and the hole's own by its name."""
    return (seed, int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big"))
