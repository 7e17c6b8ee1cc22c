"""``unfade revert``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from unfade.cli import console
from unfade.cli.options import configured, limits_of, machine_options, opened_bench
from unfade.errors import UsageError


@click.command("revert")
@click.argument("output", metavar="RESTORED")
@click.option("--item", type=click.IntRange(1), multiple=True, help="Number of a repair.")
@click.option("-o", "--to", metavar="OUT2", help="Where to; default: RESTORED itself.")
@click.option("--original", metavar="PATH", help="The original, if it has moved.")
@click.option("--list", "only_list", is_flag=True, help="List the repairs and change nothing.")
@click.option("--overwrite", is_flag=True, help="Replace OUT2 if it is already there.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@machine_options
def command(
    output: str,
    item: tuple[int, ...],
    to: str | None,
    original: str | None,
    only_list: bool,
    overwrite: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Take one repair back, or (without --item) all of them.

    The picture is treated again from the original without the item, so the result has the same
    bits as a run that never made it. Without --item the original's very bytes are given back.
    RESTORED may be a package made with `restore --package`.
    """
    from unfade.package import is_package, unpacked

    if not is_package(Path(output)):
        _revert(Path(output), item, to, original, only_list, overwrite, as_json, options)
        return
    if not (to or only_list):
        raise UsageError(
            f"`{output}` is a package; it was not said where the picture is to go.",
            "Name a file with `-o`.",
        )
    with unpacked(Path(output)) as inside:
        _revert(inside, item, to, original, only_list, overwrite, as_json, options)


def _revert(
    output: Path,
    item: tuple[int, ...],
    to: str | None,
    original: str | None,
    only_list: bool,
    overwrite: bool,
    as_json: bool,
    options: dict[str, Any],
) -> None:
    from unfade import files
    from unfade.journey import revert

    if only_list:
        _list(output, as_json)
        return
    if _is_film(Path(output)) and item:
        _film(Path(output), item, to, original, overwrite, as_json)
        return
    config = configured(
        options["device"],
        options["runtime"],
        options["memory"],
        options["threads"],
        options["max_megapixels"],
    )
    target = Path(to) if to else output
    replace = overwrite or not to
    with console.progress(not as_json) as bar, opened_bench(config, bar) as bench:
        result = revert(
            output,
            item=item or None,
            original=original,
            bench=bench,
            limits=limits_of(config),
        )
    if isinstance(result, Path):
        files.copy_original(result, target, overwrite=replace)
        facts: dict[str, Any] = {"output": str(target), "same_bytes": True, "items_left": 0}
    else:
        saved = result.save(target, overwrite=replace)
        left = sum(i.made for i in saved.record.items)
        facts = {"output": str(target), "same_bytes": saved.same_bytes, "items_left": left}
    if as_json:
        console.show_json({"event": "reverted", **facts})
    else:
        console.say(f"{target}: {facts['items_left']} repairs left.")


def _is_film(output: Path) -> bool:
    from unfade.files.sidecar import read_record
    from unfade.film.rebuild import is_film_record

    return is_film_record(read_record(output))


def _film(
    output: Path,
    items: tuple[int, ...],
    to: str | None,
    original: str | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Strike rows out of a film's list of repairs."""
    from unfade.film.rebuild import rebuild_film

    target = Path(to) if to else output
    result = rebuild_film(output, strike=items, target=target, original=original)
    saved = result.save(target, overwrite=overwrite or not to)
    left = sum(1 for _ in result.repairs)
    result.discard()
    if as_json:
        console.show_json({"event": "reverted", "output": str(saved.output), "items_left": left})
    else:
        console.say(f"{target}: {left} repairs left.")


def _list(output: Path, as_json: bool) -> None:
    from unfade.files.sidecar import read_record

    record = read_record(output)
    if _is_film(output):
        listed = output.with_name(output.name + ".repairs.jsonl")
        console.show(listed.read_text(encoding="utf-8").rstrip())
        return
    for step in record.steps:
        for entry in step.items:
            facts = {
                "item": entry.number,
                "step": step.step,
                "kind": entry.kind,
                "box": list(entry.box),
                "area_px": entry.area_px,
                "confidence": entry.confidence,
                "made": entry.made,
                "key": entry.key,
            }
            if as_json:
                console.show_json(facts)
            else:
                top, left, rows, cols = entry.box
                state = "" if entry.made else "  (left alone)"
                console.show(
                    f"{entry.number:>5}  {step.step:<17} {entry.kind:<8} row {top}, column {left}, "
                    f"{cols} x {rows} px, {entry.confidence:.0%}{state}"
                )
