"""``unfade upload``."""

from __future__ import annotations

from typing import Any

import click

from unfade.cli.batch_options import (
    opened_options,
    place_options,
    tell_outcome,
    tell_plan,
    watching,
)


@click.command("upload")
@click.argument("source", metavar="SRC")
@click.argument("destination", metavar="DST")
@place_options
def command(source: str, destination: str, **options: Any) -> None:
    """Put all files below SRC into DST, as they are.

    Each is checked after it was stored. What is there already with the same content is left,
    other content is never overwritten unless `--overwrite` is given. Killed at any moment, the
    same command goes on.
    """
    from unfade.batch.ledger import Chosen
    from unfade.batch.order import COPY, Batch, Order
    from unfade.batch.plan import Filter

    order = Order(
        source=source,
        destination=destination,
        kind=COPY,
        options=opened_options(options),
        filter=Filter(include=options["include"], exclude=options["exclude"], everything=True),
        chosen=Chosen(limit=options["limit"]),
        ledger=options["ledger"] or "",
        workers=options["workers"],
        scratch=options["scratch"],
        overwrite=options["overwrite"],
        retry_failed=options["retry_failed"],
        dry=options["dry_run"],
    )
    with Batch(order) as batch:
        plan = batch.plan()
        tell_plan(plan, options)
        if options["dry_run"]:
            return
        with watching(options, plan) as watchers:
            outcome = batch.work(watchers)
    tell_outcome(outcome, "", options)
