"""Options of ``unfade restore`` that only films have, and what is told about a film."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from unfade.cli import console
from unfade.cli.options import limits_of
from unfade.errors import UsageError

if TYPE_CHECKING:
    from unfade.film.wishes import FilmWishes

F = TypeVar("F", bound=Callable[..., Any])
_SHARING = ("workers", "executor", "ray_address")
_ONLY_PICTURES = (
    "mask", "protect", "reject", "page", "quality", "in_place", "faces", "face", "fill", "prompt",
    "render", "hints", "reference", "report", "package", "credentials",
)  # fmt: skip
_SPELLED = {"hints": "--hint", "credentials": "--sign"}


def film_options(command: F) -> F:
    """How a film is read, cut into work and written."""
    for option in reversed(
        (
            click.option("--access", metavar="CODEC[:N]",
                         help="Film: an access copy in av1, x264, x265 or prores; N: quality."),
            click.option("--deinterlace", is_flag=True, help="Film: one picture from two fields."),
            click.option("--ivtc", is_flag=True, help="Film: undo telecine; leave repeats out."),
            click.option("--keep-cadence", is_flag=True, help="Film: frames as they are."),
            click.option("--frames", metavar="A-B", help="Film: only these frames, from 0."),
            click.option("--preview", metavar="SECONDS", help="Film: a piece from the middle."),
            click.option("--strict", is_flag=True, help="Film: damage is an error."),
            click.option("--allow-loss", is_flag=True,
                         help="Film: leave out streams that the output cannot hold."),
            click.option("--segment-s", type=click.FloatRange(0.1, 3600), default=10.0,
                         metavar="SECONDS", help="Film: what a kill may cost."),
            click.option("--workers", type=click.IntRange(1), metavar="N",
                         help="Film: processes that share it; default: one."),
            click.option("--executor", type=click.Choice(("local", "ray")),
                         help="Film: processes of this machine, or a Ray cluster."),
            click.option("--ray-address", metavar="HOST:PORT",
                         help="Film: a running cluster; default: a local one."),
            click.option("--fps", metavar="RATE", help="Numbered pictures: frames a second."),
            click.option("--side-by-side", is_flag=True,
                         help="Film: also a copy with before and after beside each other."),
            click.option("--film-report", is_flag=True,
                         help="Film: also a page with a sheet of the repairs."),
        )
    ):  # fmt: skip
        command = option(command)
    return command


def target_for_film(path: str, target: Path | None, output: str | None, access: str | None) -> Path:
    """Where a film goes when no name was given: a master in Matroska, or the access copy's own.

    Raises:
        UsageError: a film cannot go to standard output
    """
    if target is None:
        raise UsageError("A film cannot be piped.", "Name a file with `-o`.")
    if output is not None and not (output.endswith(("/", "\\")) or Path(output).is_dir()):
        return target
    name = "mkv" if not access or access.startswith("ffv1") else (
        "mov" if access.startswith("prores") else "mp4"
    )  # fmt: skip
    if "%" in target.name:
        stem = re.sub(r"[._-]?%\d*d", "", Path(path).stem) or "film"
        target = target.with_name(f"{stem}-restored")
        return target.with_suffix(f".{name}")
    return target.with_suffix(f".{name}")


def refuse_sharing(path: str, options: dict[str, Any]) -> None:
    """Only the segments of a film are shared by workers.

    Raises:
        UsageError
    """
    for name in _SHARING:
        if options[name] is not None:
            raise UsageError(
                f"`--{name.replace('_', '-')}` is for films; `{path}` is a picture.",
                "Leave it out; `unfade batch` restores many pictures with several workers.",
            )


def restore_one_film(
    path: Path, target: Path, options: dict[str, Any], config: Any, bench: Any
) -> None:
    """Restore a film and tell about it; a run that was stopped goes on."""
    from unfade.film.delivery import was_interrupted
    from unfade.film.journey import restore_film
    from unfade.film.report import side_by_side, write_report
    from unfade.film.wishes import FilmOptions, FilmWishes, refuse_for_films

    refuse_for_films(
        path.name,
        {_SPELLED.get(n, f"--{n.replace('_', '-')}"): options[n] for n in _ONLY_PICTURES},
    )
    shared = _is_shared(options)
    wishes = FilmWishes(
        recipe=options["recipe"] or config.recipe,
        policy=options["policy"] or ("film" if config.policy == "family" else config.policy),
        only=options["only"],
        skip=options["skip"],
        settings=options["settings"],
        upscale=options["upscale"],
        colorize=options["colorize"],
        only_classical=options["only_classical"],
        options=FilmOptions(
            access=options["access"],
            deinterlace=options["deinterlace"],
            ivtc=options["ivtc"],
            keep_cadence=options["keep_cadence"],
            frames=_frames(options["frames"]),
            preview_s=_seconds(options["preview"]),
            strict=options["strict"],
            allow_loss=options["allow_loss"],
            segment_s=options["segment_s"],
            rate=_rate(options["fps"]),
        ),
        limits=limits_of(config),
    )
    if options["dry_run"]:
        _tell_plan(path, wishes, options["as_json"])
        return
    overwrite = options["overwrite"] or was_interrupted(target)
    if not overwrite and "%" not in target.name and target.exists():
        from unfade.files.places.local import check_target

        check_target(target, False, path)
    if shared:
        from unfade.batch.shared_film import restore_film_shared

        silent = options["quiet"] or options["as_json"]
        with _executor(options) as executor:
            result = restore_film_shared(
                path,
                executor,
                output=target,
                bench=bench,
                says=None if silent else lambda note: console.say(f"{path}: {note}"),
                **wishes,
            )
    else:
        result = restore_film(path, output=target, bench=bench, **wishes)
    saved = result.save(target, overwrite=overwrite)
    more: dict[str, str] = {}
    if options["side_by_side"]:
        more["side_by_side"] = str(side_by_side(result, target))
    if options["film_report"]:
        more["report"] = str(write_report(result, saved))
    result.discard()
    _tell(path, saved, options, more)


def _is_shared(options: dict[str, Any]) -> bool:
    """Whether workers were asked for: one process of this machine needs none.

    Raises:
        UsageError: an address of a cluster that is not used
    """
    if options["ray_address"] is not None and options["executor"] != "ray":
        raise UsageError(
            "`--ray-address` names a cluster that is not used.", "Add `--executor ray`."
        )
    if options["executor"] == "ray":
        return True
    return options["workers"] != 1 and any(options[name] is not None for name in _SHARING)


def _executor(options: dict[str, Any]) -> Any:
    """The executor that was asked for; it starts when it is given work."""
    threads = options["threads"] or None
    if options["executor"] == "ray":
        from unfade.batch.executors.on_ray import RayExecutor

        return RayExecutor(
            workers=options["workers"], threads=threads, address=options["ray_address"] or ""
        )
    from unfade.batch.executors.local import LocalExecutor

    return LocalExecutor(workers=options["workers"], threads=threads)


def _tell_plan(path: Path, wishes: FilmWishes, as_json: bool) -> None:
    """What would be done; where, only its frames can tell."""
    from unfade.film.choosing import choose_recipe
    from unfade.film.probe import probe

    options = wishes["options"]
    film = probe(path, limits=wishes["limits"], rate=options.rate if options else None)
    recipe, reasons = choose_recipe(wishes)
    if as_json:
        said = {"recipe": recipe.to_text(), "reasons": reasons, "frames": film.frames}
        console.show_json({"event": "planned", "source": str(path), **said})
        return
    console.show(
        f"{path}, {film.frames} frames: "
        + ("a lossless copy would be made." if not reasons else "would be done:")
    )
    for step, reason in reasons.items():
        console.show(f"  {step}: {reason}")


def _tell(path: Path, saved: Any, options: dict[str, Any], more: dict[str, str]) -> None:
    record = saved.record
    events = record.findings["events"]
    repairs = {s.step: s.measured["repairs"] for s in record.steps if "repairs" in s.measured}
    if options["as_json"]:
        console.show_json(
            {
                "event": "restored",
                "source": str(path),
                "output": str(saved.output),
                "record": str(saved.record_file),
                "framehash": str(saved.hashes_file) if saved.hashes_file else None,
                "repairs_list": str(saved.repairs_file) if saved.repairs_file else None,
                "frames": record.output["frames"],
                "repairs": repairs,
                "events": len(events),
                "warnings": list(record.warnings),
                **more,
            }
        )
    if options["quiet"] or options["as_json"]:
        return
    for warning in record.warnings:
        console.say(f"{path}: {warning}")
    for event in events[:10]:
        console.say(f"{path}, frame {event['frame']}: {event['kind']}. {event['says']}")
    if len(events) > 10:
        console.say(f"{path}: {len(events) - 10} more such frames, listed in the record.")
    console.say(f"{path} -> {saved.output}: {record.output['frames']} frames.")
    for step in record.steps:
        count = f" ({repairs[step.step]} repairs)" if step.step in repairs else ""
        console.say(f"  {step.step}{count}: {step.reason}")


def _frames(text: str | None) -> tuple[int, int] | None:
    """``100-200`` -> (100, 201)."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d+)-(\d+)", text.strip())
    if match is None or int(match[2]) < int(match[1]):
        raise UsageError(f"`--frames {text}` is no range.", "Write it like `--frames 100-200`.")
    return int(match[1]), int(match[2]) + 1


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*s?", text.strip())
    if match is None or float(match[1]) <= 0:
        raise UsageError(f"`--preview {text}` is no time.", "Write it like `--preview 10s`.")
    return float(match[1])


def _rate(text: str | None) -> Any:
    from fractions import Fraction

    if text is None:
        return None
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not 0 < rate <= 1000:
        raise UsageError(f"`--fps {text}` is no rate.", "Write it like `--fps 18` or 24000/1001.")
    return rate
