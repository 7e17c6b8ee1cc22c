"""Reads checkpoints: the tensors of a network from the files that authors publish.

``safetensors`` holds tensors and nothing else, and is read as it is. ``.pth`` and ``.ckpt`` are
pickles, which may hold orders to run any program: they are read only when that was allowed, and
then by a reader that knows tensors and dictionaries and refuses everything else. ``torchscript``
archives hold a program in a language of their own: the tensors are taken out, the program is
never run.
"""

from __future__ import annotations

import json
import struct
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unfade.engines.torch_door import open_beside_torch, open_torch
from unfade.errors import ModelRejected, UnsupportedInput

PICKLES = (".pth", ".ckpt", ".pt")
KNOWN = (".safetensors", *PICKLES)
PURPOSE = "read this checkpoint"
FACE_STEM = "head_0.norm_0.param_free_norm.running_mean"
FACE_SIDES = (256, 512)  # of the published face generators; both have the same tensors
# a header is read before the file is trusted; that of the largest networks has a few hundred KB
MOST_HEADER_BYTES = 64 << 20


def read_tensors(path: Path, *, pickled: bool = False, program: bool = False) -> dict[str, Any]:
    """The tensors of a checkpoint by their names, flat, on the processor.

    Args:
        pickled: read pickles too (``.pth``, ``.ckpt``, ``.pt``), with the restricted reader
        program: read TorchScript archives too
    Raises:
        ModelRejected: a pickle that was not allowed, a pickle that holds more than tensors, or a
            file that is cut short or no checkpoint
        UnsupportedInput: another kind of file
        MissingPackage: `spandrel` is not installed
    """
    suffix = path.suffix.lower()
    if suffix not in KNOWN:
        raise UnsupportedInput(
            f"`{path.name}` ends in `{suffix}`, which is no checkpoint that is read here.",
            f"Known: {', '.join(f'`{k}`' for k in KNOWN)}.",
        )
    if suffix == ".safetensors":
        _check_safetensors(path)
    elif not (pickled or program):
        raise ModelRejected(
            f"`{path.name}` is a pickle: such a file may hold orders to run any program.",
            "Ask for a .safetensors file; or allow it with `--pickle`: then it is read by a "
            "restricted reader that takes tensors and refuses everything else.",
        )
    try:
        tensors = _tensors(path, suffix, program)
    except (ModelRejected, MemoryError):
        raise
    except Exception as error:  # every reader has errors of its own
        raise ModelRejected(
            f"`{path.name}` is no checkpoint that can be read: {_first_line(error)}",
            "Get the file again, or convert it to safetensors where it was made.",
        ) from error
    if not tensors:
        raise ModelRejected(f"`{path.name}` holds no tensors.", "Give a network's checkpoint.")
    return tensors


def describe(tensors: Mapping[str, Any], *, noncommercial: bool, name: str = "The file") -> Any:
    """The network of these tensors, opened by spandrel, which knows it from names and shapes.

    SPADE's face generator, which spandrel does not know, is one of our own and is described alike.

    Args:
        noncommercial: also architectures whose licences forbid commercial use
        name: of the file, for messages
    Returns:
        spandrel's description: ``model``, ``scale``, ``input_channels``, ``architecture`` ...
    Raises:
        ModelRejected: no known architecture, or one that was not allowed
    Cost:
        two copies of the weights in memory
    """
    if is_face_generator(tensors):
        open_torch(to=PURPOSE)
        from unfade.engines.nets.latent.face_checkpoint import described

        return described(dict(tensors), name=name.strip("`"))
    spandrel = open_beside_torch("spandrel", to=PURPOSE)
    registry = spandrel.ArchRegistry()
    registry.add(*spandrel.MAIN_REGISTRY)
    if noncommercial:
        extra = open_beside_torch("spandrel_extra_arches", to=PURPOSE, extra="noncommercial")
        registry.add(*extra.EXTRA_REGISTRY)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the authors' code is older than this PyTorch
            found = spandrel.ModelLoader(registry=registry).load_from_state_dict(dict(tensors))
    except spandrel.UnsupportedModelError as error:
        raise ModelRejected(
            f"{name} is of no architecture that is known here ({len(tensors)} tensors, the first "
            f"is `{next(iter(tensors))}`).",
            "Networks with a licence that forbids commercial use (CodeFormer, MAT, Restormer ...) "
            "are known with `--licence noncommercial` alone."
            if not noncommercial
            else "`unfade models list` shows what is known.",
        ) from error
    except (RuntimeError, KeyError, ValueError, AssertionError, IndexError) as error:
        raise ModelRejected(
            f"{name} does not fit the architecture that it seems to be: {_first_line(error)}",
            "It may be a variant that is not known here.",
        ) from error
    found.eval()
    for parameter in found.model.parameters():
        parameter.requires_grad = False
    return found


