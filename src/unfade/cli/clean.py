"""``unfade clean``."""

from __future__ import annotations

from typing import Any

import click

from unfade.cli import console


@click.command("clean")
@click.argument("places", nargs=-1, metavar="[PLACE]...")
@click.option("--endpoint", metavar="URL", help="An S3 server that is not Amazon's.")
@click.option("--region", help="Of the bucket; default: the AWS settings'.")
@click.option("--ledger", metavar="FILE|URL", help="Of the batch whose uploads are meant.")
@click.option("--older-than", type=float, default=24.0, show_default=True, metavar="H",
              help="Only what is older than so many hours.")  # fmt: skip
@click.option("--cache", is_flag=True, help="Also downloads of weights that were never finished.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(places: tuple[str, ...], **options: Any) -> None:
    """Remove what interrupted runs of unfade left behind, and nothing else.

    In folders: temporary files by their names, whose process is gone. In buckets: incomplete
    uploads of objects that a ledger of unfade names as its own. On this machine: scratch folders
    of batches. Originals, results and reports are never touched.
    """
    from unfade.batch.clean import clean
    from unfade.files.places.opening import StoreOptions

    given = {name: options[name] for name in ("endpoint", "region") if options[name]}
    count = size = 0
    for found in clean(
        places,
        options=StoreOptions(**given),
        ledger=options["ledger"] or "",
        older_than_s=options["older_than"] * 3600,
        cache=options["cache"],
        dry=options["dry_run"],
    ):
        count, size = count + 1, size + found.size
        if options["as_json"]:
            console.show_json(
                {
                    "event": "would remove" if options["dry_run"] else "removed",
                    "what": found.what,
                    "where": found.where,
                    "bytes": found.size,
                }
            )
        else:
            console.show(f"{found.what}: {found.where} ({found.size / 1e6:.1f} MB)")
    done = "would be removed" if options["dry_run"] else "removed"
    console.say(f"{count} left-overs {done}, {size / 1e6:.1f} MB.")
