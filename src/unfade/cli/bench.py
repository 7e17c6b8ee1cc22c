"""``unfade bench``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from unfade.cli import console
from unfade.cli.options import names

if TYPE_CHECKING:
    from unfade.study.run import Outcome
    from unfade.study.spec import Study


@click.command("bench")
@click.argument("data", required=False)
@click.option("--study", metavar="TOML", help="Read the study from a file; options lie over it.")
@click.option("-o", "--output", default="study", metavar="DIR", help="Where to write.")
@click.option(
    "--damage",
    multiple=True,
    metavar="SPEC",
    help="Degradation recipe, its TOML file, or folder:PATH with ready damage. Repeatable.",
)
@click.option(
    "--method",
    multiple=True,
    metavar="SPEC",
    help="Recipe, auto, fill:METHOD, network:NAME or folder:PATH of a peer's results; "
    "LABEL=SPEC names it. Repeatable. The controls are always there.",
)
@click.option(
    "--metrics",
    metavar="NAMES",
    callback=names,
    help="Measures, like ssim,stlpips; none: the quick ones. A wrong name lists them all.",
)
@click.option("--seed", type=int, help="Of the damage. Same seed, same bits.")
@click.option("--limit", type=int, help="At most so many pictures.")
@click.option("--side", type=int, metavar="PX", help="Scale larger pictures down to this side.")
@click.option("--workers", type=int, help="Processes; one for each core when not given.")
@click.option("--cache", metavar="DIR", help="Where figures are kept; DIR/cache when not given.")
@click.option("--keep", is_flag=True, help="Write every result too.")
@click.option(
    "--export",
    metavar="DIR",
    help="Write the damaged pictures and masks for a peer, and do nothing else.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(
    data: str | None,
    study: str | None,
    output: str,
    damage: tuple[str, ...],
    method: tuple[str, ...],
    metrics: tuple[str, ...],
    seed: int | None,
    limit: int | None,
    side: int | None,
    workers: int | None,
    cache: str | None,
    keep: bool,
    export: str | None,
    as_json: bool,
) -> None:
    """Damage the sound pictures in DATA, restore them by every method, and measure.

    Written to DIR: results and summary (Parquet and CSV), problems.csv, charts, contact sheets at
    100 %, and report.html, which holds all of it. A run that was stopped goes on where it was.
    Exit code 4 when something was left out, 8 when the benchmark's own controls fail.

    For example: unfade bench photos --damage old-photo --method auto --method fill:sparse
    """
    from unfade.study.inputs import export_inputs
    from unfade.study.page import write_report
    from unfade.study.run import run_study
    from unfade.study.table import check_packages

    given = {
        "data": data,
        "damage": damage or None,
        "methods": method or None,
        "metrics": metrics or None,
        "seed": seed,
        "limit": limit,
        "side_px": side,
    }
    chosen = _study(study, given)
    with console.progress(not as_json) as bar:
        if export:
            written = export_inputs(chosen, export, bar)
        else:
            check_packages()  # a study of hours must not end without its tables
            outcome = run_study(
                chosen, output=output, cache=cache, keep=keep, workers=workers, progress=bar
            )
            page = write_report(outcome, output)
    if export:
        console.say(f"Wrote {written} damaged pictures to {export}")
        return
    _tell(outcome, str(page), as_json)


def _study(path: str | None, given: dict[str, Any]) -> Study:
    from unfade.errors import UsageError
    from unfade.study.spec import Study, load_study

    if path:
        return load_study(path, given)
    if not given["data"]:
        raise UsageError("No pictures are named.", "Give a folder, or a study with `--study`.")
    return Study(**{key: value for key, value in given.items() if value is not None})


def _tell(outcome: Outcome, page: str, as_json: bool) -> None:
    from unfade.errors import PartlyFailed, PromiseBroken, UnreadableInput

    if as_json:
        console.show_json(
            {
                "report": page,
                "results": len(outcome.rows),
                "asked_for": outcome.cells,
                "problems": [
                    {"picture": p.picture, "damage": p.damage, "method": p.method,
                     "message": p.message}
                    for p in outcome.problems
                ],
                "check": {"passed": outcome.check.passed, "faults": list(outcome.check.faults)},
            }
        )  # fmt: skip
    else:
        _table(outcome)
        for problem in outcome.problems[:10]:
            where = " / ".join(w for w in (problem.picture, problem.damage, problem.method) if w)
            console.say(f"left out: {where}: {problem.message}")
        console.show(f"report  {page}")
    if not outcome.rows:
        raise UnreadableInput("Nothing could be measured.", f"`{page}` says why.")
    if not outcome.check.passed:
        raise PromiseBroken(
            f"The benchmark failed its own check: {outcome.check.faults[0]}",
            "Believe none of its figures; use pictures with detail.",
        )
    if outcome.problems:
        raise PartlyFailed(
            f"{len(outcome.problems)} things were left out; {len(outcome.rows)} of "
            f"{outcome.cells} results were measured.",
            f"`{page}` names them.",
        )


def _table(outcome: Outcome) -> None:
    """PSNR, SSIM when measured, and harm of each method under each damage: the means."""
    from unfade.study.table import frame_of

    if not outcome.rows:
        return
    frame = frame_of(outcome)
    columns = [c for c in ("psnr_db", "ssim", "stlpips", "niqe", "harm") if c in frame]
    finite = frame.replace([float("inf"), float("-inf")], float("nan"))
    means = finite.groupby(["damage", "method"], sort=False)[columns].mean()
    console.show(means.to_string(float_format=lambda v: f"{v:.4g}", na_rep="equal"))
