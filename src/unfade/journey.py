"""The journey of one picture: arrive, look, decide, mend, leave.

``restore``, ``examine``, ``compare`` and ``revert`` are the library's front doors; the command
line is a thin echo of them.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from unfade import files
from unfade.advice import Advice, advise, shown_as
from unfade.advice.networks import by_networks, refuse_networks, wish_enlarged
from unfade.condition import look_at
from unfade.deciding import (
    asked_steps,
    check_networks,
    decide,
    lay_fill,
    needed_findings,
    with_user_marks,
)
from unfade.engines.contract import BenchView
from unfade.engines.lent import bench_or_own
from unfade.errors import UnreadableInput, UsageError
from unfade.evaluate.comparison import Comparison, compare_pictures
from unfade.files.formats.contract import Blocks, Header, Opened
from unfade.files.limits import Limits
from unfade.files.sidecar import read_record, record_path
from unfade.film.journey import restore_film
from unfade.film.kinds import is_film
from unfade.film.rebuild import find_original, is_film_record, rebuild_film
from unfade.film.wishes import refuse_for_films
from unfade.findings import Findings
from unfade.picture import Mask, Picture
from unfade.recipe import Recipe, parse_recipe
from unfade.record import Record
from unfade.result import Result, file_sha256
from unfade.steps.colorize import hint_text
from unfade.steps.colorize.reference import reference_hints
from unfade.treatment import treat

Source = str | os.PathLike[str] | np.ndarray | Picture


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Examination:
    """What is wrong with a picture, and what would be done about it."""

    findings: Findings
    advice: Advice
    header: Header
    picture: Picture

    def to_dict(self) -> dict[str, Any]:
        return {
            "format": self.header.format,
            "rows": self.picture.rows,
            "cols": self.picture.cols,
            "bits": self.header.bits,
            "findings": self.findings.to_dict(),
            "advice": self.advice.to_dict(),
        }


def restore(
    source: Source,
    *,
    recipe: str | os.PathLike[str] | Recipe = "auto",
    policy: str = "family",
    only: Collection[str] = (),
    skip: Collection[str] = (),
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    upscale: int | None = None,
    only_classical: bool = False,
    faces: bool | Collection[int] = False,
    fill: str | None = None,
    prompt: str | None = None,
    render: str | None = None,
    colorize: bool = False,
    hints: Collection[str | tuple[int, int, tuple[int, int, int]]] = (),
    reference: Source | None = None,
    mask: str | os.PathLike[str] | Mask | None = None,
    protect: str | os.PathLike[str] | Mask | None = None,
    rejected: Collection[str] = (),
    page: int | None = None,
    bench: BenchView | None = None,
    limits: Limits | None = None,
) -> Result:
    """Restore one picture; nothing is written until ``Result.save``.

    Args:
        source: a file, or an array (rows, cols[, channels]) of uint8, uint16 or float32 in RGB
            order, or a ``Picture``
        recipe: "auto" (by advice), a shipped recipe's name, a TOML file, or a ``Recipe``
        policy: which evidence the result may hold: archive, museum, family, film, free
        only, skip: names of steps; ``only`` asks for exactly these
        settings: step name -> settings laid over the advised ones or the recipe's
        upscale: 2, 3 or 4 times along each side
        only_classical: no network is used, not even where one measured better
        faces: True: draw all faces anew, or the numbers of those (from 1, left to right). What is
            drawn is invented; asking for it is the permission, but under archive and museum
        fill: how the holes of ``mask`` are filled: a method of the step ``inpaint``. Learned fills
            take wide holes too where the policy lets invented content in
        prompt: for the fill ``diffusion``: what to paint
        render: how all repairs are shown: "imitative", "neutral" or "tratteggio"
        colorize: give a grey picture colours that it does not hold
        hints: colours that are known, as (row, col, (red, green, blue)) of 0-255 or as
            "ROW,COL,#RRGGBB"; they ask for `colorize`
        reference: a coloured picture of like things; hints are taken from it
        mask: file or bool array: mend here, and change nothing elsewhere
        protect: file or bool array: change nothing here
        rejected: keys of marks that must stay as they are
    Returns:
        the result in memory
    Raises:
        InputRefused, RecipeError, PolicyError, ModelMissing, ...: see ``unfade.errors``

    A film is restored by ``unfade.film.journey.restore_film``, and what comes back is its
    ``FilmResult``, which has ``record`` and ``save`` as a ``Result`` has.
    """
    if isinstance(source, (str, os.PathLike)) and is_film(Path(source)):
        refuse_for_films(
            Path(source).name,
            {
                "faces": faces, "fill": fill, "prompt": prompt, "render": render, "hints": hints,
                "reference": reference, "mask": mask, "protect": protect, "rejected": rejected,
                "page": page,
            },
        )  # fmt: skip
        film: Any = restore_film(
            source,
            recipe=recipe,
            policy="film" if policy == "family" else policy,
            only=only,
            skip=skip,
            settings=settings,
            upscale=upscale,
            colorize=colorize,
            only_classical=only_classical,
            bench=bench,
            limits=limits,
        )
        return film  # type: ignore[no-any-return]  # the twin of Result for films
    opened = arrive(source, limits or Limits(), page)
    picture = opened.picture
    with bench_or_own(bench) as work:
        inside = _load_mask(mask, opened, "mask")
        shield = _load_mask(protect, opened, "protect")
        asked = asked_steps(
            upscale, inside, only, faces, colorize or bool(hints) or reference is not None
        )
        seen = look_at(picture, work, only=needed_findings(recipe), networks=not only_classical)
        findings = replace(seen, notes=opened.notes)
        if inside is not None:
            findings = with_user_marks(findings, inside)
        over = {name: dict(values) for name, values in (settings or {}).items()}
        if upscale is not None:
            asked["upscale"] += wish_enlarged(over, upscale, only_classical)
        if faces and faces is not True:
            over.setdefault("restore_faces", {})["faces"] = ",".join(str(n) for n in sorted(faces))
        if fill is not None or prompt is not None:
            lay_fill(over, fill, prompt, policy, inside is not None)
        if reference is not None:
            hints = (*hints, *_hints_from(reference, picture, limits or Limits()))
        if hints:
            over.setdefault("colorize", {})["hints"] = hint_text(hints)
        advice = decide(recipe, findings, policy, only, skip, over, asked, inside is not None)
        if recipe == "auto" and not only_classical:
            advice = by_networks(advice, (*only, *over))
        if render is not None:
            advice = replace(advice, recipe=shown_as(advice.recipe, render))
        named = advice.recipe.step_names if recipe != "auto" else (*asked, *only, *over)
        if only_classical:
            refuse_networks(advice.recipe)
        check_networks(advice.recipe, policy, named, work)
        treated = treat(
            picture,
            advice.recipe.steps,
            findings=findings,
            bench=work,
            mask=inside,
            protect=shield,
            rejected=rejected,
            reasons=dict(advice.reasons),
        )
    return Result.of(
        opened,
        treated,
        findings=findings,
        advice=advice,
        policy=policy,
        only_classical=only_classical,
        rejected=tuple(rejected),
        masks=_mask_facts(mask=mask, protect=protect),
    )


def examine(
    source: Source,
    *,
    policy: str = "family",
    page: int | None = None,
    bench: BenchView | None = None,
    limits: Limits | None = None,
) -> Examination:
    """Look at one picture: what is wrong, where, how sure, what would be done and why."""
    opened = arrive(source, limits or Limits(), page)
    with bench_or_own(bench) as work:
        findings = replace(look_at(opened.picture, work), notes=opened.notes)
    return Examination(
        findings=findings,
        advice=by_networks(advise(findings, policy=policy), ()),
        header=opened.header,
        picture=opened.picture,
    )


def compare(a: Source, b: Source, *, limits: Limits | None = None) -> Comparison:
    """Measure two pictures of one size against each other."""
    limits = limits or Limits()
    return compare_pictures(arrive(a, limits, None).picture, arrive(b, limits, None).picture)


def revert(
    output: str | os.PathLike[str],
    *,
    item: int | Collection[int] | None = None,
    original: str | os.PathLike[str] | None = None,
    bench: BenchView | None = None,
    limits: Limits | None = None,
) -> Result | Path:
    """Take back one repair of a delivered file, or several; None takes back all.

    The treatment is made again from the original without the item, so the result has the same
    bits as a run that never made it.

    Args:
        output: a file that unfade wrote, with its record beside it
        item: numbers of items in the record
        original: the original when it is no longer where the record says
    Returns:
        a result to save, or (``item`` None) the path of the original, checked by its hash
    Raises:
        UnreadableInput: no record, or the original is missing or not the same file any more
        UsageError: no such item
    """
    output = Path(output)
    record = read_record(output)
    if is_film_record(record) and item is None:
        return find_original(output, record, original)
    source = _find_original(output, record, original)
    if item is None:
        return source
    numbers = [item] if isinstance(item, int) else list(item)
    if is_film_record(record):
        film: Any = rebuild_film(output, strike=numbers, original=original, bench=bench)
        return film  # type: ignore[no-any-return]  # the twin of Result for films
    keys = set(record.rejected)
    for number in numbers:
        found = record.item(number)
        if found is None:
            last = len(record.items)
            raise UsageError(
                f"`{output.name}` has no item {number}.",
                f"Its record lists items 1 to {last}." if last else "Its record lists no items.",
            )
        keys.add(found.key)
    masks = {name: _mask_file(output, facts) for name, facts in record.masks.items()}
    return restore(
        source,
        recipe=(recipe := parse_recipe(record.recipe, record_path(output).name)),
        policy=record.policy,
        only=recipe.step_names,  # what was asked for then is asked for now
        only_classical=record.only_classical,
        mask=masks.get("mask"),
        protect=masks.get("protect"),
        rejected=sorted(keys),
        page=record.source.get("page"),
        bench=bench,
        limits=limits,
    )


# -- arriving -----------------------------------------------------------------------------------


def arrive(source: Source, limits: Limits, page: int | None) -> Opened:
    """A file that is opened, or an array or a picture dressed as one."""
    if isinstance(source, np.ndarray):
        array = source[:, :, None] if source.ndim == 2 else source
        if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
            raise UnreadableInput(
                "The array holds values that are no numbers.", "Replace NaN and infinity first."
            )
        source = Picture(np.ascontiguousarray(array))
    if isinstance(source, Picture):
        header = Header(
            format="array",
            rows=source.rows,
            cols=source.cols,
            channels=source.channels,
            bits=source.samples.dtype.itemsize * 8,
        )
        return Opened(picture=source, header=header, blocks=Blocks(), path=Path())
    return files.open_picture(Path(source), limits=limits, page=page)


def _hints_from(
    reference: Source, picture: Picture, limits: Limits
) -> tuple[tuple[int, int, tuple[int, int, int]], ...]:
    """Points of colour that a reference gives.

    Raises:
        UsageError: it has no colours, or none that fit
    """
    found = reference_hints(picture, arrive(reference, limits, None).picture)
    if not found:
        raise UsageError(
            "The reference has no colours that fit this picture.",
            "Give a coloured picture that shows like things, or points of colour by `--hint`.",
        )
    return found


def _load_mask(
    mask: str | os.PathLike[str] | Mask | None, opened: Opened, name: str
) -> Mask | None:
    if mask is None:
        return None
    if isinstance(mask, np.ndarray):
        wanted = (opened.picture.rows, opened.picture.cols)
        if mask.shape != wanted or mask.dtype != bool:
            raise UsageError(
                f"`{name}` is {mask.dtype} {mask.shape}; the picture needs bool {wanted}.",
                "Give an array that is True where it applies.",
            )
        return mask
    return files.load_mask(Path(mask), opened.header)


# -- taking back --------------------------------------------------------------------------------


def _mask_facts(**masks: str | os.PathLike[str] | Mask | None) -> dict[str, Any]:
    """The user's masks as the record names them; arrays cannot be found again later."""
    return {
        name: {"path": str(Path(mask)), "sha256": file_sha256(Path(mask))}
        if isinstance(mask, (str, os.PathLike))
        else {"path": None, "sha256": None}
        for name, mask in masks.items()
        if mask is not None
    }


