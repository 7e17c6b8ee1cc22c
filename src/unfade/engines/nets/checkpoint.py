"""Reads the authors' checkpoint files, and refuses what is not the network it is said to be.

Safetensors hold nothing but tensors. A ``.pth`` file is a pickle, which could run code: it is
opened by PyTorch's restricted reader, which knows tensors and plain containers and nothing else.
Several projects wrap the tensors in a dictionary with further things in it (an optimiser's
state, the epoch); the wrapping keys are known here.
"""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from unfade.errors import ModelRejected
from unfade.needs import need

WRAPPERS = ("params_ema", "params", "state_dict", "model_state", "model", "generator")
PARALLEL = "module."  # what training on several devices puts before every name


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Name -> tensor of a checkpoint file, on the processor, without what is wrapped around.

    Raises:
        ModelRejected: neither safetensors nor a checkpoint that holds plain data alone, or a
            damaged file
    """
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    try:
        with warnings.catch_warnings():
            # another pickle protocol is read as well, or refused: either way there is nothing
            # for the user to do
            warnings.filterwarnings("ignore", message="Detected pickle protocol")
            # mapped into memory where the format allows it: of what else is in the file, nothing
            # is read
            found = torch.load(
                path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path)
            )
    except pickle.UnpicklingError as error:
        raise ModelRejected(
            f"`{path.name}` holds more than plain tensors: {_first_line(error)}",
            "Nothing of it was run. Get the file from its authors, or as safetensors.",
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        raise ModelRejected(
            f"`{path.name}` cannot be read as a checkpoint: {_first_line(error)}",
            "It may have been cut short: get it again.",
        ) from error
    return unwrapped(found, path.name)


def unwrapped(found: Any, name: str) -> dict[str, Tensor]:
    """The tensors inside a checkpoint's dictionary, by the names that the network uses.

    Raises:
        ModelRejected: there are none
    """
    for wrapper in WRAPPERS:
        if isinstance(found, Mapping) and isinstance(found.get(wrapper), Mapping):
            found = found[wrapper]
            break
    tensors = (
        {key: value for key, value in found.items() if isinstance(value, Tensor)}
        if isinstance(found, Mapping)
        else {}
    )
    if not tensors:
        raise ModelRejected(
            f"`{name}` holds no tensors where a checkpoint has them.",
            "Name the file that the network's authors publish.",
        )
    if all(key.startswith(PARALLEL) for key in tensors):
        tensors = {key.removeprefix(PARALLEL): value for key, value in tensors.items()}
    return tensors


def fill(
    network: nn.Module,
    tensors: Mapping[str, Tensor],
    *,
    name: str,
    ignored: Collection[str] = (),
    optional: Collection[str] = (),
) -> None:
    """Put a checkpoint's tensors into a network; every name and shape has to fit.

    Args:
        name: of the file, for messages
        ignored: beginnings of names that the file may hold and the network does not use
        optional: names that the file may lack
    Raises:
        ModelRejected: a name that is missing or unknown, or a shape that differs
    """
    wanted = network.state_dict()
    given = {k: v for k, v in tensors.items() if not any(k.startswith(i) for i in ignored)}
    missing = [key for key in wanted if key not in given and key not in optional]
    unknown = [key for key in given if key not in wanted]
    if missing or unknown:
        fault = f"lacks `{missing[0]}`" if missing else f"has `{unknown[0]}`"
        raise ModelRejected(
            f"`{name}` is not a checkpoint of this network: it {fault} "
            f"({len(missing)} names missing, {len(unknown)} unknown).",
            "Name the file that the network's authors publish.",
        )
    for key, value in given.items():
        if value.shape != wanted[key].shape:
            raise ModelRejected(
                f"`{name}`: `{key}` is {tuple(value.shape)}, expected {tuple(wanted[key].shape)}.",
                "It belongs to another size of this network.",
            )
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise ModelRejected(
                f"`{name}`: `{key}` holds values that are no numbers.", "Get the file again."
            )
    network.load_state_dict({**wanted, **given})


def place(network: nn.Module, device: str) -> nn.Module:
    """The network ready for inference on a device, in float32."""
    return network.to(device=device, dtype=torch.float32).eval().requires_grad_(False)


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    reader = need("safetensors", extra="torch", to="read this checkpoint")
    torch_reader = need("safetensors.torch", extra="torch", to="read this checkpoint")
    try:
        tensors: dict[str, Tensor] = torch_reader.load_file(path)
    except (reader.SafetensorError, OSError) as error:
        raise ModelRejected(
            f"`{path.name}` cannot be read as safetensors: {_first_line(error)}",
            "It may have been cut short: get it again.",
        ) from error
    return unwrapped(tensors, path.name)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
