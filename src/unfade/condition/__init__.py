"""Looking: eyes for one thing each. They see the picture as it stands and change nothing."""

from __future__ import annotations

from collections.abc import Collection

from unfade.condition import (
    blur,
    canvas,
    cast,
    clipping,
    craquelure,
    creases,
    faces,
    fade,
    halftone,
    infrared,
    jpeg_blocks,
    losses,
    marks,
    negative,
    noise,
    paper,
    sharpness,
    silvering,
    stains,
    tone,
    wear,
)
from unfade.condition.contract import Finder
from unfade.condition.mould.joining import without_mould
from unfade.engines.contract import BenchView, WithoutNetworks
from unfade.findings import Findings
from unfade.picture import Picture

FINDERS: tuple[Finder, ...] = (
    tone.FINDER,
    clipping.FINDER,
    noise.FINDER,
    sharpness.FINDER,
    fade.FINDER,
    cast.FINDER,
    marks.FINDER,
    creases.FINDER,
    faces.FINDER,
    blur.FINDER,
    infrared.FINDER,
    negative.FINDER,
    stains.FINDER,
    paper.FINDER,
    silvering.FINDER,
    craquelure.FINDER,
    losses.FINDER,
    canvas.FINDER,
    halftone.FINDER,
    jpeg_blocks.FINDER,
    wear.FINDER,
)

WITH_MARKS = ("infrared", "stains")  # see ``look_at``


def look_at(
    picture: Picture,
    bench: BenchView,
    *,
    only: Collection[str] | None = None,
    networks: bool = True,
) -> Findings:
    """Look at a picture with all eyes, or with those named.

    Args:
        only: names of findings, e.g. {"marks", "noise"}; None: all. What is a mark depends on
            two others, which are looked at with them: the infrared plane, where the scan has one,
            and stains, since dots of mould are no dust
        networks: False leaves out the eyes that are networks, and the second opinions of others
    Returns:
        findings; what nobody looked for is None
    """
    bench = bench if networks else WithoutNetworks(bench)
    beside = WITH_MARKS if only is not None and "marks" in only else ()
    wanted = None if only is None else {*only, *beside}
    seen = {
        finder.name: finder.look(picture, bench)
        for finder in FINDERS
        if (wanted is None or finder.name in wanted)
        and finder.applies(picture)
        and (networks or finder.network is None)
    }
    found = Findings(**seen)  # type: ignore[arg-type]  # each finder fills the field it names
    return without_mould(infrared.joined(found, picture), picture)
