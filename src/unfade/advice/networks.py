"""Where a network of unfade's own measured better than the classical method, it is advised.

The figures stand in docs/results.md, with the command that prints them. Recipes and settings that
name a method are not touched.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from unfade.advice import Advice
from unfade.errors import UsageError
from unfade.recipe import Recipe
from unfade.steps import step_of

# scale -> network, and why
ENLARGERS: Mapping[int, tuple[str, str]] = {
    2: ("unfade-upscale-x2", " By the network, which measured 1.6 dB above Lanczos."),
    3: ("unfade-upscale-x4", " By the network, which measured 1.6 dB above Lanczos."),
    4: ("unfade-upscale-x4", " By the network, which measured 1.7 dB above Lanczos."),
}

FILL = ("unfade", " Filled by the network, which measured better than sparse cosines.")

# step that was advised -> method, and why
BETTER: Mapping[str, tuple[str, str]] = {
    "fill_losses": FILL,
    "mend_wear": FILL,
    "remove_dust": FILL,
    "remove_scratches": FILL,
    "denoise": ("unfade", " By the network, which measured better than wavelets."),
}


def by_networks(advice: Advice, named: Collection[str]) -> Advice:
    """Networks in the place of classical methods where they measured better.

    Args:
        advice: of findings alone, not of a recipe that was named
        named: steps that the user named, or gave settings for: these stay as they are
    """
    steps, reasons = [], dict(advice.reasons)
    for settings in advice.recipe.steps:
        name = step_of(settings).name
        if name in BETTER and name not in named:
            method, why = BETTER[name]
            settings = replace(settings, method=method)  # type: ignore[call-arg]
            reasons[name] = reasons.get(name, "") + why
        steps.append(settings)
    return replace(advice, recipe=replace(advice.recipe, steps=tuple(steps)), reasons=reasons)


def wish_enlarged(over: dict[str, dict[str, Any]], scale: int, only_classical: bool) -> str:
    """Lay the wish for ``upscale`` over the settings, with the network where that is better.

    Args:
        over: step name -> settings; a method that the user named stays
    Returns:
        what is to be said of the network in the reason; empty: none is used
    """
    wished = over.setdefault("upscale", {})
    wished["scale"] = scale
    if only_classical or "method" in wished or scale not in ENLARGERS:
        return ""
    wished["method"], reason = ENLARGERS[scale]
    return reason


def refuse_networks(recipe: Recipe) -> None:
    """For ``only_classical``: no step of the recipe may use a network.

    Raises:
        UsageError: one does; step and network are named
    """
    for settings in recipe.steps:
        step = step_of(settings)
        name = None if settings.neutral else step.network(settings)
        if name is None and "wear" in step.looks_at and not settings.neutral:
            raise UsageError(
                f"`{step.name}` mends what a network has found, and classical methods alone were "
                "asked for.",
                f"Leave out `--only-classical`, or `{step.name}`.",
            )
        if name is not None:
            raise UsageError(
                f"`{step.name}` is set to use the network `{name}`, and classical methods alone "
                "were asked for.",
                f"Leave out `--only-classical`, or set another `{step.name}.method`.",
            )
