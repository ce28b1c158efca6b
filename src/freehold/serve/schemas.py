"""The OpenAPI document of a server: its routes, with the real inputs and outputs of its tasks.

Owns the document. What the routes do stands in `routes` and `doors`; what they mean to a reader, in docs/http.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

from freehold.serve.batches import Status
from freehold.serve.champions import Slot
from freehold.serve.chat import ChatRequest
from freehold.serve.decisions import DecisionRequest
from freehold.serve.embeddings import EmbeddingRequest
from freehold.serve.faults import Code
from freehold.serve.stored import BatchRequest
from freehold.serve.systemone import SystemOneRequest
from freehold.task import Field, input_schema, output_schema

__all__ = ["describe"]

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "number"}
_WHOLE: Schema = {"type": "integer"}
_FLAG: Schema = {"type": "boolean"}
_SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
_NAME: Schema = {"type": ["string", "null"]}
_ANY: Schema = {"type": "object"}
_MAYBE: Schema = {"type": ["object", "null"]}


def describe(slots: Iterable[Slot], *, version: str, token: bool) -> Schema:
    """Returns the document.

    Args:
        slots: The tasks, each with what it takes and answers now.
        version: Freehold's.
        token: Whether the server wants a key or a token.
    """
    paths: Schema = {}
    schemas = _shared_schemas()
    for slot in slots:
        _add_task(slot, paths, schemas)
    paths |= _shared_paths()
    document: Schema = {
        "openapi": "3.1.0",
        "info": {"title": "Freehold", "version": version},
        "paths": paths,
        "components": {"schemas": schemas},
    }
    if token:
        document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"token": []}]
        for path in ("/livez", "/readyz"):
            paths[path]["get"]["security"] = []
    return document


def _add_task(slot: Slot, paths: Schema, schemas: Schema) -> None:
    name = slot.task.name
    loaded = slot.loaded
    reader = loaded.reader if loaded else None
    fields = reader.fields if reader else slot.task.fields
    inputs = _plain(input_schema(reader.inputs if reader else slot.task.inputs))
    values = _plain(output_schema(slot.fields))
    answers = {field.name: _answer(field) for field in fields}
    schemas[f"{name}.inputs"] = inputs
    prediction = _object({"task": {"const": name}, "model": _TEXT, "request": _TEXT, "answers": _object(answers)})
    prediction["properties"]["explanation"] = _ref("Explanation")
    schemas[f"{name}.prediction"] = prediction
    schemas[f"{name}.feedback"] = _feedback(inputs, {**values, "required": [], "minProperties": 1})
    paths[f"/v1/tasks/{name}"] = {
        "post": _operation(
            f"predict_{name}",
            slot.task.description or f"Answers for `{name}`.",
            body=_one_or_many(_ref(f"{name}.inputs")),
            answer=_one_or_many(_ref(f"{name}.prediction")),
        )
    }
    paths[f"/v1/tasks/{name}"]["post"]["parameters"] = [{"name": "explain", "in": "query", "schema": _FLAG}]
    paths[f"/models/{name}"] = {
        "get": _page(f"show_{name}", "The page of the champion."),
        "post": _page(f"ask_{name}", "The page, with an answer to what its form says.", form=inputs),
    }
    data = _page(f"show_data_{name}", "The data that the champion was made from.")
    data["responses"]["200"]["content"]["application/json"] = {"schema": _ref("Data")}
    paths[f"/models/{name}/data"] = {"get": data}
    _add_feedback(name, paths)


def _add_feedback(name: str, paths: Schema) -> None:
    paths[f"/v1/tasks/{name}/feedback"] = {
        "post": _operation(
            f"give_feedback_{name}",
            "Says what was right, how good an answer was, or what came of it.",
            body=_one_or_many(_ref(f"{name}.feedback")),
            answer=_ref("Receipt"),
        ),
        "get": _operation(f"list_feedback_{name}", "Lists the feedback.", answer=_ref("FeedbackList")),
    }
    paths[f"/v1/tasks/{name}/feedback/{{id}}"] = {
        "delete": _operation(
            f"withdraw_feedback_{name}",
            "Takes a row or a batch back.",
            answer=_ref("Withdrawn"),
            names=("id",),
        )
    }


def _answer(field: Field) -> Schema:
    value = _plain(output_schema([field]))["properties"][field.name]
    shares = {"type": "object", "additionalProperties": _SHARE}
    return _object({"value": value, "confidence": _SHARE, "probabilities": shares, "abstained": _FLAG})


def _feedback(inputs: Schema, correct: Schema) -> Schema:
    rating = {"oneOf": [_NUMBER, {"enum": ["up", "down"]}]}
    return {
        "oneOf": [
            _object({"request": _TEXT, "correct": correct}),
            _object({"request": _TEXT, "rating": rating}),
            _object({"request": _TEXT, "outcome": {}}),
            _object({"inputs": inputs, "correct": correct}),
        ]
    }


def _shared_schemas() -> Schema:
    rejected = _list(_object({"index": _WHOLE, "reason": _TEXT}))
    row = {
        **dict.fromkeys(("id", "request", "kind", "maker", "created", "batch"), _TEXT),
        "inputs": _ANY,
        "value": _ANY,
        "withdrawn": _FLAG,
    }
    error = {"message": _TEXT, "type": _TEXT, "param": _NAME, "code": {"enum": list(get_args(Code))}}
    return {
        **_requests(),
        "Decision": _decision(),
        "SystemOne": _systemone(),
        "ChatCompletion": _chat(),
        "Embeddings": _embeddings(),
        "Batch": _batch(),
        "File": _file(),
        "Data": _data(),
        "Error": _object({"error": _object(error)}),
        "Explanation": _explanation(),
        "Model": _model(),
        "ModelList": _object({"object": {"const": "list"}, "data": _list(_ref("Model"))}),
        "Receipt": _object({"accepted": _list(_TEXT), "rejected": rejected, "batch": _TEXT}),
        "FeedbackList": _object({"object": {"const": "list"}, "data": _list(_object(row))}),
        "Withdrawn": _object({"id": _TEXT, "object": {"const": "feedback"}, "withdrawn": _WHOLE}),
    }


def _requests() -> Schema:
    """Returns what the doors of other APIs take, with the parts of it."""
    schemas: Schema = {}
    for shape in (DecisionRequest, SystemOneRequest, ChatRequest, EmbeddingRequest, BatchRequest):
        made = shape.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= {**made.pop("$defs", {}), shape.__name__: made}
    return schemas


def _explanation() -> Schema:
    token = {"input": _TEXT, "start": _WHOLE, "end": _WHOLE, "text": _TEXT, "effect": _NUMBER, "without": _NUMBER}
    value = {
        "value": {},
        "unit": {"enum": ["log-odds", "value"]},
        "whole": _NUMBER,
        "tokens": _list(_object(dict(token))),
    }
    passport = _object(dict.fromkeys(("source", "locator", "licence", "maker", "time", "consent"), _TEXT))
    row = {
        "similarity": _NUMBER,
        "id": _TEXT,
        "split": _TEXT,
        "inputs": _ANY,
        "outputs": _ANY,
        "correction": _FLAG,
        "passport": passport,
    }
    nearest = {"searched": _WHOLE, "of": _WHOLE, "note": _NAME, "rows": _list(_object(row))}
    return _object(
        {
            "pieces": {"enum": ["words", "passages", "windows"]},
            "fields": {"type": "object", "additionalProperties": _list(_object(value))},
            "nearest": _object(nearest),
        }
    )


def _data() -> Schema:
    lists = dict.fromkeys(("funnel", "sources", "credits", "releases", "warnings"), _list(_ANY))
    known = {"examples": _WHOLE, **dict.fromkeys(("splits", "labels", "licences", "cleaning"), _ANY)}
    said = {"task": _TEXT, "release": _NAME, "digest": _TEXT, "notes": _list(_TEXT), "drift": _MAYBE}
    return _object({**said, **lists, **known})


def _decision() -> Schema:
    share = _object({"value": {"type": ["string", "boolean"]}, "probability": _SHARE})
    level = _object({"label": _TEXT, "value": _WHOLE, "probability": _SHARE})
    answers: Mapping[str, Schema] = {
        "predicate": {"probability": _SHARE},
        "choice": {"choice": _TEXT, "confidence": _SHARE, "probabilities": _list(share)},
        "score": {"score": _NUMBER, "confidence": _SHARE, "probabilities": _list(level)},
        "refusal": {},
    }
    kinds = [_object({"type": {"const": kind}, "name": _NAME, **rest}) for kind, rest in answers.items()]
    usage = {
        "input_tokens": _WHOLE,
        "input_tokens_details": _object({"cached_tokens": _WHOLE, "cache_write_tokens": _WHOLE}),
        "output_tokens": _WHOLE,
        "output_tokens_details": _object({"reasoning_tokens": _WHOLE}),
        "total_tokens": _WHOLE,
    }
    return _object({"model": _TEXT, "answers": _list({"oneOf": kinds}), "usage": _object(usage)})


def _systemone() -> Schema:
    shares = {"type": "object", "additionalProperties": _SHARE}
    answers: Mapping[str, Schema] = {
        "noul": {"noul": _SHARE},
        "choice": {"choice": _TEXT, "confidence": _SHARE, "probabilities": shares},
        "score": {"score": _NUMBER, "confidence": _SHARE, "legend": _ANY, "probabilities": shares},
    }
    kinds = [_object({"type": {"const": kind}, **rest}) for kind, rest in answers.items()]
    for kind in kinds:
        kind["properties"]["abstained"] = {"const": True}
    usage = _object({"input_tokens": _WHOLE, "output_tokens": _WHOLE})
    named = {"type": "object", "additionalProperties": {"oneOf": kinds}}
    return _object({"model": _TEXT, "answers": named, "usage": usage})


def _chat() -> Schema:
    chance = {"token": _TEXT, "logprob": {"type": "number", "maximum": 0}, "bytes": _list(_WHOLE)}
    token = _object({**chance, "top_logprobs": _list(_object(dict(chance)))})
    tokens = {"oneOf": [_list(token), {"type": "null"}]}
    logprobs = {"oneOf": [_object({"content": tokens, "refusal": tokens}), {"type": "null"}]}
    message = _object({"role": {"const": "assistant"}, "content": _NAME, "refusal": _NAME})
    choice = {"index": {"const": 0}, "message": message, "logprobs": logprobs, "finish_reason": {"const": "stop"}}
    usage = dict.fromkeys(("prompt_tokens", "completion_tokens", "total_tokens"), _WHOLE)
    return _object(
        {
            "id": _TEXT,
            "object": {"const": "chat.completion"},
            "created": _WHOLE,
            "model": _TEXT,
            "choices": _list(_object(choice)),
            "usage": _object(usage),
        }
    )


def _embeddings() -> Schema:
    vector = {"oneOf": [_list(_NUMBER), {"type": "string", "contentEncoding": "base64"}]}
    row = _object({"object": {"const": "embedding"}, "index": _WHOLE, "embedding": vector})
    usage = _object({"prompt_tokens": _WHOLE, "total_tokens": _WHOLE})
    return _object({"object": {"const": "list"}, "data": _list(row), "model": _TEXT, "usage": usage})


def _model() -> Schema:
    names = dict.fromkeys(("id", "owned_by", "task", "digest"), _TEXT)
    known = {**names, "object": {"const": "model"}, "created": _WHOLE, "version": _WHOLE, "champion": _FLAG}
    state = {"enum": ["champion", "released", "refused", "withdrawn"]}
    return _object({**known, "state": state, "verdict": _ANY})


def _batch() -> Schema:
    time = {"type": ["integer", "null"]}
    names = ("id", "object", "endpoint", "input_file_id", "completion_window", "output_file_id", "error_file_id")
    times = ("created", "expires", *(word for word in get_args(Status) if word != "validating"))
    shown = {**dict.fromkeys(names, _NAME), **{f"{word}_at": time for word in times}}
    counts = _object(dict.fromkeys(("total", "completed", "failed"), _WHOLE))
    known = {"status": {"enum": list(get_args(Status))}, "request_counts": counts}
    return _object({**shown, **known, "errors": _MAYBE, "metadata": _MAYBE})


def _file() -> Schema:
    texts = dict.fromkeys(("id", "object", "filename", "purpose", "status", "status_details"), _NAME)
    return _object({**texts, "bytes": _WHOLE, "created_at": _WHOLE, "expires_at": {"type": "null"}})


def _stored_paths() -> Schema:
    def page(name: str) -> Schema:
        return _object({"object": {"const": "list"}, "data": _list(_ref(name)), "has_more": _FLAG})

    deleted = _object({"id": _TEXT, "object": {"const": "file"}, "deleted": {"const": True}})
    upload = _operation("create_file", "Uploads the requests of a batch.", answer=_ref("File"))
    form = {"schema": _object({"purpose": {"const": "batch"}, "file": {"type": "string", "format": "binary"}})}
    upload["requestBody"] = {"required": True, "content": {"multipart/form-data": form}}
    content = _operation("read_file", "The bytes of a file.", answer=_TEXT, names=("id",))
    content["responses"]["200"]["content"] = {"application/octet-stream": {"schema": _TEXT}}
    one: Mapping[str, Any] = {"answer": _ref("File"), "names": ("id",)}
    batch: Mapping[str, Any] = {"answer": _ref("Batch"), "names": ("id",)}
    begin = _operation("create_batch", "Answers a file.", body=_ref("BatchRequest"), answer=_ref("Batch"))
    return {
        "/v1/files": {"post": upload, "get": _operation("list_files", "Your files.", answer=page("File"))},
        "/v1/files/{id}": {
            "get": _operation("get_file", "One file.", **one),
            "delete": _operation("delete_file", "Deletes a file.", answer=deleted, names=("id",)),
        },
        "/v1/files/{id}/content": {"get": content},
        "/v1/batches": {"post": begin, "get": _operation("list_batches", "Your batches.", answer=page("Batch"))},
        "/v1/batches/{id}": {"get": _operation("get_batch", "One batch.", **batch)},
        "/v1/batches/{id}/cancel": {"post": _operation("cancel_batch", "Ends a batch.", **batch)},
    }


def _shared_paths() -> Schema:
    text = {"text/plain": {"schema": _TEXT}}
    metrics = _operation("metrics", "The counters, for Prometheus.", answer=_TEXT)
    metrics["responses"]["200"]["content"] = text
    return {
        **_doors(),
        **_stored_paths(),
        "/v1/models": {"get": _operation("list_models", "Every model.", answer=_ref("ModelList"))},
        "/v1/models/{id}": {"get": _operation("get_model", "One model.", answer=_ref("Model"), names=("id",))},
        "/livez": {"get": _operation("livez", "Is the process alive?", answer=_ANY)},
        "/readyz": {"get": _operation("readyz", "Has every task a champion?", answer=_ANY)},
        "/metrics": {"get": metrics},
        "/openapi.json": {"get": _operation("openapi", "This document.", answer=_ANY)},
    }


def _doors() -> Schema:
    doors = (
        ("/v1/decisions", "decide", "OpenAI's Decisions API over the fields of a task.", "Decision"),
        ("/v1/systemone", "judge_state", "The System One API over the fields of a task.", "SystemOne"),
        ("/v1/chat/completions", "chat", "OpenAI's Chat Completions API: the task's JSON.", "ChatCompletion"),
        ("/v1/embeddings", "embed_texts", "OpenAI's Embeddings API: what the heads read.", "Embeddings"),
    )
    taken = ("DecisionRequest", "SystemOneRequest", "ChatRequest", "EmbeddingRequest")
    paths: Schema = {
        path: {"post": _operation(name, summary, body=_ref(body), answer=_ref(answer))}
        for (path, name, summary, answer), body in zip(doors, taken, strict=True)
    }
    events = paths["/v1/chat/completions"]["post"]["responses"]["200"]["content"]
    events["text/event-stream"] = {"schema": _TEXT}
    return paths


def _operation(
    name: str, summary: str, *, answer: Schema, body: Schema | None = None, names: Sequence[str] = ()
) -> Schema:
    responses = {
        "200": {"description": "Done.", "content": {"application/json": {"schema": answer}}},
        "default": {
            "description": "What went wrong.",
            "content": {"application/json": {"schema": _ref("Error")}},
        },
    }
    operation: Schema = {"operationId": name, "summary": summary, "responses": responses}
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    if names:
        operation["parameters"] = [
            {"name": each, "in": "path", "required": True, "schema": _TEXT} for each in names
        ]
    return operation


def _page(name: str, summary: str, *, form: Schema | None = None) -> Schema:
    operation = _operation(name, summary, answer=_TEXT)
    operation["responses"]["200"]["content"] = {"text/html": {"schema": _TEXT}}
    if form is not None:
        content = {"application/x-www-form-urlencoded": {"schema": form}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _object(properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _one_or_many(schema: Schema) -> Schema:
    return {"oneOf": [schema, _list(schema)]}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _plain(schema: Mapping[str, Any]) -> Schema:
    """Returns a schema without its dialect, which the document declares for all."""
    return {key: value for key, value in schema.items() if key != "$schema"}
