"""Beginning from weights of an earlier training."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from torch import nn

from unfade.errors import ModelRejected
from unfade.train.checkpoint import load


def start_from(path: str, networks: dict[str, nn.Module], *, helpers: Collection[str] = ()) -> None:
    """Fill networks with the averaged weights of a checkpoint, matching by name.

    Args:
        path: of a checkpoint; empty: leave them as they are
        helpers: networks that begin anew where the checkpoint has none of that name: the judge
            of an adversarial stage after one without
    Raises:
        ModelRejected: no checkpoint, or its shapes are others
    """
    if not path:
        return
    found = load(Path(path))
    for name, net in networks.items():
        source = found.averages.get(name) or found.networks.get(name)
        if source is None and name in helpers:
            continue
        if source is None:
            raise ModelRejected(f"`{path}` holds no network `{name}`.", "Name another `start`.")
        weights = {k.removeprefix("module."): v for k, v in source.items() if k != "n_averaged"}
        try:
            net.load_state_dict(weights)
        except RuntimeError as error:
            raise ModelRejected(
                f"`{path}` does not fit the network `{name}`: {error}.", "Use its own widths."
            ) from error
