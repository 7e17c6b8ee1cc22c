"""``unfade compare``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from unfade.cli import console
from unfade.cli.options import names

if TYPE_CHECKING:
    from unfade.files.limits import Limits


@click.command("compare")
@click.argument("a")
@click.argument("b")
@click.option(
    "--metrics",
    metavar="NAMES",
    callback=names,
    help="Further measures of B against A, like stlpips,flip; a wrong name lists them all.",
)
@click.option(
    "--sheet",
    metavar="PATH",
    help="Write a picture of the comparison: .png, .jpg, .webp; .gif: a wipe; .html: a slider.",
)
@click.option("--overwrite", is_flag=True, help="Replace an existing sheet.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(
    a: str, b: str, metrics: tuple[str, ...], sheet: str | None, overwrite: bool, as_json: bool
) -> None:
    """Measure two pictures: PSNR, SSIM, MSE, sharpness, share of pixels changed.

    A is the truth or what was there before, B what is looked at. With --sheet both are shown
    side by side with their difference and their tones; B's evidence map too, when it lies beside
    B. Pictures of different size can be shown, and not measured.
    """
    from unfade.cli.options import limits_of
    from unfade.config import load_config
    from unfade.errors import UsageError
    from unfade.journey import compare

    limits = limits_of(load_config().config)
    more = _measured(a, b, metrics, limits) if metrics else {}
    if sheet:
        _write_sheet(a, b, Path(sheet), overwrite, limits)
    try:
        result = compare(Path(a), Path(b), limits=limits)
    except UsageError as error:
        if sheet and not metrics:
            console.say(f"Shown, and not measured: {error.found}")
            return
        raise
    if as_json:
        figures = {name: value if math.isfinite(value) else None for name, value in more.items()}
        console.show_json({"a": a, "b": b, **result.to_dict(), **figures})
        return

    def decibels(value: float | None) -> str:
        return "equal" if value is None else f"{value:.2f} dB"

    console.show(f"PSNR                {decibels(result.psnr_db)}")
    console.show(f"PSNR of luma        {decibels(result.psnr_luma_db)}")
    console.show(f"SSIM                {result.ssim:.5f}")
    console.show(f"MSE                 {result.mse:.3g}")
    console.show(f"sharpness           {result.sharpness_a:.2f} -> {result.sharpness_b:.2f}")
    console.show(f"pixels changed      {result.changed_share:.3%}")
    console.show(f"largest difference  {result.largest_difference:.4f} of full scale")
    for name, value in more.items():
        console.show(f"{name:<19} {value:.5g}")


def _measured(a: str, b: str, metrics: tuple[str, ...], limits: Limits) -> dict[str, float]:
    """The measures' figures, A being both the truth and what was given: any change of it counts."""
    from unfade.errors import UsageError
    from unfade.evaluate.metrics import Case, find_metrics, measure
    from unfade.files import open_picture

    find_metrics(metrics)  # a wrong name is told before pictures are read
    first, second = (open_picture(path, limits=limits).picture.pixels for path in (a, b))
    try:
        return measure(Case(reference=first, damaged=first, restored=second), metrics)
    except ValueError as error:
        raise UsageError(
            f"These two cannot be measured: {error}.", "Compare like with like."
        ) from error


def _write_sheet(a: str, b: str, target: Path, overwrite: bool, limits: Limits) -> None:
    from unfade.evaluate.panels import classes_of_colours
    from unfade.evaluate.sheets import sheet
    from unfade.files import open_picture
    from unfade.files.sidecar import evidence_path

    first, second = (open_picture(path, limits=limits).picture for path in (a, b))
    beside, evidence = evidence_path(Path(b)), None
    if beside.is_file():
        samples = open_picture(beside, limits=limits).picture.samples
        if samples.shape == (second.rows, second.cols, 3):
            evidence = classes_of_colours(samples)
    titles = (Path(a).name, Path(b).name)
    made = sheet(first, second, evidence=evidence, titles=titles).save(target, overwrite=overwrite)
    console.say(f"Wrote {made}")
