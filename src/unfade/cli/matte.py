"""``unfade matte``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from unfade.cli import console
from unfade.cli.options import configured, limits_of, machine_options, opened_bench


@click.command("matte")
@click.argument("path", metavar="PICTURE")
@click.option("-o", "--output", required=True, metavar="MASK", help="The mask, a PNG.")
@click.option("--method", default="u2net-p", help="Network: u2net-p (small) or u2net.")
@click.option("--background", is_flag=True, help="White is the background, not the subject.")
@click.option("--overwrite", is_flag=True, help="Replace a mask that is already there.")
@machine_options
def command(
    path: str, output: str, method: str, background: bool, overwrite: bool, **options: Any
) -> None:
    """Write a mask of a picture's subject, for `--mask` or `--protect`.

    A network tells the subject from its background. Look at the mask before you use it.
    """
    import numpy as np

    from unfade import files
    from unfade.pixels.colour import linear_to_srgb
    from unfade.pixels.profile import to_linear

    target = Path(output)
    config = configured(
        options["device"],
        options["runtime"],
        options["memory"],
        options["threads"],
        options["max_megapixels"],
    )
    with console.progress() as bar, opened_bench(config, bar) as bench:
        engine = bench.engine(method)
        opened = files.open_picture(Path(path), limits=limits_of(config))
        pixels = linear_to_srgb(np.clip(to_linear(opened.picture.pixels, opened.picture), 0, None))
        mask = engine.find(np.asarray(pixels, np.float32)) > 0.5
    files.save_mask(target, ~mask if background else mask, overwrite=overwrite)
    share = float(np.count_nonzero(mask)) / mask.size
    console.say(f"{path} -> {target}: the subject covers {share:.0%}.")
