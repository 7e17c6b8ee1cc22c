"""``unfade serve``."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from unfade.cli import console
from unfade.cli.options import configured, machine_options
from unfade.errors import SettingsError, UsageError

if TYPE_CHECKING:
    from unfade.web.rules import Rules


@click.command("serve")
@click.option("--host", default="127.0.0.1", help="Address to listen on; others need a token.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, help="Port; 0: a free one.")
@click.option("--data", metavar="DIR", help="Where uploads and results are kept.")
@click.option("--ephemeral", is_flag=True, help="Keep nothing: all is deleted at the end.")
@click.option("--tokens", metavar="FILE", help="Lines of user:token; or UNFADE_TOKEN for one.")
@click.option("--host-name", multiple=True, help="Name under which it may be asked for.")
@click.option("--origin", multiple=True, help="Other origin whose pages may use the API.")
@click.option("--allow-path", multiple=True, metavar="DIR", help="Jobs may read files in it.")
@click.option("--s3-bucket", multiple=True, help="Jobs may read from this s3:// bucket.")
@click.option("--executor", type=click.Choice(("local", "ray")), default="local",
              help="What runs jobs: processes of this machine, or a Ray cluster.")  # fmt: skip
@click.option("--workers", type=click.IntRange(0), default=0, help="Jobs at once; 0: cores.")
@click.option("--upload-size", default="200MB", help="Largest picture file.")
@click.option("--film-size", default="2GB", help="Largest film file.")
@click.option("--job-memory", default="6GB", help="Address space of one job.")
@click.option("--job-time", default=1800.0, metavar="SECONDS", help="Longest time of one job.")
@click.option("--queue", type=click.IntRange(1), default=100, help="Most jobs that wait.")
@click.option("--queue-each", type=click.IntRange(1), default=100, help="Of one user.")
@click.option("--retention", default=24.0, metavar="HOURS", help="Nothing is kept longer.")
@click.option("--quiet", "-q", is_flag=True, help="No line for each request.")
@machine_options
def command(**options: Any) -> None:
    """Open the page and the REST API on this machine.

    Only this machine can reach it unless --host says otherwise; then every request needs a
    token. Tokens and the database's address (UNFADE_DATABASE) come from the environment or a
    file, never from the command line, which other users of the machine can read.
    """
    from unfade.needs import need

    for package in ("fastapi", "uvicorn", "sqlalchemy", "sse_starlette", "python_multipart"):
        need(package, extra="web", to="serve the page and the REST API")
    from unfade.web.serving import serve

    config = configured(
        options["device"],
        options["runtime"],
        options["memory"],
        options["threads"],
        None,
    )
    rules = _rules(options)
    rules = rules if options["max_megapixels"] is None else rules.but(
        area_mpx=options["max_megapixels"]
    )  # fmt: skip

    def opened(address: str) -> None:
        console.say(f"unfade is at {address}")
        if rules.ephemeral:
            console.say("Everything is deleted when it ends.")
        else:
            console.say(f"Data is in {rules.data} and kept for {rules.retention_s / 3600:g} h.")

    serve(
        rules,
        config,
        executor=options["executor"],
        opened=opened,
        log_requests=not options["quiet"],
    )


def _rules(options: dict[str, Any]) -> Rules:
    from unfade.config import parse_bytes, secret
    from unfade.web.rules import Rules, is_loopback

    host = str(options["host"])
    names = [*options["host_name"]]
    if not is_loopback(host) and host not in ("0.0.0.0", "::"):
        names.append(host)
    return Rules(
        data=_data(options["data"], bool(options["ephemeral"])),
        host=host,
        port=options["port"],
        tokens=_tokens(options["tokens"]),
        host_names=tuple(names),
        origins=tuple(options["origin"]),
        allow_paths=tuple(_folder(each) for each in options["allow_path"]),
        s3_buckets=tuple(options["s3_bucket"]),
        database=secret("database"),
        workers=options["workers"],
        upload_bytes=parse_bytes(options["upload_size"]),
        film_bytes=parse_bytes(options["film_size"]),
        job_memory_bytes=parse_bytes(options["job_memory"]),
        job_seconds=options["job_time"],
        queued_jobs=options["queue"],
        queued_jobs_each=min(options["queue"], options["queue_each"]),
        retention_s=options["retention"] * 3600,
        ephemeral=bool(options["ephemeral"]),
    )


def _data(given: str | None, ephemeral: bool) -> Path:
    if ephemeral:
        if given is not None:
            raise UsageError("`--ephemeral` and `--data` exclude each other.", "Take one out.")
        return Path(tempfile.mkdtemp(prefix="unfade-"))
    if given is not None:
        return Path(given).absolute()
    import platformdirs

    return Path(platformdirs.user_data_dir("unfade")) / "studio"


def _tokens(file: str | None) -> dict[str, str]:
    from unfade.config import secret
    from unfade.web.rules import check_token, hashed, read_tokens

    tokens: dict[str, str] = {}
    if file is not None:
        try:
            text = Path(file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"The file of tokens `{file}` cannot be read: {error}.") from error
        tokens |= read_tokens(text, f"`{file}`")
    token = secret("token")
    if token:
        check_token(token, "Variable UNFADE_TOKEN")
        tokens[hashed(token)] = "user"
    return tokens


def _folder(name: str) -> Path:
    path = Path(name)
    if not path.is_dir():
        raise UsageError(f"`--allow-path {name}` is no folder.", "Name one that is there.")
    return path.resolve()
