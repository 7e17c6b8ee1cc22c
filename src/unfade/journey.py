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
from unfade.advice import (
    ASKING_IS_PERMISSION,
    Advice,
    advise,
    check_class,
    check_policy,
    overlay,
    policy_classes,
    shown_as,
)
from unfade.advice.networks import refuse_networks, wish_enlarged
from unfade.condition import look_at
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
from unfade.findings import Findings, Mark, MarkKind, Marks
from unfade.picture import Mask, Picture
from unfade.pixels.regions import regions_of
from unfade.recipe import Recipe, load_recipe, parse_recipe
from unfade.record import Evidence, Record
from unfade.result import Result, file_sha256
from unfade.steps import Kind, step_of
from unfade.steps.colorize import hint_text
from unfade.steps.colorize.reference import reference_hints
from unfade.steps.inpaint.choice import AUTO
from unfade.steps.inpaint.learned import CLASSICAL, DIFFUSION
from unfade.treatment import open_network, treat

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
        asked = _asked(
            upscale, inside, only, faces, colorize or bool(hints) or reference is not None
        )
        seen = look_at(picture, work, only=_needed(recipe), networks=not only_classical)
        findings = replace(seen, notes=opened.notes)
        if inside is not None:
            findings = _with_user_marks(findings, inside, picture, work)
        over = {name: dict(values) for name, values in (settings or {}).items()}
        if upscale is not None:
            asked["upscale"] += wish_enlarged(over, upscale, only_classical)
        if faces and faces is not True:
            over.setdefault("restore_faces", {})["faces"] = ",".join(str(n) for n in sorted(faces))
        if fill is not None or prompt is not None:
            _fill_as_asked(over, fill, prompt, policy, inside is not None)
        if reference is not None:
            hints = (*hints, *_hints_from(reference, picture, limits or Limits()))
        if hints:
            over.setdefault("colorize", {})["hints"] = hint_text(hints)
        advice = _decide(recipe, findings, policy, only, skip, over, asked, inside is not None)
        if render is not None:
            advice = replace(advice, recipe=shown_as(advice.recipe, render))
        named = advice.recipe.step_names if recipe != "auto" else (*asked, *only, *over)
        if only_classical:
            refuse_networks(advice.recipe)
        _check_networks(advice.recipe, policy, named, work)
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
        advice=advise(findings, policy=policy),
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


def _needed(recipe: object) -> set[str] | None:
    """All findings for advice; for a recipe only what its steps look at."""
    if recipe == "auto":
        return None
    chosen = recipe if isinstance(recipe, Recipe) else load_recipe(str(recipe))
    return {name for settings in chosen.steps for name in step_of(settings).looks_at}


def _asked(
    upscale: int | None,
    mask: Mask | None,
    only: Collection[str],
    faces: bool | Collection[int],
    colorize: bool,
) -> dict[str, str]:
    asked = {}
    if mask is not None and not only:  # steps that are named say themselves what they do there
        asked["inpaint"] = "the user's own mask."
    if faces:
        which = "all" if faces is True else ", ".join(str(n) for n in sorted(faces))
        asked["restore_faces"] = f"asked for by name: faces {which}."
    if upscale is not None:
        asked["upscale"] = f"asked for: {upscale} times along each side."
    if colorize:
        asked["colorize"] = "asked for: colours that the picture does not hold."
    return asked


def _decide(
    recipe: str | os.PathLike[str] | Recipe,
    findings: Findings,
    policy: str,
    only: Collection[str],
    skip: Collection[str],
    settings: Mapping[str, Mapping[str, Any]],
    asked: Mapping[str, str],
    has_mask: bool,
) -> Advice:
    """The recipe to carry out, with reasons."""
    if recipe == "auto":
        # a mask says where and what: nothing else is done unless it is asked for by name
        exactly = [*only, *asked] if only or has_mask else ()
        return advise(
            findings, policy=policy, only=exactly, skip=skip, settings=settings, asked=asked
        )
    chosen = recipe if isinstance(recipe, Recipe) else load_recipe(str(recipe))
    extra = advise(Findings(), policy=policy, only=tuple(asked), asked=asked)
    have = set(chosen.step_names)
    added = tuple(s for s in extra.recipe.steps if step_of(s).name not in have)
    kept = tuple(
        s
        for s in (*chosen.steps, *added)
        if step_of(s).name not in skip and (not only or step_of(s).name in {*only, *asked})
    )
    chosen = overlay(replace(chosen, steps=kept), settings)
    # a step that stands in a recipe which was named is asked for by name
    check_policy(chosen, policy, asked=chosen.step_names)
    reasons = dict.fromkeys(chosen.step_names, f"recipe `{chosen.name}`.") | dict(asked)
    return Advice(recipe=chosen, reasons=reasons)


def _fill_as_asked(
    over: dict[str, dict[str, Any]], fill: str | None, prompt: str | None, policy: str, mask: bool
) -> None:
    """Lay the fill that was asked for over the settings of ``inpaint``.

    A learned fill that was asked for by name takes wide holes too, where the policy lets that in.
    """
    if not mask:
        raise UsageError(
            "A fill was asked for, and no mask that says where.",
            "Give one with `--mask`, white where it is to be filled.",
        )
    own = over.setdefault("inpaint", {})
    if fill is not None:
        own["method"] = fill
        learned = fill not in (AUTO, *CLASSICAL)
        permitted = policy in ASKING_IS_PERMISSION or Evidence.INVENTED in policy_classes(policy)
        if learned and permitted:
            own.setdefault("max_width_px", 20_000)
    if prompt is not None:
        if own.get("method") != DIFFUSION:
            raise UsageError(
                "A prompt was given to a fill that reads no words.", "Use `--fill diffusion`."
            )
        own["prompt"] = prompt


def _check_networks(recipe: Recipe, policy: str, asked: Collection[str], bench: BenchView) -> None:
    """Refuse networks that make up what the policy forbids: their own facts tell."""
    for settings in recipe.steps:
        step = step_of(settings)
        name = None if settings.neutral else step.network(settings)
        if name is not None and step.kind not in (Kind.LOCAL, Kind.GEOMETRY):
            open_network(step, settings, bench)
            check_class(step, Evidence(bench.engine(name).facts.evidence), policy, asked)


def _with_user_marks(
    findings: Findings, mask: Mask, picture: Picture, bench: BenchView
) -> Findings:
    """The user's mask as marks beside those found inside it."""
    marks = findings.marks or Marks(says="Only the user's own mask.", confidence=1.0)
    own = tuple(Mark(kind=MarkKind.USER, region=region) for region in regions_of(mask))
    return replace(findings, marks=replace(marks, items=(*marks.items, *own)))


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
