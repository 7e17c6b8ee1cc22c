"""Whether the server lives, is ready, and how it is doing."""

from __future__ import annotations

from fastapi import APIRouter, Response

from unfade.version import VERSION
from unfade.web.routes.doors import TheStudio, TheUser
from unfade.web.schemas.catalogue import Health

router = APIRouter(tags=["health"])


@router.get("/healthz", response_model=Health)
async def healthz() -> Health:
    """The process answers."""
    return Health(status="ok", version=VERSION)


@router.get("/readyz", response_model=Health, responses={503: {"model": Health}})
def readyz(studio: TheStudio, response: Response) -> Health:
    """The database answers, the disk has room, and the child processes are up."""
    checks = studio.checks()
    ready = all(state == "ok" for state in checks.values())
    response.status_code = 200 if ready else 503
    return Health(status="ok" if ready else "not ready", version=VERSION, checks=checks)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(studio: TheStudio, user: TheUser) -> Response:
    """Counters and gauges for Prometheus."""
    text, media_type = studio.metrics.text(studio.store.counts())
    return Response(text, media_type=media_type)
