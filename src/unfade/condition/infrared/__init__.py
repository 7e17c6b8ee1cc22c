"""Dust by the infrared plane of a film scanner, used only where the plane proves to be of use.

The dyes of colour film and of chromogenic black-and-white film let infrared through; dust, hairs
and scratches do not. Silver does not either, and Kodachrome's cyan dye only in part: there the
plane shows the picture, and repairing by it destroys the picture. So the plane is trusted only if
it is even where the picture varies (``validity``) and if what it shows lies where the picture has
marks too, after a shift that is measured (``shifted``). It is a film scanner's plane: dust must be
darker in it than the film.

Marks are what departs from the plane's own surround by six times its noise (``spots``); they join
those of the visible planes in ``joining``. A fill under them is estimated (class 2) as any other:
infrared tells where to mend, not what was there.

Related: Edgar, US patent 5266805 (1993), the principle; the limits for silver and Kodachrome are
those that makers of scanners state.
"""

from __future__ import annotations

from unfade.condition.contract import Finder
from unfade.condition.infrared.joining import joined
from unfade.condition.infrared.spots import find_spots, measured_noise, moved, response
from unfade.condition.infrared.spots import shift as measured_shift
from unfade.condition.infrared.validity import Verdict, validity
from unfade.engines.contract import BenchView
from unfade.findings import Infrared
from unfade.picture import Picture

LEAST_SIDE_PX = 48
MOST_SHARE = 0.05  # of the picture under marks: more, and the film is too dirty for it
TO_CHECK = 4  # marks that are needed to check where the plane lies


def look(picture: Picture, bench: BenchView) -> Infrared:
    """Whether the infrared plane is of use, and the marks that it shows.

    Cost: about 0.05 s a megapixel on one core
    """
    if picture.infrared is None:
        return Infrared(says="There is no infrared plane.")
    if min(picture.rows, picture.cols) < LEAST_SIDE_PX:
        return Infrared(says="Too small to tell whether the infrared plane is of use.")
    verdict = validity(picture, bench)
    if verdict.usable is not True:
        return _unused(verdict, verdict.says)
    noise = measured_noise(picture, verdict)
    sparse = response(picture, verdict, noise, bench)
    if sparse.share > MOST_SHARE:
        words = f"The infrared plane has marks on {sparse.share:.0%} of the picture: too dirty."
        return _unused(verdict, words, "dirty", noise)
    spots = find_spots(picture, sparse)
    if not spots:
        return Infrared(
            says="The infrared plane is even: no dust in it.", confidence=0.95, usable=True,
            kind="dye", leak_share=verdict.leak_share, correlation=verdict.correlation,
            noise_density=noise,
        )  # fmt: skip
    shift = measured_shift(picture, sparse)
    if shift is None and len(spots) >= TO_CHECK:
        words = (
            f"The infrared plane shows {len(spots)} marks, and at no shift does the picture have "
            "marks there: it belongs to another picture. It is not used."
        )
        return _unused(verdict, words, "foreign", noise)
    if shift is None:
        words = "The infrared plane shows too few marks to check where it lies; it is not used."
        return _unused(verdict, words, "unknown", noise)
    items = moved(spots, shift, picture)
    words = f"{len(items)} marks by infrared"
    if shift != (0, 0):
        words += f", moved by {shift[0]} rows and {shift[1]} columns"
    return Infrared(
        says=f"{words}. The plane holds {verdict.leak_share:.0%} of the picture's density.",
        confidence=0.95,
        usable=True,
        kind="dye",
        leak_share=verdict.leak_share,
        correlation=verdict.correlation,
        shift_px=shift,
        noise_density=noise,
        items=items,
    )


def _unused(
    verdict: Verdict, says: str, kind: str | None = None, noise: float | None = None
) -> Infrared:
    kind = kind or verdict.kind
    return Infrared(
        says=says,
        confidence=None if kind == "unknown" else 0.9,
        usable=None if kind == "unknown" else False,
        kind=kind,
        leak_share=verdict.leak_share,
        correlation=verdict.correlation,
        noise_density=noise,
    )


FINDER = Finder(
    name="infrared",
    title="Dust by the infrared plane, where it is of use",
    look=look,
    applies=lambda picture: picture.infrared is not None,
)

__all__ = ["FINDER", "joined", "look"]
