"""``unfade split``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from unfade.cli import console
from unfade.cli.options import configured, limits_of, machine_options, opened_bench
from unfade.errors import PartlyFailed, UnfadeError, UsageError

if TYPE_CHECKING:
    from unfade.files.formats.contract import Opened
    from unfade.flatbed import How, Layout

KERNELS = ("cubic", "lanczos")


def turns(_: click.Context, __: click.Parameter, words: tuple[str, ...]) -> dict[int, int]:
    """``3=90`` -> {3: 90}; ``90`` alone is for all, as number 0."""
    wanted: dict[int, int] = {}
    for word in words:
        number, equals, degrees = word.rpartition("=")
        if degrees not in ("0", "90", "180", "270") or (equals and not number.isdecimal()):
            raise UsageError(
                f"`--turn {word}` is no quarter turn.",
                "Write `--turn 90` for all, or `--turn 3=180` for photograph 3.",
            )
        wanted[int(number) if equals else 0] = int(degrees)
    return wanted


@click.command("split")
@click.argument("scans", nargs=-1, required=True, metavar="SCAN...")
@click.option("-o", "--output", metavar="DIR", help="Folder for the photographs.")
@click.option("--backs", metavar="SCAN", help="The same prints turned over: pairs them.")
@click.option(
    "--straighten/--copies",
    default=True,
    help="Straighten by interpolation, or copy samples whatever the angle.",
)
@click.option("--kernel", type=click.Choice(KERNELS), default="cubic", help="Interpolation.")
@click.option("--margin", type=float, default=0.0, help="Pixels of lid to keep; below 0: cut in.")
@click.option(
    "--turn", callback=turns, multiple=True, metavar="[N=]DEGREES", help="Quarter turns clockwise."
)
@click.option("--format", "form", type=click.Choice(("tif", "png", "jpg")), help="Of the files.")
@click.option("--dust", metavar="MASK", help="Mask by `unfade platen`: cut along, for --mask.")
@click.option("--preview", metavar="PNG", help="A picture of the scan with the outlines drawn.")
@click.option("--page", type=click.IntRange(1), help="Page of a file of several, from 1.")
@click.option("--dry-run", is_flag=True, help="Only say where the photographs lie.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@machine_options
def command(scans: tuple[str, ...], **options: Any) -> None:
    """Take the photographs on a flatbed scan apart.

    Each is found, straightened, and written to a file of its own with its record. One that lies
    straight is copied sample by sample; one that lies askew is interpolated, and its record says
    by what. Nothing is overwritten.
    """
    if options["output"] is None and not options["dry_run"]:
        raise UsageError("No folder for the photographs was named.", "Name one with `-o DIR`.")
    if options["backs"] and len(scans) > 1:
        raise UsageError("Backs are paired with one scan of fronts.", "Give one scan.")
    _check_stems((*scans, *filter(None, [options["backs"]])))
    if options["preview"] and len(scans) > 1:
        raise UsageError("One preview cannot show several scans.", "Give one scan.")
    config = configured(
        options["device"],
        options["runtime"],
        options["memory"],
        options["threads"],
        options["max_megapixels"],
    )
    failed = 0
    with console.progress(not options["as_json"]) as bar, opened_bench(config, bar) as bench:
        for scan in scans:
            try:
                _one(Path(scan), options, limits_of(config), bench)
            except UnfadeError as error:
                if len(scans) == 1:
                    raise
                failed += 1
                console.say(f"{scan}: {error}")
    if failed:
        raise PartlyFailed(
            f"{failed} of {len(scans)} scans failed.",
            "The others are done; each failure is named above.",
        )


def _check_stems(scans: tuple[str, ...]) -> None:
    """Two scans of one name would be written to the same files."""
    taken: dict[str, str] = {}
    for scan in scans:
        stem = Path(scan).stem
        if stem in taken:
            raise UsageError(
                f"`{taken[stem]}` and `{scan}` would both be written to `{stem}-1`.",
                "Split them into different folders.",
            )
        taken[stem] = scan


def _one(scan: Path, options: dict[str, Any], limits: Any, bench: Any) -> None:
    from unfade import files
    from unfade.flatbed import find_photographs, save_preview

    page = options["page"] - 1 if options["page"] else None
    opened = files.open_picture(scan, limits=limits, page=page)
    layout = find_photographs(opened.picture, bench)
    if options["preview"]:
        save_preview(options["preview"], opened.picture, layout.photographs)
    if options["backs"]:
        back = files.open_picture(Path(options["backs"]), limits=limits)
        _pairs(opened, layout, back, find_photographs(back.picture, bench), options)
        return
    _tell(scan, layout, options)
    if not options["dry_run"]:
        _write(opened, layout, options, {})


def _pairs(
    opened: Opened, layout: Layout, back: Opened, back_layout: Layout, options: dict[str, Any]
) -> None:
    from unfade.flatbed import pair_backs

    sizes = [(o.picture.rows, o.picture.cols) for o in (opened, back)]
    pairing = pair_backs(layout.photographs, back_layout.photographs, *sizes)
    fronts = {i + 1: f"{i + 1}-front" for i, _ in pairing.pairs}
    backs = {j + 1: f"{i + 1}-back" for i, j in pairing.pairs}
    backs |= {j + 1: f"lone-{j + 1}-back" for j in pairing.lone_backs}
    fronts |= {i + 1: f"{i + 1}-front" for i in pairing.lone_fronts}
    _tell(opened.path, layout, options)
    _tell(back.path, back_layout, options)
    for i, j in pairing.pairs:
        if options["as_json"]:
            console.show_json(
                {"event": "paired", "front": i + 1, "back": j + 1, "way": pairing.way}
            )
        else:
            console.show(f"  front {i + 1} and back {j + 1}: turned over {pairing.way}")
    lone = [f"front {i + 1}" for i in pairing.lone_fronts]
    lone += [f"back {j + 1}" for j in pairing.lone_backs]
    for note in (*pairing.notes, *(f"No partner: {name}." for name in lone)):
        console.say(f"  {note}")
    if not options["dry_run"]:
        _write(opened, layout, options, fronts)
        # the back is named after its front, so that the pair lies together
        _write(back, back_layout, options, backs, stem=opened.path.stem)


def _write(
    opened: Opened,
    layout: Layout,
    options: dict[str, Any],
    labels: dict[int, str],
    stem: str | None = None,
) -> None:
    from unfade import files
    from unfade.flatbed import write_pieces

    dust = files.load_mask(Path(options["dust"]), opened.header) if options["dust"] else None
    how = _how(options, len(layout.photographs))
    pieces = write_pieces(
        opened,
        layout.photographs,
        Path(options["output"]),
        how,
        labels=labels,
        dust=dust,
        stem=stem,
    )
    for piece in pieces:
        measured = piece.record.steps[0].measured
        if options["as_json"]:
            console.show_json(
                {
                    "event": "written",
                    "output": str(piece.output),
                    "record": str(piece.record_file),
                    "mask": str(piece.mask_file) if piece.mask_file else None,
                    "copied": measured["copied"],
                    "interpolation": measured["interpolation"],
                    "samples_sha256": measured["samples_sha256"],
                }
            )
        else:
            made = "samples copied" if measured["copied"] else measured["interpolation"]
            console.say(f"  {piece.output}: {made}")


def _how(options: dict[str, Any], count: int) -> How:
    from unfade.flatbed import How

    given = options["turn"]
    wrong = [n for n in given if n > count]
    if wrong:
        raise UsageError(
            f"`--turn {wrong[0]}=...`: there are {count} photographs.", "See `--dry-run`."
        )
    return How(
        straighten=options["straighten"],
        kernel=options["kernel"],
        margin_px=options["margin"],
        form=options["form"],
        turns={n: given.get(n, given.get(0, 0)) for n in range(1, count + 1)},
    )


def _tell(scan: Path, layout: Layout, options: dict[str, Any]) -> None:
    if options["as_json"]:
        console.show_json({"event": "found", "source": str(scan), **layout.to_dict()})
        return
    console.show(f"{scan}: {layout.says}")
    for number, each in enumerate(layout.photographs, 1):
        console.show(
            f"  {number}: {each.cols_px:.1f} x {each.rows_px:.1f} pixels around column "
            f"{each.col_px:.1f}, row {each.row_px:.1f}, turned {each.angle_degrees:+.2f} degrees"
        )
        for note in each.notes:
            console.show(f"     {note}")
