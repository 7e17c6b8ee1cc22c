"""Pictures of a study by their names: the data set, ready damage, a peer's results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from unfade.errors import InputRefused, UnreadableInput, UnsupportedInput, UsageError
from unfade.files import open_picture
from unfade.files.formats import FORMATS
from unfade.picture import Picture, pixels_to_codes

EXTENSIONS = frozenset(extension for known in FORMATS for extension in known.extensions)
_BESIDE = (".evidence.png",)  # what unfade writes beside a result is no result


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that was left out, and why."""

    picture: str
    damage: str = ""
    method: str = ""
    message: str


def by_name(folder: str | Path) -> dict[str, Path]:
    """Name without extension -> file, for the pictures in a folder, sorted by name.

    Hidden files and files of other kinds are not looked at.

    Raises:
        UnreadableInput: no such folder
        UsageError: two pictures share a name, so that results could not be told apart
    """
    place = Path(folder)
    if not place.is_dir():
        raise UnreadableInput(f"`{place}` is not a folder.", "Give the folder with the pictures.")
    found: dict[str, Path] = {}
    for path in sorted(place.iterdir()):
        if path.name.startswith(".") or path.name.endswith(_BESIDE):
            continue
        if path.suffix.lower() not in EXTENSIONS or not path.is_file():
            continue
        if path.stem in found:
            raise UsageError(
                f"`{place}` holds `{found[path.stem].name}` and `{path.name}`: one name twice.",
                "Results are matched by name; rename one.",
            )
        found[path.stem] = path
    return found


def data_set(folder: str | Path, limit: int = 0) -> dict[str, Path]:
    """The sound pictures of a study; at most ``limit``, taken evenly from the sorted names.

    Raises:
        UnreadableInput: no such folder, or no picture in it
    """
    found = by_name(folder)
    if not found:
        raise UnreadableInput(f"`{folder}` holds no picture.", "Give a folder with pictures.")
    names = list(found)
    if 0 < limit < len(names):
        names = [names[i * len(names) // limit] for i in range(limit)]
    return {name: found[name] for name in names}


def read(path: Path, side_px: int = 0) -> Picture:
    """A picture that can be studied; scaled down to ``side_px`` when it is larger.

    Raises:
        InputRefused: it cannot be read, or holds values that are no numbers
    """
    picture = open_picture(path).picture
    check_finite(picture, path.name)
    longest = max(picture.rows, picture.cols)
    if not 0 < side_px < longest:
        return replace(picture, alpha=None, infrared=None)
    import cv2

    scale = side_px / longest
    size = max(1, round(picture.cols * scale)), max(1, round(picture.rows * scale))
    small = cv2.resize(picture.pixels, size, interpolation=cv2.INTER_AREA)
    codes = pixels_to_codes(
        small.reshape(size[1], size[0], picture.channels), picture.samples.dtype, picture.full_scale
    )
    return replace(picture, samples=codes, alpha=None, infrared=None)


def check_finite(picture: Picture, name: str) -> None:
    """Refuse NaN and infinity.

    Raises:
        UnreadableInput: with the first place
    """
    if picture.samples.dtype != np.float32 or np.isfinite(picture.samples).all():
        return
    row, col = (int(i) for i in np.argwhere(~np.isfinite(picture.samples).all(axis=2))[0])
    raise UnreadableInput(
        f"`{name}` holds a value that is no number, first at row {row}, column {col}.",
        "Mend or remove it.",
    )


def matched(result: Picture, reference: Picture, name: str) -> np.ndarray:
    """A result's pixels as they can be measured against the reference.

    A grey reference takes a colour result whose channels are equal: many programs save so.

    Raises:
        UnsupportedInput: another size, grey for colour, or colour for grey
    """
    check_finite(result, name)
    if (result.rows, result.cols) != (reference.rows, reference.cols):
        raise UnsupportedInput(
            f"`{name}` is {result.cols} x {result.rows} pixels, the reference "
            f"{reference.cols} x {reference.rows}.",
            "Results are measured at the reference's size; cut or scale them there.",
        )
    pixels = result.pixels
    if result.channels == reference.channels:
        return pixels
    if reference.channels == 1 and bool((pixels == pixels[:, :, :1]).all()):
        return np.ascontiguousarray(pixels[:, :, :1])
    is_, wanted = ("grey", "colour") if reference.channels == 3 else ("in colour", "grey")
    raise UnsupportedInput(
        f"`{name}` is {is_}, the reference is {wanted}.", "Compare like with like."
    )


def peer_files(folder: str | Path, damage: str, only_damage: bool) -> dict[str, Path]:
    """A peer's results for one damage: in ``FOLDER/DAMAGE``; in FOLDER where there is no other.

    Raises:
        InputRefused: no such folder
    """
    inner = Path(folder) / damage
    if inner.is_dir():
        return by_name(inner)
    if only_damage and by_name(folder):
        return by_name(folder)
    raise UnreadableInput(
        f"`{inner}` is not a folder.",
        f"Lay the results for `{damage}` there, named like the pictures.",
    )


def surplus(files: Mapping[str, Path], wanted: Mapping[str, Path]) -> list[str]:
    """Names of files that belong to no picture of the data set."""
    return [path.name for name, path in files.items() if name not in wanted]


__all__ = [
    "InputRefused",
    "Problem",
    "by_name",
    "check_finite",
    "data_set",
    "matched",
    "peer_files",
    "read",
    "surplus",
]
