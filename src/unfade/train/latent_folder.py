"""From trainings of the latent tasks to a folder that ``translate`` reads.

The files have the names, keys and wrapping of the published archives, so anything that reads those
reads these.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from unfade.engines.nets.latent.opening import DECODERS, DETECTOR, ENCODER, FACES, MAPPINGS
from unfade.errors import ModelRejected, UsageError, nearest
from unfade.train.checkpoint import load

MODEL_STATE = "model_state"  # around the detector's weights


def write_latent_folder(
    out: Path,
    *,
    old: Path | None = None,
    clean: Path | None = None,
    mappings: Mapping[str, Path] | None = None,
    detector: Path | None = None,
    faces: Mapping[int, Path] | None = None,
) -> list[Path]:
    """Write the averaged weights of checkpoints where the published files would lie.

    Args:
        out: the folder, then given as ``--latent``
        old, clean: of ``latent-vae`` of both domains
        mappings: mode -> checkpoint of ``latent-mapping``
        detector: of ``latent-detector``; ``faces``: side -> checkpoint of ``latent-face``
    Returns:
        the files
    Raises:
        ModelRejected: a checkpoint of another task
        UsageError: an unknown mode or side
    """
    files: dict[str, dict[str, Tensor] | dict[str, dict[str, Tensor]]] = {}
    if old is not None:
        files[ENCODER] = weights_of(old, "vae")
    if clean is not None:
        for name in set(DECODERS.values()):
            files[name] = weights_of(clean, "vae")
    for mode, path in (mappings or {}).items():
        if mode not in MAPPINGS:
            raise UsageError(f"There is no mode `{mode}`.", nearest(mode, MAPPINGS))
        files[MAPPINGS[mode]] = weights_of(path, "mapping")
    if detector is not None:
        files[DETECTOR] = {MODEL_STATE: weights_of(detector, "detector")}
    for side, path in (faces or {}).items():
        if side not in FACES:
            raise UsageError(f"There is no face generator of {side} pixels.", "Use 256 or 512.")
        files[FACES[side]] = weights_of(path, "face")
    for name, content in files.items():
        target = out / "checkpoints" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        torch.save(content, target)
    return [out / "checkpoints" / name for name in sorted(files)]


def weights_of(path: Path, network: str) -> dict[str, Tensor]:
    """The averaged weights of one network of a checkpoint.

    Raises:
        ModelRejected: it holds no such network
    """
    averages = load(path).averages
    if network not in averages:
        raise ModelRejected(
            f"`{path}` holds no network `{network}`.",
            "Name the checkpoint of the task that trains it.",
        )
    return {
        key.removeprefix("module."): value
        for key, value in averages[network].items()
        if key.startswith("module.")
    }
