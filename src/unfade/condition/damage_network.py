"""Networks that give eyes an opinion: what of a picture is damaged."""

from __future__ import annotations

from typing import Any

from unfade.engines.contract import BenchView
from unfade.errors import ModelMissing
from unfade.picture import Picture

NETWORK = "unfade-damage"


def damage_network(picture: Picture, bench: BenchView, name: str = NETWORK) -> Any | None:
    """The opened network; None where it is not here, or the picture is in linear light, which it
    does not know."""
    if picture.encoding == "linear":
        return None
    try:
        return bench.engine(name)
    except ModelMissing:
        return None
