"""``unfade config``."""

from __future__ import annotations

import click

from unfade.cli import console
from unfade.cli.options import fields_of


@click.group("config")
def command() -> None:
    """Settings of this machine and person: device, memory, threads, cache, limits, defaults."""


@command.command("show")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a setting.")
def show(as_json: bool) -> None:
    """Each setting, its value, and where the value comes from."""
    from unfade.config import load_config

    sourced = load_config()
    if not as_json:
        state = "" if sourced.file.exists() else " (not there)"
        console.show(f"settings file: {sourced.file}{state}")
    for name, value, help_ in fields_of(sourced.config):
        origin = sourced.origins[name]
        if as_json:
            console.show_json({"setting": name, "value": value, "origin": origin, "help": help_})
        else:
            console.show(f"{name:<15} {value!r:<12} {origin:<28} {help_}")


@command.command("where")
def where() -> None:
    """The path of the settings file, whether or not it exists."""
    from unfade.config import settings_file

    console.show(str(settings_file()))
