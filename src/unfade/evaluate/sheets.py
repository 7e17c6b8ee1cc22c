"""Comparison pictures: before and after, what changed, what stands behind it, how tones moved.

>>> from unfade.evaluate import sheet
>>> sheet(before, after, evidence=result.evidence).save("compare.png")      # doctest: +SKIP
>>> sheet(before, after).save("compare.html")   # with a slider              # doctest: +SKIP
>>> sheet(before, after).save("compare.gif")    # a wipe to and fro          # doctest: +SKIP
"""

from __future__ import annotations

import html
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unfade.errors import OutputError, UsageError, nearest
from unfade.evaluate.display import (
    Shown,
    as_picture,
    data_uri,
    fitted,
    image_bytes,
    shown,
)
from unfade.evaluate.harm import THRESHOLD, harm_map
from unfade.evaluate.layout import Panel, laid_out
from unfade.evaluate.panels import (
    CLASS_COLOURS,
    difference_panel,
    evidence_panel,
    harm_panel,
    histogram_panel,
    most_changed,
)
from unfade.picture import EvidenceMap, Picture
from unfade.record import Evidence

PARTS = ("difference", "evidence", "harm", "crops", "histograms")
KINDS = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}
_STRIP_ROWS = 512


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sheet:
    """A comparison of two pictures, ready to be looked at.

    Attributes:
        before, after: (rows, cols, 3) uint8 for the screen, of one size
        titles: of the two
        panels: rows of further panels, each with its title
    """

    before: Shown
    after: Shown
    titles: tuple[str, str]
    panels: tuple[tuple[Panel, ...], ...] = ()

    @property
    def image(self) -> Shown:
        """The whole sheet as one picture, (rows, cols, 3) uint8."""
        first = tuple(zip(self.titles, (self.before, self.after), strict=True))
        return laid_out([first, *self.panels])

    def save(self, target: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the sheet; the extension says what it becomes.

        ``.png``, ``.jpg``, ``.webp``: the whole sheet. ``.gif``: before and after under a line
        that wanders to and fro. ``.html``: one page with a slider and all panels, which needs no
        other file and no network.

        Raises:
            UsageError: another extension
            OutputError: the file exists and ``overwrite`` is False, or it cannot be written
        """
        path = Path(target)
        known = (*KINDS, ".gif", ".html")
        suffix = path.suffix.lower()
        if suffix not in known:
            raise UsageError(f"`{path.name}` is no kind of sheet.", nearest(suffix, known))
        if path.exists() and not overwrite:
            raise OutputError(f"`{path}` exists already.", "Use another name, or `--overwrite`.")
        data = self._as_bytes(suffix)
        try:
            path.write_bytes(data)
        except OSError as error:
            path.unlink(missing_ok=True)
            raise OutputError(
                f"`{path}` cannot be written: {error.strerror}.", "Check folder and space."
            ) from error
        return path

    def _as_bytes(self, suffix: str) -> bytes:
        from unfade.evaluate.slider import slider_page, wipe_gif

        if suffix == ".gif":
            return wipe_gif(self.before, self.after)
        if suffix == ".html":
            return slider_page(self.before, self.after, self.titles, self.panels).encode("utf-8")
        return image_bytes(self.image, KINDS[suffix])

    def _repr_png_(self) -> bytes:
        return image_bytes(self.image, "png")

    def _repr_html_(self) -> str:
        """Before and after side by side, for notebooks; no script."""
        cells = "".join(
            f'<figure style="margin:0;flex:1 1 240px"><img alt="{html.escape(title)}" '
            f'style="width:100%" src="{data_uri(codes)}">'
            f"<figcaption>{html.escape(title)}</figcaption></figure>"
            for title, codes in zip(self.titles, (self.before, self.after), strict=True)
        )
        return f'<div style="display:flex;gap:12px;flex-wrap:wrap">{cells}</div>'


def sheet(
    before: Picture | np.ndarray,
    after: Picture | np.ndarray,
    *,
    reference: Picture | np.ndarray | None = None,
    evidence: EvidenceMap | None = None,
    parts: Sequence[str] = PARTS,
    titles: tuple[str, str] = ("before", "after"),
    side_px: int = 640,
) -> Sheet:
    """Compare two pictures for the eye.

    Args:
        before, after: pictures, or arrays (rows, cols[, channels]) of uint8, uint16 or float32.
            When the sizes differ the smaller one is enlarged for the sheet, and only ``evidence``
            and ``histograms`` are drawn beside the two
        reference: the truth, when it is known: the panel ``harm`` shows the sound pixels that
            got worse
        evidence: (rows, cols) uint8 of ``after``: the panel ``evidence``
        parts: of ``PARTS``; those that lack what they need are left out
        side_px: longest side of a panel
    Raises:
        UsageError: an unknown part, or a reference or map of another size
    Cost:
        about 0.5 s for 12 megapixels; memory for one float row block and two planes
    """
    for part in parts:
        if part not in PARTS:
            raise UsageError(f"A sheet has no part `{part}`.", nearest(part, PARTS))
    first, second = as_picture(before), as_picture(after)
    size = max((first.rows, first.cols), (second.rows, second.cols))
    rows, cols = fitted(*size, side_px)
    small = shown(first, rows, cols), shown(second, rows, cols)
    same = (first.rows, first.cols) == (second.rows, second.cols)
    change = _change(first, second) if same else None
    panels = [
        _maps(parts, first, second, reference, evidence, change, small[1]),
        _crops(parts, first, second, change, titles),
        _histograms(parts, small, titles),
    ]
    return Sheet(
        before=small[0],
        after=small[1],
        titles=titles,
        panels=tuple(tuple(row) for row in panels if row),
    )


def _maps(
    parts: Sequence[str],
    first: Picture,
    second: Picture,
    reference: Picture | np.ndarray | None,
    evidence: EvidenceMap | None,
    change: np.ndarray | None,
    base: np.ndarray,
) -> list[Panel]:
    rows, cols = base.shape[:2]
    panels: list[Panel] = []
    if "difference" in parts and change is not None:
        panel, gain = difference_panel(change, rows, cols)
        share = float(np.count_nonzero(change)) / change.size
        panels.append((f"difference x {gain} ({share:.1%} of pixels)", panel))
    if "evidence" in parts and evidence is not None:
        if evidence.shape != (second.rows, second.cols):
            raise UsageError(
                f"The evidence map is {evidence.shape}, the picture {(second.rows, second.cols)}.",
                "Give the map of this very result.",
            )
        panels.append((f"evidence: {_legend(evidence)}", evidence_panel(base, evidence)))
    if "harm" in parts and reference is not None and change is not None:
        truth = as_picture(reference).pixels
        if truth.shape != first.samples.shape or truth.shape != second.samples.shape:
            raise UsageError(
                f"The reference is {truth.shape}, the pictures {first.samples.shape} and "
                f"{second.samples.shape}.",
                "Compare pictures of one size and one number of channels.",
            )
        given = first.pixels
        sound = np.abs(given - truth).max(axis=2) <= THRESHOLD
        harmed = sound & (harm_map(truth, given, second.pixels) > THRESHOLD)
        rate = int(np.count_nonzero(harmed)) / max(int(np.count_nonzero(sound)), 1)
        panels.append((f"harm: {rate:.1%} of the sound pixels", harm_panel(base, harmed)))
    return panels


def _legend(evidence: EvidenceMap) -> str:
    shares = [
        f"{kind.name.lower()} {np.count_nonzero(evidence == kind) / evidence.size:.1%}"
        for kind in CLASS_COLOURS
        if (evidence == kind).any()
    ]
    return ", ".join(shares) or Evidence.UNTOUCHED.name.lower()


def _crops(
    parts: Sequence[str],
    first: Picture,
    second: Picture,
    change: np.ndarray | None,
    titles: tuple[str, str],
) -> list[Panel]:
    """Both pictures at 100 % where most changed."""
    if "crops" not in parts or change is None or not change.any():
        return []
    rows, cols = most_changed(change)
    panels: list[Panel] = []
    for title, picture in zip(titles, (first, second), strict=True):
        cut = picture.samples[rows, cols]
        piece = Picture(
            cut, full_scale=picture.full_scale, encoding=picture.encoding, icc=picture.icc
        )
        panels.append((f"{title} at 100 %", shown(piece, *cut.shape[:2])))
    return panels


def _histograms(
    parts: Sequence[str], small: tuple[np.ndarray, np.ndarray], titles: tuple[str, str]
) -> list[Panel]:
    if "histograms" not in parts:
        return []
    return [
        (f"tones {title}", histogram_panel(codes))
        for title, codes in zip(titles, small, strict=True)
    ]


def _change(first: Picture, second: Picture) -> np.ndarray:
    """The largest difference over the channels of each pixel, some rows at a time."""
    change = np.empty((first.rows, first.cols), np.float32)
    for top in range(0, first.rows, _STRIP_ROWS):
        rows = slice(top, top + _STRIP_ROWS)
        a, b = (
            p.samples[rows].astype(np.float32) / np.float32(p.full_scale) for p in (first, second)
        )
        change[rows] = np.abs(a - b).max(axis=2)
    return change