def _mask_file(output: Path, facts: Mapping[str, Any]) -> Path:
    if facts.get("path") is None:
        raise UnreadableInput(
            f"`{output.name}` was made with a mask that was an array, not a file.",
            "Make it again from Python with the same array and `rejected=[...]`.",
        )
    return _same_file([output.parent / facts["path"], Path(facts["path"])], facts["sha256"], "mask")


def _find_original(output: Path, record: Record, given: str | os.PathLike[str] | None) -> Path:
    source = record.source
    if not source.get("sha256"):
        raise UnreadableInput(
            f"`{output.name}` was made from an array; there is no file to go back to.",
            "Restore from a file to be able to take repairs back.",
        )
    candidates = (
        [Path(given)]
        if given is not None
        else [output.parent / source.get("path", ""), output.parent / source["name"]]
    )
    return _same_file(candidates, source["sha256"], "original")


def _same_file(candidates: list[Path], sha256: str, what: str) -> Path:
    """The first candidate that is there, if it is still the same file.

    Raises:
        UnreadableInput: none is there, or its bytes have changed
    """
    for path in candidates:
        if path.is_file():
            if file_sha256(path) == sha256:
                return path
            raise UnreadableInput(
                f"`{path}` is not the {what} that was used: its SHA-256 is not {sha256[:16]}...",
                "Find the file as it was, and name it with `--original`."
                if what == "original"
                else "Put the mask back as it was.",
            )
    raise UnreadableInput(
        f"The {what} is not at `{candidates[0]}`.",
        "Name it with `--original PATH`." if what == "original" else "Put the mask back there.",
    )
