"""Find dust, hairs and scratches, with high precision above all.

What it sees: small opaque things that lie on a picture, 1 to about 16 pixels wide at native
resolution: light or dark, compact (dust), thin and curved (hair), thin and straight (scratch).
It assumes neutral ink, as dust, lint and lost emulsion have; stains, folds, cracks and losses of
whole areas are other findings. It prefers to miss: a picture in which no candidate is beyond
doubt has no marks at all.

How: ``specks`` collects pixels that stand out on three levels and judges each from its surround,
turned along the mark (``section``); ``candidates`` joins and measures them; ``context`` compares
all candidates of the picture; ``judge`` gives the odds; ``second`` asks a network where one is
here; ``outline`` cuts the whole defect out; ``series`` leaves out buttons and the like, ``rims``
the lit edges of things, ``stamps`` an exposed date; ``traces`` follows scratches to their ends.

Related: Bergman et al., Comprehensive Solutions for Removal of Dust and Scratches from Images
(2007), for the idea of a surround without the defect; Newson et al., Robust Automatic Line Scratch
Detection in Films (2014), for gathering evidence along lines and for one rule over the picture.
"""

from __future__ import annotations

from unfade.condition.contract import Finder
from unfade.condition.damage_network import NETWORK
from unfade.condition.marks import second
from unfade.condition.marks.judge import MARK_ODDS, SURE_ODDS, decide, judge
from unfade.condition.marks.outline import outline
from unfade.condition.marks.pages import is_page
from unfade.condition.marks.rims import without_rims
from unfade.condition.marks.scan import scan
from unfade.condition.marks.second import second_opinion
from unfade.condition.marks.series import without_series
from unfade.condition.marks.stamps import without_stamps
from unfade.condition.marks.traces import followed
from unfade.condition.marks.weights import PIXEL
from unfade.engines.contract import BenchView, PlainBench
from unfade.errors import OutOfResources
from unfade.findings import Mark, MarkKind, Marks
from unfade.picture import Picture, Pixels

LEAST_SIDE_PX = 24
LINE_ALONE = 0.9  # wires and twigs look like scratches: without the network they must be surer
MM_PER_INCH = 25.4


def find_marks(
    pixels: Pixels, *, sure_odds: float = SURE_ODDS, mark_odds: float = MARK_ODDS
) -> tuple[Mark, ...]:
    """Find dust, hairs and scratches in an array.

    Args:
        pixels: (rows, cols, channels) float32 0-1, 1 or 3 channels, in a viewing encoding (sRGB)
        sure_odds: log odds of damage that the surest mark of the picture must reach
        mark_odds: log odds that every mark must reach
    Returns:
        marks, ordered by place; empty where nothing is beyond doubt
    Cost: about 1 s a megapixel on one core
    """
    found = _find(Picture.of(pixels), PlainBench(), sure_odds, mark_odds)
    return () if isinstance(found, str) else found[0]


def look(picture: Picture, bench: BenchView) -> Marks:
    """Dust, hairs and scratches of a picture, each an item.

    Reads tiles; holds only specks (pixels that may be damage) of the whole picture, about 30
    bytes for each, and no plane of it. Items depend neither on threads nor on memory: where
    there is no room for the network, nothing is told.
    """
    try:
        seen = _find(picture, bench, SURE_ODDS, MARK_ODDS)
    except OutOfResources as error:
        return Marks(says=f"Not looked for. {error.found}", hindered=error.found)
    if isinstance(seen, str):
        return Marks(says=seen)
    found, network = seen
    if not found:
        return Marks(
            says="No dust, hair or scratch stands out beyond doubt.", confidence=0.9,
            seconded_by=network,
        )  # fmt: skip
    area = sum(mark.region.area_px for mark in found)
    share = area / (picture.rows * picture.cols)
    return Marks(
        says=f"{_counted(found)}, {share:.2%} of the picture.",
        confidence=max(mark.confidence for mark in found),
        items=found,
        area_share=share,
        size_mm=_sizes(found, picture),
        seconded_by=network,
    )


def _find(
    picture: Picture, bench: BenchView, sure_odds: float, mark_odds: float
) -> tuple[tuple[Mark, ...], str] | str:
    """The marks and the network that had a say in them, or why nothing can be told."""
    if min(picture.rows, picture.cols) < LEAST_SIDE_PX:
        return f"Too small to tell: {picture.rows} x {picture.cols} pixels."
    if is_page(picture):
        return "A drawing, text page or screenshot: thin strokes are its content."
    candidates = scan(picture, bench, PIXEL)
    odds = judge(candidates, picture.rows, picture.cols)
    joint = None
    if picture.encoding != "linear":  # the network knows pictures as they are seen
        joint = second_opinion(picture, candidates, odds, bench)
    if joint is not None:
        confidence = decide(joint, second.SURE_ODDS, second.MARK_ODDS)
        found = outline(picture, candidates, confidence, bench)
    else:
        found = outline(picture, candidates, decide(odds, sure_odds, mark_odds), bench)
        found = [m for m in found if m.kind != MarkKind.SCRATCH or m.confidence >= LINE_ALONE]
    found = without_series(found, picture.rows, picture.cols)
    found = without_stamps(without_rims(found, picture), picture)
    return tuple(followed(found, picture)), "" if joint is None else NETWORK


def _counted(marks: tuple[Mark, ...]) -> str:
    names = {MarkKind.DUST: "dust spot", MarkKind.HAIR: "hair", MarkKind.SCRATCH: "scratch"}
    parts = []
    for kind, name in names.items():
        number = sum(mark.kind == kind for mark in marks)
        if number:
            plural = {"scratch": "scratches"}.get(name, f"{name}s")
            parts.append(f"{number} {name if number == 1 else plural}")
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


def _sizes(marks: tuple[Mark, ...], picture: Picture) -> tuple[float, ...]:
    """Longest extent of each mark in millimetres, when the resolution is known."""
    if picture.dpi is None or min(picture.dpi) <= 0:
        return ()
    mm_per_px = MM_PER_INCH / min(picture.dpi)
    return tuple(round(mark.length_px * mm_per_px, 3) for mark in marks)


FINDER = Finder(name="marks", title="Dust, hairs and scratches, each an item", look=look)
