"""Which recipe a film gets: the shipped one, or one that was named, and what was asked for."""

from __future__ import annotations

from dataclasses import replace

from unfade.advice import check_policy, overlay
from unfade.advice.networks import refuse_networks
from unfade.film.wishes import POLICY, FilmWishes
from unfade.recipe import Recipe, load_recipe
from unfade.steps import Settings, find_step, settings_from, step_of


def choose_recipe(wishes: FilmWishes) -> tuple[Recipe, dict[str, str]]:
    """The recipe to carry out, and the reason for each of its steps.

    Raises:
        RecipeError: no such recipe, step or setting
        PolicyError: the policy forbids a step
        UsageError: a network stands in a recipe that is to have none
    """
    recipe, upscale = wishes.get("recipe", "auto"), wishes.get("upscale")
    only, skip = wishes.get("only", ()), wishes.get("skip", ())
    if isinstance(recipe, Recipe):
        chosen = recipe
    elif str(recipe) == "none":
        chosen = Recipe(name="none", about="A lossless copy.")
    else:
        chosen = load_recipe("film" if str(recipe) == "auto" else str(recipe))
    have = {step_of(s).name: s for s in chosen.steps}
    reasons = dict.fromkeys(have, f"recipe `{chosen.name}`.")
    asked = dict.fromkeys(only, "asked for by name.")
    over = {name: dict(values) for name, values in (wishes.get("settings") or {}).items()}
    asked |= {name: "asked for by its settings." for name in over if name not in have}
    if upscale is not None:
        over.setdefault("upscale", {})["scale"] = upscale
        asked["upscale"] = f"asked for: {upscale} times along each side."
    if wishes.get("colorize"):
        asked["colorize"] = "asked for: colours that the picture does not hold."
    for name in (*asked, *skip):
        find_step(name)
    steps: list[Settings] = [
        s for s in chosen.steps
        if step_of(s).name not in skip and (not only or step_of(s).name in asked)
    ]  # fmt: skip
    for name, reason in asked.items():
        reasons[name] = reason
        if name not in {step_of(s).name for s in steps} and name not in skip:
            base = have.get(name)
            steps.append(base if base is not None else settings_from(
                find_step(name).settings, {}, f"`{name}`"
            ))  # fmt: skip
    chosen = overlay(replace(chosen, steps=tuple(steps)), over)
    check_policy(chosen, wishes.get("policy", POLICY), asked=tuple(asked))
    if wishes.get("only_classical"):
        refuse_networks(chosen)
    return chosen, {name: reasons.get(name, "") for name in chosen.step_names}
