"""Findings about coding: the blocks of JPEG compression."""

from __future__ import annotations

from dataclasses import dataclass

from unfade.findings.contract import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class JpegBlocks(Finding):
    """JPEG's grid of 8 x 8 pixels and how coarsely it was coded, both from the pixels.

    Attributes:
        blocky: whether the edges of blocks show; None: abstained
        grid: row and column, 0 to 7, of the first block that begins inside the picture; not 0, 0
            when it was cropped or turned after it was coded
        blockiness: mean step at the edges of blocks over that inside them, less 1; 0 is none
        quality: JPEG quality as libjpeg counts it, 1 to 100, where the rounding of the
            coefficients tells it; None: it does not, as after enlarging
    """

    blocky: bool | None = None
    grid: tuple[int, int] | None = None
    blockiness: float | None = None
    quality: int | None = None
