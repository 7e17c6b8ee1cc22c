"""``unfade degrade``."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click

from unfade.cli import console
from unfade.errors import UsageError


@click.command("degrade")
@click.argument("path", required=False)
@click.option("--recipe", default="old-photo", help="Shipped recipe or TOML file.")
@click.option("--seed", type=click.IntRange(0), default=0, help="Same seed, same bits.")
@click.option("-o", "--output", metavar="OUT", help="File to write; else NAME-degraded.EXT.")
@click.option("--masks", metavar="DIR", help="Folder for mask, classes and parameters.")
@click.option("--overlays", metavar="DIR", help="Folder of real damage shapes to mix in.")
@click.option("--quality", type=click.IntRange(1, 100), help="Of a lossy OUT.")
@click.option("--page", type=click.IntRange(1), help="Page of a file of several, from 1.")
@click.option("--overwrite", is_flag=True, help="Replace files that exist.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object with all parameters.")
@click.option("--list", "listing", is_flag=True, help="Name and purpose of each recipe.")
@click.option("--kinds", is_flag=True, help="Every kind of damage with its settings.")
@click.option("--show", metavar="NAME", help="Print a recipe with every setting written out.")
def command(path: str | None, **options: Any) -> None:
    """Lay synthetic damage over a sound picture, with its mask, classes and parameters.

    The result is stored as the original is (depth, profile, metadata); a mark in its XMP history
    says that the damage is synthetic.
    """
    from unfade.degrade import degradations, load_degradation

    if options["listing"]:
        for name in degradations():
            console.show(f"{name}: {load_degradation(name).about}")
        return
    if options["kinds"]:
        _show_kinds()
        return
    if options["show"]:
        console.show(load_degradation(options["show"]).to_text().rstrip())
        return
    if path is None:
        raise UsageError("No picture is named.", "For example: `unfade degrade photo.tif`.")
    _degrade(Path(path), options)


def _degrade(path: Path, options: dict[str, Any]) -> None:
    from unfade import files
    from unfade.cli.options import limits_of
    from unfade.config import load_config
    from unfade.degrade import degrade, load_degradation
    from unfade.degrade.saving import facts, save_degraded

    recipe = load_degradation(options["recipe"])
    page = options["page"] - 1 if options["page"] else None
    opened = files.open_picture(path, limits=limits_of(load_config().config), page=page)
    target = Path(options["output"] or path.with_name(f"{path.stem}-degraded{path.suffix}"))
    if target.is_dir():
        target = target / f"{path.stem}-degraded{path.suffix}"
    out = degrade(opened.picture, recipe, options["seed"], overlays=options["overlays"])
    written = save_degraded(
        out,
        opened,
        target,
        masks=options["masks"],
        overwrite=options["overwrite"],
        quality=options["quality"],
    )
    if options["as_json"]:
        paths = {
            "output": str(written.output),
            "mask": str(written.mask),
            "classes": str(written.classes),
            "parameters_file": str(written.parameters),
        }
        console.show_json({"source": str(path), **paths, **facts(out)})
        return
    for note in opened.notes:
        console.say(f"note: {note}")
    kinds = ", ".join(dict.fromkeys(stage["use"] for stage in out.parameters["stages"]))
    console.show(f"{written.output}: {kinds or 'nothing happened with this seed'}")
    console.show(f"{written.mask}: {out.mask.mean():.2%} damaged, {len(out.items)} items")
    console.show(f"{written.classes}")
    console.show(f"{written.parameters}")


def _show_kinds() -> None:
    """Kinds of damage and their settings: value, meaning, bounds."""
    from unfade.degrade.kinds import DAMAGES

    for damage in DAMAGES:
        console.show(f"{damage.name}: {damage.title}")
        for f in dataclasses.fields(damage.settings):
            low, high = f.metadata["low"], f.metadata["high"]
            bounds = f" ({low:g} to {high:g})" if low is not None and high is not None else ""
            value = list(f.default) if isinstance(f.default, tuple) else f.default
            console.show(f"    {f.name} = {value}  # {f.metadata['help']}{bounds}")
