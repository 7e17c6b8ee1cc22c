"""``unfade completion``."""

from __future__ import annotations

import click

from unfade.cli import console


@click.command("completion")
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def command(shell: str) -> None:
    """Print the completion script; for bash: eval "$(unfade completion bash)"."""
    from click.shell_completion import get_completion_class

    from unfade.cli import app

    kind = get_completion_class(shell)
    assert kind is not None  # click knows these three
    console.show(kind(app, {}, "unfade", "_UNFADE_COMPLETE").source())
