"""``unfade batch``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from unfade.cli import console
from unfade.cli.batch_options import (
    opened_options,
    place_options,
    tell_outcome,
    tell_plan,
    watching,
)
from unfade.cli.options import (
    configured,
    machine_options,
    treatment_options,
)
from unfade.errors import UsageError

if TYPE_CHECKING:
    from unfade.batch.notify import Notifier
    from unfade.batch.order import Order
    from unfade.config import Config


@click.command("batch")
@click.argument("source", metavar="SRC")
@click.argument("destination", metavar="DST")
@treatment_options
@click.option("--quality", type=click.IntRange(1, 100), help="When writing JPEG from no JPEG.")
@click.option("--extension", metavar=".EXT", help="Of all results; default: each keeps its own.")
@click.option("--executor", type=click.Choice(("local", "ray")), default="local",
              help="Processes of this machine, or a Ray cluster.")  # fmt: skip
@click.option("--ray-address", metavar="HOST:PORT", help="A running cluster; default: a local one.")
@click.option("--gpus", type=float, default=0.0, help="Share of a GPU for each job (ray).")
@click.option("--sample", type=click.IntRange(1), metavar="N", help="N by chance, for a look.")
@click.option("--tries", type=click.IntRange(1), help="Of one item, when trying again can help.")
@click.option("--job-memory", metavar="SIZE", help="Most memory for one picture, like 4GB.")
@click.option("--job-time", type=float, metavar="S", help="Most seconds for one picture.")
@click.option("--reference", metavar="PLACE", help="Sound pictures of the same names, to measure.")
@click.option("--access", type=click.Choice(("pyramid", "dzi", "iiif")),
              help="Also copies for looking at, in DST/unfade-access.")  # fmt: skip
@click.option("--in-memory", default="2GB", metavar="SIZE", show_default=True,
              help="Larger pictures are worked on through files in --scratch.")  # fmt: skip
@click.option("--report", metavar="DIR", help="Folder of the report; default: in DST.")
@click.option("--no-report", is_flag=True, help="Without report and table.")
@click.option(
    "--notify", multiple=True, metavar="TARGET", help="sns:ARN or https://... at the end."
)
@click.option("--notify-above", type=click.FloatRange(0, 1), metavar="SHARE",
              help="Tell at once when more than this share fails.")  # fmt: skip
@click.option("--notify-secret", metavar="FILE", help="Holds the secret that signs webhooks.")
@click.option("--metrics-port", type=int, help="Serve Prometheus metrics on this loopback port.")
@place_options
@machine_options
def command(source: str, destination: str, **options: Any) -> None:
    """Restore all pictures below SRC into DST, with the same names and folders.

    SRC and DST are folders, s3://BUCKET/PREFIX/ or what fsspec reaches. SRC is never written to.
    Killed at any moment, the same command goes on: what is done stays done. Each result has its
    record beside it; the report says where to look first.
    """
    from unfade.batch.order import Batch

    config = configured(
        options["device"],
        options["runtime"],
        options["memory"],
        options["threads"],
        options["max_megapixels"],
    )
    order = _order(source, destination, options, config)
    notifier = _notifier(options, order)
    with Batch(order) as batch:
        plan = batch.plan()
        tell_plan(plan, options)
        if options["dry_run"]:
            return
        with watching(options, plan, notifier) as watchers:
            outcome = batch.work(watchers)
        report = "" if options["no_report"] else batch.report(options["report"])
    if notifier is not None:
        notifier.finished(outcome, report)
    tell_outcome(outcome, report, options)


def _notifier(options: dict[str, Any], order: Order) -> Notifier | None:
    """Opened before the work: a notice that cannot be sent should not be found out at the end."""
    if not options["notify"]:
        return None
    from unfade.batch.notify import Notifier, opened_target

    secret = options["notify_secret"]
    return Notifier(
        [opened_target(each, secret_file=secret) for each in options["notify"]],
        source=order.source,
        destination=order.destination,
        above=options["notify_above"],
        says=console.say,
    )


def _order(source: str, destination: str, options: dict[str, Any], config: Config) -> Order:
    from unfade.batch.ledger import Chosen
    from unfade.batch.order import Order
    from unfade.batch.plan import Filter
    from unfade.batch.run import TRIES
    from unfade.batch.task import Treatment, recipe_text
    from unfade.config import parse_bytes

    if options["sample"] and options["limit"]:
        raise UsageError("`--sample` and `--limit` exclude each other.", "Take one out.")
    return Order(
        source=source,
        destination=destination,
        options=opened_options(options),
        treatment=Treatment(
            recipe=recipe_text(options["recipe"] or config.recipe),
            policy=options["policy"] or config.policy,
            only=options["only"],
            skip=options["skip"],
            settings=options["settings"],
            upscale=options["upscale"],
            only_classical=options["only_classical"],
            quality=options["quality"],
            extension=options["extension"] or "",
        ),
        machine={
            "device": config.device,
            "runtime": config.runtime,
            "memory_bytes": config.memory_bytes,
            "cache": config.cache,
            "in_memory_bytes": parse_bytes(options["in_memory"]),
            "limits": {
                "area_mpx": config.max_megapixels,
                "side_px": config.max_side,
                "pages": config.max_pages,
            },
        },
        filter=Filter(include=options["include"], exclude=options["exclude"]),
        chosen=Chosen(limit=options["limit"], sample=options["sample"]),
        ledger=options["ledger"] or "",
        executor=options["executor"],
        workers=options["workers"],
        threads=options["threads"],
        ray_address=options["ray_address"] or "",
        scratch=options["scratch"],
        reference=options["reference"],
        access=options["access"],
        overwrite=options["overwrite"],
        retry_failed=options["retry_failed"],
        tries=options["tries"] or TRIES,
        memory_bytes=parse_bytes(options["job_memory"]) if options["job_memory"] else None,
        time_limit_s=options["job_time"],
        gpus=options["gpus"],
        dry=options["dry_run"],
    )
