"""The sample sheet: rows of pictures, one PNG a validation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

GAP_PX = 4
SHOWN = 8


def save_sheet(rows: Sequence[tuple[str, Tensor]], path: Path) -> None:
    """Write rows of (title, (n, 1 or 3, rows, cols) in 0-1) below one another, titles on top."""
    import cv2

    if not rows:
        return
    strips = []
    for title, pictures_nchw in rows:
        tiles = []
        for tile_chw in pictures_nchw[:SHOWN].float().cpu().numpy():
            tile = np.moveaxis(np.broadcast_to(tile_chw, (3, *tile_chw.shape[1:])), 0, 2)
            tile = (np.clip(tile, 0, 1) * 255 + 0.5).astype(np.uint8)
            tiles.append(np.pad(tile, ((0, GAP_PX), (0, GAP_PX), (0, 0)), constant_values=255))
        strip = np.concatenate(tiles, axis=1)
        head = np.full((18, strip.shape[1], 3), 255, np.uint8)
        cv2.putText(head, title, (4, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
        strips += [head, strip]
    width = max(s.shape[1] for s in strips)
    strips = [
        np.pad(s, ((0, 0), (0, width - s.shape[1]), (0, 0)), constant_values=255) for s in strips
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.concatenate(strips)[..., ::-1])
