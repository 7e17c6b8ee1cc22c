"""``unfade compare``."""

from __future__ import annotations

from pathlib import Path

import click

from unfade.cli import console


@click.command("compare")
@click.argument("a")
@click.argument("b")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(a: str, b: str, as_json: bool) -> None:
    """Measure two pictures of one size: PSNR, SSIM, MSE, sharpness, share of pixels changed."""
    from unfade.cli.options import limits_of
    from unfade.config import load_config
    from unfade.journey import compare

    result = compare(Path(a), Path(b), limits=limits_of(load_config().config))
    if as_json:
        console.show_json({"a": a, "b": b, **result.to_dict()})
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
