"""The routes that ask a task and that take what people say of its answers.

Owns the way from a request to its response; the shapes of other APIs have theirs in `doors`. What every response
has in common stands in `rim`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import cast

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from freehold.errors import NotFoundError
from freehold.serve.bodies import parse, read_body
from freehold.serve.champions import Slot
from freehold.serve.faults import Fault
from freehold.serve.inputs import check_inputs, check_rows
from freehold.serve.jobs import Asked
from freehold.serve.routing import Routes
from freehold.serve.service import Service
from freehold.task import Json

__all__ = ["add_routes"]

_ID = re.compile(r"[A-Za-z0-9._-]{1,160}")
_MAKER = re.compile(r"[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]{0,63}")
_KINDS = ("correction", "rating", "outcome")


class PredictionResponse(Response):
    """Predictions, written ten times as fast as `JSONResponse` writes them."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        """Returns the JSON."""
        return orjson.dumps(content)

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:
        """Sets the two headers that it has."""
        self.raw_headers = [(b"content-length", b"%d" % len(self.body)), (b"content-type", b"application/json")]


def add_routes(routes: Routes, service: Service) -> None:
    """Adds the routes under /v1/tasks."""
    settings = service.settings

    async def read(request: Request) -> Json:
        body = await read_body(request.receive, limit=settings.body_limit, batch_limit=settings.batch_limit)
        return parse(body)

    @routes.post("/v1/tasks/{task}")
    async def predict(request: Request) -> Response:
        task = request.path_params["task"]
        slot, loaded = await service.model(task)
        explain = _flag(request, "explain")
        if explain:
            service.check_review(task, param="explain")
        body = await read(request)
        names = loaded.reader.inputs
        request_id, chosen = request.state.request_id, request.state.chosen
        if not isinstance(body, list):
            asked = Asked([check_inputs(body, names)], [request_id], chosen)
            [answer] = await service.answer(slot, loaded, asked, explain=explain, left=request.receive)
            return PredictionResponse(answer)
        rows = check_rows(body, limit=settings.rows_limit)
        inputs = [check_inputs(row, names, at=f"[{n}]") for n, row in enumerate(rows)]
        asked = Asked(inputs, [f"{request_id}.{n}" for n in range(len(rows))], chosen)
        return PredictionResponse(await service.answer(slot, loaded, asked, explain=explain, left=request.receive))

    @routes.post("/v1/tasks/{task}/feedback")
    async def give_feedback(request: Request) -> JSONResponse:
        slot = service.slot(request.path_params["task"])
        maker = _maker(request.headers.get("x-maker", "http"))
        body = await read(request)
        rows = check_rows(body, limit=settings.rows_limit) if isinstance(body, list) else [body]
        receipt = await service.work(
            service.inbox.accept,
            slot.shelf,
            slot.task.name,
            rows,
            fields=slot.fields,
            inputs=tuple(slot.task.inputs),
            maker=maker,
            stamp=request.state.stamp,
        )
        counts = {"accepted": len(receipt.accepted), "rejected": len(receipt.rejected)}
        service.measures.count_feedback(slot.task.name, **counts)
        if not isinstance(body, list) and receipt.rejected:
            raise Fault(400, receipt.rejected[0].reason, code="feedback_rejected")
        return JSONResponse(receipt.to_json())

    @routes.get("/v1/tasks/{task}/feedback")
    async def list_feedback(request: Request) -> JSONResponse:
        slot = service.slot(request.path_params["task"])
        kind = request.query_params.get("kind", "")
        if kind and kind not in _KINDS:
            message = f"`kind` is {kind[:60]!r}; it is one of {', '.join(_KINDS)}."
            raise Fault(400, message, code="invalid_parameter", param="kind")
        withdrawn = _flag(request, "withdrawn")
        return JSONResponse(await service.work(_list_feedback, slot, kind, withdrawn))

    @routes.delete("/v1/tasks/{task}/feedback/{id}")
    async def withdraw_feedback(request: Request) -> JSONResponse:
        slot, id = service.slot(request.path_params["task"]), request.path_params["id"]
        try:
            if not _ID.fullmatch(id):
                raise NotFoundError(f"`{slot.task.name}` has no feedback {id[:60]!r}.")
            count = await service.work(service.inbox.withdraw, slot.shelf, slot.task.name, ids=[id])
        except NotFoundError as error:
            raise Fault(404, error.message, code="feedback_not_found", param="id") from error
        service.measures.count_feedback(slot.task.name, accepted=0, rejected=0, withdrawn=count)
        return JSONResponse({"id": id, "object": "feedback", "withdrawn": count})


def _list_feedback(slot: Slot, kind: str, withdrawn: bool) -> Json:
    rows = slot.shelf.feedback(slot.task.name, kind=kind, withdrawn=withdrawn)
    data = [{key: value for key, value in asdict(row).items() if key != "task"} for row in rows]
    return {"object": "list", "data": cast(Json, data)}


def _maker(name: str) -> str:
    if not _MAKER.fullmatch(name):
        message = "`x-maker` is the name of who gives the feedback: 1 to 64 characters, not blank."
        raise Fault(400, message, code="invalid_parameter", param="x-maker")
    return f"person:{name}"


def _flag(request: Request, name: str) -> bool:
    if not request.scope["query_string"]:  # most have none, and Starlette takes its time to say so
        return False
    value = request.query_params.get(name, "false")
    if value not in ("true", "false"):
        message = f"`{name}` is {value[:60]!r}; it is true or false."
        raise Fault(400, message, code="invalid_parameter", param=name)
    return value == "true"
