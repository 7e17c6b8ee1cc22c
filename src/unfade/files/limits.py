"""Limits on what is read, checked from the header before a pixel is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from unfade.errors import LimitExceeded

MEGA = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on hostile or mistaken input; the defaults are those of the command line."""

    area_mpx: float = 2000.0
    side_px: int = 200_000
    aspect: float = 100_000.0
    pages: int = 10_000
    block_bytes: int = 8 * 1024 * 1024  # one ICC, EXIF, XMP or IPTC block

    def check(self, name: str, rows: int, cols: int, pages: int = 1) -> None:
        """Refuse a picture by its stated size.

        Raises:
            LimitExceeded: area, side, aspect or pages beyond these limits
        """
        long, short = max(rows, cols), max(1, min(rows, cols))
        if rows * cols > self.area_mpx * MEGA:
            raise LimitExceeded(
                f"`{name}` states {cols} x {rows} pixels, {rows * cols / MEGA:.0f} megapixels; "
                f"the limit is {self.area_mpx:g}.",
                "Raise it with `--max-megapixels` if the file is trusted.",
            )
        if long > self.side_px:
            raise LimitExceeded(
                f"`{name}` states {cols} x {rows} pixels; a side may have {self.side_px}.",
                "Raise `limits.side_px` in the settings if the file is trusted.",
            )
        if long / short > self.aspect:
            raise LimitExceeded(
                f"`{name}` states {cols} x {rows} pixels, an aspect of {long / short:.0f}:1; "
                f"the limit is {self.aspect:g}:1.",
                "Raise `limits.aspect` in the settings if the file is trusted.",
            )
        if pages > self.pages:
            raise LimitExceeded(
                f"`{name}` states {pages} pages; the limit is {self.pages}.",
                "Raise `limits.pages` in the settings if the file is trusted.",
            )


DEFAULT_LIMITS = Limits()
