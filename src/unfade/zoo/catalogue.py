"""The catalogue: which networks are known, under which licence, with which files.

Read from ``catalogue.toml`` and checked while it is read: a file without size and SHA-256, an
unknown key or a name used twice is an error. Beside the shipped table stands the user's own, of
the networks that they have added (``unfade.zoo.own``).
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

from unfade.errors import ModelRejected, NoSuchNetwork, UsageError, nearest

# pth and torchscript are pickles: read by restricted readers alone, and it is said when they are
FORMATS = ("ncnn", "onnx", "safetensors", "pth", "torchscript")
COMMERCIAL = ("yes", "conditions", "unclear", "no")
# which commercial use the licence of a network must allow
LICENCES: dict[str, tuple[str, ...]] = {
    "open-only": ("yes",),
    "usual": ("yes", "conditions", "unclear"),
    "noncommercial": COMMERCIAL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """One file of a network.

    Attributes:
        role: what it is to the runtime: ``param``, ``bin``, ``weights``
        path: where it lies inside its package, or its plain name in the folder of weights
        bytes: its size; ``sha256``: of the whole file, lower case
        package: installed module that brings it; empty: it is fetched
        urls: where it can be fetched, tried in this order
        own: it lies in the folder of the networks that the user has added
    """

    role: str
    path: str
    bytes: int
    sha256: str
    package: str = ""
    urls: tuple[str, ...] = ()
    own: bool = False

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    def __post_init__(self) -> None:
        if not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise ModelRejected(
                f"The catalogue's file `{self.path}` has `{self.sha256}` as SHA-256, expected 64 "
                "hexadecimal digits.",
                "Nothing is loaded that cannot be checked: enter the file's hash.",
            )
        if self.bytes <= 0:
            raise ModelRejected(f"The catalogue's file `{self.path}` has {self.bytes} bytes.")
        if not self.package and not self.urls and not self.own:
            raise ModelRejected(f"`{self.path}` has neither a package nor an address.")
        if any(not url.startswith(("https://", "http://")) for url in self.urls):
            raise ModelRejected(f"`{self.path}` has an address that is neither http nor https.")
        if not re.fullmatch(r"[\w-][\w.-]*(/[\w-][\w.-]*)*", self.path):
            raise ModelRejected(f"`{self.path}` is not a plain path inside a folder.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One network of the catalogue.

    Attributes:
        about: one line for lists; ``task``: what it is used for
        format: one of ``FORMATS``: what its files are
        architecture: who loads a checkpoint: spandrel's name of the architecture, or our own
        shape: the call: ``mend``, ``fill``, ``find`` or ``mend_frames``
        licence: of the weights, an SPDX name; ``licence_note``: what else is to be said
        commercial: whether it may be used commercially, as the publisher states it: ``yes``,
            ``conditions`` (restrictions that must be passed on), ``unclear``, ``no``
        card: the file in ``cards/`` that describes it; empty: ``about`` and the facts are all
        evidence: class of what it makes (see ``unfade.record.Evidence``)
        scale, channels_in, multiple_of, ...: see ``ModelFacts``
        extra: of unfade's extras, the one that installs the package which brings the files
    """

    name: str
    about: str
    task: str
    format: str
    shape: str
    licence: str
    files: tuple[FileEntry, ...]
    paper: str = ""
    card: str = ""
    architecture: str = ""
    licence_note: str = ""
    commercial: str = "yes"
    evidence: int = 2
    scale: int = 1
    channels_in: int = 3
    channels_out: int = 3
    multiple_of: int = 1
    minimum_px: int = 1
    halo_px: int = 0
    reach_px: int = 0
    tile_px: int = 256
    piece_px: int = 0
    tiling: str = "yes"
    dials: tuple[str, ...] = ()
    alignment: str = ""
    begins_with: str = ""
    bytes_per_pixel: int = 0
    extra: str = ""

    @property
    def own(self) -> bool:
        """Whether the user has added it."""
        return any(file.own for file in self.files)

    @property
    def sha256(self) -> str:
        """Hash of the network's numbers: that of its largest file."""
        return max(self.files, key=lambda file: file.bytes).sha256

    @property
    def card_text(self) -> str:
        if not self.card:
            return f"# {self.name}\n\n{self.about}\n\n**Licence.** {self.licence}.\n"
        folder = "weights" if self.architecture == "unfade" else "cards"
        text = (resources("unfade.zoo") / folder / self.card).read_text("utf-8")
        if text.startswith("---\n"):  # facts for model hubs, in front of the card
            text = text.partition("\n---\n")[2].lstrip()
        return text


