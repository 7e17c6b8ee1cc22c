"""The networks that the page runs in the browser: ``/on-device/``.

``zoo/weights/on-device.json`` names them; the files lie beside it. An installation without them
answers with an empty list, and the page does not offer the on-device mode.
"""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse, JSONResponse, Response

from unfade.web.problems import NotFound

MANIFEST = "on-device.json"


def weights_folder() -> Path:
    """Where the shipped networks lie, or would lie."""
    return Path(str(resources.files("unfade") / "zoo" / "weights"))


def add_networks(app: FastAPI, folder: Path) -> None:
    """Serve the manifest and exactly the files that it names.

    Addresses are looked up in the manifest and never become a path. Files are asked for again
    each time (``no-cache``): the page keeps them itself and checks their SHA-256.
    """
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
