"""Fits the model of sound photographs that ``unfade.evaluate.niqe`` compares with.

python tools/fit_niqe.py FOLDER_OR_FILE... -o src/unfade/evaluate/niqe_model.npz

Every block of 96 x 96 pixels that is at least 0.75 times as sharp as the sharpest of its picture
gives 36 numbers; the model is their mean and covariance. Pictures smaller than two blocks a side
are left out. Nothing of a picture can be got back from the numbers.

The model that is shipped was fitted on 250 photographs under CC0, CC-BY, CC-BY-SA, GPL and like
licences (wallpapers of free desktops and camera test shots), WebP of quality 90 and at most 512
pixels a side: 1,088 blocks.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from unfade.errors import UnfadeError
from unfade.evaluate.niqe import SHARP_SHARE, SMALLEST_PX, niqe_features
from unfade.files import open_picture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("-o", "--output", required=True, type=Path)
    options = parser.parse_args()
    paths = [
        p for given in options.pictures for p in (given.iterdir() if given.is_dir() else [given])
    ]
    rows, used = [], 0
    for path in sorted(paths):
        try:
            picture = open_picture(path).picture
        except UnfadeError as error:
            print(f"left out: {error}")
            continue
        if min(picture.rows, picture.cols) < SMALLEST_PX:
            continue
        features, sharpness = niqe_features(picture.pixels)
        rows.append(features[sharpness > SHARP_SHARE * sharpness.max()])
        used += 1
    blocks = np.concatenate(rows)
    blocks = blocks[np.isfinite(blocks).all(axis=1)]
    np.savez(
        options.output,
        mean=blocks.mean(axis=0).astype(np.float64),
        covariance=np.cov(blocks, rowvar=False).astype(np.float64),
    )
    print(f"{used} pictures, {len(blocks)} blocks -> {options.output}")


if __name__ == "__main__":
    main()
