"""What the commands over many files share: options, progress, the words at the end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import click

from unfade.cli import console
from unfade.errors import Cancelled, PartlyFailed

if TYPE_CHECKING:
    from unfade.batch.executors.contract import Event
    from unfade.batch.ledger import Row
    from unfade.batch.notify import Notifier
    from unfade.batch.plan import Plan
    from unfade.batch.run import Outcome, Watcher
    from unfade.files.places.opening import StoreOptions

SHOWN = 20


def place_options(command: Any) -> Any:
    """How stores are spoken to; never credentials."""
    for option in reversed(
        (
            click.option("--endpoint", metavar="URL", help="An S3 server that is not Amazon's."),
            click.option("--region", help="Of the bucket; default: the AWS settings'."),
            click.option("--sse", help="Encryption of what is written: AES256 or aws:kms."),
            click.option("--kms-key", help="Which key, for aws:kms."),
            click.option("--ledger", metavar="FILE|URL", help="Where is written what is done."),
            click.option("--workers", type=click.IntRange(1), help="Jobs at once; default: cores."),
            click.option("--include", multiple=True, metavar="GLOB", help="Only such names."),
            click.option("--exclude", multiple=True, metavar="GLOB", help="No such names."),
            click.option("--dry-run", is_flag=True, help="Only list and plan; write nothing."),
            click.option("--limit", type=click.IntRange(1), metavar="N", help="The first N only."),
            click.option("--overwrite", is_flag=True, help="Replace what is there already."),
            click.option("--retry-failed", is_flag=True, help="Try also what cannot succeed."),
            click.option("--scratch", metavar="DIR", help="Folder for what is fetched."),
            click.option("--log", metavar="FILE", help="Append one JSON object for each event."),
            click.option("--json", "as_json", is_flag=True, help="The outcome as JSON."),
            click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors."),
        )
    ):
        command = option(command)
    return command


def opened_options(options: dict[str, Any]) -> StoreOptions:
    from unfade.files.places.opening import StoreOptions

    given = {name: options[name] for name in ("endpoint", "region", "sse", "kms_key")}
    return StoreOptions(**{name: value for name, value in given.items() if value})


@contextmanager
def watching(
    options: dict[str, Any], plan: Plan, notifier: Notifier | None = None
) -> Iterator[list[Watcher]]:
    """Everything that is told while it runs: the bar, the log, the metrics, the alarm."""
    watchers: list[Watcher] = []
    with ExitStack() as open_:
        watchers.append(_Teller(bool(options["quiet"] or options["as_json"])))
        bar = open_.enter_context(console.progress(not (options["quiet"] or options["as_json"])))
        watchers.append(_Bar(bar))
        if options["log"]:
            from unfade.batch.log import Log

            log = open_.enter_context(Log(options["log"]))
            log.planned(plan)
            watchers.append(log)
        if options.get("metrics_port") is not None:
            from unfade.batch.metrics import Metrics

            watchers.append(open_.enter_context(Metrics(options["metrics_port"])))
        if notifier is not None:
            watchers.append(notifier)
        yield watchers


class _Teller:
    """Names each failure when it happens."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet

    def happened(self, event: Event, row: Row, outcome: Outcome) -> None:
        if event.what == "failed" and row.state == "failed" and not self.quiet:
            console.say(f"{row.name}: {row.error}")

    def passed(self, outcome: Outcome) -> None:
        return


class _Bar:
    """Items done of all, with throughput; time left is the bar's own."""

    def __init__(self, bar: console.Progress) -> None:
        self.bar = bar
        self.began = time.monotonic()

    def happened(self, event: Event, row: Row, outcome: Outcome) -> None:
        if event.last:
            self.passed(outcome)

    def passed(self, outcome: Outcome) -> None:
        took = max(1e-3, time.monotonic() - self.began)
        ended = outcome.done + outcome.failed
        self.bar.prefix = f"{ended / took:.1f}/s, {outcome.pixels / took / 1e6:.1f} MP/s, " + (
            f"{outcome.failed} failed, " if outcome.failed else ""
        )
        self.bar("restored", outcome.total - outcome.left, outcome.total)


def tell_plan(plan: Plan, options: dict[str, Any]) -> None:
    counts = plan.counts
    if options["as_json"]:
        if options["dry_run"]:
            console.show_json(
                {
                    "event": "planned",
                    "run": plan.run,
                    "counts": counts,
                    "planned_bytes": plan.planned_bytes,
                    "ignored": dict(plan.ignored),
                    "sidecars": plan.sidecars,
                    "refused": [{"item": name, "error": why} for name, why in plan.refused],
                }
            )
        return
    if options["quiet"]:
        return
    say = console.show if options["dry_run"] else console.say
    say(
        f"{counts['planned']} to do ({plan.planned_bytes / 1e6:.1f} MB), {counts['done']} done "
        f"before, {counts['failed']} failed before, {counts['refused']} refused."
    )
    if plan.ignored:
        kinds = ", ".join(f"{number} {kind}" for kind, number in plan.ignored.most_common(8))
        say(f"Left out by their names: {kinds}.")
    for _, why in plan.refused[:SHOWN]:
        say(f"  {why}")
    if counts["refused"] > len(plan.refused[:SHOWN]):
        say(f"  ... and {counts['refused'] - len(plan.refused[:SHOWN])} more in the table.")


def tell_outcome(outcome: Outcome, report: str, options: dict[str, Any]) -> None:
    """The last words.

    Raises:
        Cancelled: it was interrupted
        PartlyFailed: some items have no result
    """
    if options["as_json"]:
        console.show_json({"event": "finished", **outcome.to_dict(), "report": report or None})
    elif not options["quiet"]:
        rate = outcome.done / outcome.took_s if outcome.took_s else 0.0
        console.say(
            f"{outcome.done} done in {outcome.took_s:.1f} s ({rate:.1f}/s), {outcome.before} "
            f"done before, {outcome.incomplete} without a result, {outcome.retries} tried again."
        )
        if report:
            console.say(f"Where to look first: {report}")
    if outcome.stopped:
        raise Cancelled(
            f"Stopped with {outcome.left} of {outcome.total} left.",
            "Run the same command again: what is done stays done.",
        )
    if outcome.incomplete:
        raise PartlyFailed(
            f"{outcome.incomplete} of {outcome.total} have no result.",
            "The others are done; the report and the table name each failure.",
        )
