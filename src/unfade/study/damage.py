"""A sound picture becomes a damaged one, with the truth about where the damage lies."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unfade.degrade import degrade, load_degradation
from unfade.errors import UnreadableInput, UnsupportedInput, UsageError
from unfade.files import load_mask, read_header
from unfade.picture import Mask, Picture, Pixels
from unfade.study.pictures import by_name, matched, read
from unfade.study.spec import label_and_spec

SOUND = "sound"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Damaged:
    """What a method is given, and what only the study knows.

    Attributes:
        picture: in the codes of the sound picture
        mask: (rows, cols) bool, True = damaged here; None: nobody says
        parameters: as drawn
    """

    picture: Picture
    mask: Mask | None
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """One way to damage pictures; plain data, so that it can be sent to a worker.

    Attributes:
        label: as in the table
        kind: ``sound``, ``recipe`` or ``folder``
        where: the recipe's name or file, or the folder
        print: hash of what it does; a folder's is empty, its files are hashed one by one
    """

    label: str
    kind: str
    where: str = ""
    print: str = ""


def parse_damage(text: str) -> Damage:
    """A damage from its spec.

    Raises:
        RecipeError: no such degradation recipe
        UnreadableInput: no such folder
    """
    label, spec = label_and_spec(text)
    if spec == SOUND:
        return Damage(label=SOUND, kind="sound")
    if label == SOUND:
        raise UsageError(f"`{text}`: the label `{SOUND}` is taken.", "Choose another label.")
    kind, _, rest = spec.partition(":")
    if kind == "folder":
        if not by_name(rest):
            raise UnreadableInput(f"`{rest}` holds no picture.", "Give the damaged pictures.")
        return Damage(label=label, kind="folder", where=rest)
    text = load_degradation(spec).to_text()
    return Damage(
        label=label, kind="recipe", where=spec, print=hashlib.sha256(text.encode()).hexdigest()
    )


def seed_for(study_seed: int, picture_sha256: str, damage: Damage) -> int:
    """A picture's own seed: it depends neither on the order nor on the other pictures."""
    text = f"{study_seed}/{picture_sha256}/{damage.label}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1


def damaged(reference: Picture, name: str, damage: Damage, seed: int, side_px: int = 0) -> Damaged:
    """Damage one picture.

    Raises:
        InputRefused: a ready damaged picture is missing, unreadable, or does not fit
    """
    if damage.kind == "sound":
        nothing = np.zeros((reference.rows, reference.cols), bool)
        return Damaged(picture=reference, mask=nothing, parameters={})
    if damage.kind == "folder":
        return _from_folder(reference, name, damage, side_px)
    made = degrade(reference.pixels, recipe=damage.where, seed=seed)
    pixels, mask = _enlarged(made.pixels, made.mask, reference)
    return Damaged(
        picture=Picture.of(pixels, like=reference),
        mask=mask,
        parameters=json.loads(json.dumps(made.parameters, default=str)),
    )


def _enlarged(pixels: Pixels, mask: Mask, reference: Picture) -> tuple[Pixels, Mask]:
    """What a recipe scaled down, at the reference's size again by Lanczos, as a viewer shows it."""
    size = (reference.cols, reference.rows)
    if (pixels.shape[1], pixels.shape[0]) == size:
        return pixels, mask
    import cv2

    large = cv2.resize(pixels, size, interpolation=cv2.INTER_LANCZOS4)
    large = np.clip(large.reshape(reference.rows, reference.cols, pixels.shape[2]), 0, 1)
    nearest = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    return large, nearest > 0


def _from_folder(reference: Picture, name: str, damage: Damage, side_px: int) -> Damaged:
    path = by_name(damage.where).get(name)
    if path is None:
        raise UnreadableInput(
            f"`{damage.where}` has no picture `{name}`.", "Add it, or take it from the data set."
        )
    given = read(path, side_px)
    pixels = matched(given, reference, path.name)
    masks = Path(damage.where) / "masks"
    mask_file = by_name(masks).get(name) if masks.is_dir() else None
    mask = None
    if mask_file is not None:
        mask = load_mask(mask_file, read_header(path))
        if mask.shape != pixels.shape[:2]:
            raise UnsupportedInput(
                f"The mask `{mask_file.name}` is {mask.shape}, its picture {pixels.shape[:2]}.",
                "Masks fit the pictures; with masks use no smaller `side_px`.",
            )
    return Damaged(picture=Picture.of(pixels, like=reference), mask=mask, parameters={})
