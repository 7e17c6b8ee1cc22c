"""The networks that the page runs in the browser: ``/on-device/``.

They are unfade's own of the catalogue that mend pictures in colour and have an ONNX file. A
folder may stand in for them: its ``on-device.json`` names the files beside it. Where there are
none the list is empty, and the page does not offer the on-device mode.
"""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import FileResponse, JSONResponse, Response

from unfade.web.problems import NotFound
from unfade.zoo.catalogue import shipped

MANIFEST = "on-device.json"


INPUT = "in0"  # as ``train.export`` names it
MOST_CORE_PX = 448  # of a tile: a telephone has little memory


def shipped_networks() -> list[dict[str, Any]]:
    """What the page has to know of each network, from the catalogue."""
    listed = []
    for entry in shipped():
        file = next((f for f in entry.files if f.role == "onnx"), None)
        if file is None or file.package != "unfade.zoo":
            continue
        if entry.shape != "mend" or (entry.channels_in, entry.channels_out) != (3, 3):
            continue
        unit = entry.multiple_of
        halo_px = -(-entry.halo_px // unit) * unit
        core_px = min(entry.tile_px - 2 * halo_px, MOST_CORE_PX // unit * unit)
        listed.append(
            {
                "name": entry.name,
                "task": entry.task,
                "file": file.name,
                "sha256": file.sha256,
                "bytes": file.bytes,
                "scale": entry.scale,
                "halo": halo_px,
                "multiple_of": unit,
                "tile_px": core_px + 2 * halo_px,
                "channels": entry.channels_in,
                "inputs": [INPUT],
            }
        )
    return listed


def add_networks(app: FastAPI, folder: Path | None = None) -> None:
    """Serve the manifest and exactly the files that it names.

    Addresses are looked up in the manifest and never become a path. Files are asked for again
    each time (``no-cache``): the page keeps them itself and checks their SHA-256.

    Args:
        folder: with networks and their ``on-device.json``; None: the shipped ones
    """
    if folder is None:
        folder = Path(str(resources.files("unfade") / "zoo" / "weights"))
        listed = {"networks": shipped_networks()}
    else:
        manifest = folder / MANIFEST
        listed = json.loads(manifest.read_text("utf-8")) if manifest.is_file() else {"networks": []}
    files = {str(network["file"]): folder / str(network["file"]) for network in listed["networks"]}

    @app.get("/on-device/{name:path}", include_in_schema=False)
    def network(name: str) -> Response:
        headers = {"Cache-Control": "no-cache"}
        if name == MANIFEST:
            return JSONResponse(listed, headers=headers)
        if name not in files or not files[name].is_file():
            raise NotFound(f"There is no network `{name}`.", f"`/on-device/{MANIFEST}` lists them.")
        return FileResponse(files[name], media_type="application/octet-stream", headers=headers)
