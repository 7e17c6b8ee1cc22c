"""Prometheus metrics of a batch while it runs, on a loopback port."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from unfade.batch.executors.contract import Event
from unfade.batch.ledger import Row
from unfade.batch.run import Outcome
from unfade.errors import OutputError
from unfade.needs import need

LOOPBACK = "127.0.0.1"
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)


class Metrics:
    """A ``Watcher`` that serves ``/metrics``.

    Args:
        port: on 127.0.0.1; 0: any free one, told by ``port``
    """

    def __init__(self, port: int) -> None:
        prometheus: Any = need("prometheus_client", extra="batch", to="serve metrics")
        registry = prometheus.CollectorRegistry()
        gauge, counter = prometheus.Gauge, prometheus.Counter
        self._items = gauge("unfade_batch_items", "Items", ["state"], registry=registry)
        self._bytes = gauge("unfade_batch_bytes", "Bytes", ["direction"], registry=registry)
        self._pixels = gauge("unfade_batch_pixels", "Pixels restored", registry=registry)
        self._running = gauge("unfade_batch_running", "Jobs under way", registry=registry)
        self._retries = gauge("unfade_batch_retries", "Jobs begun again", registry=registry)
        self._lost = gauge("unfade_batch_lost", "Processes that died", registry=registry)
        self._errors = counter("unfade_batch_errors", "Failures", ["code"], registry=registry)
        self._seconds = prometheus.Histogram(
            "unfade_batch_item_seconds", "Time for an item", buckets=_SECONDS, registry=registry
        )
        try:
            self._server, self._thread = prometheus.start_http_server(
                port, addr=LOOPBACK, registry=registry
            )
        except OSError as error:
            raise OutputError(
                f"Metrics cannot be served on port {port}: {error.strerror}.",
                "Choose another with `--metrics-port`.",
            ) from error
        self.port = int(self._server.server_port)

    def happened(self, event: Event, row: Row, outcome: Outcome) -> None:
        if event.what == "started":
            self._running.inc()
        if event.last:
            self._running.dec()
            self._seconds.observe(event.took_s)
        if event.what == "failed":
            self._errors.labels(str((event.error or {}).get("code", "unexpected"))).inc()
        if event.last:
            self.passed(outcome)

    def passed(self, outcome: Outcome) -> None:
        states = {
            "total": outcome.total,
            "done": outcome.done,
            "done_before": outcome.before,
            "failed": outcome.failed + outcome.failed_before,
            "refused": outcome.refused,
            "left": outcome.left,
        }
        for state, number in states.items():
            self._items.labels(state).set(number)
        self._bytes.labels("in").set(outcome.bytes_in)
        self._bytes.labels("out").set(outcome.bytes_out)
        self._pixels.set(outcome.pixels)
        self._retries.set(outcome.retries)
        self._lost.set(outcome.lost)

    def __enter__(self) -> Metrics:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
