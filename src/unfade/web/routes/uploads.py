"""``/v1/uploads``: files come in, and are shown."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse

from unfade.web.delivery import seen_upload
from unfade.web.problems import MEDIA_TYPE
from unfade.web.receive import begin_upload, receive_chunk, receive_files
from unfade.web.routes.doors import OwnUpload, TheStudio, TheUser
from unfade.web.schemas.results import Gone
from unfade.web.schemas.uploads import ResumableRequest, Upload, UploadList, Uploads
from unfade.web.show import DESCRIPTOR, FILES, Tile, attachment, dzi, view
from unfade.web.show import tile as send_tile
from unfade.web.views import upload_view

router = APIRouter(tags=["uploads"])

_MULTIPART = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {
                            "type": "array",
                            "minItems": 1,
                            "items": {"type": "string", "format": "binary"},
                        }
                    },
                }
            }
        },
    }
}
_CHUNK = {
    "requestBody": {
        "required": True,
        "content": {
            "application/offset+octet-stream": {"schema": {"type": "string", "format": "binary"}}
        },
    }
}
_PICTURE = {
    "content": {"image/webp": {}, "image/jpeg": {}, "image/png": {}},
    "description": "A picture that browsers show: upright, sRGB, 8 bits",
}


@router.post(
    "/v1/uploads",
    status_code=201,
    response_model=Uploads,
    openapi_extra=_MULTIPART,
    responses={207: {"model": Uploads, "description": "Some files were refused"}},
)
async def upload_files(request: Request, studio: TheStudio, user: TheUser) -> Response:
    """Give one file or several, each as a part named `file`. One bad file costs only itself."""
    uploads = await receive_files(request, studio, user)
    body = uploads.model_dump(mode="json")
    if not uploads.refused:
        headers = {"Location": uploads.uploads[0].url} if len(uploads.uploads) == 1 else None
        return JSONResponse(body, 201, headers)
    if len(uploads.refused) == 1 and not uploads.uploads:
        problem = uploads.refused[0].problem
        return JSONResponse(problem.model_dump(), problem.status, media_type=MEDIA_TYPE)
    return JSONResponse(body, 207)


@router.get("/v1/uploads", response_model=UploadList)
def list_uploads(
    studio: TheStudio,
    user: TheUser,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=64)] = None,
) -> UploadList:
    """Your uploads, newest first."""
    rows, following = studio.store.uploads(user, limit, cursor)
    return UploadList(uploads=[upload_view(studio, row) for row in rows], next=following)


@router.post("/v1/uploads/resumable", status_code=201, response_model=Upload)
def announce_upload(
    wanted: ResumableRequest, response: Response, studio: TheStudio, user: TheUser
) -> Upload:
    """Announce a file that arrives in chunks; they go to `PATCH` on the answered `Location`."""
    view = upload_view(studio, begin_upload(studio, user, wanted))
    response.headers["Location"] = view.url
    response.headers["Upload-Offset"] = "0"
    return view


@router.get("/v1/uploads/{id}", response_model=Upload)
def get_upload(upload: OwnUpload, response: Response, studio: TheStudio) -> Upload:
    """An upload's facts. While it arrives, `Upload-Offset` says where the next chunk begins."""
    response.headers["Upload-Offset"] = str(upload.offset)
    response.headers["Upload-Length"] = str(upload.bytes)
    return upload_view(studio, upload)


@router.head("/v1/uploads/{id}", include_in_schema=False)
def head_upload(upload: OwnUpload) -> Response:
    return Response(
        headers={
            "Upload-Offset": str(upload.offset),
            "Upload-Length": str(upload.bytes),
            "Cache-Control": "no-store",
        }
    )


@router.patch(
    "/v1/uploads/{id}",
    response_model=Upload,
    openapi_extra=_CHUNK,
    responses={200: {"description": "The chunk is stored; `Upload-Offset` says how far it is"}},
)
async def send_chunk(
    request: Request,
    response: Response,
    upload: OwnUpload,
    studio: TheStudio,
    upload_offset: Annotated[int, Header(ge=0, le=2**53)],
) -> Upload:
    """Send the next chunk, which begins at `Upload-Offset`. The last one makes the upload ready."""
    row = await receive_chunk(request, studio, upload, upload_offset)
    response.headers["Upload-Offset"] = str(row.offset)
    return upload_view(studio, row)


@router.delete("/v1/uploads/{id}", response_model=Gone)
def delete_upload(upload: OwnUpload, studio: TheStudio) -> Gone:
    """Delete an upload. One that a job is still working on is refused with 409."""
    studio.store.delete_upload(upload.id)
    studio.shelf.forget_upload(upload.id)
    return Gone(id=upload.id)


@router.get("/v1/uploads/{id}/file", response_class=Response, responses=FILES)
def get_upload_file(upload: OwnUpload, studio: TheStudio) -> FileResponse:
    """The very bytes that were given. Ranges are answered, so a film can be played from here."""
    return attachment(studio.tasks.original(upload), upload.name, upload.format)


@router.get("/v1/uploads/{id}/picture", response_class=Response, responses={200: _PICTURE})
async def get_upload_picture(
    upload: OwnUpload,
    studio: TheStudio,
    max: Annotated[int, Query(ge=16, le=8192, description="longest side in pixels")] = 2048,
    format: Annotated[str, Query(pattern="^(webp|jpeg|png)$")] = "webp",
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
) -> FileResponse:
    """The upload as browsers show it; of a film, a frame near its beginning."""
    return await view(studio, seen_upload(studio, upload), max_px=max, format=format, page=page)


@router.get("/v1/uploads/{id}/tiles.dzi", response_class=Response, responses=DESCRIPTOR)
def get_upload_tiles(upload: OwnUpload, studio: TheStudio) -> Response:
    """The deep zoom descriptor; tiles lie beside it, under `tiles_files/`."""
    return dzi(seen_upload(studio, upload))


@router.get(
    "/v1/uploads/{id}/tiles_files/{level}/{tile}",
    responses={200: {"content": {"image/jpeg": {}}}},
    response_class=Response,
)
async def get_upload_tile(upload: OwnUpload, studio: TheStudio, tile: Tile) -> FileResponse:
    """One tile, `{x}_{y}.jpg`. The first one asked for makes them all."""
    return await send_tile(studio, seen_upload(studio, upload), tile)
