"""The command line: one file a command, each a thin echo of the library.

Results go to standard output or files, messages and progress to standard error. Exit codes are
those of ``unfade.errors`` and are stable. Nothing heavy is imported before it is needed, so
``unfade --help`` is instant.
"""

from __future__ import annotations

import importlib
import sys

import click

from unfade.errors import UnfadeError
from unfade.version import VERSION

# name -> (module, one line for the list): listing the commands must not import them
COMMANDS = {
    "restore": ("restore", "Restore photographs and films, with a record of what was touched."),
    "examine": ("examine", "Say what is wrong with a picture, and what would be done."),
    "revert": ("revert", "Take one repair of a restored file back, or all."),
    "compare": ("compare", "Measure two pictures against each other."),
    "models": ("models", "List, fetch, add, bundle and verify networks."),
    "steps": ("steps", "List the treatments and their settings."),
    "recipes": ("recipes", "List and show the shipped recipes."),
    "config": ("config", "Show the settings of this machine and where they come from."),
    "completion": ("completion", "Print the shell's completion script."),
    "train": ("train", "Train a network by a recipe, export it, measure it again."),
    "demo": ("demo", "Restore a damaged sample photograph, to see how it goes."),
    "degrade": ("degrade", "Lay synthetic damage over a picture, with its ground truth."),
    "bench": ("bench", "Damage sound pictures, restore them by every method, and measure."),
    "matte": ("matte", "Write a mask of a picture's subject."),
    "batch": ("batch", "Restore a whole folder or S3 prefix, resumable."),
    "upload": ("upload", "Put a collection into a store, checked and resumable."),
    "clean": ("clean", "Remove what interrupted runs of unfade left behind."),
    "fuse": ("fuse", "Make one picture of several scans of the same thing."),
    "serve": ("serve", "Open the page and the REST API on this machine."),
    "split": ("split", "Take the photographs on a flatbed scan apart, each straightened."),
    "platen": ("platen", "Find dust on the scanner's glass from many scans, as a mask."),
}


class _Commands(click.Group):
    """A group that imports a command only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"unfade.cli.{COMMANDS[name][0]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in COMMANDS:
            from unfade.errors import UsageError, nearest

            raise UsageError(f"There is no command `{name}`.", nearest(name, COMMANDS))
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 unexpected, 2 usage, 3 input refused, 4 some of several "
    "failed, 5 model missing, 6 memory or time, 7 cannot write, 8 promise broken, "
    "9 unreachable, 130 stopped.",
)
@click.version_option(VERSION, "-V", "--version", message="unfade %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def app(context: click.Context, debug: bool) -> None:
    """Restore old photographs, and prove what was and was not touched."""
    context.obj = {"debug": debug}


def main(args: list[str] | None = None) -> None:
    """Entry of the ``unfade`` program; always ends with ``sys.exit``."""
    arguments = sys.argv[1:] if args is None else args
    debug = "--debug" in arguments
    try:
        app.main(arguments, prog_name="unfade", standalone_mode=False)
    except UnfadeError as error:
        _end(str(error), error.exit_code, debug)
    except click.exceptions.Exit as exit_:
        sys.exit(exit_.exit_code)
    except click.ClickException as error:
        _end(error.format_message(), 2, debug)
    except (KeyboardInterrupt, click.Abort):
        _end("Stopped.", 130, debug)
    except BrokenPipeError:
        sys.stderr.close()  # the reader has gone: nothing more to say to it
        sys.exit(1)
    except OSError as error:
        _end(f"{error.strerror or error}: `{error.filename or ''}`. Check the path.", 7, debug)
    except MemoryError:
        _end(
            "There is not enough memory for this picture. Close other programs, or use a "
            "machine with more.",
            6,
            debug,
        )
    sys.exit(0)


def _end(message: str, code: int, debug: bool) -> None:
    if debug:
        import traceback

        traceback.print_exc()
    print(f"unfade: {message}", file=sys.stderr)
    sys.exit(code)
