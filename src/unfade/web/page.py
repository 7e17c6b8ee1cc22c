"""The page: files that were built from ``web-ui/`` and lie in the package, so nobody needs Node."""

from __future__ import annotations

import gzip
from importlib import resources
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, HTMLResponse

from unfade.web.problems import NotFound

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webp": "image/webp",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".wasm": "application/wasm",
    ".onnx": "application/octet-stream",
    ".txt": "text/plain; charset=utf-8",
    ".gz": "application/gzip",
}
_PACKED = (".html", ".js", ".css", ".svg", ".json", ".webmanifest")  # a third of the bytes
_NOT_BUILT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>unfade</title></head><body>
<h1>unfade is running</h1>
<p>The page is not part of this installation: <code>unfade/web/page/</code> is empty. In a checkout,
build it with <code>make page</code>; the wheel holds it.</p>
<p>The REST API is there: <a href="/v1/openapi.json">/v1/openapi.json</a>.</p>
</body></html>
"""


def page_folder() -> Path:
    """Where the built page lies, or would lie."""
    return Path(str(resources.files("unfade") / "web" / "page"))


def add_page(app: FastAPI, folder: Path) -> None:
    """Serve the files that are in ``folder`` now, and no others.

    The list is made once: an address is looked up in it and never becomes a path. Addresses that
    are none of it and have no dot are views of the page, which has its own router.
    """
    files = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in _TYPES
    }

    packed = {
        name: gzip.compress(path.read_bytes(), mtime=0)
        for name, path in files.items()
        if path.suffix in _PACKED
    }

    @app.get("/{path:path}", include_in_schema=False)
    def page(path: str, request: Request) -> Response:
        if "index.html" not in files and path in ("", "index.html"):
            return HTMLResponse(_NOT_BUILT, 503 if files else 200)
        found = files.get(path or "index.html")
        if found is None:
            if path.startswith("v1/") or "." in path or "index.html" not in files:
                raise NotFound("There is nothing at this address.", "`/` is the page.")
            found = files["index.html"]
        name = found.relative_to(folder).as_posix()
        lasting = name.startswith("assets/")
        headers = {
            "Cache-Control": "public, max-age=31536000, immutable" if lasting else "no-cache",
            "Vary": "Accept-Encoding",
        }
        kind = _TYPES[found.suffix]
        if name in packed and "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return Response(packed[name], media_type=kind, headers=headers)
        return FileResponse(found, media_type=kind, headers=headers)
