"""What a job made, to be shown or taken away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from unfade.web.problems import NotFound, NotYet
from unfade.web.rows import JobRow, UploadRow
from unfade.web.schemas.jobs import Kind, State
from unfade.web.schemas.results import Masks, MaskView
from unfade.web.show import Seen
from unfade.web.studio import Studio

Download = tuple[Path, str, str]  # the file, the user's name for it, its format


def seen_upload(studio: Studio, upload: UploadRow) -> Seen:
    """An upload to be shown."""
    path = studio.tasks.original(upload)
    folder = studio.shelf.seen(path.parent)
    return Seen(path, folder, int(upload.facts["rows"]), int(upload.facts["cols"]), upload.name)


def seen_result(studio: Studio, job: JobRow) -> Seen:
    """A job's picture to be shown."""
    path = _output(studio, job)
    facts = job.summary or {}
    folder = studio.shelf.seen(path.parent)
    return Seen(path, folder, int(facts["rows"]), int(facts["cols"]), str(facts["name"]))


async def picture(
    studio: Studio, job: JobRow, *, format: str | None, quality: int | None, depth: int | None
) -> Download:
    """The job's picture as it was written, or in another format, quality or depth.

    Raises:
        NotFound: there is none; WouldLose, UsageError, ...: it cannot be had that way
    """
    path = _output(studio, job)
    facts = job.summary or {}
    name, own = str(facts["name"]), str(facts["format"])
    if format in (None, own) and quality is None and depth is None:
        return path, name, own
    known = await studio.formats_out()
    wanted = format or own
    if wanted not in known:
        raise NotFound(
            f"`{wanted}` is no format that is written here.",
            f"Known: {', '.join(f'`{each}`' for each in known)}.",
        )
    seen = seen_result(studio, job)
    target = seen.folder / f"as-q{quality or 0}-d{depth or 0}{known[wanted]}"
    await studio.looks.make(
        target,
        "render:convert",
        {
            "path": str(path),
            "names": {str(path): name, str(target): name},
            "limits": studio.tasks.limits,
            "quality": quality,
            "depth": depth,
        },
    )
    return target, Path(name).stem + known[wanted], wanted


def evidence(studio: Studio, job: JobRow) -> Download:
    """The evidence map as the library wrote it."""
    path = _output(studio, job)
    return _file(
        path.with_name(path.name + ".evidence.png"),
        f"{_facts(job)['name']}.evidence.png",
        "png",
        "evidence map; nothing was changed",
    )


def record(studio: Studio, job: JobRow) -> Download:
    """The record, as it lies beside a downloaded result."""
    path = _output(studio, job).with_name("record.json")
    return _file(path, f"{_facts(job)['name']}.unfade.json", "json", "record")


def items(studio: Studio, job: JobRow) -> Any:
    """The repairs."""
    return json.loads(_output(studio, job).with_name("items.json").read_text(encoding="utf-8"))


def found(studio: Studio, job: JobRow) -> Any:
    """What an ``examine`` or ``compare`` job found."""
    names = {Kind.EXAMINE: "examination.json", Kind.COMPARE: "comparison.json"}
    name = names.get(Kind(job.kind))
    if name is None:
        raise NotFound(
            f"A job of kind `{job.kind}` has no figures of its own.",
            "`GET /v1/jobs/{id}` has its summary.",
        )
    _check_done(job)
    place = studio.shelf.attempt(job.id, job.attempts) / name
    return json.loads(place.read_text(encoding="utf-8"))


async def masks(studio: Studio, job: JobRow) -> Masks:
    """The kinds of damage that there are masks of."""
    path = _marks(studio, job)
    if not path.exists():
        return Masks(masks=[])
    kinds = (await studio.looks.ask("render:masks", {"path": str(path)}))["kinds"]
    return Masks(
        masks=[
            MaskView(kind=kind, marks=count, url=f"/v1/jobs/{job.id}/masks/{kind}")
            for kind, count in sorted(kinds.items())
        ]
    )


async def mask(studio: Studio, job: JobRow, kind: str) -> Download:
    """The mask of one kind of damage."""
    known = {each.kind for each in (await masks(studio, job)).masks}
    if kind not in known:
        raise NotFound(
            "There is no mask of this kind.", f"There are: {', '.join(sorted(known)) or 'none'}."
        )
    path = _marks(studio, job)
    target = studio.shelf.seen(path.parent) / f"mask-{kind}.png"
    await studio.looks.make(target, "render:mask", {"path": str(path), "kind": kind})
    return target, f"{Path(job.name).stem}.{kind}.png", "png"


def further(studio: Studio, job: JobRow, what: str) -> Download:
    """The report or the package, if the job made one."""
    path = _output(studio, job)
    name = _facts(job).get(what)
    if not name:
        raise NotFound(
            f"This job made no {what}.", "`GET /v1/jobs/{id}` lists under `links` what there is."
        )
    file = path.with_name(str(name))
    return _file(file, f"{Path(job.name).stem}-{what}{file.suffix}", file.suffix[1:], what)


def _output(studio: Studio, job: JobRow) -> Path:
    if not job.final:
        raise NotYet(f"The job is {job.state}.", "Ask again when it has ended.")
    return studio.tasks.output(job)


def _marks(studio: Studio, job: JobRow) -> Path:
    _check_done(job)
    return studio.shelf.attempt(job.id, job.attempts) / "marks.npz"


def _check_done(job: JobRow) -> None:
    if not job.final:
        raise NotYet(f"The job is {job.state}.", "Ask again when it has ended.")
    if job.state is not State.SUCCEEDED:
        raise NotFound(f"The job is {job.state}.", "`GET /v1/jobs/{id}` has its `error`.")


def _facts(job: JobRow) -> dict[str, Any]:
    return dict(job.summary or {})


def _file(path: Path, name: str, format: str, what: str) -> Download:
    if not path.is_file():
        raise NotFound(f"This job has no {what}.", "`GET /v1/jobs/{id}` lists what there is.")
    return path, name, format
