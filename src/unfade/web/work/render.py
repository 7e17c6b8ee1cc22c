"""Pictures as browsers show them: small views, deep zoom tiles, maps, other formats.

libvips does the colour management, the scaling and the coding; the pixels come through the same
doors as everywhere (``unfade.files``), so what is shown is what was read.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from unfade import files
from unfade.batch.executors.contract import JobView
from unfade.errors import UnreadableInput, UsageError
from unfade.files.formats.contract import WriteOptions
from unfade.files.sidecar import evidence_path
from unfade.needs import need
from unfade.picture import EvidenceMap, Picture, pixels_to_codes
from unfade.pixels.orient import upright
from unfade.web.work.child import bound_processor_time
from unfade.web.work.look import film_container, opened_film
from unfade.web.work.marks import kinds_of, mask_of
from unfade.web.work.naming import named

TILE_PX = 510  # with the overlap 512
OVERLAP_PX = 1
_BANDS = {1: "b-w", 3: "srgb"}
# black (untouched) is not shown; the others as in the map that the library writes
_COLOURS = {1: (64, 128, 255), 2: (64, 200, 64), 3: (0, 190, 190), 4: (255, 64, 200),
            5: (255, 160, 0)}  # fmt: skip
_OVERLAY_ALPHA = 150


def view(arguments: Mapping[str, Any], job: JobView) -> dict[str, Any]:
    """Write a picture of at most ``max_px`` on its longest side.

    Args:
        arguments: path, target, names, seconds, limits, page (from 1), max_px, format
    """
    bound_processor_time(arguments["seconds"])
    with named(arguments["names"]):
        image = _displayed(arguments)
        longest = max(image.width, image.height)
        if longest > arguments["max_px"]:
            side = arguments["max_px"]
            image = image.thumbnail_image(side, height=side, size="down", linear=False)
        _put(image, Path(arguments["target"]), arguments["format"])
    return {}


def tiles(arguments: Mapping[str, Any], job: JobView) -> dict[str, Any]:
    """Write the deep zoom pyramid into the folder ``target``, whole or not at all."""
    vips = _vips()
    bound_processor_time(arguments["seconds"])
    target = Path(arguments["target"])
    partial = target.with_name(target.name + f".{os.getpid()}")
    with named(arguments["names"]):
        image = _flat(_displayed(arguments))
        try:
            image.dzsave(
                str(partial),
                layout=vips.enums.ForeignDzLayout.DZ,
                tile_size=TILE_PX,
                overlap=OVERLAP_PX,
                suffix=".jpg[Q=90]",
            )
            (partial.parent / f"{partial.name}.dzi").unlink()
            os.replace(partial.parent / f"{partial.name}_files", target)
        finally:
            shutil.rmtree(partial.parent / f"{partial.name}_files", ignore_errors=True)
    return {}


def evidence(arguments: Mapping[str, Any], job: JobView) -> dict[str, Any]:
    """Write the evidence map as an overlay: upright, coloured, clear where nothing changed.

    Args:
        arguments: path (of the result, with its map beside it), target, seconds, max_px
    """
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None
    bound_processor_time(arguments["seconds"])
    path = Path(arguments["path"])
    orientation = files.read_header(path).orientation
    with Image.open(evidence_path(path)) as stored:  # our own file: a palette's numbers are classes
        shown = upright(np.asarray(stored), orientation)
    k = -(-max(shown.shape) // arguments["max_px"])
    shown = _largest_of_blocks(np.ascontiguousarray(shown), k)
    overlay = np.zeros((*shown.shape, 4), np.uint8)
    for kind, colour in _COLOURS.items():
        overlay[shown == kind] = (*colour, _OVERLAY_ALPHA)
    rows, cols = shown.shape
    image = _vips().Image.new_from_memory(overlay.data, cols, rows, 4, "uchar")
    _put(image.copy(interpretation="srgb"), Path(arguments["target"]), "png")
    return {}


def mask(arguments: Mapping[str, Any], job: JobView) -> dict[str, Any]:
    """Write the mask of one kind of mark. Arguments: path (of ``marks.npz``), kind, target."""
    bound_processor_time(arguments["seconds"])
    target = Path(arguments["target"])
    files.save_mask(target, mask_of(Path(arguments["path"]), arguments["kind"]), overwrite=True)
    return {}


def masks(arguments: Mapping[str, Any], job: JobView) -> dict[str, Any]:
    """How many marks there are of each kind. Arguments: path (of ``marks.npz``)."""
    return {"kinds": kinds_of(Path(arguments["path"]))}


def convert(arguments: Mapping[str, Any], job: JobView) -> dict[str, Any]:
    """Write a result in another format, depth or quality.

    Args:
        arguments: path, target (with the extension of the wanted format), names, seconds,
            limits, quality, depth (8, 16 or None)
    Raises:
        WouldLose: the format cannot hold something that the picture has
    """
    bound_processor_time(arguments["seconds"])
    path, target = Path(arguments["path"]), Path(arguments["target"])
    with named(arguments["names"]):
        opened = files.open_picture(path, limits=files.Limits(**_limits(arguments)))
        picture = opened.picture
        if arguments["depth"] is not None:
            picture = at_depth(picture, int(arguments["depth"]))
        files.save_picture(
            target,
            picture,
            opened,
            options=WriteOptions(quality=arguments["quality"]),
            overwrite=True,
        )
    return {}


def at_depth(picture: Picture, bits: int) -> Picture:
    """The picture with samples of 8 or 16 bits, at their full scale.

    Raises:
        UsageError: another depth
    """
    kinds: dict[int, np.dtype[Any]] = {8: np.dtype(np.uint8), 16: np.dtype(np.uint16)}
    if bits not in kinds:
        raise UsageError(f"`depth` is {bits}, expected 8 or 16.", "Leave it out to keep it.")
    kind = kinds[bits]
    full = float(np.iinfo(kind).max)
    alpha = picture.alpha
    if alpha is not None and alpha.dtype != kind:
        scale = float(np.iinfo(alpha.dtype).max) if alpha.dtype.kind == "u" else 1.0
        alpha = pixels_to_codes(alpha.astype(np.float32) / np.float32(scale), kind, full)
    samples = pixels_to_codes(picture.pixels, kind, full)
    return dataclasses.replace(
        picture, samples=samples, full_scale=full, alpha=alpha, infrared=None
    )


# -- how a picture is shown ---------------------------------------------------------------------


def _vips() -> Any:
    return need("pyvips", extra="web", to="show pictures in a browser")


def _limits(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return dict(arguments["limits"])


def _displayed(arguments: Mapping[str, Any]) -> Any:
    """The picture, or a film's frame, as an 8-bit sRGB image of libvips."""
    path = Path(arguments["path"])
    container = film_container(path)
    if container is not None:
        return _frame(path, container)
    page = arguments.get("page", 1) - 1
    limits = files.Limits(**_limits(arguments))
    header = files.read_header(path)
    wanted = page if header.pages > 1 or page else None
    return displayed(files.open_picture(path, limits=limits, page=wanted).picture)


