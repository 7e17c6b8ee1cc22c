"""Panels with their titles on one sheet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unfade.evaluate.display import Shown
from unfade.evaluate.panels import BACKGROUND, INK

GAP_PX, TITLE_PX = 12, 26
Panel = tuple[str, np.ndarray]  # title, (rows, cols, 3) uint8


def laid_out(rows_of_panels: Sequence[Sequence[Panel]]) -> Shown:
    """Rows of titled panels, from left to right and from top to bottom."""
    strips = [_strip(panels) for panels in rows_of_panels if panels]
    cols = max(strip.shape[1] for strip in strips)
    padded = [_padded(strip, strip.shape[0], cols) for strip in strips]
    return np.concatenate([*padded, _blank(GAP_PX, cols)])


def titled(title: str, codes: Shown) -> Shown:
    """A panel under its title; a title that is too long ends in an ellipsis."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(size=15)
    bar = Image.fromarray(_blank(TITLE_PX, codes.shape[1]))
    draw = ImageDraw.Draw(bar)
    text = printable(title)
    while len(text) > 1 and draw.textlength(text, font) > codes.shape[1]:
        text = text[:-2].rstrip() + "…"
    draw.text((0, 4), text, INK, font)
    return np.concatenate([np.asarray(bar), codes])


def printable(text: str) -> str:
    """Text on one line; what is no character is shown as its number."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def _strip(panels: Sequence[Panel]) -> np.ndarray:
    blocks = [titled(title, codes) for title, codes in panels]
    rows = max(block.shape[0] for block in blocks)
    parts = [_blank(rows, GAP_PX)]
    for block in blocks:
        parts += [_padded(block, rows, block.shape[1]), _blank(rows, GAP_PX)]
    return np.concatenate(parts, axis=1)


def _padded(block: np.ndarray, rows: int, cols: int) -> np.ndarray:
    full = _blank(rows, cols)
    full[: block.shape[0], : block.shape[1]] = block
    return full


def _blank(rows: int, cols: int) -> np.ndarray:
    return np.full((rows, cols, 3), BACKGROUND, np.uint8)
