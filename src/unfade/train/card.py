"""What the zoo says about a network that was trained here: catalogue entry and model card."""

from __future__ import annotations

from datetime import UTC, datetime

from unfade.train.checkpoint import Checkpoint
from unfade.train.contract import Export
from unfade.train.recipe import TrainRecipe
from unfade.version import VERSION


def entry_text(
    given: Export,
    recipe: TrainRecipe,
    state: Checkpoint,
    hashes: dict[str, tuple[int, str]],
    halo_px: int,
    licence: str,
) -> str:
    """The network's table for the catalogue, TOML. ``hashes``: file -> size and SHA-256."""
    unit = given.multiple_of
    whole = given.tile_px <= unit
    core = max(given.tile_px - 2 * given.halo_px, unit) // unit * unit
    tile_px = given.tile_px if whole else core + 2 * halo_px
    lines = [
        "[[model]]",
        f'name = "{given.name}"',
        f'about = "{given.about}"',
        'format = "ncnn"',
        'architecture = "unfade"',
        f'task = "{given.task}"',
        f'shape = "{given.shape}"',
        f'licence = "{licence}"',
        f'licence_note = "trained by unfade {VERSION} with the recipe {recipe.name}"',
        f'paper = "{given.paper}"',
        f'card = "{given.name}.md"',
        f"evidence = {given.evidence}",
        f'tiling = "{"whole" if whole else "yes"}"',
        f"channels_in = {given.channels_in}",
        f"channels_out = {given.channels_out}",
        f"scale = {given.scale}",
        f"multiple_of = {given.multiple_of}",
        f"halo_px = {halo_px}",
        f"tile_px = {tile_px}",
        *([f"piece_px = {given.piece_px}"] if given.piece_px else []),
        *([f'begins_with = "{given.begins_with}"'] if given.begins_with else []),
        f"bytes_per_pixel = {given.bytes_per_pixel}",
        "files = [",
    ]
    for name, (size, sha256) in hashes.items():
        role = {"param": "param", "bin": "bin", "onnx": "onnx"}.get(name.rpartition(".")[2])
        if role:
            lines.append(
                f'  {{ role = "{role}", package = "unfade.zoo", path = "weights/{name}", '
                f'bytes = {size}, sha256 = "{sha256}" }},'
            )
    return "\n".join([*lines, "]", ""])


def card_text(
    given: Export,
    recipe: TrainRecipe,
    state: Checkpoint,
    difference: float,
    licence: str,
    data: str,
) -> str:
    """The model card: what it is for, what it was learnt from, its figures and its limits."""
    figures = "\n".join(f"| {k} | {v:.4g} |" for k, v in sorted(state.measured.items()))
    parameters = sum(p.numel() for p in given.module.parameters())
    return f"""---
license: {licence.lower()}
library_name: unfade
pipeline_tag: image-to-image
---

# {given.name}

{given.about[:1].upper()}{given.about[1:]}. Trained with unfade {VERSION} by the recipe
`{recipe.name}` (SHA-256 {recipe.sha256[:16]}), {state.step} steps in {state.seconds / 60:.0f}
minutes, written on {datetime.now(UTC):%Y-%m-%d}.

**Licence.** {licence}.

**Training data.** {data or "Not stated."}

**Paper.** {given.paper}.

* {parameters} parameters; sides must be multiples of {given.multiple_of}; evidence class
  {given.evidence}.
* Runtimes (PyTorch, ONNX Runtime, ncnn) agree within {difference:.1e}.
* `unfade train verify` measures the figures again from the files.

| measure on the validation split | value |
|---|---|
{figures}

## Recipe

```toml
{recipe.text.strip()}
```

## Limits

Small, and trained on few pictures with synthetic damage: look at its results. The figures above
are of synthetic damage of the same kind as in training.
"""
