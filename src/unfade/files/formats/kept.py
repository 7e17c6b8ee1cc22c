"""What several formats share when they write back: stored order, and what coding has changed."""

from __future__ import annotations

import numpy as np

from unfade.errors import WouldLose
from unfade.files.formats.contract import Opened
from unfade.picture import EvidenceMap, Picture, stated_full_scale
from unfade.pixels.orient import as_stored
from unfade.record import Evidence


def stored_samples(picture: Picture, opened: Opened) -> np.ndarray:
    """Samples in the order in which the original keeps them, so that its orientation holds."""
    return np.ascontiguousarray(as_stored(picture.samples, opened.header.orientation))


def stored_alpha(picture: Picture, opened: Opened) -> np.ndarray | None:
    """The alpha plane (rows, cols) in stored order, or None."""
    if picture.alpha is None:
        return None
    return np.ascontiguousarray(as_stored(picture.alpha, opened.header.orientation))


def mark_coded(
    evidence: EvidenceMap, shown: np.ndarray, picture: Picture, before: Picture | None
) -> EvidenceMap:
    """The map for a file as written: untouched pixels that it shows otherwise are *estimated*.

    Args:
        shown: (rows, cols, channels) what the file decodes to, upright
        picture: what was to be written
        before: the original where sizes agree: a pixel that differs from it is not untouched
    """
    differs = (shown != picture.samples).any(axis=2)
    if before is not None:
        differs |= (shown != before.samples).any(axis=2)
    result = evidence.copy()
    result[differs & (evidence == Evidence.UNTOUCHED)] = Evidence.ESTIMATED
    return result


def beyond_8_bits(picture: Picture) -> list[str]:
    """What of the samples a format of plain 8-bit codes cannot hold."""
    lost = []
    if picture.samples.dtype != np.uint8:
        lost.append(f"{picture.samples.dtype} samples")
    return lost + beyond_full_range(picture)


def beyond_full_range(picture: Picture) -> list[str]:
    """Whether full scale is another code than the highest, which few formats can state."""
    stated = stated_full_scale(picture.samples.dtype)
    return [] if picture.full_scale == stated else [f"the full scale of {picture.full_scale:g}"]


def beyond_plain(picture: Picture, opened: Opened) -> list[str]:
    """What a format without any metadata cannot hold."""
    had = (
        ("the ICC profile", picture.icc),
        ("the infrared plane", picture.infrared),
        ("the EXIF block", opened.blocks.exif),
        ("the XMP packet", opened.blocks.xmp),
        ("the IPTC block", opened.blocks.iptc),
    )
    lost = [name for name, held in had if held is not None]
    return [*lost, "linear light"] if picture.encoding == "linear" else lost


def refuse_loss(target: str, format_name: str, lost: list[str]) -> None:
    """Refuse to write when something of the picture has no place in the format.

    Raises:
        WouldLose: ``lost`` is not empty
    """
    if lost:
        raise WouldLose(
            f"`{target}`: {format_name} cannot hold {' and '.join(lost)} of this picture.",
            "Choose `.tif` or `.png` for the output.",
        )
