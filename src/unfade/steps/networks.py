"""What steps share that may use a network in place of a method of their own.

A network has a grid of tiles of its own, so it is not asked tile by tile: it streams over the
picture as it stands, and the treatment writes what comes back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from unfade.engines.contract import BenchView, Mender
from unfade.errors import SettingsError
from unfade.picture import Picture, Pixels, Window


def network_name(
    method: str, own: Mapping[str, Any] | tuple[str, ...], known: Mapping[str, str]
) -> str | None:
    """The catalogue name behind a method: None for the step's own, else the network's.

    Args:
        own: methods that need no network
        known: method -> catalogue name; other words are names of the catalogue themselves
    """
    return None if method in own else known.get(method, method)


def opened(bench: BenchView, name: str, *, step: str, scale: int = 1, shape: str = "mend") -> Any:
    """An opened network that fits the step.

    Raises:
        SettingsError: it is of another kind; what it is and what was expected are named
        ModelMissing: its weights or its runtime are not here
    """
    engine = bench.engine(name)
    facts = engine.facts
    if facts.shape != shape or (scale and facts.scale != scale):
        words = {
            "mend": f"enlarges {facts.scale} times",
            "fill": "fills holes",
            "colour": "gives colours",
        }
        raise SettingsError(
            f"`{step}` cannot use the network `{name}`, which "
            f"{words.get(facts.shape, 'gives no pictures')}.",
            f"`unfade models list --task {step}` shows those that fit.",
        )
    if facts.shape == "mend" and facts.tiling == "whole":
        raise SettingsError(
            f"`{step}` cannot use the network `{name}`: it takes pictures of one size alone.",
            "Networks for faces belong to `restore_faces`.",
        )
    return engine


def mended(
    engine: Mender, picture: Picture, bench: BenchView, *, strength: float = 1.0
) -> Iterator[tuple[Window, Pixels]]:
    """A network's result over a whole picture, a share of it.

    Args:
        strength: 0 = the picture as it is, 1 = the network's result
    Yields:
        windows that tile the picture in raster order, and float32 pixels
    Raises:
        SettingsError: a network for grey pictures, and a picture in colour
    """
    if engine.facts.channels_in == 1 and picture.channels == 3:
        raise SettingsError(
            f"The network `{engine.facts.name}` takes grey pictures; this one is in colour.",
            "Use a network for colour: those take grey pictures too.",
        )
    for window, pixels in engine.mend_tiles(picture, bench):
        if strength != 1:
            before = picture.read(window)
            pixels = before + strength * (pixels - before)
        yield window, pixels
