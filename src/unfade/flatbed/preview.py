"""A small picture of the platen with the outlines drawn and numbered, to look at before cutting."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import numpy as np

from unfade import files
from unfade.files.formats.contract import Blocks, Header, Opened
from unfade.flatbed.photograph import Photograph
from unfade.picture import Picture

MOST_PX = 1400
SURE, DOUBTFUL = (20, 170, 60), (230, 60, 20)


def preview(picture: Picture, photographs: tuple[Photograph, ...]) -> np.ndarray:
    """(rows, cols, 3) uint8: green where all sides were seen, red where one was not."""
    import cv2

    scale = min(1.0, MOST_PX / max(picture.rows, picture.cols))
    stride = max(1, int(0.5 / scale))
    small = picture.with_samples(np.ascontiguousarray(picture.samples[::stride, ::stride]))
    small = Picture(small.samples, full_scale=picture.full_scale)
    size = max(1, round(picture.cols * scale)), max(1, round(picture.rows * scale))
    view = cv2.resize(np.clip(small.pixels, 0, 1), size, interpolation=cv2.INTER_AREA)
    view = view[:, :, None] if view.ndim == 2 else view
    view = np.ascontiguousarray(np.broadcast_to(np.rint(view * 255), (*view.shape[:2], 3)))
    drawn = view.astype(np.uint8)
    for number, photograph in enumerate(photographs, 1):
        colour = SURE if photograph.sure and not photograph.notes else DOUBTFUL
        corners = np.rint(photograph.corners[:, ::-1] * scale).astype(np.int32)
        cv2.polylines(drawn, [corners.reshape(-1, 1, 2)], True, colour, 2, cv2.LINE_AA)
        at = round(photograph.col_px * scale) - 14, round(photograph.row_px * scale) + 14
        cv2.putText(drawn, str(number), at, cv2.FONT_HERSHEY_SIMPLEX, 1.4, (255,) * 3, 7)
        cv2.putText(drawn, str(number), at, cv2.FONT_HERSHEY_SIMPLEX, 1.4, colour, 3)
    return drawn


def save_preview(
    target: str | PathLike[str], picture: Picture, photographs: tuple[Photograph, ...]
) -> None:
    """Write the preview as PNG.

    Raises:
        OutputError: it exists, or cannot be written
    """
    shown = Picture(preview(picture, photographs))
    header = Header(format="png", rows=shown.rows, cols=shown.cols, channels=3, bits=8)
    opened = Opened(picture=shown, header=header, blocks=Blocks(), path=Path())
    files.save_picture(target, shown, opened)
