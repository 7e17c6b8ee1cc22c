"""Counters and gauges for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from unfade.web.rows import JobRow
from unfade.web.schemas.jobs import State

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)


class Metrics:
    """The figures of one server, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "unfade_requests",
            "Answered requests",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.request_seconds = Histogram(
            "unfade_request_seconds",
            "From a request's head to the answer's head",
            ["route"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.jobs = Counter(
            "unfade_jobs", "Jobs that have ended", ["kind", "state"], registry=self.registry
        )
        self.job_seconds = Histogram(
            "unfade_job_seconds",
            "From a job's start to its end",
            ["kind"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.wait_seconds = Histogram(
            "unfade_job_wait_seconds",
            "From a job's acceptance to its start",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.uploads = Counter("unfade_uploads", "Taken files", ["format"], registry=self.registry)
        self.upload_bytes = Counter(
            "unfade_upload_bytes", "Bytes of taken files", registry=self.registry
        )
        self.refused = Counter(
            "unfade_refused", "Refused requests", ["code"], registry=self.registry
        )
        self.lost = Counter("unfade_lost", "Processes that died at work", registry=self.registry)
        self._now = Gauge(
            "unfade_jobs_now", "Jobs that wait or run", ["state"], registry=self.registry
        )
        self._more: dict[str, tuple[Gauge, Callable[[], float]]] = {}

    def watch(self, name: str, says: str, value: Callable[[], float]) -> None:
        """A gauge that is asked for its value whenever the figures are."""
        self._more[name] = Gauge(f"unfade_{name}", says, registry=self.registry), value

    def ended(self, job: JobRow, seconds: float) -> None:
        """A job has ended."""
        self.jobs.labels(job.kind, str(job.state)).inc()
        self.job_seconds.labels(job.kind).observe(seconds)
        if job.started is not None:
            self.wait_seconds.observe(max(0.0, job.started - job.created))

    def text(self, counts: Mapping[str, int]) -> tuple[bytes, str]:
        """The figures in Prometheus' own format, and its media type."""
        for state in (State.QUEUED, State.RUNNING):
            self._now.labels(str(state)).set(counts.get(state, 0))
        for gauge, value in self._more.values():
            gauge.set(value())
        return generate_latest(self.registry), CONTENT_TYPE_LATEST
