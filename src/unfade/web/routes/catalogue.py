"""``/v1/models`` and its like: what this server knows and allows."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from unfade.web.routes.doors import TheStudio, TheUser
from unfade.web.schemas.catalogue import Limits, Models, Recipes, Steps

router = APIRouter(tags=["catalogue"])


@router.get("/v1/models", response_model=Models)
async def list_models(studio: TheStudio, user: TheUser) -> JSONResponse:
    """Every network of the catalogue, its licence, and whether it is here."""
    return JSONResponse({"models": (await studio.catalogue())["models"]})


@router.get("/v1/recipes", response_model=Recipes)
async def list_recipes(studio: TheStudio, user: TheUser) -> JSONResponse:
    """The shipped recipes."""
    return JSONResponse({"recipes": (await studio.catalogue())["recipes"]})


@router.get("/v1/steps", response_model=Steps)
async def list_steps(studio: TheStudio, user: TheUser) -> JSONResponse:
    """The treatments with the schema of their settings."""
    known = await studio.catalogue()
    return JSONResponse({"steps": known["steps"], "policies": known["policies"]})


@router.get("/v1/limits", response_model=Limits)
async def get_limits(studio: TheStudio, user: TheUser) -> Limits:
    """What this server allows."""
    return await studio.limits()
