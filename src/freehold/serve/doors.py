"""The routes that speak the shapes of other APIs, so that code written for these needs another URL and no more.

Owns the way from their requests to their responses. The shapes stand in `decisions`, `systemone`, `chat` and
`embeddings`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import nullcontext
from typing import NamedTuple, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from freehold.serve.bodies import parse, read_body
from freehold.serve.champions import Slot
from freehold.serve.chat import ChatRequest, read_chat, read_user
from freehold.serve.completions import Completion, complete
from freehold.serve.decisions import read_decision, read_inputs
from freehold.serve.embeddings import check_dimensions, embed, read_embedding, read_texts
from freehold.serve.formats import check_format, may_be_null
from freehold.serve.jobs import Asked
from freehold.serve.judgements import judge
from freehold.serve.questions import reply
from freehold.serve.readers import Loaded
from freehold.serve.routing import Routes
from freehold.serve.service import Service
from freehold.serve.systemone import match_questions, read_state, read_systemone
from freehold.task import Json, Prediction

__all__ = ["add_doors"]


class Answered(NamedTuple):
    """A prediction, and how many tokens were read for it."""

    prediction: Prediction
    tokens: int


def add_doors(routes: Routes, service: Service) -> None:
    """Adds /v1/decisions, /v1/systemone, /v1/chat/completions and /v1/embeddings."""
    _add_decisions(routes, service)
    _add_systemone(routes, service)
    _add_chat(routes, service)
    _add_embeddings(routes, service)


def _add_decisions(routes: Routes, service: Service) -> None:
    @routes.post("/v1/decisions")
    async def decide(request: Request) -> JSONResponse:
        decision = read_decision(await _read(request, service))
        slot, loaded = await _find(decision.model, service)
        inputs = read_inputs(decision, loaded.reader.inputs)
        said = await _ask(service, slot, loaded, inputs=inputs, request=request)
        answers = reply(decision.questions, fields=loaded.reader.fields, prediction=said.prediction)
        return JSONResponse({"model": said.prediction.model, "answers": answers, "usage": _usage(said.tokens)})


def _add_systemone(routes: Routes, service: Service) -> None:
    @routes.post("/v1/systemone")
    async def judge_state(request: Request) -> JSONResponse:
        asked = read_systemone(await _read(request, service))
        slot, loaded = await _find(asked.model, service)
        matched = match_questions(asked, loaded.reader.fields)
        inputs = read_state(asked, loaded.reader.inputs)
        said = await _ask(service, slot, loaded, inputs=inputs, request=request)
        usage = {"input_tokens": said.tokens, "output_tokens": 0}
        answers = judge(matched, said.prediction)
        return JSONResponse({"model": said.prediction.model, "answers": answers, "usage": usage})


def _add_chat(routes: Routes, service: Service) -> None:
    @routes.post("/v1/chat/completions")
    async def chat(request: Request) -> Response:
        asked = read_chat(await _read(request, service))
        slot, loaded = await _find(asked.model, service)
        fields = loaded.reader.fields
        check_format(asked.response_format, fields)
        inputs = read_user(asked, loaded.reader.inputs)
        said = await _ask(service, slot, loaded, inputs=inputs, request=request)
        completion = complete(
            said.prediction,
            fields=fields,
            nullable=lambda name: may_be_null(asked.response_format, fields, name),
            read=said.tokens,
            created=int(time.time()),
        )
        return _completed(completion, asked)


def _add_embeddings(routes: Routes, service: Service) -> None:
    @routes.post("/v1/embeddings")
    async def embed_texts(request: Request) -> JSONResponse:
        asked = read_embedding(await _read(request, service))
        slot, loaded = await _find(asked.model, service)
        check_dimensions(asked, loaded.reader.dimension)
        inputs = read_texts(asked, loaded.reader.inputs, limit=service.settings.rows_limit)
        packed = asked.encoding_format == "base64"

        def answer() -> tuple[int, JSONResponse]:
            body = embed(loaded, inputs, packed=packed)
            # Written out in the thread, too: a thousand vectors as JSON take longer than the loop may stand still.
            return cast(int, cast(dict[str, Json], body["usage"])["prompt_tokens"]), JSONResponse(body)

        trace = service.trace
        with trace.question(slot.task.name, rows=len(inputs)) if trace else nullcontext():
            tokens, response = await service.work(answer)
            if trace is not None:
                trace.embedded(loaded.release.name, dimension=loaded.reader.dimension)
                trace.used(tokens)
        return response


async def _read(request: Request, service: Service) -> Json:
    settings = service.settings
    body = await read_body(request.receive, limit=settings.body_limit, batch_limit=settings.batch_limit)
    return parse(body)


async def _find(model: str, service: Service) -> tuple[Slot, Loaded]:
    return await service.model(model, param="model", code="model_not_found")


async def _ask(
    service: Service, slot: Slot, loaded: Loaded, *, inputs: Mapping[str, str], request: Request
) -> Answered:
    asked = Asked([inputs], [request.state.request_id], request.state.chosen)
    prediction = (await service.predict(slot, loaded, asked, left=request.receive))[0]
    tokens = await service.work(loaded.reader.count_tokens, inputs)
    if service.trace is not None:
        service.trace.used(tokens)
    return Answered(prediction, tokens)


def _completed(completion: Completion, asked: ChatRequest) -> Response:
    """Returns the reply whole or as events; either way it is complete before the first byte is sent."""
    logprobs = (asked.top_logprobs or 0) if asked.logprobs else None
    if not asked.stream:
        return JSONResponse(completion.to_json(logprobs=logprobs))
    usage = bool(asked.stream_options and asked.stream_options.include_usage)
    chunks = completion.chunks(logprobs=logprobs, usage=usage)
    events = [f"data: {json.dumps(each, ensure_ascii=False)}\n\n" for each in chunks]
    return Response("".join([*events, "data: [DONE]\n\n"]), media_type="text/event-stream")


def _usage(tokens: int) -> dict[str, Json]:
    """Returns what a client may be billed for elsewhere. Nothing is decoded, so nothing is put out."""
    return {
        "input_tokens": tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 0,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": tokens,
    }
