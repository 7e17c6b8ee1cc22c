"""From a name in the catalogue to an opened network: verified files, runtime, device, facts."""

from __future__ import annotations

from unfade.engines.contract import ModelFacts
from unfade.engines.stages import plan
from unfade.engines.tiled import Runtime, TiledMender
from unfade.errors import ModelMissing, UsageError, nearest
from unfade.needs import have
from unfade.zoo import store
from unfade.zoo.catalogue import Entry, find
from unfade.zoo.ncnn_weights import read_graph

RUNTIMES = ("ncnn", "onnx")  # in the order in which "auto" takes them


def open_engine(
    name: str, *, device: str = "auto", runtime: str = "auto", threads: int = 1, cache: str = ""
) -> TiledMender:
    """Open a network of the catalogue.

    Args:
        device: ``auto`` (the processor), ``cpu`` or ``vulkan:N``
        runtime: ``auto`` takes ncnn where it is installed, else ONNX Runtime; one that was named
            is never replaced by another. Both agree within 1e-4.
        threads: how many processor threads one call may use; bits do not depend on it
        cache: folder of fetched weights; empty means the usual one
    Raises:
        ModelMissing: its weights or its runtime are not here, or nothing here can run it
        ModelRejected: its files are not those of the catalogue
        UsageError: an unknown runtime, or a device that is not here
    """
    entry = find(name)
    if entry.format != "ncnn" or entry.shape != "mend":
        raise ModelMissing(
            f"`{name}` is in the catalogue as `{entry.format}`, which no runtime here opens.",
            "It can be fetched and verified; use another network for this step.",
        )
    if runtime not in ("auto", *RUNTIMES):
        raise UsageError(f"There is no runtime `{runtime}`.", nearest(runtime, ("auto", *RUNTIMES)))
    if runtime == "auto":
        runtime = "ncnn" if have("ncnn") or device.startswith("vulkan") else "onnx"
    files = store.files(name, cache=cache)
    where = "cpu" if device == "auto" else device
    opened: Runtime
    if runtime == "ncnn":
        from unfade.engines.ncnn import NcnnRuntime

        opened = NcnnRuntime(files, device=where, threads=threads)
    else:
        from unfade.engines.onnx import OnnxRuntime

        opened = OnnxRuntime(files, device=where, threads=threads)
    return TiledMender(facts_of(entry), opened, plan(read_graph(files["param"])))


def facts_of(entry: Entry) -> ModelFacts:
    """What the catalogue states about a network, as its engine states it."""
    if entry.shape not in ("mend", "fill", "find", "mend_frames"):
        raise ValueError(f"{entry.name} has the call shape {entry.shape!r}")
    return ModelFacts(
        name=entry.name,
        shape=entry.shape,  # type: ignore[arg-type]  # one of the four, checked above
        sha256=entry.sha256,
        licence=entry.licence,
        paper=entry.paper,
        scale=entry.scale,
        halo_px=entry.halo_px,
        tile_px=entry.tile_px,
        piece_px=entry.piece_px,
        evidence=entry.evidence,
        bytes_per_pixel=entry.bytes_per_pixel,
    )
