"""``unfade fuse``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from unfade.cli import console
from unfade.cli.options import POLICIES, configured, limits_of, machine_options, opened_bench
from unfade.errors import UsageError

if TYPE_CHECKING:
    from unfade.result import Saved


@click.command("fuse")
@click.argument("paths", nargs=-1, required=True, metavar="A B [C...]")
@click.option("-o", "--output", required=True, metavar="OUT", help="The picture to write.")
@click.option(
    "--method",
    default="auto",
    metavar="NAME",
    help="mean, median, minimum, relief; auto: relief where scans are turned, else mean.",
)
@click.option("--model", default="affine", metavar="NAME", help="affine, or homography: a camera.")
@click.option("--policy", type=click.Choice(POLICIES), help="Evidence that the result may hold.")
@click.option("--quality", type=click.IntRange(1, 100), help="When writing JPEG from no JPEG.")
@click.option("--overwrite", is_flag=True, help="Replace an output that is already there.")
@click.option("--report", is_flag=True, help="Write a treatment report beside the result.")
@click.option("--package", is_flag=True, help="Write a zip of original, layers, masks, record.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@machine_options
def command(paths: tuple[str, ...], output: str, **options: Any) -> None:
    """Make one picture of several scans of the same thing.

    Scans as it lies give less noise. Turn the print by 180 degrees on the platen between two scans
    (or by 90, four times), and its paper's texture and sheen vanish. The result lies as A does.
    """
    from unfade.scans.fusing import fuse

    target = Path(output)
    for path in paths:
        if Path(path).absolute() == target.absolute():
            raise UsageError(
                f"`{path}` is a scan and the output.", "Write to another file: scans are kept."
            )
    config = configured(
        options["device"],
        options["runtime"],
        options["memory"],
        options["threads"],
        options["max_megapixels"],
    )
    loud = not (options["as_json"] or options["quiet"])
    with console.progress(loud) as bar, opened_bench(config, bar) as bench:
        result = fuse(
            [Path(path) for path in paths],
            method=options["method"],
            model=options["model"],
            policy=options["policy"] or config.policy,
            bench=bench,
            limits=limits_of(config),
        )
        saved = result.save(target, overwrite=options["overwrite"], quality=options["quality"])
    if options["report"]:
        from unfade.report import write_report

        write_report(result, saved, overwrite=options["overwrite"])
    if options["package"]:
        from unfade.package import write_package

        write_package(result, saved, overwrite=options["overwrite"])
    _tell(saved, paths, options)


def _tell(saved: Saved, paths: tuple[str, ...], options: dict[str, Any]) -> None:
    step = saved.record.steps[0]
    if options["as_json"]:
        console.show_json(
            {
                "event": "fused",
                "sources": list(paths),
                "output": str(saved.output),
                "record": str(saved.record_file),
                "evidence": str(saved.evidence_file) if saved.evidence_file else None,
                "changed_share": saved.record.changed_share,
                "method": step.settings["method"],
                "scans": step.measured["scans"],
            }
        )
    if options["as_json"] or options["quiet"]:
        return
    first, *others = step.measured["scans"]
    method = step.settings["method"]
    console.say(f"{saved.output}: {len(paths)} scans by `{method}`, lying as {first['name']}.")
    for scan in others:
        console.say(
            f"  {scan['name']}: turned by {scan['turned_degrees']} degrees, aligned within "
            f"{scan['residual_px']:.2f} px over {scan['windows']} windows, correlation "
            f"{scan['correlation']:.2f}"
        )
