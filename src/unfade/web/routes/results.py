"""``/v1/jobs/{id}/...``: what a job made."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import FileResponse, JSONResponse

from unfade.web import delivery
from unfade.web.routes.doors import OwnJob, TheStudio
from unfade.web.schemas.results import Examination, Items, Masks, Measured
from unfade.web.show import DESCRIPTOR, FILES, Tile, attachment, dzi, view
from unfade.web.show import evidence as send_overlay
from unfade.web.show import tile as send_tile

router = APIRouter(tags=["results"])

_SHOWN: dict[str, Any] = {"content": {"image/webp": {}, "image/jpeg": {}, "image/png": {}}}


@router.get("/v1/jobs/{id}/result", response_model=Examination | Measured)
def get_result(job: OwnJob, studio: TheStudio) -> JSONResponse:
    """What an `examine` or `compare` job found."""
    return JSONResponse(delivery.found(studio, job))


@router.get(
    "/v1/jobs/{id}/picture",
    response_class=Response,
    responses=FILES,
)
async def get_picture(
    job: OwnJob,
    studio: TheStudio,
    format: Annotated[str | None, Query(pattern="^[a-z0-9]{2,5}$")] = None,
    quality: Annotated[int | None, Query(ge=1, le=100)] = None,
    depth: Annotated[int | None, Query(description="bits of a sample: 8 or 16")] = None,
) -> FileResponse:
    """The restored picture or film, under its own name; in another format if asked for."""
    path, name, kind = await delivery.picture(
        studio, job, format=format, quality=quality, depth=depth
    )
    return attachment(path, name, kind)


@router.get("/v1/jobs/{id}/view", response_class=Response, responses={200: _SHOWN})
async def get_view(
    job: OwnJob,
    studio: TheStudio,
    max: Annotated[int, Query(ge=16, le=8192, description="longest side in pixels")] = 2048,
    format: Annotated[str, Query(pattern="^(webp|jpeg|png)$")] = "webp",
) -> FileResponse:
    """The result as browsers show it."""
    return await view(studio, delivery.seen_result(studio, job), max_px=max, format=format)


@router.get("/v1/jobs/{id}/tiles.dzi", response_class=Response, responses=DESCRIPTOR)
def get_tiles(job: OwnJob, studio: TheStudio) -> Response:
    """The deep zoom descriptor of the result."""
    return dzi(delivery.seen_result(studio, job))


@router.get(
    "/v1/jobs/{id}/tiles_files/{level}/{tile}",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}},
)
async def get_tile(job: OwnJob, studio: TheStudio, tile: Tile) -> FileResponse:
    """One tile of the result, `{x}_{y}.jpg`."""
    return await send_tile(studio, delivery.seen_result(studio, job), tile)


@router.get(
    "/v1/jobs/{id}/evidence",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}}},
)
def get_evidence(job: OwnJob, studio: TheStudio) -> FileResponse:
    """The evidence map, as the library writes it: each pixel's value is its class, 0 to 5."""
    return attachment(*delivery.evidence(studio, job))


@router.get(
    "/v1/jobs/{id}/evidence/view",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}}},
)
async def get_evidence_view(
    job: OwnJob,
    studio: TheStudio,
    max: Annotated[int, Query(ge=16, le=8192)] = 2048,
) -> FileResponse:
    """The evidence map to be laid over the result: upright, transparent where nothing changed.

    When scaled down, a touched pixel stays visible.
    """
    return await send_overlay(studio, delivery.seen_result(studio, job), max_px=max)


@router.get("/v1/jobs/{id}/masks", response_model=Masks)
async def get_masks(job: OwnJob, studio: TheStudio) -> Masks:
    """Which masks there are, one for each kind of damage that was found."""
    return await delivery.masks(studio, job)


@router.get(
    "/v1/jobs/{id}/masks/{kind}",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}}},
)
async def get_mask(job: OwnJob, studio: TheStudio, kind: str) -> FileResponse:
    """The mask of one kind of damage, as a grey PNG of the picture's size."""
    return attachment(*await delivery.mask(studio, job, kind))


@router.get("/v1/jobs/{id}/items", response_model=Items)
def get_items(job: OwnJob, studio: TheStudio) -> JSONResponse:
    """The repairs, each with the number by which it is taken back."""
    return JSONResponse(delivery.items(studio, job))


@router.get(
    "/v1/jobs/{id}/record",
    response_class=Response,
    responses={200: {"content": {"application/json": {}}}},
)
def get_record(job: OwnJob, studio: TheStudio) -> FileResponse:
    """The record that the library writes beside a result; with it `unfade revert` works."""
    return attachment(*delivery.record(studio, job))


@router.get(
    "/v1/jobs/{id}/report",
    response_class=Response,
    responses={200: {"content": {"text/html": {}, "application/pdf": {}}}},
)
def get_report(job: OwnJob, studio: TheStudio) -> FileResponse:
    """The report of the treatment."""
    return attachment(*delivery.further(studio, job, "report"))


@router.get(
    "/v1/jobs/{id}/package",
    response_class=Response,
    responses={200: {"content": {"application/zip": {}}}},
)
def get_package(job: OwnJob, studio: TheStudio) -> FileResponse:
    """Picture, evidence, record and report in one ZIP."""
    return attachment(*delivery.further(studio, job, "package"))
