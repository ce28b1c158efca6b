"""The routes of files and batches, in OpenAI's shapes.

Owns the way from their requests to their responses. How batches are answered stands in `errands`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Annotated, Any, Literal, Protocol, TypeVar

from pydantic import Field as Limited
from pydantic import StrictStr
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from freehold.serve.batches import ENDED, Batch
from freehold.serve.bodies import parse, read_body
from freehold.serve.callers import Caller, admission
from freehold.serve.faults import Fault
from freehold.serve.files import Files, StoredFile
from freehold.serve.homes import Home, Homes, owner
from freehold.serve.lines import ENDPOINTS, TASK
from freehold.serve.routing import Routes
from freehold.serve.runner import Runner
from freehold.serve.service import Service
from freehold.serve.shapes import Shape, read_shape
from freehold.serve.uploads import Upload, read_upload
from freehold.task import Json

__all__ = ["BatchRequest", "add_stored"]

T = TypeVar("T")

_CHUNK = 1 << 18
_MOST_FILES = 10_000
_MOST_BATCHES = 100

Word = Annotated[StrictStr, Limited(max_length=64)]
Said = Annotated[StrictStr, Limited(max_length=512)]


class BatchRequest(Shape):
    """What a batch is made of."""

    input_file_id: StrictStr
    endpoint: StrictStr
    completion_window: Literal["24h"]
    metadata: Annotated[dict[Word, Said], Limited(max_length=16)] | None = None
    output_expires_after: Any = None


def add_stored(routes: Routes, service: Service, *, homes: Homes, runner: Runner) -> None:
    """Adds /v1/files and /v1/batches."""
    _add_uploads(routes, service, homes)
    _add_files(routes, homes)
    _add_batches(routes, service, homes, runner)
    _add_batch(routes, homes)


def _add_uploads(routes: Routes, service: Service, homes: Homes) -> None:
    settings = service.settings

    @routes.post("/v1/files")
    async def create_file(request: Request) -> JSONResponse:
        caller = admission().caller
        home = homes.home(caller)
        used = sum(each.bytes for each in await run_in_threadpool(homes.files, caller))
        if used >= settings.files_limit:
            message = (
                f"The files of this key have {used:,} bytes; the most is {settings.files_limit:,}. Delete some."
            )
            raise Fault(413, message, code="quota_exceeded", param="file")
        async with _in_threads(home.files.receive(request.state.stamp)) as incoming:
            upload = await read_upload(
                request.stream(),
                content_type=request.headers.get("content-type", ""),
                limit=min(settings.file_limit, settings.files_limit - used),
                write=lambda data: run_in_threadpool(incoming.write, data),
            )
            _check_upload(upload)
            await run_in_threadpool(
                incoming.finish, owner=owner(caller), filename=upload.filename, purpose="batch"
            )
        return JSONResponse(homes.file(incoming.id, caller)[1].to_json())

    @routes.get("/v1/files")
    async def list_files(request: Request) -> JSONResponse:
        order = request.query_params.get("order", "desc")
        if order not in ("asc", "desc"):
            raise _parameter("order", f"`order` is {order[:60]!r}; it is asc or desc.")
        purpose = request.query_params.get("purpose", "")
        files = await run_in_threadpool(homes.files, admission().caller)
        found = [each for each in files if purpose in ("", each.purpose)]
        found = found if order == "asc" else found[::-1]
        rows, more = _page(found, request, most=_MOST_FILES, usual=_MOST_FILES)
        return _listed([each.to_json() for each in rows], more)


def _add_files(routes: Routes, homes: Homes) -> None:
    async def find(id: str) -> tuple[Home, StoredFile]:
        return await run_in_threadpool(homes.file, id, admission().caller)

    @routes.get("/v1/files/{id}")
    async def get_file(request: Request) -> JSONResponse:
        id = request.path_params["id"]
        return JSONResponse((await find(id))[1].to_json())

    @routes.get("/v1/files/{id}/content")
    async def read_file(request: Request) -> Response:
        id = request.path_params["id"]
        home, found = await find(id)
        chunks = await run_in_threadpool(_open, home.files, found)
        headers = {"content-length": str(found.bytes)}
        return StreamingResponse(chunks, media_type="application/octet-stream", headers=headers)

    @routes.delete("/v1/files/{id}")
    async def delete_file(request: Request) -> JSONResponse:
        id = request.path_params["id"]
        home, found = await find(id)
        try:
            await run_in_threadpool(home.files.remove, found.id)
        except FileNotFoundError:
            raise _gone(id) from None
        return JSONResponse({"id": found.id, "object": "file", "deleted": True})


@asynccontextmanager
async def _in_threads(manager: AbstractContextManager[T]) -> AsyncIterator[T]:
    """Enters and leaves what waits for a disk in threads."""
    entered = await run_in_threadpool(manager.__enter__)
    try:
        yield entered
    except BaseException as error:
        if not await run_in_threadpool(manager.__exit__, type(error), error, error.__traceback__):
            raise
    else:
        await run_in_threadpool(manager.__exit__, None, None, None)


def _add_batches(routes: Routes, service: Service, homes: Homes, runner: Runner) -> None:
    settings = service.settings

    @routes.post("/v1/batches")
    async def create_batch(request: Request) -> JSONResponse:
        caller = admission().caller
        limit = settings.body_limit
        asked = read_shape(BatchRequest, parse(await read_body(request.receive, limit=limit, batch_limit=limit)))
        _check_endpoint(asked, service)
        home, file = await run_in_threadpool(homes.file, asked.input_file_id, caller, param="input_file_id")
        if file.purpose != "batch":
            message = f"The file {file.id!r} has the purpose `{file.purpose}`; it must be `batch`."
            raise Fault(400, message, code="invalid_value", param="input_file_id")
        await run_in_threadpool(_check_count, homes, caller, settings.batches_limit)
        batch = await run_in_threadpool(_create, home, file, asked, stamp=request.state.stamp)
        runner.wake()
        return JSONResponse(batch.to_json(cancelling=None))

    @routes.get("/v1/batches")
    async def list_batches(request: Request) -> JSONResponse:
        found = await run_in_threadpool(homes.batches, admission().caller)
        places = {batch.id: home for home, batch in found}
        rows, more = _page([batch for _, batch in reversed(found)], request, most=_MOST_BATCHES, usual=20)
        return _listed([_shown(places[each.id], each) for each in rows], more)


def _add_batch(routes: Routes, homes: Homes) -> None:
    async def find(id: str) -> tuple[Home, Batch]:
        return await run_in_threadpool(homes.batch, id, admission().caller)

    @routes.get("/v1/batches/{id}")
    async def get_batch(request: Request) -> JSONResponse:
        id = request.path_params["id"]
        return JSONResponse(_shown(*await find(id)))

    @routes.post("/v1/batches/{id}/cancel")
    async def cancel_batch(request: Request) -> JSONResponse:
        id = request.path_params["id"]
        home, batch = await find(id)
        if batch.status in ENDED:
            message = f"The batch has ended already: it is `{batch.status}`."
            raise Fault(409, message, code="batch_ended", param="id")
        if home.batches.cancelling(batch.id) is None:
            await run_in_threadpool(home.batches.cancel, batch.id)
        return JSONResponse(_shown(home, batch))


def _shown(home: Home, batch: Batch) -> dict[str, Json]:
    return batch.to_json(cancelling=home.batches.cancelling(batch.id))


def _check_upload(upload: Upload) -> None:
    if upload.fields.get("purpose") != "batch":
        given = upload.fields.get("purpose")
        said = "is missing" if given is None else f"is {given[:60]!r}"
        code: Literal["missing_value", "invalid_value"] = "missing_value" if given is None else "invalid_value"
        raise Fault(400, f"`purpose` {said}; it must be `batch`.", code=code, param="purpose")
    if any(name.startswith("expires_after") for name in upload.fields):
        message = "Files stay until they are deleted: leave `expires_after` out."
        raise Fault(400, message, code="invalid_value", param="expires_after")


def _check_endpoint(asked: BatchRequest, service: Service) -> None:
    """Refuses what no line could be answered for."""
    if match := TASK.fullmatch(asked.endpoint):
        service.named(match[1], param="endpoint", code="task_not_found")
    elif asked.endpoint not in ENDPOINTS:
        known = ", ".join(f"`{each}`" for each in ENDPOINTS)
        message = f"`endpoint` is {asked.endpoint[:60]!r}; it is {known}, or `/v1/tasks/` with the name of a task."
        raise Fault(400, message, code="invalid_value", param="endpoint")
    if asked.output_expires_after is not None:
        message = "Files stay until they are deleted: leave `output_expires_after` out."
        raise Fault(400, message, code="invalid_value", param="output_expires_after")


def _check_count(homes: Homes, caller: Caller, most: int) -> None:
    open_ones = sum(batch.status not in ENDED for _, batch in homes.batches(caller))
    if open_ones >= most:
        message = f"{open_ones} batches of this key have not ended yet; the most is {most}."
        raise Fault(429, message, code="too_many_batches", headers={"retry-after": "60"})


def _create(home: Home, file: StoredFile, asked: BatchRequest, *, stamp: str) -> Batch:
    try:
        return home.batches.create(
            home.files.content(file.id),
            owner=file.owner,
            endpoint=asked.endpoint,
            input_file_id=file.id,
            metadata=asked.metadata,
            file_ids=(home.files.mint(), home.files.mint()),
            stamp=stamp,
        )
    except FileNotFoundError:
        raise _gone(file.id, param="input_file_id") from None


def _open(files: Files, found: StoredFile) -> Iterator[bytes]:
    """Returns the bytes of a file, which may be deleted from now on."""
    try:
        content = files.content(found.id).open("rb")
    except FileNotFoundError:
        raise _gone(found.id) from None

    def read() -> Iterator[bytes]:
        with content:
            while chunk := content.read(_CHUNK):
                yield chunk

    return read()


class _Record(Protocol):
    @property
    def id(self) -> str:
        """What `after` names."""


R = TypeVar("R", bound=_Record)


def _page(rows: Sequence[R], request: Request, *, most: int, usual: int) -> tuple[Sequence[R], bool]:
    """Returns the rows after the one that the request names, as many as it wants, and whether there are more."""
    limit = request.query_params.get("limit", str(usual))
    if not (limit.isascii() and limit.isdigit() and len(limit) < 9 and 1 <= int(limit) <= most):
        raise _parameter("limit", f"`limit` is {limit[:60]!r}; it is a whole number from 1 to {most:,}.")
    after = request.query_params.get("after", "")
    start = 0
    if after:
        start = next((place + 1 for place, each in enumerate(rows) if each.id == after), -1)
        if start < 0:
            raise _parameter("after", f"`after` is {after[:60]!r}, which is not in this list.")
    end = start + int(limit)
    return rows[start:end], len(rows) > end


def _listed(data: Sequence[dict[str, Json]], more: bool) -> JSONResponse:
    first, last = (data[0]["id"], data[-1]["id"]) if data else (None, None)
    return JSONResponse(
        {"object": "list", "data": list(data), "first_id": first, "last_id": last, "has_more": more}
    )


def _parameter(name: str, message: str) -> Fault:
    return Fault(400, message, code="invalid_parameter", param=name)


def _gone(id: str, *, param: str = "id") -> Fault:
    return Fault(404, f"There is no file {id[:60]!r}.", code="not_found", param=param)
