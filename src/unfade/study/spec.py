"""What is to be studied: pictures, damage, methods and measures. Never where or how fast.

As text it is TOML; paths are taken from where the file lies:

    format = 1
    name = "scratches"
    data = "photos"
    damage = ["old-photo", "gaussian-25", "worn=folder:scans"]
    methods = ["auto", "fill:sparse", "peer=folder:their-results"]
    metrics = ["ssim", "stlpips"]
    seed = 7
    limit = 50
    side_px = 512
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unfade.errors import RecipeError, UsageError, nearest
from unfade.evaluate.metrics import METRICS, Metric, find_metrics

FORMAT = 1
ALWAYS = ("psnr", "harm")  # the controls are judged by these
PATHS = ("folder:", "recipe:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """One study.

    Attributes:
        data: folder of sound pictures
        damage: names of degradation recipes, TOML files of such, or ``folder:PATH`` with ready
            damaged pictures of the same names (and their masks in ``PATH/masks``). Each may be
            given a label, as in ``worn=folder:scans``. ``sound``, no damage at all, is always
            studied too: what a method does to a picture that needs nothing
        methods: names of recipes (``auto``: by advice), TOML files, ``fill:METHOD`` (the true
            mask is filled), ``network:NAME``, ``folder:PATH`` with a peer's results in
            ``PATH/DAMAGE/NAME.*``; labels as above. The controls are always among them
        metrics: names of measures; empty: the quick ones
        seed: of damage and of the bootstrap
        limit: at most so many pictures, evenly taken from the sorted names; 0: all
        side_px: larger pictures are first scaled down to this longest side; 0: never
    """

    data: str
    damage: tuple[str, ...] = ("old-photo",)
    methods: tuple[str, ...] = ("auto",)
    metrics: tuple[str, ...] = ()
    name: str = "study"
    seed: int = 0
    limit: int = 0
    side_px: int = 0

    def __post_init__(self) -> None:
        for name, low in (("seed", 0), ("limit", 0), ("side_px", 0)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < low:
                raise UsageError(
                    f"`{name}` is {value!r}, expected a whole number.", f"{low} or more."
                )
        if not self.data:
            raise UsageError("The study names no pictures.", "Give a folder as `data`.")
        find_metrics(self.metrics)

    @property
    def measures(self) -> tuple[Metric, ...]:
        """The chosen measures and those that the controls need, in the table's order."""
        chosen = {m.name for m in find_metrics(self.metrics or None)} | set(ALWAYS)
        return find_metrics([name for name in METRICS if name in chosen])


def load_study(path: str | Path, over: Mapping[str, Any] | None = None) -> Study:
    """Read a study from a TOML file.

    Args:
        over: settings laid over those of the file; None values are left out
    Raises:
        RecipeError: it cannot be read, is not TOML, or holds an unknown key or a wrong kind
    """
    place = Path(path)
    try:
        data = tomllib.loads(place.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(
            f"Study `{place}` cannot be read: {error}.", "Give a TOML file."
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(
            f"Study `{place.name}` is not valid TOML: {error}.", "Mend it."
        ) from error
    if data.pop("format", None) != FORMAT:
        raise RecipeError(
            f"Study `{place.name}` does not say `format = {FORMAT}`.", "Begin the file with it."
        )
    known = {f.name: f for f in dataclasses.fields(Study)}
    for key, value in data.items():
        if key not in known:
            raise RecipeError(f"Study `{place.name}`: unknown key `{key}`.", nearest(key, known))
        if isinstance(value, list) and not all(isinstance(v, str) for v in value):
            raise RecipeError(f"Study `{place.name}`: `{key}` holds {value!r}.", "Give words.")
    settings = {key: _from_file(key, value, place.parent) for key, value in data.items()}
    settings |= {key: value for key, value in (over or {}).items() if value is not None}
    if "data" not in settings:
        raise RecipeError(f"Study `{place.name}` has no `data`.", "Name the folder of pictures.")
    return Study(**settings)


def label_and_spec(text: str) -> tuple[str, str]:
    """``worn=folder:scans`` -> ("worn", "folder:scans"); without a label it is made of the spec."""
    label, equals, spec = text.partition("=")
    if equals and label and spec:
        return label.strip(), spec.strip()
    spec = text.strip()
    kind, _, rest = spec.partition(":")
    if kind in ("folder", "recipe") or spec.endswith(".toml"):
        return Path(rest or spec).stem or spec, spec
    return spec, spec


def _from_file(key: str, value: Any, folder: Path) -> Any:
    if key == "data":
        return str(folder / str(value))
    if isinstance(value, list):
        return tuple(_placed(text, folder) for text in value)
    return value


def _placed(text: str, folder: Path) -> str:
    """A spec whose path is taken from where the study's file lies."""
    label, spec = label_and_spec(text)
    kind, colon, rest = spec.partition(":")
    if colon and f"{kind}:" in PATHS and not (kind == "recipe" and not rest.endswith(".toml")):
        return f"{label}={kind}:{folder / rest}"
    if spec.endswith(".toml"):
        return f"{label}={folder / spec}"
    return text
