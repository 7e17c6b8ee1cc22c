"""The user's settings: device, memory, threads, cache, limits and defaults.

How a treatment is run, never what it does (that is the recipe). Each value comes, in this order,
from the call or command line, the environment (``UNFADE_MEMORY``), the settings file (TOML), or
the built-in default; ``unfade config show`` says from where. The environment is read here and
nowhere else.
"""

from __future__ import annotations

import dataclasses
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unfade.errors import SettingsError, nearest

ENVIRONMENT = "UNFADE_"


def _value(default: Any, help: str) -> Any:
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All settings of the machine and the person; see ``unfade config show``."""

    device: str = _value("auto", "where networks run: auto, cpu, vulkan:N, cuda:N or mps")
    runtime: str = _value("auto", "what runs networks: auto, ncnn, onnx or torch")
    precision: str = _value("float32", "number format of networks: float32, or half on CUDA")
    licence: str = _value("usual", "networks that are used: open-only, usual or noncommercial")
    latent: str = _value(
        "",
        "folder of the checkpoints of Bringing Old Photos Back to Life, for `translate` and the "
        "method `spade` of `restore_faces`",
    )
    diffusion: str = _value("", "folder of a diffusers inpainting pipeline, or hub:OWNER/NAME")
    memory: str = _value("2GB", "memory for pieces under way, beside the picture itself")
    threads: int = _value(0, "threads; 0 means one for each core")
    cache: str = _value("", "folder for downloaded weights; empty means the user's cache folder")
    offline: bool = _value(False, "never use the network")
    mirror: str = _value("", "address that replaces the published one of weights")
    policy: str = _value("family", "evidence that an output may hold")
    recipe: str = _value("auto", "recipe when none is given; auto means by advice")
    suffix: str = _value("-restored", "added to the name of a result beside its original")
    max_megapixels: float = _value(2000.0, "largest picture that is read")
    max_side: int = _value(200_000, "longest side that is read, in pixels")
    max_pages: int = _value(10_000, "most pages in one file")

    @property
    def memory_bytes(self) -> int:
        return parse_bytes(self.memory)


@dataclass(frozen=True, slots=True)
class Sourced:
    """A configuration and where each value came from."""

    config: Config
    origins: Mapping[str, str]
    file: Path


def settings_file(environ: Mapping[str, str] | None = None) -> Path:
    """Where the user's settings file is, whether or not it exists."""
    environ = os.environ if environ is None else environ
    if environ.get("UNFADE_CONFIG"):
        return Path(environ["UNFADE_CONFIG"])
    import platformdirs  # 10 ms that `--help` need not pay

    return Path(platformdirs.user_config_dir("unfade")) / "unfade.toml"


def load_config(
    given: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None
) -> Sourced:
    """The configuration that holds now.

    Args:
        given: values of the call or command line; None values are left out
        environ: the environment (the process's own when None)
    Raises:
        SettingsError: an unknown name or a wrong value; the place is named
    """
    environ = os.environ if environ is None else environ
    known = {f.name: f for f in dataclasses.fields(Config)}
    values: dict[str, Any] = {}
    origins = dict.fromkeys(known, "default")
    file = settings_file(environ)
    for name, value in _from_file(file).items():
        if name not in known:
            raise SettingsError(f"`{file}` has no setting `{name}`.", nearest(name, known))
        values[name], origins[name] = _typed(known[name], value, f"`{file}`"), str(file)
    for name in known:
        variable = ENVIRONMENT + name.upper()
        if variable in environ:
            values[name] = _typed(known[name], environ[variable], f"Variable {variable}")
            origins[name] = f"environment {variable}"
    for name, value in (given or {}).items():
        if value is not None:
            values[name], origins[name] = _typed(known[name], value, "The call"), "given"
    config = Config(**values)
    parse_bytes(config.memory)
    return Sourced(config, origins, file)


def secret(name: str, environ: Mapping[str, str] | None = None) -> str:
    """A secret: from the environment alone, as other users can read a command line; "" if none.

    Args:
        name: "token" stands for the variable ``UNFADE_TOKEN``
    """
    environ = os.environ if environ is None else environ
    return environ.get(ENVIRONMENT + name.upper(), "")


def parse_bytes(text: str) -> int:
    """Bytes from "2GB", "512 MiB" or "1000000".

    Raises:
        SettingsError: it is no size
    """
    units = {"": 1, "K": 1000, "M": 1000**2, "G": 1000**3, "T": 1000**4}
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?\s*", str(text), re.IGNORECASE)
    if match is None or float(match[1]) <= 0:
        raise SettingsError(f"`{text}` is no amount of memory.", "Write it like `2GB` or `512MB`.")
    unit = units[match[2].upper()]
    if match[3] and match[2]:
        unit = 1024 ** "KMGT".index(match[2].upper()) * 1024
    return int(float(match[1]) * unit)


def _from_file(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(
            f"The settings file `{file}` cannot be read: {error}.", "Mend or remove it."
        ) from error


def _typed(f: dataclasses.Field[Any], value: Any, place: str) -> Any:
    kind = type(f.default)
    if kind is bool and isinstance(value, str):
        words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
        if value.lower() in words:
            return words[value.lower()]
    elif kind is bool and isinstance(value, bool):
        return value
    elif kind in (int, float) and not isinstance(value, bool):
        try:
            return kind(value)
        except (TypeError, ValueError):
            pass
    elif kind is str and isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return str(value)
    raise SettingsError(
        f"{place}: `{f.name}` is {value!r}, expected {kind.__name__}.",
        f"It means: {f.metadata['help']}.",
    )
