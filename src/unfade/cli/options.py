"""Options that several commands share, and how their words become values."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from unfade.errors import UsageError

if TYPE_CHECKING:
    from unfade.config import Config
    from unfade.engines.bench import Bench
    from unfade.files.limits import Limits

F = TypeVar("F", bound=Callable[..., Any])

POLICIES = ("archive", "museum", "family", "film", "free")


def treatment_options(command: F) -> F:
    """What is done to each picture."""
    for option in reversed(
        (
            click.option("--recipe", metavar="NAME|FILE", help="What to do; default: by advice."),
            click.option("--policy", type=click.Choice(POLICIES),
                         help="Evidence that a result may hold."),
            click.option("--only", callback=names, metavar="A,B", help="Exactly these steps."),
            click.option("--skip", callback=names, metavar="A,B", help="Without these steps."),
            click.option("--set", "settings", callback=step_settings, multiple=True,
                         metavar="STEP.SETTING=VALUE",
                         help="A setting of a step; `unfade steps` lists them."),
            click.option("--upscale", type=click.IntRange(2, 4), help="Times along each side."),
            click.option("--only-classical", is_flag=True,
                         help="Use no network, whatever it measured."),
        )
    ):  # fmt: skip
        command = option(command)
    return command


def machine_options(command: F) -> F:
    """Where and how work is run: never part of a recipe."""
    for option in reversed(
        (
            click.option("--device", help="auto, cpu, vulkan:N, cuda:N or mps: where they run."),
            click.option("--runtime", help="auto, ncnn, onnx or torch: what runs networks."),
            click.option("--memory", help="Memory for pieces under way, like 2GB."),
            click.option("--threads", type=int, help="Threads; 0 means one for each core."),
            click.option("--max-megapixels", type=float, help="Largest picture that is read."),
        )
    ):
        command = option(command)
    return command


def network_options(command: F) -> F:
    """How networks are run and which are let in: never part of a recipe."""
    for option in reversed(
        (
            click.option("--precision", help="float32, or half on CUDA."),
            click.option("--licence", help="open-only, usual or noncommercial: networks let in."),
            click.option(
                "--latent", metavar="DIR", help="Published networks for `translate` and `spade`."
            ),
            click.option("--diffusion", metavar="DIR", help="A diffusers pipeline, for its fill."),
        )
    ):
        command = option(command)
    return command


def names(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...]:
    """``a,b`` -> ("a", "b")."""
    return tuple(part.strip() for part in (value or "").split(",") if part.strip())


def numbers(_: click.Context, __: click.Parameter, value: str | None) -> tuple[int, ...]:
    """``2,5`` -> (2, 5).

    Raises:
        UsageError: a word that is no number from 1 on
    """
    words = [part.strip() for part in (value or "").split(",") if part.strip()]
    for word in words:
        if not word.isdecimal() or int(word) < 1:
            raise UsageError(f"`{word}` is no number from 1 on.", "Write them like `2,5`.")
    return tuple(int(word) for word in words)


def step_settings(
    _: click.Context, __: click.Parameter, pairs: tuple[str, ...]
) -> dict[str, dict[str, Any]]:
    """``denoise.strength=0.5`` -> {"denoise": {"strength": 0.5}}.

    Values are read as TOML values; what is none is taken as a word.

    Raises:
        UsageError: not of the form STEP.SETTING=VALUE
    """
    settings: dict[str, dict[str, Any]] = {}
    for pair in pairs:
        left, equals, value = pair.partition("=")
        step, dot, name = left.strip().partition(".")
        if not (equals and dot and step and name):
            raise UsageError(
                f"`--set {pair}` is not of the form STEP.SETTING=VALUE.",
                "For example `--set denoise.strength=0.5`; `unfade steps` lists the names.",
            )
        try:
            parsed = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            parsed = value.strip()
        settings.setdefault(step, {})[name] = parsed
    return settings


def configured(
    device: str | None,
    runtime: str | None,
    memory: str | None,
    threads: int | None,
    max_megapixels: float | None,
    **others: str | None,
) -> Config:
    """The configuration under the machine options of this call, and others by their names."""
    from unfade.config import load_config

    given = {
        **others,
        "device": device,
        "runtime": runtime,
        "memory": memory,
        "threads": threads,
        "max_megapixels": max_megapixels,
    }
    return load_config(given).config


def limits_of(config: Config) -> Limits:
    from unfade.files.limits import Limits

    return Limits(area_mpx=config.max_megapixels, side_px=config.max_side, pages=config.max_pages)


@contextmanager
def opened_bench(
    config: Config, progress: Callable[[str, int, int], None] | None = None
) -> Iterator[Bench]:
    """A bench as configured, closed at the end."""
    from unfade.engines.bench import Bench

    bench = Bench(
        device=config.device,
        runtime=config.runtime,
        memory_bytes=config.memory_bytes,
        threads=config.threads or None,
        cache=config.cache,
        precision=config.precision,
        licence=config.licence,
        diffusion=config.diffusion,
        latent=config.latent,
        offline=config.offline,
        progress=progress,
    )
    try:
        yield bench
    finally:
        bench.close()


def fields_of(config: Config) -> Iterator[tuple[str, Any, str]]:
    """Name, value and help of each setting."""
    for f in dataclasses.fields(config):
        yield f.name, getattr(config, f.name), f.metadata["help"]
