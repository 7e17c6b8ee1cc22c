"""Marks as the treatment works on them: cut at the picture's edge, as one mask, in windows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from unfade.findings import Mark, Region
from unfade.picture import Mask, Picture, Window
from unfade.pixels.room import room_for

OWN_WINDOW_PX = 192  # marks up to this extent get a window of their own; longer ones go by cells
CELL_PX = 256


def inside(marks: Iterable[Mark], picture: Window) -> Iterator[Mark]:
    """Marks cut at the picture's edge, over which a grown one may reach."""
    for mark in marks:
        window = mark.region.window
        kept = window.overlap(picture)
        if kept == window:
            yield mark
        elif kept is not None:
            cut = Region.of(mark.region.mask[kept.within(window)], kept)
            yield replace(mark, region=cut, origin=mark.key)


def damage_of(marks: Iterable[Mark], picture: Picture) -> Mask:
    """All known damage of the picture as one mask."""
    mask: Mask = room_for((picture.rows, picture.cols), bool, zeros=True)
    for mark in marks:
        mask[mark.region.window.slices] |= mark.region.mask
    return mask


def work_windows(mark: Mark) -> Iterator[Window]:
    """A window for a small mark; for a long one the cells of a fixed grid that it crosses.

    Cells are laid from the picture's origin, so they depend on nothing but the mark itself.
    """
    window = mark.region.window
    if max(window.rows, window.cols) <= OWN_WINDOW_PX:
        yield window
        return
    mask = mark.region.mask
    for top in range(window.top // CELL_PX * CELL_PX, window.bottom, CELL_PX):
        for left in range(window.left // CELL_PX * CELL_PX, window.right, CELL_PX):
            cell = Window(top, left, top + CELL_PX, left + CELL_PX).overlap(window)
            if cell is not None and mask[cell.within(window)].any():
                yield cell
