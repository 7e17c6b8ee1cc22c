"""Beginning from weights of an earlier training."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from unfade.errors import ModelRejected
from unfade.train.checkpoint import BEST, load
from unfade.train.history import load_exported, place_of


def start_from(
    place: str,
    networks: dict[str, nn.Module],
    *,
    helpers: Collection[str] = (),
    relatives: Mapping[str, str] | None = None,
) -> None:
    """Fill networks with the averaged weights of an earlier training, matching by name.

    Args:
        place: a training's folder (its best weights) or a checkpoint in it, a
            ``NAME.training.json`` with its weights beside it, or the name of a network that comes
            with unfade; empty: leave them as they are
        helpers: networks that begin anew where there is none of that name: the judge of an
            adversarial stage after one without
        relatives: networks whose trunk may come from one of another task, and its name there:
            all but the head, into the first channels where more is put in
    Raises:
        ModelRejected: no checkpoint, or its shapes are others
        UsageError: there is nothing of this name
    """
    if not place:
        return
    found = _weights(place_of(place))
    for name, net in networks.items():
        relative = (relatives or {}).get(name)
        if name not in found and name in helpers:
            continue
        if name not in found and relative in found:
            _take_trunk(place, net, found[relative])
            continue
        if name not in found:
            raise ModelRejected(f"`{place}` holds no network `{name}`.", "Name another `start`.")
        try:
            net.load_state_dict(found[name])
        except RuntimeError as error:
            raise ModelRejected(
                f"`{place}` does not fit the network `{name}`: {error}.", "Use its own widths."
            ) from error


def _take_trunk(place: str, net: nn.Module, other: Mapping[str, Any]) -> None:
    own = net.state_dict()
    for key, value in own.items():
        if ".head." in f".{key}":  # it has another thing to say, and begins with nothing
            value.zero_()
            continue
        given = other.get(key)
        first = value if given is None or value.ndim < 2 else value[:, : given.shape[1]]
        if given is None or given.shape != first.shape:
            raise ModelRejected(f"`{place}` does not fit at `{key}`.", "Use its own widths.")
        first.copy_(given)  # a view of the network's own weights


def _weights(path: Path) -> dict[str, Mapping[str, Any]]:
    if path.suffix == ".json":
        return {name: net.state_dict() for name, net in load_exported(path)[1].items()}
    found = load(path / BEST if path.is_dir() else path)
    averages = {
        name: {k.removeprefix("module."): v for k, v in source.items() if k != "n_averaged"}
        for name, source in found.averages.items()
    }
    return {**found.networks, **averages}
