"""``unfade models``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from unfade.cli import console
from unfade.errors import ModelMissing, ModelRejected

LICENCE = click.option(
    "--licence", help="open-only, usual or noncommercial; default: as configured."
)


@click.group("models")
def command() -> None:
    """List, show, fetch, add, bundle and verify networks."""


@command.command("list")
@click.option("--task", help="Only those for this task, e.g. denoise.")
@LICENCE
@click.option("--json", "as_json", is_flag=True, help="One JSON object a network.")
def list_(task: str | None, licence: str | None, as_json: bool) -> None:
    """Every network of the catalogue, its licence, and whether it is here."""
    from unfade.zoo.catalogue import allowed, entries

    for entry in entries():
        if (task and entry.task != task) or (licence and not allowed(entry, licence)):
            continue
        facts = _facts(entry.name)
        if as_json:
            console.show_json(facts)
        else:
            console.show(
                f"{entry.name:<28} {facts['state']:<8} {facts['bytes'] / 1e6:7.1f} MB  "
                f"{entry.licence:<18} {entry.about}"
            )


@command.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def show(name: str, as_json: bool) -> None:
    """A network's card, files and hashes."""
    from unfade.zoo.catalogue import find

    entry = find(name)
    if as_json:
        files = [{"name": f.name, "bytes": f.bytes, "sha256": f.sha256} for f in entry.files]
        console.show_json(_facts(name) | {"files": files, "card": entry.card_text})
        return
    console.show(entry.card_text.rstrip())
    if entry.licence_note:
        console.show(f"\n{entry.licence_note}")
    facts = _facts(name)
    console.show(f"\nHere: {facts['state']}. Commercial use: {entry.commercial}.")
    if entry.format in ("pth", "torchscript"):
        console.show("Its file is a pickle: a restricted reader takes its tensors alone.")
    console.show(
        f"{entry.shape}, {entry.scale} times, tiles of {entry.tile_px} px with a halo of "
        f"{entry.halo_px} px ({entry.tiling}), evidence class {entry.evidence}."
    )
    for file in entry.files:
        console.show(f"{file.name}  {file.bytes} bytes  SHA-256 {file.sha256}")
        for url in file.urls:
            console.show(f"  {url}")


@command.command("fetch")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@LICENCE
def fetch_(names: tuple[str, ...], licence: str | None) -> None:
    """Get the files of networks: resumed, checked, put in place in one move."""
    from unfade.config import load_config
    from unfade.zoo.fetch import fetch

    config = load_config().config
    with console.progress() as bar:
        for name in names:
            for path in fetch(
                name,
                cache=config.cache,
                mirror=config.mirror,
                offline=config.offline,
                licence=licence or config.licence,
                progress=bar,
            ):
                console.show(str(path))


@command.command("add")
@click.argument("path", metavar="FILE|EXPORT.toml|BUNDLE", type=click.Path(path_type=Path))
@click.option("--name", default="", help="What recipes call it; default: the file's name.")
@click.option("--task", default="", help="What it is for; default: told from the network.")
@click.option("--weights-licence", default="unknown", help="As its publisher states it.")
@click.option("--commercial", default="unclear", help="yes, conditions, unclear or no.")
@click.option("--paper", default="", help="Where it is published.")
@click.option(
    "--side",
    type=int,
    default=0,
    help="SPADE's face generator: 256 or 512; default: by its folder.",
)
@click.option("--invents", is_flag=True, help="It makes content up: evidence class 4.")
@click.option("--pickle", "pickled", is_flag=True, help="Read a pickle, with a restricted reader.")
@LICENCE
def add(path: Path, licence: str | None, **stated: Any) -> None:
    """Take in a checkpoint, a network that you trained and exported, or all of a bundle.

    A checkpoint's facts (scale, halo, memory) are measured, which takes a minute for large ones.
    """
    from unfade.config import load_config
    from unfade.engines.bench import available_cores
    from unfade.zoo.bundle import is_bundle, read_bundle

    config = load_config().config
    licence = licence or config.licence
    if path.is_file() and is_bundle(path):
        for name in read_bundle(path, cache=config.cache, licence=licence):
            console.show(name)
        return
    if path.suffix == ".toml":
        from unfade.zoo.own import take_export

        entry = take_export(path, stated["name"])
        console.show(f"{entry.name}: {entry.task}, {entry.about}")
        return
    from unfade.engines.adding import add_network, name_for

    _check_free(name_for(path, stated["name"]))
    with console.progress() as bar:
        entry = add_network(
            path,
            name=stated["name"],
            task=stated["task"],
            licence=stated["weights_licence"],
            commercial=stated["commercial"],
            paper=stated["paper"],
            pickled=stated["pickled"],
            noncommercial=licence == "noncommercial",
            evidence=4 if stated["invents"] else 2,
            side=stated["side"],
            threads=config.threads or available_cores(),
            progress=bar,
        )
    console.show(
        f"{entry.name}: {entry.architecture}, {entry.task}, {entry.scale} times; tiles of "
        f"{entry.tile_px} px with a halo of {entry.halo_px} px ({entry.tiling})"
    )
    console.show(f"{entry.files[0].name}  {entry.files[0].bytes} bytes  SHA-256 {entry.sha256}")
    if entry.task == "restore faces":
        console.show(f"Use it with `--faces --set restore_faces.method={entry.name}`.")
    if entry.alignment and not stated["side"]:
        console.show(
            f"Taken for the generator of {entry.tile_px} x {entry.tile_px} pixels: its file does "
            "not tell, `--side` does."
        )


