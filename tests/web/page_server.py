"""Serves the studio for the page's tests: python page_server.py DATA NETWORKS.

A process of its own, as in use. The first line it prints is its address. Only the folder of the
networks for browsers differs from ``unfade serve``: it is the tests' own.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import uvicorn

from unfade.config import Config
from unfade.web.app import create_app
from unfade.web.rules import Rules


class Told(uvicorn.Server):
    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        port = self.servers[0].sockets[0].getsockname()[1]
        print(f"http://127.0.0.1:{port}/", flush=True)


def main(data: Path, networks: Path) -> None:
    app = create_app(Rules(data=data, workers=1), Config(), networks=networks)
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", ws="none")
    asyncio.run(Told(config).serve())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
