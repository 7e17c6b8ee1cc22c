"""The latent networks from the authors' folder of checkpoints to opened engines.

Two archives are published: one with ``checkpoints/restoration`` and ``checkpoints/detection``,
one with the face generators. Unpacked anywhere, they are found by their own folders' names.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from torch import Tensor, nn

from unfade.engines.contract import ModelFacts, Shape
from unfade.engines.nets.checkpoint import fill, place, read_tensors
from unfade.engines.nets.latent.detector import MULTIPLE_OF as DETECTOR_MULTIPLE
from unfade.engines.nets.latent.detector import ScratchDetector
from unfade.engines.nets.latent.face_checkpoint import described
from unfade.engines.nets.latent.mapping import PlainMapping, ScratchMapping
from unfade.engines.nets.latent.patch_attention import PatchMapping
from unfade.engines.nets.latent.scratches import ScratchFinder
from unfade.engines.nets.latent.translator import (
    BYTES_PER_PIXEL,
    HALO_PX,
    MEMORY_BYTES,
    MODES,
    MULTIPLE_OF,
    TILE_PX,
    Networks,
    Translator,
)
from unfade.engines.nets.latent.vae import Vae
from unfade.engines.stages import single
from unfade.engines.tiled import TiledMender
from unfade.engines.torch_net import ALIGNMENTS, TorchNet
from unfade.errors import ModelMissing, UsageError, nearest

ENCODER = "restoration/VAE_A_quality/latest_net_G.pth"
DECODERS = {
    "plain": "restoration/VAE_B_quality/latest_net_G.pth",
    "scratches": "restoration/VAE_B_scratch/latest_net_G.pth",
    "hr": "restoration/VAE_B_scratch/latest_net_G.pth",
}
MAPPINGS = {
    "plain": "restoration/mapping_quality/latest_net_mapping_net.pth",
    "scratches": "restoration/mapping_scratch/latest_net_mapping_net.pth",
    "hr": "restoration/mapping_Patch_Attention/latest_net_mapping_net.pth",
}
DETECTOR = "detection/FT_Epoch_latest.pt"
FACES = {256: "Setting_9_epoch_100/latest_net_G.pth", 512: "FaceSR_512/latest_net_G.pth"}
INSIDE = ("", "checkpoints", "Global/checkpoints", "Face_Enhancement/checkpoints")
FACE_BYTES_PER_PIXEL = 2048  # measured, see ``unfade.engines.probing``
LICENCE = "MIT"
PAPER = "Wan et al. 2020, Bringing Old Photos Back to Life, arXiv:2004.09484"
PAPER_HR = (
    "Wan et al. 2022, Old Photo Restoration via Deep Latent Space Translation, arXiv:2009.07047"
)


def open_latent(
    folder: Path,
    mode: str,
    device: str = "cpu",
    *,
    facts: ModelFacts | None = None,
    memory_bytes: int = MEMORY_BYTES,
) -> Translator:
    """Open one mode of latent-space translation.

    Args:
        folder: of the unpacked archive, or its ``checkpoints``
        mode: ``plain`` (fading, noise, blur), ``scratches`` (with the partial non-local block) or
            ``hr`` (with patch attention, for large pictures)
        device: PyTorch's name: ``cpu``, ``cuda``, ``mps``
        memory_bytes: see ``Translator``
    Raises:
        UsageError: an unknown mode
        ModelMissing: a checkpoint is not in the folder; it is named
        ModelRejected: a file is not the network that belongs there
    """
    if mode not in MODES:
        raise UsageError(f"There is no mode `{mode}`.", nearest(mode, MODES))
    old, clean = _vae(locate(folder, ENCODER)), _vae(locate(folder, DECODERS[mode]))
    mapping_path = locate(folder, MAPPINGS[mode])
    mapping = _mapping(mapping_path, mode)
    networks = Networks(
        encoder=place(old.encoder, device),
        mapping=place(mapping, device),
        decoder=place(clean.decoder, device),
    )
    return Translator(
        networks,
        mode=mode,
        device=device,
        facts=facts or translation_facts(mode, mapping_path),
        memory_bytes=memory_bytes,
    )


def open_detector(
    path: Path, device: str = "cpu", *, facts: ModelFacts | None = None
) -> ScratchFinder:
    """Open the scratch detector from its file, or from the folder that holds it.

    Raises:
        ModelMissing, ModelRejected: as ``open_latent``
    """
    file = locate(path, DETECTOR) if path.is_dir() else path
    tensors = read_tensors(file)
    network = ScratchDetector(_width(tensors, "first.1.weight", 64))
    fill(network, tensors, name=file.name)
    return ScratchFinder(
        place(network, device),
        device=device,
        facts=facts
        or _facts("latent-detector", file, shape="find", evidence=0, unit=DETECTOR_MULTIPLE),
    )


def open_faces(
    path: Path,
    side: int = 256,
    device: str = "cpu",
    *,
    threads: int = 1,
    precision: str = "float32",
) -> TiledMender:
    """Open the face generator from its file, or from the folder that holds it.

    Args:
        side: 256 or 512: which of the two published generators, and the side it works at
        threads, precision: see ``TorchRuntime``
    Raises:
        UsageError: another side
        ModelMissing, ModelRejected: as ``open_latent``
    """
    if side not in FACES:
        raise UsageError(f"There is no face generator of {side} pixels.", "Use 256 or 512.")
    file = locate(path, FACES[side]) if path.is_dir() else path
    found = described(read_tensors(file), name=file.name)
    net = TorchNet(found, unit_px=side, device=device, threads=threads, precision=precision)
    facts = replace(
        _facts(f"latent-face-{side}", file, shape="mend", evidence=4, unit=side),
        halo_px=0,
        tile_px=side,
        tiling="whole",
        alignment=ALIGNMENTS[found.architecture.id],
        bytes_per_pixel=FACE_BYTES_PER_PIXEL,
    )
    return TiledMender(facts, net, single(0))


def locate(folder: Path, wanted: str) -> Path:
    """A checkpoint inside an unpacked archive.

    Raises:
        ModelMissing: it is at none of the usual places
    """
    for inside in INSIDE:
        path = folder / inside / wanted
        if path.is_file():
            return path
    raise ModelMissing(
        f"`{folder}` holds no `{wanted}`.",
        "Unpack `global_checkpoints.zip` (faces: `face_checkpoints.zip`) of release v1.0 of "
        "microsoft/Bringing-Old-Photos-Back-to-Life there.",
    )


def translation_facts(mode: str, mapping: Path) -> ModelFacts:
    """What is known about one mode; its hash is that of the mapping network's file."""
    return _facts(
        f"latent-{mode}",
        mapping,
        shape="mend" if mode == "plain" else "fill",
        evidence=4,
        unit=MULTIPLE_OF[mode],
        paper=PAPER_HR if mode == "hr" else PAPER,
    )


