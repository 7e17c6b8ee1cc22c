"""The server process: listens, bounds each connection, ends in order."""

from __future__ import annotations

import asyncio
import logging
import logging.config
import signal
from collections.abc import Callable
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from unfade.batch.executors.contract import Executor
from unfade.config import Config
from unfade.errors import OutputError
from unfade.web.app import create_app
from unfade.web.rules import Rules

HEAD_BYTES = 32 * 1024
MOST_CONNECTIONS = 1000
KEEP_ALIVE_S = 30
GRACE_S = 20


def serve(
    rules: Rules,
    config: Config,
    *,
    executor: str = "local",
    opened: Callable[[str], None],
    log_requests: bool = True,
) -> None:
    """Serve until told to stop (SIGINT, SIGTERM); running jobs get a grace time.

    Args:
        executor: "local" or "ray"
        opened: told the address once the server listens
    Raises:
        OutputError: the address cannot be listened on
    """
    _set_up_log(log_requests)
    app = create_app(rules, config, executor=_executor(executor, rules))

    class Bounded(HeadBounded):
        head_s = rules.head_s

    server = _Server(
        uvicorn.Config(
            app,
            host=rules.host,
            port=rules.port,
            http=Bounded,
            ws="none",
            loop="asyncio",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=True,
            proxy_headers=False,  # nothing here depends on the client's address or scheme
            h11_max_incomplete_event_size=HEAD_BYTES,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACE_S,
        ),
        opened,
    )
    # uvicorn raises the signal again when it has ended in order: that is then nothing
    signal.signal(signal.SIGTERM, lambda number, frame: None)
    try:
        server.run()
    except SystemExit as error:
        raise OutputError(
            f"`{rules.host}:{rules.port}` cannot be listened on.",
            "Another program may be using it: choose another with `--port`.",
        ) from error


class HeadBounded(H11Protocol):
    """A connection whose requests' heads must come in time (uvicorn itself waits for ever)."""

    head_s = 10.0
    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        super().connection_lost(exc)

    @property
    def _between_requests(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _watch(self) -> None:
        """Start the clock when a head may be on its way; stop it when one has come."""
        if not self._between_requests:
            self._unwatch()
        elif self._waiting is None:
            self._waiting = self.loop.call_later(self.head_s, self._still_no_head)

    def _unwatch(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _still_no_head(self) -> None:
        self._waiting = None
        begun = self.cycle is None or bool(self.conn.trailing_data[0])
        if self._between_requests and begun and not self.transport.is_closing():
            self.transport.close()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, opened: Callable[[str], None]) -> None:
        super().__init__(config)
        self._opened = opened

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            self._opened(f"http://{f'[{host}]' if ':' in host else host}:{port}")


def _executor(name: str, rules: Rules) -> Executor | None:
    if name == "local":
        return None
    from unfade.batch.executors.on_ray import RayExecutor

    return RayExecutor(workers=rules.workers or None)


def _set_up_log(requests: bool) -> None:
    """Lines on standard error, with the time; nothing a user sent is in them but ids."""
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
            "handlers": {"err": {"class": "logging.StreamHandler", "formatter": "line"}},
            "loggers": {
                "unfade.web": {"handlers": ["err"], "level": "INFO", "propagate": False},
                "unfade.web.requests": {"level": "INFO" if requests else "WARNING"},
                "uvicorn": {"handlers": ["err"], "level": "WARNING", "propagate": False},
            },
        }
    )
