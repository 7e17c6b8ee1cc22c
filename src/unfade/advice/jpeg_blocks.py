"""Rule for pictures that were compressed: the blocks of JPEG."""

from __future__ import annotations

from unfade.advice.contract import SURE_EVERYWHERE, Rule, Wishes, sure
from unfade.findings import Findings

VISIBLE_QUALITY = 50  # better than this is not seen without enlarging


def jpeg_blocks(findings: Findings, wishes: Wishes) -> None:
    found = findings.jpeg_blocks
    if found is None or not found.blocky:
        return
    coarse = found.quality is not None and found.quality <= VISIBLE_QUALITY
    if sure(found, SURE_EVERYWHERE) and coarse:
        wishes.want("deblock", found.says)
    elif found.quality is None:
        wishes.leave(f"JPEG blocks: their quality cannot be told. {found.says}")
    else:
        wishes.leave(f"JPEG blocks: too faint to be worth a change of every pixel. {found.says}")


RULES: tuple[Rule, ...] = (jpeg_blocks,)
