"""From a name in the catalogue to an opened network: verified files, runtime, device, facts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from unfade.engines.contract import ModelFacts
from unfade.engines.own import ARCHITECTURE, open_own
from unfade.engines.stages import plan, single
from unfade.engines.tiled import Runtime, TiledMender, tiles_beside
from unfade.errors import ModelMissing, ModelRejected, UsageError, nearest
from unfade.needs import have
from unfade.zoo import store
from unfade.zoo.catalogue import Entry, find, own_entries, refuse_licence
from unfade.zoo.ncnn_weights import read_graph

RUNTIMES = ("ncnn", "onnx", "torch")  # in the order in which "auto" takes them
SHAPES = ("mend", "fill", "find", "mend_frames", "colour")
# begins the names of networks in a folder that the user names, unless one of the name was added
LATENT = "latent-"
FACES = "latent-face-"
DIFFUSION = "diffusion"  # not a name of the catalogue: a folder that the user names


def open_engine(
    name: str,
    *,
    device: str = "auto",
    runtime: str = "auto",
    threads: int = 1,
    calls: int = 1,
    cache: str = "",
    precision: str = "float32",
    licence: str = "usual",
    diffusion: str = "",
    latent: str = "",
    memory_bytes: int = 2_000_000_000,
    offline: bool = False,
) -> Any:
    """Open a network of the catalogue, or the user's diffusion pipeline.

    Args:
        device: ``auto``, ``cpu``, ``vulkan:N`` (ncnn), ``cuda``, ``cuda:N`` or ``mps`` (torch)
        runtime: ``auto``: for a network in ncnn's form ncnn where it is installed, else ONNX
            Runtime, and PyTorch on CUDA and MPS; for others the one that opens their files. One
            that was named is never replaced by another. All agree within 1e-4.
        threads: how many processor threads one call may use; bits do not depend on it
        calls: how many calls may run beside each other where the runtime has to be told (ncnn)
        cache: folder of fetched weights; empty means the usual one
        precision: ``float32`` or ``half``; see ``unfade.engines.torch_run``
        licence: which licences are let in: see ``unfade.zoo.catalogue.LICENCES``
        diffusion: folder of a pipeline for the name ``diffusion``
        latent: folder of the checkpoints for the names ``latent-...``
        memory_bytes: what a network may keep between passes over a picture, and its tiles beside
            each other need
        offline: never use the network
    Returns:
        a ``Mender``, a ``Filler`` or an engine of the shape *find*, as the entry's ``shape`` says
    Raises:
        ModelMissing: its weights or its runtime are not here, or nothing here can run it
        ModelRejected: its files are not those of the catalogue, or its licence is kept out
        UsageError: an unknown runtime, or a device that is not here
    """
    if runtime not in ("auto", *RUNTIMES):
        raise UsageError(f"There is no runtime `{runtime}`.", nearest(runtime, ("auto", *RUNTIMES)))
    if name == DIFFUSION:
        from unfade.engines.diffusion import open_diffusion

        return open_diffusion(diffusion, device=device, precision=precision, offline=offline)
    if name.startswith(LATENT) and all(entry.name != name for entry in own_entries()):
        _check_runtime(name, runtime, "torch")
        if name.startswith(FACES):
            return _open_face_generator(name, latent, device, threads, precision)
        return _open_latent(name, latent, device, memory_bytes)
    entry = find(name)
    refuse_licence(entry, licence)
    if entry.format == "ncnn" and entry.architecture == ARCHITECTURE:
        asked = _runtime_for(device) if runtime == "auto" else runtime
        if asked != "torch" or entry.shape != "mend":
            # PyTorch has no way to open the others, which are small: they stay on the processor
            here = asked != "torch" and device != "auto"
            return open_own(
                facts_of(entry), store.files(name, cache=cache),
                device=device if here else "cpu",
                runtime=asked if asked != "torch" else _runtime_for("cpu"), threads=threads,
                calls=calls, memory_bytes=memory_bytes,
            )  # fmt: skip
    if entry.format == "ncnn" and entry.shape == "mend":
        files = store.files(name, cache=cache)
        return _open_ncnn(entry, files, device, runtime, threads, calls, precision, memory_bytes)
    if entry.format in ("safetensors", "pth", "torchscript") and entry.architecture:
        _check_runtime(name, runtime, "torch")
        files = store.files(name, cache=cache)
        return open_checkpoint(
            entry, files["weights"], device=device, threads=threads, precision=precision,
            noncommercial=licence == "noncommercial",
        )  # fmt: skip
    if entry.format == "onnx":
        _check_runtime(name, runtime, "onnx")
        files = store.files(name, cache=cache)
        return _open_onnx(entry, files["weights"], device, threads)
    raise ModelMissing(
        f"`{name}` is in the catalogue as `{entry.format}`, which no runtime here opens.",
        "It can be fetched and verified; use another network for this step.",
    )


def facts_of(entry: Entry) -> ModelFacts:
    """What the catalogue states about a network, as its engine states it."""
    if entry.shape not in SHAPES:
        raise ValueError(f"{entry.name} has the call shape {entry.shape!r}")
    if entry.tiling not in ("yes", "blend", "whole"):
        raise ValueError(f"{entry.name} has the tiling {entry.tiling!r}")
    return ModelFacts(
        name=entry.name,
        shape=entry.shape,  # type: ignore[arg-type]  # one of the four, checked above
        sha256=entry.sha256,
        licence=entry.licence,
        paper=entry.paper,
        channels_in=entry.channels_in,
        channels_out=entry.channels_out,
        scale=entry.scale,
        multiple_of=entry.multiple_of,
        minimum_px=entry.minimum_px,
        halo_px=entry.halo_px,
        reach_px=entry.reach_px,
        tile_px=entry.tile_px,
        piece_px=entry.piece_px,
        tiling=entry.tiling,  # type: ignore[arg-type]  # one of the three, checked above
        dials=entry.dials,
        alignment=entry.alignment,
        begins_with=entry.begins_with,
        evidence=entry.evidence,
        bytes_per_pixel=entry.bytes_per_pixel,
    )


def open_checkpoint(
    entry: Entry,
    path: Path,
    *,
    device: str = "auto",
    threads: int = 1,
    precision: str = "float32",
    noncommercial: bool = False,
) -> Any:
    """Open a checkpoint whose facts ``entry`` states.

    Raises:
        ModelRejected: it cannot be read, or is not what the entry says
    """
    if entry.shape == "colour":
        return _open_colour(entry, path, device)
    from unfade.engines.blended import BlendedMender
    from unfade.engines.checkpoint import describe, read_tensors
    from unfade.engines.filling import WindowFiller
    from unfade.engines.torch_net import TorchNet

    facts = facts_of(entry)
    tensors = read_tensors(
        path, pickled=entry.format == "pth", program=entry.format == "torchscript"
    )
    found = describe(tensors, noncommercial=noncommercial, name=f"`{path.name}`")
    _check_facts(entry, found, path)
    net = TorchNet(
        found, reach_px=facts.reach_px, unit_px=facts.multiple_of,
        device=device, threads=threads, precision=precision,
    )  # fmt: skip
    if entry.format != "safetensors":
        net.notes.append(f"`{path.name}` is a pickle; a restricted reader took its tensors alone.")
    if facts.shape == "fill":
        return WindowFiller(facts, net)
    kind = BlendedMender if facts.tiling == "blend" else TiledMender
    return kind(facts, net, single(facts.reach_px, facts.scale))


def _open_ncnn(
    entry: Entry, files: dict[str, Path], device: str, runtime: str, threads: int, calls: int,
    precision: str, memory_bytes: int,
) -> TiledMender:  # fmt: skip
    if runtime == "auto":
        runtime = _runtime_for(device)
    where = "cpu" if device == "auto" and runtime != "torch" else device
    if precision != "float32" and runtime != "torch":
        raise UsageError(
            f"The precision `{precision}` was asked for, which `{runtime}` does not offer here.",
            "Use it with `--runtime torch --device cuda`, or leave `--precision` out.",
        )
    opened: Runtime
    if runtime == "ncnn":
        from unfade.engines.ncnn import NcnnRuntime

        beside = tiles_beside(facts_of(entry), threads, memory_bytes)
        opened = NcnnRuntime(files, device=where, threads=threads, calls=calls, beside=beside)
    elif runtime == "onnx":
        from unfade.engines.onnx import OnnxRuntime

        opened = OnnxRuntime(files, device=where, threads=threads)
    else:
        from unfade.engines.torch_graph import TorchGraph

        opened = TorchGraph(files, device=where, threads=threads, precision=precision)
    return TiledMender(facts_of(entry), opened, plan(read_graph(files["param"])))


def _open_colour(entry: Entry, path: Path, device: str) -> Any:
    from unfade.engines.torch_door import device_of, open_torch

    open_torch(to=f"run `{entry.name}`")
    from unfade.engines.nets.ddcolor.opening import open_ddcolor

    return open_ddcolor(path, str(device_of(device)), facts=facts_of(entry))


def _open_latent(name: str, folder: str, device: str, memory_bytes: int) -> Any:
    from unfade.engines.torch_door import device_of, open_torch

    if not folder:
        raise ModelMissing(
            f"The network `{name}` was asked for, and nobody said where its checkpoints are.",
            "Unpack `global_checkpoints.zip` of microsoft/Bringing-Old-Photos-Back-to-Life and "
            "name the folder with `--latent DIR`.",
        )
    open_torch(to=f"run `{name}`")
    from unfade.engines.nets.latent.opening import open_detector, open_latent

    where = str(device_of(device))
    if name == "latent-detector":
        return open_detector(Path(folder), where)
    mode = name.removeprefix(LATENT)
    return open_latent(Path(folder), mode, where, memory_bytes=memory_bytes)


def _open_face_generator(
    name: str, folder: str, device: str, threads: int, precision: str
) -> TiledMender:
    from unfade.engines.torch_door import open_torch

    if not folder:
        raise ModelMissing(
            f"The network `{name}` was asked for; it was not added here, and nobody said where its "
            "checkpoints are.",
            "Unpack `face_checkpoints.zip` of microsoft/Bringing-Old-Photos-Back-to-Life; then "
            "name the folder with `--latent DIR`, or take the file in once with `unfade models add "
            f".../latest_net_G.pth --pickle --name {name}`.",
        )
    open_torch(to=f"run `{name}`")
    from unfade.engines.nets.latent.opening import open_faces

    side = name.removeprefix(FACES)
    return open_faces(
        Path(folder), int(side) if side.isdecimal() else 0, device, threads=threads,
        precision=precision,
    )  # fmt: skip


def _runtime_for(device: str) -> str:
    if device.partition(":")[0] in ("cuda", "mps"):
        return "torch"
    return "ncnn" if have("ncnn") or device.startswith("vulkan") else "onnx"


def _open_onnx(entry: Entry, path: Path, device: str, threads: int) -> Any:
    facts = facts_of(entry)
    if entry.architecture == "YuNet":
        from unfade.engines.face_nets import FaceDetector

        return FaceDetector(facts, path, device=device)
    if entry.architecture == "SFace":
        from unfade.engines.face_nets import FaceRecogniser

        return FaceRecogniser(facts, path, device=device)
    if entry.architecture == "MI-GAN":
        from unfade.engines.filling import WindowFiller
        from unfade.engines.onnx_file import MiganRuntime

        return WindowFiller(facts, MiganRuntime(path, device=device, threads=threads))
    if entry.architecture == "U2-Net":
        from unfade.engines.onnx_file import MatteFinder

        return MatteFinder(facts, path, device=device, threads=threads)
    raise ModelMissing(
        f"`{entry.name}` is an ONNX file of the architecture `{entry.architecture}`, which "
        "nothing here knows how to call.",
        "It can be fetched and verified; use another network for this step.",
    )


def _check_runtime(name: str, runtime: str, only: str) -> None:
    if runtime not in ("auto", only):
        raise UsageError(
            f"`{name}` runs in `{only}` alone; the runtime `{runtime}` was asked for.",
            "Leave `--runtime` out for it.",
        )


def _check_facts(entry: Entry, found: Any, path: Path) -> None:
    """Refuse a checkpoint that is another network than its entry says."""
    stated = (entry.architecture, entry.scale, entry.channels_in, entry.channels_out)
    seen = (found.architecture.id, found.scale, found.input_channels, found.output_channels)
    if stated != tuple(seen):
        raise ModelRejected(
            f"`{path.name}` is {seen[0]}, {seen[1]} times, {seen[2]} channels to {seen[3]}; "
            f"`{entry.name}` was to be {stated[0]}, {stated[1]} times, {stated[2]} to {stated[3]}.",
            "The catalogue's entry and the file do not belong together.",
        )
