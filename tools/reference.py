"""Writes the reference pages from the code: the command line, the steps, the settings.

python tools/reference.py            # write docs/reference/*.md
python tools/reference.py --check    # fail if a page is not as the code says
"""

from __future__ import annotations

import dataclasses
import difflib
import sys
from pathlib import Path

import click

from unfade.cli import COMMANDS, app
from unfade.config import Config
from unfade.recipe import shipped_recipes
from unfade.steps import FILM_STEPS, STEPS

PAGES = Path(__file__).parent.parent / "docs" / "reference"
MADE = "<!-- Made by tools/reference.py; do not edit. -->\n\n"


def command_line() -> str:
    """`unfade --help` and the help of every command."""
    text = "# The command line\n\n"
    context = click.Context(app, info_name="unfade", terminal_width=96, max_content_width=96)
    text += f"```\n{app.get_help(context)}\n```\n"
    for name in COMMANDS:
        command = app.get_command(context, name)
        assert command is not None
        text += _help(command, f"unfade {name}")
    return text


def _help(command: click.Command, title: str) -> str:
    context = click.Context(command, info_name=title, terminal_width=96, max_content_width=96)
    text = f"\n## {title}\n\n```\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            text += _help(child, f"{title} {name}")
    return text


def steps() -> str:
    """Every step with its settings."""
    text = "# Steps and their settings\n\nThe names are the same in recipes, in `--set "
    text += "STEP.SETTING=VALUE` and in Python.\n"
    for step in (*STEPS, *FILM_STEPS):
        text += f"\n## {step.name}\n\n{step.title}. Evidence class {int(step.evidence)} "
        text += f"({step.evidence.name.lower()}), {step.kind}."
        text += f" After {step.paper}.\n\n" if step.paper else "\n\n"
        text += "| setting | default | range | meaning |\n|---|---|---|---|\n"
        for f in dataclasses.fields(step.settings):
            meta = f.metadata
            if meta["choices"]:
                bounds = ", ".join(f"`{choice}`" for choice in meta["choices"])
            elif meta["low"] is not None:
                bounds = f"{meta['low']} to {meta['high']} {meta['unit']}".strip()
            else:
                bounds = "true, false"
            text += f"| `{f.name}` | `{f.default}` | {bounds} | {meta['help']} |\n"
    text += "\n# Shipped recipes\n"
    for recipe in shipped_recipes():
        text += f"\n## {recipe.name}\n\n{recipe.about}\n\n```toml\n{recipe.to_text()}```\n"
    return text


def settings() -> str:
    """The user's settings file."""
    text = "# Settings\n\nA TOML file; `unfade config where` names its path, `unfade config show` "
    text += "says where each value comes from. Each can be given as an environment variable.\n\n"
    text += "| setting | variable | default | meaning |\n|---|---|---|---|\n"
    for f in dataclasses.fields(Config):
        text += f"| `{f.name}` | `UNFADE_{f.name.upper()}` | `{f.default}` | "
        text += f"{f.metadata['help']} |\n"
    return text


def main() -> int:
    pages = {"command-line.md": command_line(), "steps.md": steps(), "settings.md": settings()}
    stale = 0
    PAGES.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        path, wanted = PAGES / name, MADE + text
        have = path.read_text(encoding="utf-8") if path.exists() else ""
        if "--check" not in sys.argv:
            path.write_text(wanted, encoding="utf-8")
        elif have != wanted:
            stale += 1
            lines = difflib.unified_diff(have.splitlines(), wanted.splitlines(), name, "code", n=1)
            print("\n".join(list(lines)[:40]))
    if stale:
        print(f"{stale} reference pages are stale; run `python tools/reference.py`.")
    return min(stale, 1)


if __name__ == "__main__":
    sys.exit(main())
