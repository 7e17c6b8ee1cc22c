"""``unfade train``."""

from __future__ import annotations

import math
from pathlib import Path

import click

from unfade.cli import console

DATA = "Folder of pictures, an `s3://` prefix, or a file made by `pack`."
OUT = "Checkpoints, logs and samples go here; an earlier training there goes on."


class _RecipeFirst(click.Group):
    """``unfade train RECIPE`` is ``unfade train run RECIPE``."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["run", *args]
        return super().resolve_command(ctx, args)


@click.group("train", cls=_RecipeFirst)
def command() -> None:
    """Train a network by a recipe; export it to the zoo; measure it again."""


@command.command("run")
@click.argument("recipe")
@click.option(
    "--data", required=True, help="Folder of pictures, `s3://` prefix, or a file made by `pack`."
)
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help=OUT)
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option(
    "--precision",
    type=click.Choice(["no", "fp16", "bf16"]),
    default="no",
    show_default=True,
    help="Mixed precision.",
)
@click.option(
    "--minutes", type=float, default=math.inf, help="Stop after this long, with a checkpoint."
)
@click.option("--overlays", help="Folder of real damage shapes to mix in.")
@click.option("--threads", type=int, default=0, help="Processor threads; 0: all.")
@click.option("--json", "as_json", is_flag=True, help="The outcome as one JSON object.")
def run(
    recipe: str, data: str, out: Path, device: str, precision: str, minutes: float,
    overlays: str | None, threads: int, as_json: bool,
) -> None:  # fmt: skip
    """Train RECIPE, a shipped recipe's name or a TOML file; goes on where it was stopped."""
    from unfade.needs import need

    need("torch", extra="train", to="train networks")
    need("accelerate", extra="train", to="train networks")
    import torch

    from unfade.train.data import Pictures
    from unfade.train.loop import fit
    from unfade.train.recipe import read_recipe

    if threads:
        torch.set_num_threads(threads)
    plan = read_recipe(recipe)
    pictures = Pictures(data, plan.data)
    with console.progress() as bar:

        def report(step: int, steps: int, numbers: dict[str, float]) -> None:
            shown = ", ".join(f"{k} {v:.4g}" for k, v in numbers.items())
            bar(f"Training {plan.name}: {shown}", step, steps)

        outcome = fit(
            plan, pictures, out, device=device, precision=precision, minutes=minutes,
            overlays=overlays, report=report,
        )  # fmt: skip
    if as_json:
        console.show_json(
            {
                "ended": outcome.ended, "step": outcome.step, "best": outcome.best,
                "measured": outcome.measured, "folder": str(outcome.folder),
            }
        )  # fmt: skip
        return
    console.show(f"Ended ({outcome.ended}) at step {outcome.step} of {plan.run.steps}: {out}")
    for key, value in outcome.measured.items():
        console.show(f"  {key:<24} {value:.4f}")
    if outcome.ended == "time":
        console.show("Call the same line again to go on.")


@command.command("export")
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), required=True, help="Where the files go."
)
@click.option(
    "--licence", default="CC-BY-4.0", show_default=True, help="Of the weights, an SPDX name."
)
@click.option("--learnt-from", default="", help="The data and their licences, for the card.")
@click.option("--which", type=click.Choice(["best", "latest"]), default="best", show_default=True)
def export_(folder: Path, out: Path, licence: str, learnt_from: str, which: str) -> None:
    """Write weights of a training's FOLDER for every runtime, with catalogue entry and card."""
    from unfade.needs import need

    need("torch", extra="train", to="export networks")
    from unfade.train.export import export

    for made in export(folder, out, licence=licence, data=learnt_from, which=f"{which}.pt"):
        console.show(f"{made.name}: runtimes within {made.difference:.1e}, halo {made.halo_px} px")
        for file in made.files:
            console.show(f"  {file}  {file.stat().st_size} bytes")


@command.command("verify")
@click.argument("place", metavar="FOLDER|NAME.training.json|NAME")
@click.option("--data", required=True, help="The pictures that it was trained with.")
@click.option("--which", type=click.Choice(["best", "latest"]), default="best", show_default=True)
@click.option("--overlays", help="Folder of real damage shapes, if it was trained with one.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def verify_(place: str, data: str, which: str, overlays: str | None, as_json: bool) -> None:
    """Measure again, on the validation patches, the weights of a training's folder, of an export
    or of a network that comes with unfade."""
    from unfade.errors import PromiseBroken
    from unfade.needs import need

    need("torch", extra="train", to="measure networks")
    from unfade.train.history import place_of
    from unfade.train.verify import verify

    rows = verify(place_of(place), data, which=f"{which}.pt", overlays=overlays)
    if as_json:
        console.show_json({"figures": [row.to_dict() for row in rows]})
    else:
        for row in rows:
            mark = "same" if row.same else "DIFFERENT"
            console.show(f"{row.name:<24} written {row.written:.4f}, now {row.now:.4f}  {mark}")
    if not all(row.same for row in rows):
        raise PromiseBroken(
            f"Figures of `{place}` are not what was written beside its weights.",
            "Check that the pictures are those of the training.",
        )


@command.command("pack")
@click.argument("source")
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--megabytes", type=float, default=45.0, show_default=True, help="The file's bound.")
@click.option("--include", multiple=True, help="Name pattern below SOURCE; repeatable.")
def pack_(source: str, target: Path, megabytes: float, include: tuple[str, ...]) -> None:
    """Put the pictures of SOURCE into one file that travels to another machine."""
    from unfade.needs import need

    need("torch", extra="train", to="pack training data")
    from unfade.train.data import Pictures, pack
    from unfade.train.recipe import DataSettings

    count = pack(Pictures(source, DataSettings(include=include)), target, megabytes=megabytes)
    console.show(f"{count} pictures, {target.stat().st_size / 1e6:.1f} MB: {target}")


@command.command("recipes")
def recipes() -> None:
    """List the shipped training recipes."""
    from unfade.needs import need

    need("torch", extra="train", to="train networks")
    from unfade.train.recipe import read_recipe, shipped

    for name in shipped():
        first = read_recipe(name).text.splitlines()[0].removeprefix("# ")
        console.show(f"{name:<20} {first}")
