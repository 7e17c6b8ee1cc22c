"""The describing tags of a page as blocks of metadata, and which tags are not describing."""

from __future__ import annotations

import io

from unfade.errors import LimitExceeded, UnreadableInput
from unfade.files.formats.contract import Blocks
from unfade.files.formats.tiff.container import SHORT, Container, Ifd
from unfade.files.formats.tiff.target import Target, Value, copy_values
from unfade.files.limits import Limits

ICC, XMP, IPTC, PHOTOSHOP = 34675, 700, 33723, 34377
# Tags that describe how samples are stored; an EXIF block made from a page leaves them out.
DNG_VERSION, MAKE = 50706, 271
SENSOR_DATA = (32803, 34892)  # photometric interpretations: colour filter array, linear raw
_RUNS = ((254, 267), (277, 282), (288, 294), (317, 326), (332, 343), (512, 522), (529, 533))
STRUCTURE = frozenset(code for run in _RUNS for code in range(*run)) - {269, 270, 271, 272} | {
    *(273, 284, 297, 301, 330, 347)
}


def metadata(box: Container, ifd: Ifd, limits: Limits) -> Blocks:
    """EXIF, XMP and IPTC of a page; the EXIF block is made of its describing tags.

    Raises:
        LimitExceeded: a block larger than ``limits.block_bytes``
        UnreadableInput: values that overlap
    """
    family = [ifd, *(child for code in (34665, 34853) for child in ifd.children.get(code, ()))]
    total = 0
    for directory in family:
        for code, entry in directory.entries.items():
            total += entry.size
            named = code in (XMP, IPTC, PHOTOSHOP, ICC) or code not in STRUCTURE
            if named and code != 37724 and entry.size > limits.block_bytes and code < 50_000:
                raise LimitExceeded(
                    f"{box.name}: the value of tag {code} has {entry.size} bytes; "
                    f"one block of metadata may have {limits.block_bytes}.",
                    "Raise `limits.block_bytes` in the settings if the file is trusted.",
                )
    if total > 2 * box.size:  # a few tags may share a value; many only in a file made to hurt
        raise box.damaged("the values of its tags overlap")
    return Blocks(
        exif=_exif(box, ifd),
        xmp=box.block(ifd, XMP),
        iptc=box.block(ifd, IPTC) or box.block(ifd, PHOTOSHOP),
    )


def _exif(box: Container, ifd: Ifd) -> bytes | None:
    stream = io.BytesIO()
    target = Target.fresh(stream, box.order, big=False)
    private = {code for code in ifd.entries if code > 34_000 and code not in (34665, 34853)}
    values = copy_values(
        box, ifd, target, leave_out=STRUCTURE | private | {ICC, XMP, IPTC, PHOTOSHOP}
    )
    if not values:
        return None
    values = {code: value for code, value in values.items() if value.kind <= 13}
    target.link(target.first_at, target.put_ifd(values)[0])
    return stream.getvalue()


def upright_exif(exif: bytes | None) -> tuple[bytes | None, bool]:
    """The block with its orientation set to 1, and whether it said something else.

    For formats whose decoder turns the picture: what is written later must not be turned again.
    """
    if exif is None:
        return None, False
    try:
        with Container(exif) as box:
            entry = box.ifds[0].entries.get(274)
            if entry is None or entry.kind != SHORT or box.integer(box.ifds[0], 274, 1) == 1:
                return exif, False
            one = Value.of(SHORT, (1,), box.order).data
    except UnreadableInput:
        return exif, False  # what nobody can read nobody will follow
    return exif[: entry.at] + one + exif[entry.at + 2 :], True


def is_camera_raw(box: Container) -> bool:
    """Whether a TIFF container is a camera's raw file: a DNG, or of a maker, with sensor data."""
    first = box.ifds[0]
    return DNG_VERSION in first or (
        MAKE in first
        and any(
            box.integer(ifd, 262, 0) in SENSOR_DATA
            for page in box.ifds
            for ifd in page.family()
            if 262 in ifd
        )
    )