def displayed(picture: Picture) -> Any:
    """A picture as an 8-bit sRGB (or grey) image of libvips, with its alpha as the last band."""
    samples = np.ascontiguousarray(picture.samples)
    kinds = {"uint8": "uchar", "uint16": "ushort", "float32": "float"}
    kind = kinds[samples.dtype.name]
    vips = _vips()
    image = vips.Image.new_from_memory(
        samples.data, picture.cols, picture.rows, picture.channels, kind
    )
    image = _eight_bits(image, picture, kind)
    if picture.alpha is not None:
        alpha = np.ascontiguousarray(picture.alpha)
        plane = vips.Image.new_from_memory(
            alpha.data, picture.cols, picture.rows, 1, kinds[alpha.dtype.name]
        )
        full = {"uchar": 255.0, "ushort": 65535.0, "float": 1.0}[kinds[alpha.dtype.name]]
        image = image.bandjoin((plane * (255.0 / full)).cast("uchar"))
    return image


def _eight_bits(image: Any, picture: Picture, kind: str) -> Any:
    grey = picture.channels == 1
    full = picture.full_scale
    if picture.encoding == "linear" or kind == "float":
        image = image * (1.0 / full)
        if picture.encoding == "linear" and not grey:
            return image.copy(interpretation="scrgb").colourspace("srgb")
        if picture.encoding == "linear":
            image = image.bandjoin([image, image]).copy(interpretation="scrgb")
            return image.colourspace("srgb")[1]
        image, kind = (image * 65535.0).cast("ushort"), "ushort"
    elif kind == "ushort" and full != 65535.0:
        image = (image * (65535.0 / full)).cast("ushort")
    if kind == "ushort":
        image = image.copy(interpretation="grey16" if grey else "rgb16")
    else:
        image = image.copy(interpretation=_BANDS[picture.channels])
    if picture.icc is not None:
        image = image.copy()
        image.set_type(_vips().GValue.blob_type, "icc-profile-data", picture.icc)
        try:
            return image.icc_transform("srgb", embedded=True, depth=8).copy_memory()
        except _vips().Error:
            image.remove("icc-profile-data")  # a damaged profile: shown as if it were sRGB
    return image.colourspace("b-w" if grey else "srgb")


def _flat(image: Any) -> Any:
    """Without alpha, on white."""
    return image.flatten(background=[255]) if image.hasalpha() else image


def _put(image: Any, target: Path, format: str) -> None:
    partial = target.with_name(f".{os.getpid()}-{target.name}")
    if format == "jpeg":
        _flat(image).jpegsave(str(partial), Q=90, keep="none")
    elif format == "png":
        image.pngsave(str(partial), compression=3, keep="none")
    else:
        image.webpsave(str(partial), Q=88, effort=2, keep="none")
    os.replace(partial, target)


def _frame(path: Path, container: str) -> Any:
    """A frame near the beginning of a film, past a black lead-in if there is one."""
    with opened_film(path, container) as film:
        stream = film.streams.video[0]
        chosen = None
        for number, frame in enumerate(film.decode(stream)):
            chosen = frame
            if number >= 50 or (frame.to_ndarray(format="gray").mean() > 20 and number >= 5):
                break
        if chosen is None:
            raise UnreadableInput(
                f"`{path}` holds no frame that can be decoded.",
                "It is truncated or damaged; copy it again from its source.",
            )
        pixels = np.ascontiguousarray(chosen.to_ndarray(format="rgb24"))
    rows, cols = pixels.shape[:2]
    image = _vips().Image.new_from_memory(pixels.data, cols, rows, 3, "uchar")
    return image.copy(interpretation="srgb").copy_memory()


def _largest_of_blocks(classes: EvidenceMap, k: int) -> EvidenceMap:
    """Blocks of k x k as the highest class in each, so that no touched pixel vanishes."""
    if k <= 1:
        return classes
    rows, cols = classes.shape
    padded = np.zeros((-(-rows // k) * k, -(-cols // k) * k), np.uint8)
    padded[:rows, :cols] = classes
    blocks = padded.reshape(padded.shape[0] // k, k, padded.shape[1] // k, k)
    return np.asarray(blocks.max(axis=(1, 3)))