def _vae(path: Path) -> Vae:
    tensors = read_tensors(path)
    network = Vae(_width(tensors, "encoder.1.weight", 64))
    fill(network, tensors, name=f"{path.parent.name}/{path.name}")
    return network


def _mapping(path: Path, mode: str) -> nn.Module:
    kind = {"plain": PlainMapping, "scratches": ScratchMapping, "hr": PatchMapping}[mode]
    tensors = read_tensors(path)
    part = "model" if mode == "plain" else "before_NL"
    network = kind(
        _width(tensors, f"{part}.0.weight", 64, axis=1), _width(tensors, f"{part}.9.weight", 512)
    )
    fill(network, tensors, name=f"{path.parent.name}/{path.name}")
    return network


def _width(tensors: dict[str, Tensor], name: str, usual: int, *, axis: int = 0) -> int:
    """The width of a layer in a checkpoint, so that smaller networks of one's own open too."""
    tensor = tensors.get(name)
    return usual if tensor is None or tensor.ndim != 4 else int(tensor.shape[axis])


def _facts(
    name: str, file: Path, *, shape: Shape, evidence: int, unit: int, paper: str = PAPER
) -> ModelFacts:
    with open(file, "rb") as opened:
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
    return ModelFacts(
        name=name,
        shape=shape,
        sha256=sha256,
        licence=LICENCE,
        paper=paper,
        multiple_of=unit,
        minimum_px=unit,
        halo_px=HALO_PX,
        tile_px=TILE_PX,
        evidence=evidence,
        bytes_per_pixel=BYTES_PER_PIXEL,
    )
