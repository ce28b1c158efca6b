"""The routes that ask a model and that take what people say of its answers.

Owns the way from a request to its response. What every response has in common stands in `rim`.
"""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import cast

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from freehold.errors import NotFoundError
from freehold.serve.bodies import parse, read_body
from freehold.serve.champions import Slot
from freehold.serve.decisions import read_decision, read_inputs
from freehold.serve.faults import Fault
from freehold.serve.inputs import check_inputs, check_rows
from freehold.serve.questions import reply
from freehold.serve.service import Asked, Service
from freehold.task import Json

__all__ = ["add_routes"]

_ID = re.compile(r"[A-Za-z0-9._-]{1,160}")
_MAKER = re.compile(r"[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]{0,63}")
_KINDS = ("correction", "rating", "outcome")


def add_routes(router: APIRouter, service: Service) -> None:
    """Adds the routes under /v1/tasks and /v1/decisions."""
    settings = service.settings

    async def read(request: Request) -> Json:
        body = await read_body(request.stream(), limit=settings.body_limit, batch_limit=settings.batch_limit)
        return parse(body)

    @router.post("/v1/tasks/{task}")
    async def predict(task: str, request: Request) -> JSONResponse:
        slot, loaded = await service.model(task)
        explain = _flag(request, "explain")
        body = await read(request)
        names = loaded.reader.inputs
        request_id, chosen = request.state.request_id, request.state.chosen
        if not isinstance(body, list):
            asked = Asked([check_inputs(body, names)], [request_id], chosen)
            return JSONResponse((await service.answer(slot, loaded, asked, explain=explain))[0])
        rows = check_rows(body, limit=settings.rows_limit)
        inputs = [check_inputs(row, names, at=f"[{n}]") for n, row in enumerate(rows)]
        asked = Asked(inputs, [f"{request_id}.{n}" for n in range(len(rows))], chosen)
        return JSONResponse(await service.answer(slot, loaded, asked, explain=explain))

    @router.post("/v1/decisions")
    async def decide(request: Request) -> JSONResponse:
        decision = read_decision(await read(request))
        slot, loaded = await service.model(decision.model, param="model", code="model_not_found")
        reader = loaded.reader
        inputs = read_inputs(decision, reader.inputs)
        asked = Asked([inputs], [request.state.request_id], request.state.chosen)
        prediction = (await service.predict(slot, loaded, asked))[0]
        tokens = await service.work(reader.count_tokens, inputs)
        answers = reply(decision.questions, fields=reader.fields, prediction=prediction)
        return JSONResponse({"model": prediction.model, "answers": answers, "usage": _usage(tokens)})

    @router.post("/v1/tasks/{task}/feedback")
    async def give_feedback(task: str, request: Request) -> JSONResponse:
        slot = service.slot(task)
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
        )
        counts = {"accepted": len(receipt.accepted), "rejected": len(receipt.rejected)}
        service.measures.count_feedback(slot.task.name, **counts)
        if not isinstance(body, list) and receipt.rejected:
            raise Fault(400, receipt.rejected[0].reason, code="feedback_rejected")
        return JSONResponse(receipt.to_json())

    @router.get("/v1/tasks/{task}/feedback")
    async def list_feedback(task: str, request: Request) -> JSONResponse:
        slot = service.slot(task)
        kind = request.query_params.get("kind", "")
        if kind and kind not in _KINDS:
            message = f"`kind` is {kind[:60]!r}; it is one of {', '.join(_KINDS)}."
            raise Fault(400, message, code="invalid_parameter", param="kind")
        withdrawn = _flag(request, "withdrawn")
        return JSONResponse(await service.work(_list_feedback, slot, kind, withdrawn))

    @router.delete("/v1/tasks/{task}/feedback/{id}")
    async def withdraw_feedback(task: str, id: str) -> JSONResponse:
        slot = service.slot(task)
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
    value = request.query_params.get(name, "false")
    if value not in ("true", "false"):
        message = f"`{name}` is {value[:60]!r}; it is true or false."
        raise Fault(400, message, code="invalid_parameter", param=name)
    return value == "true"


def _usage(tokens: int) -> dict[str, Json]:
    """Returns what a client may be billed for elsewhere. Nothing is decoded, so nothing is put out."""
    return {
        "input_tokens": tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 0,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": tokens,
    }
