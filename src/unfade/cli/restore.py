"""``unfade restore``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from unfade.cli import console
from unfade.cli.film_options import (
    film_options,
    refuse_sharing,
    restore_one_film,
    target_for_film,
)
from unfade.cli.options import (
    configured,
    limits_of,
    machine_options,
    names,
    network_options,
    numbers,
    opened_bench,
    treatment_options,
)
from unfade.errors import PartlyFailed, UnfadeError, UsageError

if TYPE_CHECKING:
    from unfade.config import Config
    from unfade.result import Result, Saved

STANDARD = "-"


@click.command("restore")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("-o", "--output", metavar="OUT", help="File, or folder for several; - for a pipe.")
@treatment_options
@click.option("--faces", is_flag=True, help="Draw all faces anew: invented content.")
@click.option("--face", callback=numbers, metavar="2,5", help="Only these, from left to right.")
@click.option("--fill", metavar="METHOD", help="Fill the mask so: lama, diffusion, sparse ...")
@click.option("--prompt", help="For the fill `diffusion`: what to paint, in words.")
@click.option("--render", metavar="HOW", help="Show repairs so: imitative, neutral, tratteggio.")
@click.option("--colorize", is_flag=True, help="Give a grey picture colours; they are made up.")
@click.option(
    "--hint",
    "hints",
    multiple=True,
    metavar="ROW,COL,#RRGGBB",
    help="A colour that you know, for `--colorize`; can be repeated.",
)
@click.option("--reference", metavar="PICTURE", help="Take points of colour from this picture.")
@click.option("--mask", metavar="PICTURE", help="Mend where it is white, and nowhere else.")
@click.option("--protect", metavar="PICTURE", help="Change nothing where it is white.")
@click.option("--reject", callback=names, metavar="KEY,...", help="Marks to leave as they are.")
@click.option("--page", type=click.IntRange(1), help="Page of a file of several, from 1.")
@click.option("--quality", type=click.IntRange(1, 100), help="When writing JPEG from no JPEG.")
@click.option("--overwrite", is_flag=True, help="Replace an output that is already there.")
@click.option("--report", is_flag=True, help="Write a treatment report beside the result.")
@click.option("--package", is_flag=True, help="Write a zip of original, layers, masks, record.")
@click.option("--sign", metavar="CERT", help="Put a signed C2PA manifest into the result.")
@click.option("--key", metavar="KEY", help="The private key of that certificate, PEM.")
@click.option("--in-place", is_flag=True, help="Replace the original, after a backup beside it.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@film_options
@machine_options
@network_options
def command(paths: tuple[str, ...], **options: Any) -> None:
    """Restore photographs and films.

    The result lies beside the original as NAME-restored.EXT, in the same format, with its record
    (.unfade.json) and, where anything changed, its evidence map (.evidence.png). If nothing is
    wrong, it is the very same bytes. A film becomes a lossless master, NAME-restored.mkv, with its
    sound and other streams copied, a hash for each frame and a list of all repairs; a run that was
    stopped goes on when it is started again.
    """
    config = configured(
        options["device"],
        options["runtime"],
        options["memory"],
        options["threads"],
        options["max_megapixels"],
        precision=options["precision"],
        licence=options["licence"],
        diffusion=options["diffusion"],
        latent=options["latent"],
    )
    in_place = bool(options["in_place"])
    options["credentials"] = _credentials(options["sign"], options["key"])
    targets = plan_targets(paths, options["output"], config.suffix, in_place=in_place)
    failed: list[UnfadeError] = []
    with (
        console.progress(not (options["as_json"] or options["quiet"])) as bar,
        opened_bench(config, bar) as bench,
    ):
        for path, target in targets:
            bar.prefix = f"{Path(path).name}: " if len(targets) > 1 else ""
            try:
                _one(path, target, options, config, bench)
            except UnfadeError as error:
                if len(targets) == 1:
                    if options["as_json"]:
                        console.show_json(_failure(path, error))
                    raise
                failed.append(error)
                _tell_failure(path, error, options["as_json"])
    if failed:
        raise PartlyFailed(
            f"{len(failed)} of {len(targets)} pictures failed.",
            "The others are done; each failure is named above.",
        )


def _credentials(certificate: str | None, key: str | None) -> Any:
    if (certificate is None) != (key is None):
        raise UsageError("`--sign` and `--key` belong together.", "Name certificate and key.")
    if certificate is None or key is None:
        return None
    from unfade.provenance import load_credentials

    return load_credentials(certificate, key)


def plan_targets(
    paths: tuple[str, ...], output: str | None, suffix: str, *, in_place: bool = False
) -> list[tuple[str, Path | None]]:
    """Where each input goes; None means standard output.

    Raises:
        UsageError: two inputs map to one output, or options contradict each other
    """
    if in_place and output:
        raise UsageError("`--in-place` and `--output` exclude each other.", "Take one out.")
    if output == STANDARD or (output is None and paths == (STANDARD,)):
        if len(paths) > 1:
            raise UsageError(
                f"{len(paths)} pictures cannot go to one standard output.", "Name a folder."
            )
        if sys.stdout.isatty():
            raise UsageError(
                "A picture is not written to a terminal.", "Name a file with `-o`, or use a pipe."
            )
        return [(paths[0], None)]
    folder = output is not None and (
        len(paths) > 1 or output.endswith(("/", "\\")) or Path(output).is_dir()
    )
    targets: list[tuple[str, Path | None]] = []
    taken: dict[Path, str] = {}
    for path in paths:
        source = Path(path)
        if in_place:
            target = source
        elif output is None or folder:
            where = source.parent if output is None else Path(output)
            target = where / f"{source.stem}{suffix}{source.suffix}"
        else:
            target = Path(output)
        if target.absolute() in taken:
            raise UsageError(
                f"`{taken[target.absolute()]}` and `{path}` would both be written to `{target}`.",
                "Restore them into different folders with `-o`.",
            )
        taken[target.absolute()] = path
        targets.append((path, target))
    return targets


def _one(
    path: str, target: Path | None, options: dict[str, Any], config: Config, bench: Any
) -> None:
    from unfade.film.kinds import is_film

    if path != STANDARD and is_film(Path(path)):
        where = target_for_film(path, target, options["output"], options["access"])
        restore_one_film(Path(path), where, options, config, bench)
        return
    refuse_sharing(path, options)
    if path == STANDARD or target is None:
        _piped(path, target, options, config, bench)
        return
    result = _restored(Path(path), options, config, bench)
    if options["dry_run"]:
        _tell_plan(path, result, options)
        return
    if options["in_place"]:
        saved = result.save_in_place(quality=options["quality"], sign=options["credentials"])
    else:
        saved = result.save(
            target,
            overwrite=options["overwrite"],
            quality=options["quality"],
            sign=options["credentials"],
        )
    _tell(path, saved, result, options)
    _file_papers(result, saved, options)


def _file_papers(result: Result, saved: Saved, options: dict[str, Any]) -> None:
    """Report and package, where they were asked for."""
    replace = options["overwrite"] or options["in_place"]
    papers = []
    if options["report"]:
        from unfade.report import write_report

        papers.append(write_report(result, saved, overwrite=replace))
    if options["package"]:
        from unfade.package import write_package

        papers.append(write_package(result, saved, overwrite=replace))
    if not (options["quiet"] or options["as_json"]):
        for paper in papers:
            console.say(f"  {paper}")


def _restored(path: Path, options: dict[str, Any], config: Config, bench: Any) -> Result:
    from unfade.journey import restore

    return restore(
        path,
        recipe=options["recipe"] or config.recipe,
        policy=options["policy"] or config.policy,
        only=options["only"],
        skip=options["skip"],
        settings=options["settings"],
        upscale=options["upscale"],
        only_classical=options["only_classical"],
        faces=options["face"] or options["faces"],
        fill=options["fill"],
        prompt=options["prompt"],
        render=options["render"],
        colorize=options["colorize"],
        hints=options["hints"],
        reference=options["reference"],
        mask=options["mask"],
        protect=options["protect"],
        rejected=options["reject"],
        page=options["page"] - 1 if options["page"] else None,
        bench=bench,
        limits=limits_of(config),
    )


def _piped(
    path: str, target: Path | None, options: dict[str, Any], config: Config, bench: Any
) -> None:
    """Standard input or output: through a folder of our own, so that the same code runs."""
    import shutil
    import tempfile

    with tempfile.TemporaryDirectory(prefix="unfade-") as folder:
        source = Path(path)
        if path == STANDARD:
            source = Path(folder) / "input"
            with open(source, "wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file)
        result = _restored(source, options, config, bench)
        if target is not None:
            saved = result.save(
                target,
                overwrite=options["overwrite"],
                quality=options["quality"],
                sign=options["credentials"],
            )
            _tell(path, saved, result, options)
            return
        from unfade import files

        suffix = files.usual_extension(result.original)
        saved = result.save(
            Path(folder) / f"output{suffix}",
            quality=options["quality"],
            sign=options["credentials"],
        )
        with open(saved.output, "rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def _tell(path: str, saved: Saved, result: Result, options: dict[str, Any]) -> None:
    record = saved.record
    if options["as_json"]:
        console.show_json(
            {
                "event": "restored",
                "source": path,
                "output": str(saved.output),
                "record": str(saved.record_file),
                "evidence": str(saved.evidence_file) if saved.evidence_file else None,
                "same_bytes": saved.same_bytes,
                "changed_share": record.changed_share,
                "steps": [step.step for step in record.steps],
                "items": len(record.items),
                "warnings": list(record.warnings),
            }
        )
    if options["quiet"] or options["as_json"]:
        return
    for warning in record.warnings:
        console.say(f"{path}: {warning}")
    if saved.same_bytes:
        console.say(f"{path}: nothing to mend; {saved.output} is the very same bytes.")
        return
    console.say(f"{path} -> {saved.output}: {record.changed_share:.2%} of the pixels touched.")
    for step in record.steps:
        made = sum(item.made for item in step.items)
        count = f" ({made} items)" if step.items else ""
        console.say(f"  {step.step}{count}: {step.reason}")
        for note in (step.model or {}).get("notes", ()):
            console.say(f"    {note}")
        for face in step.measured.get("faces", ()):
            console.say(f"    face {face['face']}: {_about_face(face)}")


def _about_face(face: dict[str, Any]) -> str:
    likeness = face.get("likeness")
    return face["decision"] + ("" if likeness is None else f" (likeness {likeness:.2f})")


def _tell_plan(path: str, result: Result, options: dict[str, Any]) -> None:
    if options["as_json"]:
        console.show_json({"event": "planned", "source": path, **result.advice.to_dict()})
        return
    steps = result.record.steps
    console.show(f"{path}: " + ("nothing would be done." if not steps else "would be done:"))
    for step in steps:
        console.show(f"  {step.step}: {step.reason} ({step.changed_share:.2%} of the pixels)")
    for reason in result.record.left_alone:
        console.show(f"  left alone: {reason}")


def _failure(path: str, error: UnfadeError) -> dict[str, Any]:
    return {
        "event": "failed",
        "source": path,
        "error": {"code": error.code, "message": str(error), "exit_code": error.exit_code},
    }


def _tell_failure(path: str, error: UnfadeError, as_json: bool) -> None:
    if as_json:
        console.show_json(_failure(path, error))
    console.say(f"{path}: {error}")
