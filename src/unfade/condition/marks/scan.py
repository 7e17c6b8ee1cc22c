"""Walk a picture tile by tile and level by level, and gather the candidates for marks."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np

from unfade.condition.marks.candidates import Candidates, measure
from unfade.condition.marks.nets import Net
from unfade.condition.marks.planes import LEVELS, level_size, read_planes
from unfade.condition.marks.specks import HALO_PX, Specks, find_specks
from unfade.engines.contract import BenchView
from unfade.picture import Picture
from unfade.pixels.tiles import CORE_PX, Grid, Tile

LEAST_SIDE_PX = 24  # a level smaller than this has no surround to judge by
LEAST_AREA_PX = 3
# planes, residues, noise, lines and maps of one padded tile, and the block that is read
BYTES_EACH = (CORE_PX + 2 * HALO_PX) ** 2 * 80


def scan(picture: Picture, bench: BenchView, net: Net) -> list[Candidates]:
    """All candidates of a picture: for each level those of the light, then of the dark plane.

    Args:
        net: judges single pixels
    Cost: about 0.6 s a megapixel on one core, all levels together; memory: BYTES_EACH for each
    thread, and about 30 bytes for each speck (a few percent of the pixels of a textured picture)
    """
    grid = Grid(CORE_PX, HALO_PX)
    sizes = [
        (level, level_size(picture.rows, level), level_size(picture.cols, level))
        for level in range(LEVELS)
    ]
    sizes = [s for s in sizes if min(s[1:]) >= LEAST_SIDE_PX]
    tasks = [(level, tile) for level, rows, cols in sizes for tile in grid.tiles(rows, cols)]

    def work(task: tuple[int, Tile]) -> tuple[int, list[Specks]]:
        level, tile = task
        light, dark = read_planes(picture, tile.padded, level)
        found = find_specks(light, dark, tile.inner, net)
        return level, [_moved(specks, tile.core.top, tile.core.left) for specks in found]

    parts: dict[tuple[int, bool], list[Specks]] = defaultdict(list)
    says = "Looking for dust, hairs and scratches"
    for level, (light, dark) in bench.map(
        work, tasks, says=says, total=len(tasks), bytes_each=BYTES_EACH
    ):
        parts[level, True].append(light)
        parts[level, False].append(dark)
    candidates = []
    for level, _, _ in sizes:
        light = Specks.joined(parts.pop((level, True)))
        dark = Specks.joined(parts.pop((level, False)))
        candidates.append(measure(level, True, light, dark, LEAST_AREA_PX))
        candidates.append(measure(level, False, dark, light, LEAST_AREA_PX))
    return candidates


def _moved(specks: Specks, top: int, left: int) -> Specks:
    return replace(
        specks,
        rows=specks.rows + np.int32(top),
        cols=specks.cols + np.int32(left),
    )
