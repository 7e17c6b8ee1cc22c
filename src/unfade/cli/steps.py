"""``unfade steps``."""

from __future__ import annotations

import dataclasses

import click

from unfade.cli import console


@click.command("steps")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a step.")
def command(name: str | None, as_json: bool) -> None:
    """List the treatments, or the settings of one."""
    from unfade.steps import FILM_STEPS, STEPS, find_step

    for step in (find_step(name),) if name else (*STEPS, *FILM_STEPS):
        fields = [
            {
                "setting": f.name,
                "default": f.default,
                **{key: f.metadata[key] for key in ("help", "unit", "low", "high", "neutral")},
                "choices": list(f.metadata["choices"]),
            }
            for f in dataclasses.fields(step.settings)
        ]
        if as_json:
            console.show_json(
                {
                    "step": step.name,
                    "title": step.title,
                    "kind": str(step.kind),
                    "evidence": int(step.evidence),
                    "paper": step.paper,
                    "settings": fields,
                }
            )
            continue
        console.show(f"{step.name}: {step.title}")
        if not name:
            continue
        console.show(f"  evidence class {int(step.evidence)} ({step.evidence.name.lower()})")
        if step.paper:
            console.show(f"  after {step.paper}")
        for f in fields:
            words = f"{f['help']}"
            if f["choices"]:
                words += f"; one of {', '.join(f['choices'])}"
            elif f["low"] is not None:
                words += f"; {f['low']} to {f['high']} {f['unit']}".rstrip()
            console.show(f"  {f['setting']} = {f['default']}  {words}")
