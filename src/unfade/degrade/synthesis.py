"""A clean picture, a batch or a film becomes a damaged one with its ground truth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unfade.degrade.arrays import Array, is_tensor
from unfade.degrade.carrying import DegradedBatch, carry_out
from unfade.degrade.contract import Item
from unfade.degrade.plan import Plan, draw_plan
from unfade.degrade.recipe import DegradationRecipe, load_degradation
from unfade.errors import UnreadableInput, UsageError
from unfade.picture import EvidenceMap, Mask, Picture, Pixels, Weight
from unfade.pixels.colour import linear_to_srgb


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Degraded:
    """A damaged picture with its ground truth.

    Attributes:
        pixels: (rows, cols, channels) float32 0-1; smaller than the input only where the recipe
            scales down
        mask: (rows, cols) bool, True where local damage lies
        classes: (rows, cols) uint8, numbers of ``DamageClass``
        opacity: (rows, cols) float32 0-1, how strongly the place is covered or changed
        items: each piece of local damage
        parameters: every number that was drawn, ready for JSON
    """

    pixels: Pixels
    mask: Mask
    classes: EvidenceMap
    opacity: Weight
    items: tuple[Item, ...]
    parameters: dict[str, Any]

    def drawn(self, kind: str) -> list[dict[str, Any]]:
        """What was drawn for a kind of damage, one entry for each time it happened."""
        return [stage for stage in self.parameters["stages"] if stage["use"] == kind]


def degrade(
    source: Picture | Pixels,
    recipe: str | DegradationRecipe = "old-photo",
    seed: int = 0,
    *,
    overlays: str | None = None,
) -> Degraded:
    """Damage one picture.

    Args:
        source: a picture, or float32 (rows, cols[, 1 or 3]), sRGB codes 0-1; integers are taken
            at the full scale of their type. Codes under an ICC profile are taken as sRGB. It is
            not changed
        recipe: a shipped recipe's name, a TOML file's path, or a recipe
        seed: same seed, same bits
        overlays: folder of real damage shapes to mix in
    Raises:
        UnreadableInput: values that are no numbers
        UsageError: a shape that is no picture, or a negative seed
        RecipeError: no such recipe
    Cost:
        the mix ``old-photo``: about 0.15 s a megapixel of colour on one core; memory about
        seven times the pixels
    """
    pixels = _pixels(source)
    plan = draw_plan(_recipe(recipe), seed, *pixels.shape, overlays=overlays)
    return _one(pixels, plan)


def _one(pixels: Pixels, plan: Plan) -> Degraded:
    batch = np.ascontiguousarray(pixels.transpose(2, 0, 1))[None]
    done = carry_out(batch, [plan])
    return Degraded(
        pixels=np.ascontiguousarray(done.pixels[0].transpose(1, 2, 0)),
        mask=done.mask[0],
        classes=done.classes[0],
        opacity=done.opacity[0],
        items=done.items[0],
        parameters=done.parameters[0],
    )


def degrade_batch(
    batch_nchw: Array,
    recipe: str | DegradationRecipe,
    seeds: Sequence[int],
    *,
    overlays: str | None = None,
) -> DegradedBatch:
    """Damage a batch, each picture by its own seed; in NumPy with the bits of ``degrade``.

    Args:
        batch_nchw: (n, 1 or 3, h, w) float32 of NumPy, or a torch tensor on any device. That
            its values are numbers is checked for NumPy only: on a device it would halt the queue
        seeds: n of them
    Raises:
        UsageError: another shape or dtype, or as many seeds as there are not pictures
    """
    _check_batch(batch_nchw, seeds)
    _, channels, rows, cols = batch_nchw.shape
    known = _recipe(recipe)
    plans = [draw_plan(known, int(s), rows, cols, channels, overlays=overlays) for s in seeds]
    copied = batch_nchw.clone() if is_tensor(batch_nchw) else batch_nchw.copy()
    return carry_out(copied, plans)


def degrade_frames(
    frames: Iterable[Picture | Pixels],
    recipe: str | DegradationRecipe = "film",
    seed: int = 0,
    *,
    start: int = 0,
    overlays: str | None = None,
) -> Iterator[Degraded]:
    """Damage a film frame by frame; nothing is kept but the frame under way.

    Fading, toning, blur and the strength of grain are those of the film; grain, dirt and dust
    are new in each frame; flicker, weave and lines have a course in time. A frame's damage is a
    function of the seed and its number alone.

    Args:
        frames: as ``degrade``'s source
        start: number of the first frame, so that a film can be made in parts
    """
    known = _recipe(recipe)
    for number, frame in enumerate(frames, start):
        pixels = _pixels(frame)
        plan = draw_plan(known, seed, *pixels.shape, overlays=overlays, frame=number)
        yield _one(pixels, plan)


def _recipe(recipe: str | DegradationRecipe) -> DegradationRecipe:
    return recipe if isinstance(recipe, DegradationRecipe) else load_degradation(recipe)


def _pixels(source: Picture | np.ndarray) -> np.ndarray:
    if isinstance(source, np.ndarray):
        array = source[:, :, None] if source.ndim == 2 else source
        try:
            source = Picture(np.ascontiguousarray(array))
        except ValueError as error:
            raise UsageError(
                f"The array cannot be degraded: {error}.",
                "Give (rows, cols[, 1 or 3]) of uint8, uint16 or float32.",
            ) from error
    pixels = source.pixels
    if source.encoding == "linear":
        pixels = linear_to_srgb(pixels)
    if not np.isfinite(pixels).all():
        row, col = (int(i) for i in np.argwhere(~np.isfinite(pixels).all(axis=2))[0])
        raise UnreadableInput(
            f"The picture holds a value that is no number, first at row {row}, column {col}.",
            "Replace NaN and infinity first.",
        )
    return pixels


def _check_batch(batch: Array, seeds: Sequence[int]) -> None:
    shape = tuple(getattr(batch, "shape", ()))
    if len(shape) != 4 or shape[1] not in (1, 3) or 0 in shape:
        raise UsageError(
            f"The batch has shape {shape}, expected (pictures, 1 or 3, rows, cols).",
            "Stack the pictures along a first axis, channels second.",
        )
    if str(batch.dtype).rpartition(".")[2] != "float32":
        raise UsageError(f"The batch is {batch.dtype}, expected float32, 0-1.", "Convert it first.")
    if isinstance(batch, np.ndarray) and not np.isfinite(batch).all():
        first = int(np.argwhere(~np.isfinite(batch))[0][0])
        raise UnreadableInput(
            f"The batch holds a value that is no number, first in picture {first}.",
            "Replace NaN and infinity first.",
        )
    if len(seeds) != shape[0]:
        raise UsageError(
            f"There are {len(seeds)} seeds for {shape[0]} pictures.", "Give one for each."
        )
