"""The application: routes, guards and errors put together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from unfade.batch.executors.contract import Executor
from unfade.config import Config, load_config
from unfade.errors import UnfadeError
from unfade.version import VERSION
from unfade.web import problems
from unfade.web.guards.bodies import BodiesGuard
from unfade.web.guards.headers import HeadersGuard
from unfade.web.guards.identity import IdentityGuard
from unfade.web.guards.rates import RatesGuard
from unfade.web.networks import add_networks
from unfade.web.page import add_page, page_folder
from unfade.web.routes import catalogue, health, jobs, results, session, uploads
from unfade.web.rules import Rules
from unfade.web.schemas.jobs import JobEvent
from unfade.web.schemas.problem import Problem
from unfade.web.studio import Studio

ABOUT = "Restores old photographs, paintings and film, and proves what it did and did not touch."


def create_app(
    rules: Rules,
    config: Config | None = None,
    *,
    executor: Executor | None = None,
    page: Path | None = None,
    networks: Path | None = None,
) -> FastAPI:
    """The service as an ASGI application; its parts start and stop with its lifespan.

    Args:
        rules: what it allows
        config: of the machine; None: as the settings file and the environment say
        executor: what runs jobs; None: safe processes of this machine
        page: folder of the built page; None: the one in the package
        networks: folder of the networks for browsers; None: the one in the package
    """
    studio = Studio(rules, config or load_config().config, executor)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        studio.start(asyncio.get_running_loop())
        try:
            yield
        finally:
            await asyncio.to_thread(studio.stop)

    app = FastAPI(
        title="unfade",
        summary=ABOUT,
        version=VERSION,
        openapi_url="/v1/openapi.json",
        docs_url=None,  # they would load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
        generate_unique_id_function=lambda route: route.name,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    app.state.studio = studio
    for routes in (uploads, jobs, results, catalogue, session, health):
        app.include_router(routes.router)
    add_networks(app, networks)
    add_page(app, page or page_folder())
    app.add_exception_handler(UnfadeError, problems.on_unfade_error)
    app.add_exception_handler(RequestValidationError, problems.on_wrong_request)
    app.add_exception_handler(HTTPException, problems.on_http_exception)
    app.add_exception_handler(Exception, problems.on_unexpected)
    # the last one added stands outermost
    app.add_middleware(BodiesGuard, rules=rules)
    app.add_middleware(RatesGuard, rules=rules)
    app.add_middleware(IdentityGuard, rules=rules, sessions=studio.sessions)
    app.add_middleware(HeadersGuard, metrics=studio.metrics)
    _describe(app)
    return app


def _describe(app: FastAPI) -> None:
    """OpenAPI with our one form of error in place of the framework's."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = plain()
            parts = schema.setdefault("components", {}).setdefault("schemas", {})
            for model in (Problem, JobEvent):
                own = model.model_json_schema(ref_template="#/components/schemas/{model}")
                parts.update(own.pop("$defs", {}))
                parts[model.__name__] = own
            for name in ("HTTPValidationError", "ValidationError"):
                parts.pop(name, None)
            schema["components"]["securitySchemes"] = {
                "token": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "unfade_session"},
            }
            schema["security"] = [{}, {"token": []}, {"cookie": []}]
            for path in schema["paths"].values():
                for operation in path.values():
                    operation["responses"].pop("422", None)
                    operation["responses"].update(problems.RESPONSES)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]
