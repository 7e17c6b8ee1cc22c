"""``unfade platen``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from unfade.cli import console
from unfade.cli.options import configured, limits_of, machine_options, opened_bench


@click.command("platen")
@click.argument("scans", nargs=-1, required=True, metavar="SCAN...")
@click.option("-o", "--output", required=True, metavar="MASK", help="The mask, a PNG.")
@click.option("--overwrite", is_flag=True, help="Replace a mask that is already there.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@machine_options
def command(
    scans: tuple[str, ...], output: str, overwrite: bool, as_json: bool, **options: Any
) -> None:
    """Find dust on the scanner's glass: what lies at the same place in many scans.

    Give uncropped scans of one session, four at least. The mask is for `unfade restore --mask` on
    such a scan, or for `unfade split --dust`, which cuts it along with each photograph.
    """
    from unfade import files
    from unfade.files.places.local import check_target
    from unfade.flatbed import Votes

    target = Path(output)
    check_target(target, overwrite)
    config = configured(
        options["device"],
        options["runtime"],
        options["memory"],
        options["threads"],
        options["max_megapixels"],
    )
    votes = Votes()
    with console.progress(not as_json) as bar, opened_bench(config, bar) as bench:
        for scan in scans:
            bar.prefix = f"{Path(scan).name}: "
            opened = files.open_picture(Path(scan), limits=limits_of(config))
            votes.add(opened.picture, bench, name=scan)
    found = votes.dust()
    files.save_mask(target, found.mask, overwrite=overwrite)
    share = float(found.mask.mean())
    if as_json:
        facts = {"spots": found.spots, "scans": found.scans, "left_out": found.left_out}
        console.show_json({"event": "platen", "mask": str(target), "share": share, **facts})
        return
    console.say(f"{target}: {found.says} {share:.3%} of the platen.")
