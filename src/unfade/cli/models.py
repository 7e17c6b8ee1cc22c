"""``unfade models``."""

from __future__ import annotations

from typing import Any

import click

from unfade.cli import console
from unfade.errors import ModelMissing, ModelRejected


@click.group("models")
def command() -> None:
    """List, show, fetch and verify networks."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a network.")
def list_(as_json: bool) -> None:
    """Every network of the catalogue, its licence, and whether it is here."""
    from unfade.zoo.catalogue import entries

    for entry in entries():
        facts = _facts(entry.name)
        if as_json:
            console.show_json(facts)
        else:
            console.show(
                f"{entry.name:<26} {facts['state']:<8} {facts['bytes'] / 1e6:7.1f} MB  "
                f"{entry.licence:<14} {entry.about}"
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
    console.show(f"\nHere: {_facts(name)['state']}")
    for file in entry.files:
        console.show(f"{file.name}  {file.bytes} bytes  SHA-256 {file.sha256}")
        for url in file.urls:
            console.show(f"  {url}")


@command.command("fetch")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def fetch_(names: tuple[str, ...]) -> None:
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
                progress=bar,
            ):
                console.show(str(path))


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
        "paper": entry.paper,
        "scale": entry.scale,
        "evidence": entry.evidence,
        "bytes": sum(file.bytes for file in entry.files),
        "sha256": entry.sha256,
        "state": "here" if here else "missing",
    }
