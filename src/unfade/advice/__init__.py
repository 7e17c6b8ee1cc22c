"""Advice: findings -> recipe, with a reason for each step and for each thing left alone.

Repairing what was not broken is the commonest harm in this field, so advice needs evidence: a
finding that abstained or is not sure advises nothing. Age toning, paper texture, grain, stamps,
signatures and faces are part of the document and are left alone unless asked for by name.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from unfade.advice import (
    ageing,
    blur,
    creases,
    halftone,
    jpeg_blocks,
    negative,
    painting,
    photograph,
    tonal,
    wear,
)
from unfade.advice.contract import Rule, Wishes
from unfade.errors import PolicyError, RecipeError, UsageError, nearest
from unfade.findings import Findings
from unfade.recipe import Recipe
from unfade.record import Evidence
from unfade.steps import (
    STEPS,
    RepairSettings,
    Settings,
    Step,
    find_step,
    settings_from,
    step_of,
)

# the last two undo wishes of those before: on a painting, on a negative
RULES: tuple[Rule, ...] = (
    *photograph.RULES,
    *blur.RULES,
    *creases.RULES,
    *wear.RULES,
    *tonal.RULES,
    *ageing.RULES,
    *halftone.RULES,
    *jpeg_blocks.RULES,
    *painting.RULES,
    *negative.RULES,
)

POLICIES: dict[str, frozenset[Evidence]] = {
    "archive": frozenset(Evidence(n) for n in (0, 1)),
    "museum": frozenset(Evidence(n) for n in (0, 1, 2, 3)),
    "family": frozenset(Evidence(n) for n in (0, 1, 2, 3)),
    "film": frozenset(Evidence(n) for n in (0, 1, 2, 3)),
    "free": frozenset(Evidence),
}
ASKING_IS_PERMISSION = ("family", "film", "free")


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What would be done, and why; what would not, and why."""

    recipe: Recipe
    reasons: Mapping[str, str]  # step name -> reason
    left_alone: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            "steps": [
                {
                    "step": step_of(settings).name,
                    "settings": settings.to_dict(),
                    "reason": self.reasons.get(step_of(settings).name, ""),
                }
                for settings in self.recipe.steps
            ],
            "left_alone": list(self.left_alone),
        }


def advise(
    findings: Findings,
    *,
    policy: str = "family",
    only: Collection[str] = (),
    skip: Collection[str] = (),
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    asked: Mapping[str, str] | None = None,
) -> Advice:
    """Choose treatments for a picture from what was found in it.

    Args:
        policy: one of ``POLICIES``
        only: names of steps: exactly these are done, with advised settings where there are any
        skip: names of steps that are not done
        settings: step name -> settings that the user gave, over the advised ones
        asked: step name -> reason, for steps that the user asked for in another way (a mask of
            their own, enlargement)
    Raises:
        PolicyError: the policy forbids a step that was asked for by name
        RecipeError: an unknown step; SettingsError: a wrong setting
        UsageError: an unknown policy, or a step both in ``only`` and in ``skip``
    """
    allowed = policy_classes(policy)
    for name in (*only, *skip, *(settings or {}), *(asked or {})):
        find_step(name)
    both = sorted(set(only) & set(skip))
    if both:
        raise UsageError(f"`{both[0]}` is both in `--only` and in `--skip`.", "Take one out.")
    wishes = Wishes()
    for rule in RULES:
        rule(findings, wishes)
    wishes.leave("paper texture, stamps, signatures and writing: part of the object.")
    wanted, left = wishes.steps, wishes.left_alone
    for name in only:
        wanted.setdefault(name, ({}, "asked for by name"))
    for name, reason in (asked or {}).items():
        wanted[name] = ({}, reason)
    for name in settings or {}:
        wanted.setdefault(name, ({}, "asked for by its settings"))
    by_name = {*only, *(asked or {}), *(settings or {})}
    steps: list[Settings] = []
    reasons: dict[str, str] = {}
    for step in STEPS:
        if step.name not in wanted or step.name in skip:
            continue
        if only and step.name not in by_name:
            continue
        values, reason = wanted[step.name]
        given = dict(values) | dict((settings or {}).get(step.name, {}))
        chosen = settings_from(step.settings, given, f"Step `{step.name}`")
        evidence = step.evidence_of(chosen)
        if evidence not in allowed and not _asked_for(step, evidence, policy, by_name):
            if step.name in by_name:
                raise forbidden(step, policy, evidence)
            left.append(f"{step.name}: {reason} The policy `{policy}` does not allow it.")
            continue
        steps.append(chosen)
        reasons[step.name] = reason
    recipe = Recipe(name="advised", steps=tuple(steps))
    return Advice(recipe=recipe, reasons=reasons, left_alone=tuple(left))