@command.command("remove")
@click.argument("name")
def remove_(name: str) -> None:
    """Take a network out again that you have added."""
    from unfade.zoo.own import remove

    remove(name)


@command.command("bundle")
@click.argument("target", metavar="OUT.zip", type=click.Path(path_type=Path))
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--overwrite", is_flag=True, help="Replace a bundle that is already there.")
@LICENCE
def bundle(target: Path, names: tuple[str, ...], overwrite: bool, licence: str | None) -> None:
    """Put networks into one file, for machines without a network; without names, all here."""
    from unfade.config import load_config
    from unfade.zoo.bundle import write_bundle

    config = load_config().config
    for name in write_bundle(
        target,
        names,
        cache=config.cache,
        licence=licence or config.licence,
        overwrite=overwrite,
    ):
        console.show(name)


@command.command("verify")
@click.argument("names", nargs=-1, metavar="[NAME...]")
def verify_(names: tuple[str, ...]) -> None:
    """Compare the files that are here with the catalogue; without names, all of them."""
    from unfade.config import load_config
    from unfade.zoo.catalogue import entries
    from unfade.zoo.store import verify

    cache = load_config().config.cache
    states = []
    for name in names or [entry.name for entry in entries()]:
        for checked in verify(name, cache=cache):
            states.append(checked.state)
            console.show(f"{checked.state:<8} {name:<26} {checked.path or checked.file}")
    if "wrong" in states:
        raise ModelRejected("Some files are not what the catalogue names.", "Get them again.")
    if names and "missing" in states:
        raise ModelMissing("Some files are not here.", "Get them with `unfade models fetch`.")


@command.command("where")
def where_() -> None:
    """The folder for fetched weights."""
    from unfade.config import load_config
    from unfade.zoo.store import where

    console.show(str(where(load_config().config.cache)))


def _check_free(name: str) -> None:
    """Refuse a name that a recipe would take for one of a step's own methods."""
    import dataclasses

    from unfade.errors import UsageError
    from unfade.steps import STEPS
    from unfade.steps.contract import may_be_network

    for step in STEPS:
        for f in dataclasses.fields(step.settings):
            if f.metadata["networks"] and not may_be_network(name, f.metadata["choices"]):
                raise UsageError(
                    f"The name `{name}` is, or looks like, a method of `{step.name}`.",
                    "Give another with `--name`.",
                )


def _facts(name: str) -> dict[str, Any]:
    from unfade.config import load_config
    from unfade.zoo.catalogue import find
    from unfade.zoo.store import locate, where

    entry = find(name)
    folder = where(load_config().config.cache)
    here = all(locate(file, folder) is not None for file in entry.files)
    return {
        "name": entry.name,
        "about": entry.about,
        "task": entry.task,
        "licence": entry.licence,
        "commercial": entry.commercial,
        "architecture": entry.architecture,
        "paper": entry.paper,
        "scale": entry.scale,
        "evidence": entry.evidence,
        "bytes": sum(file.bytes for file in entry.files),
        "sha256": entry.sha256,
        "state": "here" if here else "missing",
    }