def parse(text: str, where: str = "catalogue.toml") -> tuple[Entry, ...]:
    """Read a catalogue from TOML and check it.

    Raises:
        ModelRejected: it is not TOML, an entry has an unknown key or lacks a required one, a
            file has no hash, or a name is used twice
    """
    try:
        tables = tomllib.loads(text).get("model", [])
    except tomllib.TOMLDecodeError as error:
        raise ModelRejected(f"`{where}` is not TOML: {error}.") from error
    entries = tuple(_entry(table, where) for table in tables)
    names = [entry.name for entry in entries]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ModelRejected(f"`{where}` holds `{twice[0]}` more than once.")
    return entries


@cache
def shipped() -> tuple[Entry, ...]:
    """The networks of the shipped table, in its order."""
    folder = resources("unfade.zoo")
    tables = [folder / "catalogue.toml"]
    own = [f for f in (folder / "weights").iterdir() if f.name.endswith(".toml")]
    tables += sorted(own, key=lambda f: f.name)  # trained by unfade, each beside its weights
    return parse("\n".join(table.read_text("utf-8") for table in tables))


def own_folder(environ: Mapping[str, str] | None = None) -> Path:
    """Where the networks lie that the user has added: ``$UNFADE_HOME/networks``, or user data."""
    environ = os.environ if environ is None else environ
    if environ.get("UNFADE_HOME"):
        return Path(environ["UNFADE_HOME"]) / "networks"
    import platformdirs

    return Path(platformdirs.user_data_dir("unfade")) / "networks"


def own_entries() -> tuple[Entry, ...]:
    """The networks that the user has added.

    Raises:
        ModelRejected: their table has been damaged
    """
    table = own_folder() / "catalogue.toml"
    if not table.is_file():
        return ()
    return parse(table.read_text("utf-8"), str(table))


def entries() -> tuple[Entry, ...]:
    """All networks that are known here: the shipped ones, then the user's."""
    return (*shipped(), *own_entries())


def find(name: str) -> Entry:
    """The entry of this name.

    Raises:
        NoSuchNetwork: there is none; the nearest known name is told
    """
    known = entries()
    for entry in known:
        if entry.name == name:
            return entry
    raise NoSuchNetwork(
        f"The catalogue has no network `{name}`.", nearest(name, (e.name for e in known))
    )


def allowed(entry: Entry, licence: str) -> bool:
    """Whether the user's choice of licences lets this network in.

    Args:
        licence: a key of ``LICENCES``
    Raises:
        UsageError: it is none
    """
    if licence not in LICENCES:
        raise UsageError(f"There is no licence choice `{licence}`.", nearest(licence, LICENCES))
    return entry.commercial in LICENCES[licence]


def refuse_licence(entry: Entry, licence: str) -> None:
    """Refuse a network whose licence the user's choice keeps out.

    Raises:
        ModelRejected: it is kept out; the message names licence and option
    """
    if allowed(entry, licence):
        return
    words = {
        "no": "forbids commercial use",
        "unclear": "does not say clearly whether commercial use is allowed",
        "conditions": "puts conditions on its use",
    }[entry.commercial]
    wanted = "noncommercial" if entry.commercial == "no" else "usual"
    raise ModelRejected(
        f"The licence of `{entry.name}`, {entry.licence}, {words}; only networks of the choice "
        f"`{licence}` are used.",
        f"If your use is allowed, say so with `--licence {wanted}`, or set `licence`.",
    )


def _entry(table: dict[str, Any], where: str) -> Entry:
    title = f"`{where}`, model `{table.get('name', '?')}`"
    parts = tuple(
        _checked(FileEntry, file | {"urls": tuple(file.get("urls", ()))}, title)
        for file in table.get("files", ())
    )
    dials = tuple(table.get("dials", ()))
    entry: Entry = _checked(Entry, table | {"files": parts, "dials": dials}, title)
    if not parts:
        raise ModelRejected(f"{title} has no files.")
    if entry.format not in FORMATS:
        hint = nearest(entry.format, FORMATS)
        raise ModelRejected(f"{title} has the format `{entry.format}`.", hint)
    if entry.commercial not in COMMERCIAL:
        hint = nearest(entry.commercial, COMMERCIAL)
        raise ModelRejected(f"{title} has `{entry.commercial}` as commercial use.", hint)
    packages = {file.package for file in parts} - {"", "unfade.zoo"}
    if packages and not entry.extra:
        raise ModelRejected(f"{title} comes in a package, and no `extra` that installs it.")
    return entry


def _checked(kind: type, table: dict[str, Any], title: str) -> Any:
    known = [f.name for f in fields(kind)]
    for key in table:
        if key not in known:
            raise ModelRejected(f"{title} has an unknown key `{key}`.", nearest(key, known))
    try:
        return kind(**table)
    except TypeError as error:
        raise ModelRejected(f"{title}: {error}.") from error
