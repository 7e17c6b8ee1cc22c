"""What was asked for, laid over what advice or a recipe says: the recipe that is carried out."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from unfade.advice import (
    ASKING_IS_PERMISSION,
    Advice,
    advise,
    check_class,
    check_policy,
    overlay,
    policy_classes,
)
from unfade.engines.contract import BenchView
from unfade.errors import UsageError
from unfade.findings import Findings, Mark, MarkKind, Marks
from unfade.picture import Mask
from unfade.pixels.regions import regions_of
from unfade.recipe import Recipe, load_recipe
from unfade.record import Evidence
from unfade.steps import Kind, step_of
from unfade.steps.inpaint.choice import AUTO
from unfade.steps.inpaint.learned import CLASSICAL, DIFFUSION, OWN_METHOD
from unfade.treatment import open_network


def needed_findings(recipe: object) -> set[str] | None:
    """All findings for advice; for a recipe only what its steps look at."""
    if recipe == "auto":
        return None
    chosen = recipe if isinstance(recipe, Recipe) else load_recipe(str(recipe))
    return {name for settings in chosen.steps for name in step_of(settings).looks_at}


def asked_steps(
    upscale: int | None,
    mask: Mask | None,
    only: Collection[str],
    faces: bool | Collection[int],
    colorize: bool,
) -> dict[str, str]:
    """Steps that were asked for otherwise than by name, each with the reason.

    Args:
        only: names of steps: these say themselves what they do inside a mask
    """
    asked = {}
    if mask is not None and not only:
        asked["inpaint"] = "the user's own mask."
    if faces:
        which = "all" if faces is True else ", ".join(str(n) for n in sorted(faces))
        asked["restore_faces"] = f"asked for by name: faces {which}."
    if upscale is not None:
        asked["upscale"] = f"asked for: {upscale} times along each side."
    if colorize:
        asked["colorize"] = "asked for: colours that the picture does not hold."
    return asked


def decide(
    recipe: str | os.PathLike[str] | Recipe,
    findings: Findings,
    policy: str,
    only: Collection[str],
    skip: Collection[str],
    settings: Mapping[str, Mapping[str, Any]],
    asked: Mapping[str, str],
    has_mask: bool,
) -> Advice:
    """The recipe to carry out, with reasons.

    Args:
        recipe: "auto", a shipped recipe's name, a TOML file, or a recipe
        settings: step name -> settings over the advised ones or the recipe's
        asked: of ``asked_steps``
    Raises:
        RecipeError, PolicyError
    """
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


def lay_fill(
    over: dict[str, dict[str, Any]], fill: str | None, prompt: str | None, policy: str, mask: bool
) -> None:
    """Lay the fill that was asked for over the settings of ``inpaint``.

    A learned fill that was asked for by name takes wide holes too, where the policy lets that in.

    Args:
        over: step name -> settings; changed in place
        mask: whether the user has given one
    Raises:
        UsageError: no mask, or words for a fill that reads none
    """
    if not mask:
        raise UsageError(
            "A fill was asked for, and no mask that says where.",
            "Give one with `--mask`, white where it is to be filled.",
        )
    own = over.setdefault("inpaint", {})
    if fill is not None:
        own["method"] = fill
        learned = fill not in (AUTO, *CLASSICAL, OWN_METHOD)
        permitted = policy in ASKING_IS_PERMISSION or Evidence.INVENTED in policy_classes(policy)
        if learned and permitted:
            own.setdefault("max_width_px", 20_000)
    if prompt is not None:
        if own.get("method") != DIFFUSION:
            raise UsageError(
                "A prompt was given to a fill that reads no words.", "Use `--fill diffusion`."
            )
        own["prompt"] = prompt


def check_networks(recipe: Recipe, policy: str, asked: Collection[str], bench: BenchView) -> None:
    """Refuse networks that make up what the policy forbids: their own facts tell.

    Args:
        asked: names of steps that were asked for by name
    Raises:
        PolicyError, ModelMissing
    """
    for settings in recipe.steps:
        step = step_of(settings)
        name = None if settings.neutral else step.network(settings)
        if name is not None and step.kind not in (Kind.LOCAL, Kind.GEOMETRY):
            open_network(step, settings, bench)
            check_class(step, Evidence(bench.engine(name).facts.evidence), policy, asked)


def with_user_marks(findings: Findings, mask: Mask) -> Findings:
    """The user's mask as marks beside those found inside it."""
    marks = findings.marks or Marks(says="Only the user's own mask.", confidence=1.0)
    own = tuple(Mark(kind=MarkKind.USER, region=region) for region in regions_of(mask))
    return replace(findings, marks=replace(marks, items=(*marks.items, *own)))
