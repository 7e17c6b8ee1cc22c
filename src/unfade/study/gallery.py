"""Pictures for a notebook, from wherever they are: a folder, a bucket, or none of one's own.

>>> load_pictures("")                       # doctest: +SKIP   scikit-image's own photographs
>>> load_pictures("scans/box3", limit=4)    # doctest: +SKIP
>>> load_pictures("s3://archive/box3")      # doctest: +SKIP
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from unfade.errors import UnfadeError, UnreadableInput
from unfade.needs import need
from unfade.picture import Picture, Pixels
from unfade.study.pictures import by_name, data_set, read

OWN = ("astronaut", "coffee", "chelsea")  # photographs that come with scikit-image's wheel


def load_pictures(where: str = "", *, limit: int = 3, side_px: int = 384) -> dict[str, Pixels]:
    """Name -> pixels of some pictures.

    Args:
        where: a folder, ``s3://bucket/prefix``, or nothing: photographs of scikit-image, free to
            use. Access to a bucket is taken from the usual ``AWS_...`` variables
        limit: at most so many, evenly taken from the sorted names
        side_px: larger ones are scaled down to this longest side
    Returns:
        (rows, cols, 1 or 3) float32 each
    Raises:
        UnreadableInput: no such folder or prefix, no picture in it, or one that is damaged
        MissingPackage: scikit-image or obstore is needed and not installed
    """
    if not where:
        data = need("skimage.data", extra="notebooks", to="have pictures when none are named")
        with tempfile.TemporaryDirectory() as folder:
            for name in OWN:
                _save(Path(folder) / f"{name}.png", getattr(data, name)())
            return _loaded(folder, limit, side_px)
    if "://" not in where:
        return _loaded(where, limit, side_px)
    with tempfile.TemporaryDirectory() as folder:
        _fetch(where, Path(folder), limit)
        return _loaded(folder, limit, side_px)


def _loaded(folder: str | Path, limit: int, side_px: int) -> dict[str, Pixels]:
    return {name: read(path, side_px).pixels for name, path in data_set(folder, limit).items()}


def _save(path: Path, codes: np.ndarray) -> None:
    from unfade.study.cell import write_png

    write_png(path, Picture(codes))


def _fetch(address: str, folder: Path, limit: int) -> None:
    """Pictures under a prefix into a folder; only as many as are wanted."""
    obstore: Any = need("obstore", extra="s3", to="read pictures from a bucket")
    stores: Any = need("obstore.store", extra="s3", to="read pictures from a bucket")
    try:
        store = stores.from_url(address)
        paths = [entry["path"] for batch in obstore.list(store) for entry in batch]
        for number, path in enumerate(sorted(paths)):
            name = Path(path).name
            if "/" in path or not by_extension(name):
                continue
            # two objects may differ in case or in ways that this file system does not know
            (folder / f"{number:06d}-{name}").write_bytes(bytes(obstore.get(store, path).bytes()))
            if limit and len(by_name(folder)) >= limit:
                break
    except UnfadeError:
        raise
    except Exception as error:  # obstore's errors have no common class below Exception
        raise UnreadableInput(
            f"`{address}` cannot be read: {error}.",
            "Check the address and the AWS_... variables.",
        ) from error
    if not by_name(folder):
        raise UnreadableInput(f"`{address}` holds no picture.", "Give another prefix.")


def by_extension(name: str) -> bool:
    """Whether a name has an extension of a picture."""
    from unfade.study.pictures import EXTENSIONS

    return Path(name).suffix.lower() in EXTENSIONS
