"""One page of a copy of the original, whose samples are being replaced."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from unfade.errors import WouldLose
from unfade.files.formats.tiff.kinds import (
    CMYK,
    NONE,
)
from unfade.files.formats.tiff.layout import (
    RANGES,
    new_page,
    place_values,
    structure,
    write_segments,
)
from unfade.files.formats.tiff.load import Source
from unfade.files.formats.tiff.page import (
    Block,
    Page,
)
from unfade.files.formats.tiff.render import (
    Rendering,
    differs,
    plane_stored,
    to_codes,
    to_stored,
)
from unfade.files.formats.tiff.segments import encode
from unfade.files.formats.tiff.space import Space
from unfade.files.formats.tiff.target import Target, Value
from unfade.picture import Picture
from unfade.pixels.orient import as_stored

Edits = dict[int, Value | None]  # tag -> new value; None: the tag goes


@dataclass(slots=True, eq=False)
class Revision:
    """Puts a picture's samples into the copy.

    Attributes:
        source: the original's page
        target: the copy
        space: which of its bytes are free to be overwritten
        shown: how codes follow from stored samples
        changed: whether a sample was written
    """

    source: Source
    target: Target
    space: Space
    shown: Rendering
    changed: bool = False

    def replace_samples(self, picture: Picture) -> Edits | None:
        """Store what changed in the original's own arrangement.

        Returns:
            the tags to change, or None if the page must be arranged anew to hold the changes
        """
        page = self.source.page
        offsets, counts = self.source.offsets.copy(), self.source.counts.copy()
        moved = False
        for block in page.blocks():
            stored = self.source.block(block)
            new = self._renewed(picture, stored, block)
            if new is None:
                continue
            if not self.shown.in_place:
                return None
            self.changed = True
            for plane, part in enumerate(block.segments):
                span = slice(plane, plane + 1) if page.planar else slice(None)
                if page.planar and not differs(new[..., span], stored[..., span]).any():
                    continue
                data = encode(new[..., span], page)
                if page.compression == NONE:  # same size, same place; a gap after it stays
                    self._overwrite(part.index, data)
                    continue
                at, size = self._store(part.index, data), len(data)
                moved |= (at, size) != (int(offsets[part.index]), int(counts[part.index]))
                offsets[part.index], counts[part.index] = at, size
        return dict(place_values(page, offsets, counts, self.target)) if moved else {}

    def arrange_anew(self, picture: Picture) -> Edits:
        """Store the whole picture in a new arrangement; returns the tags to change."""
        page = self.source.page
        if self.shown.infrared is None and picture.infrared is not None:
            picture = replace(picture, infrared=None)  # it has a page of its own, which stays
        new = arranged(self.source, picture)
        self.space.release_segments(page.ifd, self.target)
        self.changed = True
        offsets, counts = write_segments(picture, new, self.target)
        edits = structure(new, self.target) | place_values(new, offsets, counts, self.target)
        if (new.bits, new.samples) != (page.bits, page.samples):
            edits |= dict.fromkeys(RANGES)
        return edits

    def _renewed(self, picture: Picture, stored: np.ndarray, block: Block) -> np.ndarray | None:
        """The block's stored samples with the picture's put in, or None if nothing changed."""
        page, shown, window = self.source.page, self.shown, block.window
        inner = stored[: window.rows, : window.cols]
        original = inner[..., : page.colour_samples]
        codes = as_stored(picture.samples, page.orientation)[window.slices]
        if not shown.in_place:
            return stored if differs(codes, to_codes(original, page, shown)).any() else None
        new = None
        colour = to_stored(codes, original, page, shown)
        if colour is not original:
            new = stored.copy()
            new[: window.rows, : window.cols, : page.colour_samples] = colour
        loose = replace(shown, full_scale=float(2**page.bits - 1))
        for plane, index in ((picture.alpha, shown.alpha), (picture.infrared, shown.infrared)):
            if plane is None or index is None:
                continue
            piece = as_stored(plane, page.orientation)[window.slices]
            piece = plane_stored(piece, page, loose, invert=False)
            if differs(piece, inner[..., index]).any():
                new = stored.copy() if new is None else new
                new[: window.rows, : window.cols, index] = piece
        return new

    def _store(self, index: int, data: bytes) -> int:
        at, size = int(self.source.offsets[index]), int(self.source.counts[index])
        if self.space.is_private(at, at + size):
            self.target.release(at, at + size)
        return self.target.put(data)

    def _overwrite(self, index: int, data: bytes) -> None:
        start = int(self.source.offsets[index])
        end = start + len(data)
        if not self.space.is_private(start, end):
            raise WouldLose(
                f"{self.source.place}: the samples at bytes {start} to {end} belong to several "
                "parts of the file, so that changing one would change the others.",
                "Save the original anew with another program first.",
            )
        self.target.write_at(start, data)


def arranged(source: Source, picture: Picture) -> Page:
    """The new arrangement of a page.

    Raises:
        WouldLose: a plane of the original has no counterpart in the picture
    """
    page = source.page
    if page.photometric == CMYK:
        raise WouldLose(
            f"{source.place}: a CMYK picture of another size or depth cannot be stored as CMYK.",
            "Convert the original to RGB with its profile first.",
        )
    planes = (picture.alpha is not None) + (picture.infrared is not None)
    if len(page.extra) > planes:
        raise WouldLose(
            f"{source.place}: the original has {len(page.extra)} planes besides its colours, the "
            f"result {planes}; stored at another size or depth, the others would be lost.",
            "Choose treatments that keep the size, or remove these planes from the original.",
        )
    stated = source.box.integer(page.ifd, 278, page.rows)
    strip_rows = stated if 0 < stated < page.rows else 0
    return new_page(picture, page, strip_rows, page.order, page.orientation)
