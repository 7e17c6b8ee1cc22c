"""``unfade recipes``."""

from __future__ import annotations

import click

from unfade.cli import console


@click.group("recipes")
def command() -> None:
    """List and show the shipped recipes; each is a starting point for your own."""


@command.command("list")
def list_() -> None:
    """Name and purpose of each shipped recipe."""
    from unfade.recipe import shipped_recipes

    for recipe in shipped_recipes():
        console.show(f"{recipe.name}: {recipe.about}")


@command.command("show")
@click.argument("name")
def show(name: str) -> None:
    """A recipe with every setting written out, ready to be changed and used."""
    from unfade.recipe import load_recipe

    console.show(load_recipe(name).to_text().rstrip())
