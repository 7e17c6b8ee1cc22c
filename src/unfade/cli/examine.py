"""``unfade examine``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from unfade.cli import console
from unfade.cli.options import POLICIES, configured, limits_of, machine_options, opened_bench

if TYPE_CHECKING:
    from unfade.journey import Examination


@click.command("examine")
@click.argument("path")
@click.option("--policy", type=click.Choice(POLICIES), help="Evidence that a result may hold.")
@click.option("--page", type=click.IntRange(1), help="Page of a file of several, from 1.")
@click.option("--masks", metavar="DIR", help="Write a mask picture for each kind of damage.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@machine_options
def command(path: str, as_json: bool, masks: str | None, **options: Any) -> None:
    """Say what is wrong, where, how sure, and what would be done about it. Changes nothing."""
    from unfade.journey import examine

    config = configured(
        options["device"],
        options["runtime"],
        options["memory"],
        options["threads"],
        options["max_megapixels"],
    )
    with console.progress(not as_json) as bar, opened_bench(config, bar) as bench:
        seen = examine(
            Path(path),
            policy=options["policy"] or config.policy,
            page=options["page"] - 1 if options["page"] else None,
            bench=bench,
            limits=limits_of(config),
        )
    written = _write_masks(Path(path), Path(masks), seen) if masks else []
    if as_json:
        console.show_json({"source": path, **seen.to_dict(), "masks": [str(p) for p in written]})
        return
    _print(path, seen)
    for mask in written:
        console.show(f"mask: {mask}")


def _print(path: str, seen: Examination) -> None:
    header = seen.header
    console.show(
        f"{path}: {header.format} {header.cols} x {header.rows}, {header.bits} bits, "
        f"{header.colour}"
    )
    for note in seen.findings.notes:
        console.show(f"  note    {note}")
    for _, finding in seen.findings.each():
        sure = "unsure" if finding.confidence is None else f"{finding.confidence:.0%}"
        console.show(f"  {sure:>6}  {finding.says}")
    for number, face in enumerate(seen.findings.faces.faces if seen.findings.faces else (), 1):
        eyes = face.eye_distance_px
        apart = "eyes not found" if eyes is None else f"eyes {eyes:.0f} px apart"
        console.show(
            f"          face {number}: row {face.window.top}, column {face.window.left}, {apart}"
        )
    advice = seen.advice.to_dict()
    console.show("Would be done:" if advice["steps"] else "Nothing would be done.")
    for step in advice["steps"]:
        console.show(f"  {step['step']}: {step['reason']}")
    console.show("Left alone:")
    for reason in advice["left_alone"]:
        console.show(f"  {reason}")


def _write_masks(source: Path, folder: Path, seen: Examination) -> list[Path]:
    """One mask for each kind of local damage that was looked for: white where it lies, upright.

    Of the rarer kinds there is a file only where something was found.
    """
    from unfade import files
    from unfade.findings import Mark, MarkKind, paint

    findings = seen.findings
    kinds: dict[MarkKind, list[Mark]] = {}
    if findings.marks is not None:
        for kind in (MarkKind.DUST, MarkKind.HAIR, MarkKind.SCRATCH):
            kinds[kind] = list(findings.marks.of_kind(kind))
    if findings.craquelure is not None:
        kinds[MarkKind.CRACK] = list(findings.craquelure.items)
    if findings.losses is not None:
        kinds[MarkKind.LOSS] = list(findings.losses.items)
    for rarer in (findings.creases, findings.stains, findings.wear):
        for mark in rarer.items if rarer is not None else ():
            kinds.setdefault(mark.kind, []).append(mark)
    if kinds:
        folder.mkdir(parents=True, exist_ok=True)
    written = []
    for kind, marks in kinds.items():
        target = folder / f"{source.stem}.{kind}.png"
        files.save_mask(target, paint(marks, seen.picture.window))
        written.append(target)
    return written
