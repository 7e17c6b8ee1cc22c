"""Contact sheets: the most doubtful results, before and after side by side."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from unfade.batch.ledger import Row

COLUMNS, LINES = 3, 5
_CELL = (330, 330)  # each picture's room
_CAPTION = 22
_PAPER, _INK = (250, 250, 248), (40, 40, 40)


def write_sheets(
    rows: Sequence[Row], thumbs: Mapping[str, tuple[bytes, bytes]], folder: Path
) -> list[Path]:
    """Write ``sheet-01.jpg`` and so on, in the order of ``rows``, of those that have thumbs.

    Returns:
        paths of the sheets
    """
    shown = [row for row in rows if row.name in thumbs]
    size = COLUMNS * LINES
    return [
        _sheet(shown[start : start + size], thumbs, folder / f"sheet-{number:02}.jpg")
        for number, start in enumerate(range(0, len(shown), size), 1)
    ]


def _sheet(rows: Sequence[Row], thumbs: Mapping[str, tuple[bytes, bytes]], path: Path) -> Path:
    from PIL import Image, ImageDraw

    width, height = _CELL[0] * 2 * COLUMNS, (_CELL[1] + _CAPTION) * -(-len(rows) // COLUMNS)
    sheet = Image.new("RGB", (width, height), _PAPER)
    pen = ImageDraw.Draw(sheet)
    for number, row in enumerate(rows):
        left = number % COLUMNS * 2 * _CELL[0]
        top = number // COLUMNS * (_CELL[1] + _CAPTION)
        before, after = thumbs[row.name]
        for place, data in enumerate((before, after or before)):
            with Image.open(io.BytesIO(data), formats=["JPEG"]) as small:
                sheet.paste(small.convert("RGB"), (left + place * _CELL[0] + 5, top + 5))
        words = f"{row.doubt:.2f}  {row.name if len(row.name) < 80 else '...' + row.name[-76:]}"
        pen.text((left + 5, top + _CELL[1] + 2), words, fill=_INK)
    sheet.save(path, quality=85)
    return path