def is_face_generator(tensors: Mapping[str, Any]) -> bool:
    """Whether they are those of SPADE's face generator, told by a name that no other has."""
    return FACE_STEM in tensors


def known_architectures(*, noncommercial: bool = False) -> tuple[str, ...]:
    """Names of the architectures that ``describe`` knows."""
    spandrel = open_beside_torch("spandrel", to=PURPOSE)
    names = [entry.architecture.id for entry in spandrel.MAIN_REGISTRY]
    if noncommercial:
        extra = open_beside_torch("spandrel_extra_arches", to=PURPOSE, extra="noncommercial")
        names += [entry.architecture.id for entry in extra.EXTRA_REGISTRY]
    return tuple(sorted(names))


def write_tensors(tensors: Mapping[str, Any], path: Path, notes: Mapping[str, str]) -> None:
    """A safetensors file with these tensors; each is written out whole, whatever it shared."""
    save = open_beside_torch("safetensors.torch", to="write a checkpoint")
    save.save_file(
        {name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()},
        path,
        metadata=dict(notes),
    )


def _tensors(path: Path, suffix: str, program: bool) -> dict[str, Any]:
    torch = open_beside_torch("torch", to=PURPOSE)
    spandrel = open_beside_torch("spandrel", to=PURPOSE)
    found: Any
    if program:
        with warnings.catch_warnings():
            # deprecated for saving new ones; the files that are about are read all the same
            warnings.simplefilter("ignore", DeprecationWarning)
            found = torch.jit.load(path, map_location="cpu").state_dict()
    elif suffix == ".safetensors":
        found = open_beside_torch("safetensors.torch", to=PURPOSE).load_file(path, device="cpu")
    else:
        found = spandrel.ModelLoader(torch.device("cpu"))._load_pth(path)
    if not isinstance(found, Mapping):
        raise ModelRejected(f"`{path.name}` holds a {type(found).__name__}, expected tensors.")
    flat = spandrel.canonicalize_state_dict(dict(found))
    tensors = {str(k): v for k, v in flat.items() if isinstance(v, torch.Tensor)}
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise ModelRejected(
                f"`{path.name}` holds values that are no numbers, in `{name}`.", "Get it again."
            )
    return tensors


def _check_safetensors(path: Path) -> None:
    """Refuse a header that claims more than there is, before anything is set aside for it."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else size + 1
        if length > min(size - 8, MOST_HEADER_BYTES):
            raise ModelRejected(
                f"`{path.name}` is no safetensors file: its header claims {length} bytes, the "
                f"file has {size}.",
                "Get it again: it is cut short or something else.",
            )
        try:
            header = json.loads(file.read(length))
        except (ValueError, UnicodeDecodeError) as error:
            raise ModelRejected(
                f"`{path.name}` is no safetensors file: its header is not JSON.", "Get it again."
            ) from error
    if not isinstance(header, dict):
        raise ModelRejected(f"`{path.name}` is no safetensors file.", "Get it again.")


def _first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return f"{text[0][:200].rstrip('.')}." if text else f"{type(error).__name__}."
