"""A user's checkpoint becomes a network of the catalogue: read, measured, kept as safetensors."""

from __future__ import annotations

import hashlib
import re
import tempfile
from pathlib import Path

from unfade.engines.checkpoint import (
    FACE_SIDES,
    describe,
    is_face_generator,
    read_tensors,
    write_tensors,
)
from unfade.engines.opening import open_checkpoint
from unfade.engines.probing import FACE_PX, Measured, ProgressCall, measure
from unfade.errors import OutputError, UnreadableInput, UsageError, nearest
from unfade.zoo.catalogue import COMMERCIAL, Entry, FileEntry, own_folder
from unfade.zoo.own import check_name, register

# what a network may be used for -> the shape of call and factor that this needs
TASKS = {
    "upscale": "mend", "denoise": "mend", "deblock": "mend", "deblur": "mend",
    "restore faces": "mend", "inpaint": "fill", "colorize": "colour",
}  # fmt: skip

# a network of our own making, which spandrel does not open under its own licence: its facts are
# those of the paper, and nothing is to be measured
DDCOLOR_STEM = "encoder.arch.downsample_layers.0.0.weight"
DDCOLOR = Measured(
    architecture="DDColor", shape="colour", scale=1, channels_in=3, channels_out=2,
    multiple_of=32, minimum_px=32, halo_px=0, reach_px=0, tile_px=512, tiling="whole",
    bytes_per_pixel=0, dials=(),
)  # fmt: skip

SPADE_PAPER = "Wan et al. 2020, Bringing Old Photos Back to Life, arXiv:2004.09484"


def add_network(
    path: Path,
    *,
    name: str = "",
    task: str = "",
    licence: str = "unknown",
    commercial: str = "unclear",
    paper: str = "",
    pickled: bool = False,
    noncommercial: bool = False,
    evidence: int = 2,
    side: int = 0,
    threads: int = 1,
    progress: ProgressCall | None = None,
) -> Entry:
    """Take a checkpoint in: from then on recipes know it by its name.

    The tensors are written anew as safetensors, so that a pickle is read once and never again;
    the facts are measured (see ``unfade.engines.probing``).

    Args:
        name: empty: the file's; of SPADE's face generator ``latent-face-256`` or ``-512``, which
            the methods of ``restore_faces`` ask for
        task: one of ``TASKS``; empty: by what the network is
        licence, commercial, paper: as the publisher states them
        pickled: the file is allowed to be a pickle
        noncommercial: architectures with licences that forbid commercial use are allowed
        evidence: class of what it makes: 4 for one that makes content up, as networks for faces do
        side: SPADE's face generator alone: 256 or 512, which its tensors do not tell; 0: 512 where
            the name, the file or its folder has that number, as the published folder has, else 256
    Raises:
        ModelRejected: it is no checkpoint of a known architecture, or a pickle unasked
        UsageError: the name is taken, the task does not fit; OutputError: it cannot be kept
    """
    if not path.is_file():
        raise UnreadableInput(f"There is no file `{path}`.", "Give the path of a checkpoint.")
    given, name = name, name_for(path, name)
    check_name(name)
    if commercial not in COMMERCIAL:
        raise UsageError(
            f"`--commercial` is `{commercial}`, which it does not know.",
            nearest(commercial, COMMERCIAL),
        )
    tensors = read_tensors(path, pickled=pickled)
    face_px = FACE_PX
    if is_face_generator(tensors):
        face_px = side = side or _side(path, given)
        if side not in FACE_SIDES:
            raise UsageError(f"There is no face generator of {side} pixels.", "Use 256 or 512.")
        name, paper = given or f"latent-face-{side}", paper or SPADE_PAPER
    elif side:
        raise UsageError(
            f"`--side` was given, and `{path.name}` is not SPADE's face generator.",
            "Leave it out: the sides of other networks are measured.",
        )
    if DDCOLOR_STEM in tensors:
        facts, purpose, evidence = DDCOLOR, "Colorization", 4
    else:
        found = describe(tensors, noncommercial=noncommercial, name=f"`{path.name}`")
        facts = measure(found, threads=threads, progress=progress, face_px=face_px)
        purpose = str(found.purpose)
        evidence = 4 if purpose == "FaceSR" else evidence
    task = _task(task, facts, purpose)
    folder = own_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".adding-") as place:
            kept = Path(place) / "weights.safetensors"
            write_tensors(tensors, kept, {"architecture": facts.architecture, "name": name})
            entry = _entry(name, task, facts, kept, licence, commercial, paper, evidence)
            # through the very path that every later run takes
            open_checkpoint(entry, kept, device="cpu", noncommercial=noncommercial).close()
            return register(entry, kept)
    except OSError as error:
        raise OutputError(
            f"`{folder}` cannot be written: {error.strerror or error}.",
            "Check space and permissions, or set UNFADE_HOME to another folder.",
        ) from error


def name_for(path: Path, name: str = "") -> str:
    """The name that a network gets: the given one, or the file's in plain letters."""
    plain = re.sub(r"[^a-z0-9._-]+", "-", path.stem.lower()).strip("-._")[:64]
    return name or plain or "network"


def _side(path: Path, name: str) -> int:
    """The side of a face generator by what its name, its file or its folder is called."""
    return 512 if "512" in f"{name} {path.stem} {path.absolute().parent.name}" else 256


def _task(task: str, facts: Measured, purpose: str) -> str:
    if not task:
        usual = {"Inpainting": "inpaint", "FaceSR": "restore faces", "SR": "upscale",
                 "Colorization": "colorize"}  # fmt: skip
        task = usual.get(purpose, "denoise")
        if purpose == "SR" and facts.scale == 1:
            task = "denoise"
    if task not in TASKS:
        raise UsageError(f"There is no task `{task}`.", nearest(task, TASKS))
    fits = TASKS[task] == facts.shape and (facts.shape in ("fill", "colour") or (
        facts.scale > 1 if task == "upscale" else facts.scale == 1
    ))  # fmt: skip
    if not fits:
        raise UsageError(
            f"A network of the shape `{facts.shape}` that enlarges {facts.scale} times cannot "
            f"`{task}`.",
            "Leave `--task` out: it is told from the network.",
        )
    return task


def _entry(
    name: str, task: str, facts: Measured, file: Path, licence: str, commercial: str, paper: str,
    evidence: int,
) -> Entry:  # fmt: skip
    with open(file, "rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    part = FileEntry(
        role="weights", path=f"{sha256[:16]}.safetensors", bytes=file.stat().st_size,
        sha256=sha256, own=True,
    )  # fmt: skip
    return Entry(
        name=name,
        about=f"{facts.architecture}, added here"
        if task != "restore faces"
        else f"{facts.architecture}, faces of {facts.tile_px} pixels, added here",
        task=task,
        format="safetensors",
        shape=facts.shape,
        architecture=facts.architecture,
        licence=licence,
        commercial=commercial,
        paper=paper,
        evidence=evidence,
        scale=facts.scale,
        channels_in=facts.channels_in,
        channels_out=facts.channels_out,
        multiple_of=facts.multiple_of,
        minimum_px=facts.minimum_px,
        halo_px=facts.halo_px,
        reach_px=facts.reach_px,
        tile_px=facts.tile_px,
        tiling=facts.tiling,
        dials=facts.dials,
        alignment=facts.alignment,
        bytes_per_pixel=facts.bytes_per_pixel,
        files=(part,),
    )