def policy_classes(policy: str) -> frozenset[Evidence]:
    """The evidence classes that an output may hold under this policy."""
    try:
        return POLICIES[policy]
    except KeyError:
        raise UsageError(f"There is no policy `{policy}`.", nearest(policy, POLICIES)) from None


def check_policy(recipe: Recipe, policy: str, asked: Collection[str] = ()) -> None:
    """Refuse a recipe with a step whose evidence the policy forbids.

    Invented content (class 4) that was asked for by name carries its own permission, except
    under ``archive`` and ``museum``.
    """
    allowed = policy_classes(policy)
    for settings in recipe.steps:
        step = step_of(settings)
        evidence = step.evidence_of(settings)
        if evidence not in allowed and not _asked_for(step, evidence, policy, asked):
            raise forbidden(step, policy, evidence)


def check_class(step: Step, evidence: Evidence, policy: str, asked: Collection[str]) -> None:
    """Refuse a step whose network makes pixels of a class that the policy forbids."""
    permitted = _asked_for(step, evidence, policy, asked)
    if evidence not in policy_classes(policy) and not permitted:
        raise forbidden(step, policy, evidence)


def _asked_for(step: Step, evidence: Evidence, policy: str, asked: Collection[str]) -> bool:
    """Invented content that was asked for by name, under a policy where asking is permission."""
    return evidence is Evidence.INVENTED and step.name in asked and policy in ASKING_IS_PERMISSION


def forbidden(step: Step, policy: str, evidence: Evidence | None = None) -> PolicyError:
    evidence = step.evidence if evidence is None else evidence
    names = ", ".join(str(int(e)) for e in sorted(POLICIES[policy]))
    fitting = next((p for p, classes in POLICIES.items() if evidence in classes), "free")
    return PolicyError(
        f"`{step.name}` gives {evidence.name.lower()} pixels (class {int(evidence)}); "
        f"the policy `{policy}` allows classes {names}.",
        f"Use `--policy {fitting}`, or leave the step out with `--skip {step.name}`.",
    )


def overlay(recipe: Recipe, settings: Mapping[str, Mapping[str, Any]]) -> Recipe:
    """A recipe with the user's settings laid over those of its steps.

    Raises:
        RecipeError: settings for a step that the recipe does not hold
    """
    for name in settings:
        if find_step(name).name not in recipe.step_names:
            raise RecipeError(
                f"The recipe `{recipe.name}` has no step `{name}` to set.",
                f"It holds: {', '.join(recipe.step_names)}.",
            )
    steps = tuple(
        settings_from(
            type(old),
            old.to_dict() | dict(settings.get(step_of(old).name, {})),
            f"Step `{step_of(old).name}`",
        )
        for old in recipe.steps
    )
    return Recipe(name=recipe.name, about=recipe.about, steps=steps)


def shown_as(recipe: Recipe, render: str) -> Recipe:
    """The recipe with all its repairs shown in one way: see ``RepairSettings.render``.

    Raises:
        SettingsError: there is no such way
    """
    RepairSettings(render=render)  # refused also where no step of the recipe repairs anything
    steps = tuple(
        dataclasses.replace(s, render=render) if isinstance(s, RepairSettings) else s
        for s in recipe.steps
    )
    return Recipe(name=recipe.name, about=recipe.about, steps=steps)
