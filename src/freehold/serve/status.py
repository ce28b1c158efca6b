"""The routes that say what is served and how it fares.

Owns models, health, metrics and the OpenAPI document. Asks no model anything.
"""

from __future__ import annotations

from datetime import datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from freehold.serve.callers import admission
from freehold.serve.champions import Slot
from freehold.serve.faults import Fault
from freehold.serve.measures import CONTENT_TYPE_LATEST
from freehold.serve.routing import Routes
from freehold.serve.schemas import describe
from freehold.serve.service import Service
from freehold.task import Json, Release

__all__ = ["add_status"]


def add_status(routes: Routes, service: Service, *, version: str) -> None:
    """Adds /v1/models, /livez, /readyz, /metrics and /openapi.json."""

    @routes.get("/v1/models")
    async def list_models(_: Request) -> JSONResponse:
        data: list[Json] = []
        for slot in service.visible():
            releases = await service.work(slot.shelf.models, slot.task.name)
            data += [_model(release) for release in releases]
        return JSONResponse({"object": "list", "data": data})

    @routes.get("/v1/models/{id}")
    async def get_model(request: Request) -> JSONResponse:
        return JSONResponse(_model(await _find(service, request.path_params["id"])))

    @routes.get("/livez")
    async def livez(_: Request) -> JSONResponse:
        return JSONResponse({"alive": True})

    @routes.get("/readyz")
    async def readyz(_: Request) -> JSONResponse:
        waiting = [slot.task.name for slot in service.champions if not (slot.loaded and slot.reachable)]
        details = _details(service)
        if not waiting and not service.leaving:
            return JSONResponse({"ready": True, **details})
        named = f": {', '.join(f'`{name}`' for name in waiting)}" if details and waiting else ""
        said = "Not ready: the server ends." if service.leaving else f"Not ready{named}."
        fault = Fault(503, said, code="not_ready", headers={"retry-after": "1"})
        body = {**fault.to_json(), "ready": False, **details}
        return JSONResponse(body, status_code=fault.status, headers=fault.headers)

    @routes.get("/metrics")
    async def metrics(_: Request) -> Response:
        return Response(service.measures.render(service.champions), media_type=CONTENT_TYPE_LATEST)

    @routes.get("/openapi.json")
    async def openapi(_: Request) -> JSONResponse:
        return JSONResponse(describe(service.visible(), version=version, token=service.door.closed))


async def _find(service: Service, name: str) -> Release:
    """Returns the release called `banking@3`, or the champion of `banking`; its files are not looked at."""
    slot, version = service.named(name, param="id")
    releases = await service.work(slot.shelf.models, slot.task.name)
    for release in releases:
        if release.version == version or (version is None and release.state == "champion"):
            return release
    there = ", ".join(f"`{release.name}`" for release in releases) or "no model yet"
    message = f"There is no model {name[:60]!r}; `{slot.task.name}` has {there}."
    raise Fault(404, message, code="model_not_found", param="id")


def _details(service: Service) -> dict[str, Json]:
    """Returns how each task fares, for those who may know: probes carry no key, and problems name paths."""
    caller = admission().caller
    if not all(caller.may("admin", task=slot.task.name) for slot in service.champions) or caller.grants == {}:
        return {}
    return {"tasks": {slot.task.name: _state(slot) for slot in service.champions}}


def _state(slot: Slot) -> Json:
    loaded = slot.loaded
    return {
        "ready": loaded is not None and slot.reachable,
        "model": loaded.release.name if loaded else None,
        "problem": slot.problem or None,
    }


def _model(release: Release) -> dict[str, Json]:
    return {
        "id": release.name,
        "object": "model",
        "created": int(datetime.fromisoformat(release.created).timestamp()),
        "owned_by": "freehold",
        "task": release.task,
        "version": release.version,
        "digest": release.artifact.digest,
        "champion": release.state == "champion",
        "state": release.state,
        "verdict": release.verdict.to_json(),
    }
